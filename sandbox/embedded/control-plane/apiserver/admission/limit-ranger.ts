import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  quantityMilli,
} from '../../../../../kubernetes/quantity.ts';
import type { ResourceCall } from '../call.ts';
import { forbidden } from '../errors.ts';

type Quantities = Record<string, string>;

const rangesOf = ({ services, info }: ResourceCall): KubeObject[] =>
  services.store.list('/limitranges', info.namespace).map((entry) => entry.object);

/** Fills requests and limits of containers from the namespace's ranges. https://kubernetes.io/docs/concepts/policy/limit-range/ */
export function defaultLimits(call: ResourceCall, pod: KubeObject): void {
  for (const range of rangesOf(call)) {
    const requests: Quantities = {};
    const limits: Quantities = {};
    for (const item of range.spec?.limits ?? []) {
      if (item.type !== 'Container') continue;
      Object.assign(requests, item.defaultRequest);
      Object.assign(limits, item.default);
    }
    const notes = [
      ...(pod.spec.containers ?? []).flatMap((one: Loose) => fill(one, requests, limits, 'container')),
      ...(pod.spec.initContainers ?? []).flatMap((one: Loose) => fill(one, requests, limits, 'init container')),
    ];
    if (notes.length === 0) continue;
    pod.metadata.annotations = {
      ...pod.metadata.annotations,
      'kubernetes.io/limit-ranger': `LimitRanger plugin set: ${notes.join('; ')}`,
    };
  }
}

function fill(container: Loose, requests: Quantities, limits: Quantities, what: string): string[] {
  const notes: string[] = [];
  for (const [field, defaults, word] of [
    ['requests', requests, 'request'],
    ['limits', limits, 'limit'],
  ] as const) {
    const missing = Object.keys(defaults).filter((name) => container.resources?.[field]?.[name] === undefined);
    if (missing.length === 0) continue;
    container.resources ??= {};
    container.resources[field] = { ...container.resources[field] };
    for (const name of missing) container.resources[field][name] = defaults[name];
    notes.push(`${missing.sort().join(', ')} ${word} for ${what} ${container.name}`);
  }
  return notes;
}

/** Throws 403 with everything a pod or claim does beyond the ranges. */
export function checkLimits(call: ResourceCall, object: KubeObject): void {
  for (const range of rangesOf(call)) {
    const faults: string[] = [];
    for (const item of range.spec?.limits ?? []) {
      if (call.type.collection === '/persistentvolumeclaims') {
        if (item.type === 'PersistentVolumeClaim') checkClaim(item, object, faults);
      } else if (item.type === 'Container') {
        for (const one of [...(object.spec.containers ?? []), ...(object.spec.initContainers ?? [])])
          check(item, one.resources?.requests ?? {}, one.resources?.limits ?? {}, faults);
      } else if (item.type === 'Pod') check(item, podTotal(object, 'requests'), podTotal(object, 'limits'), faults);
    }
    if (faults.length === 0) continue;
    const why = faults.length === 1 ? faults[0] : `[${faults.join(', ')}]`;
    throw forbidden(call.type, object.metadata.name ?? '', why ?? '');
  }
}

const over = (a: string, b: string): boolean => compareQuantities(a, b) > 0;

function check(item: Loose, requests: Quantities, limits: Quantities, faults: string[]): void {
  for (const [name, least] of Object.entries<string>(item.min ?? {})) {
    const head = `minimum ${name} usage per ${item.type} is ${least}`;
    const [request, limit] = [requests[name], limits[name]];
    if (request === undefined) faults.push(`${head}.  No request is specified`);
    else if (over(least, request)) faults.push(`${head}, but request is ${request}`);
    else if (limit !== undefined && over(least, limit)) faults.push(`${head}, but limit is ${limit}`);
  }
  for (const [name, most] of Object.entries<string>(item.max ?? {})) {
    const head = `maximum ${name} usage per ${item.type} is ${most}`;
    const [request, limit] = [requests[name], limits[name]];
    if (limit === undefined) faults.push(`${head}.  No limit is specified`);
    else if (over(limit, most)) faults.push(`${head}, but limit is ${limit}`);
    else if (request !== undefined && over(request, most)) faults.push(`${head}, but request is ${request}`);
  }
  for (const [name, most] of Object.entries<string>(item.maxLimitRequestRatio ?? {})) {
    const head = `${name} max limit to request ratio per ${item.type} is ${most}`;
    const request = quantityMilli(requests[name] ?? '0');
    const limit = quantityMilli(limits[name] ?? '0');
    if (request === 0) faults.push(`${head}, but no request is specified or request is 0`);
    else if (limit === 0) faults.push(`${head}, but no limit is specified or limit is 0`);
    else if (limit / request > quantityMilli(most) / 1000)
      faults.push(`${head}, but provided ratio is ${(limit / request).toFixed(6)}`);
  }
}

function checkClaim(item: Loose, claim: KubeObject, faults: string[]): void {
  const requests: Quantities = claim.spec.resources?.requests ?? {};
  for (const [name, least] of Object.entries<string>(item.min ?? {})) {
    const head = `minimum ${name} usage per ${item.type} is ${least}`;
    const request = requests[name];
    if (request === undefined) faults.push(`${head}.  No request is specified`);
    else if (over(least, request)) faults.push(`${head}, but request is ${request}`);
  }
  for (const [name, most] of Object.entries<string>(item.max ?? {})) {
    const head = `maximum ${name} usage per ${item.type} is ${most}`;
    const request = requests[name];
    if (request === undefined) faults.push(`${head}.  No request is specified`);
    else if (over(request, most)) faults.push(`${head}, but request is ${request}`);
  }
}

/** What a pod needs at its greediest: its containers together, or one init container alone. */
export function podTotal({ spec }: KubeObject, field: 'requests' | 'limits'): Quantities {
  const total: Quantities = {};
  const add = (resources: Quantities): void => {
    for (const [name, value] of Object.entries(resources))
      total[name] = total[name] === undefined ? value : formatQuantity(addQuantities(total[name], value));
  };
  for (const container of spec.containers ?? []) add(container.resources?.[field] ?? {});
  for (const container of spec.initContainers ?? []) {
    const resources: Quantities = container.resources?.[field] ?? {};
    if (container.restartPolicy === 'Always') add(resources);
    else
      for (const [name, value] of Object.entries(resources))
        if (total[name] === undefined || over(value, total[name])) total[name] = value;
  }
  if (field === 'requests' || Object.keys(total).length > 0) add(spec.overhead ?? {});
  for (const [name, value] of Object.entries(total)) total[name] = formatQuantity(parseQuantity(value));
  return total;
}
