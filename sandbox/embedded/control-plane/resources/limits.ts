import { qualifiedName } from '../../../../kubernetes/names.ts';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { compareQuantities, quantityMilli } from '../../../../kubernetes/quantity.ts';
import { duplicate, forbidden, invalid, notSupported, required } from '../schema/field-errors.ts';
import { ageOf, createdAt, intOrStringCell, named, nameOf } from './cells.ts';
import { containerResource, each, immutable, intOrPercent, labelSelector, notMoreThanAll } from './faults.ts';
import { scopeFaults } from './quota-scopes.ts';
import type { FieldError, Strategy } from './strategy.ts';

const quotaResources = new Set([
  'cpu',
  'memory',
  'ephemeral-storage',
  'requests.cpu',
  'requests.memory',
  'requests.storage',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'persistentvolumeclaims',
  'configmaps',
  'services.nodeports',
  'services.loadbalancers',
]);
const countable =
  /^(pods|resourcequotas|services(\..*)?|replicationcontrollers|secrets|persistentvolumeclaims|configmaps|count\/.*)$/;
/** Names that mean something, though not to a quota. */
const isCore = /^(storage|attachable-volumes-.*)$/;

function hardFaults(path: string, hard: Record<string, string>): FieldError[] {
  return Object.entries(hard).flatMap(([name, quantity]) => {
    const at = `${path}[${name}]`;
    const faults = each(at, name, qualifiedName(name));
    if (!name.includes('/') && !quotaResources.has(name) && !/^(requests\.)?hugepages-/.test(name))
      faults.push(
        ...(isCore.test(name) ? [] : [invalid(at, name, 'must be a standard resource type or fully qualified')]),
        invalid(at, name, 'must be a standard resource for quota'),
      );
    if (compareQuantities(quantity, '0') < 0) faults.push(invalid(at, quantity, 'must be greater than or equal to 0'));
    if (countable.test(name) && /[mun]$/.test(quantity)) faults.push(invalid(at, quantity, 'must be an integer'));
    return faults;
  });
}

/** REQUEST and LIMIT of a quota, by name. */
function quotaCells({ status }: KubeObject): [string, string] {
  const names = Object.keys(status?.hard ?? {}).sort();
  const shown = (name: string) => `${name}: ${status.used?.[name] ?? '0'}/${status.hard[name]}`;
  const isLimit = (name: string) => name.startsWith('limits.');
  return [
    names
      .filter((name) => !isLimit(name))
      .map(shown)
      .join(', '),
    names.filter(isLimit).map(shown).join(', '),
  ];
}

export const resourceQuotas: Strategy = {
  generationFields: [],
  prepareForCreate(quota) {
    quota.status = {};
  },
  validate({ spec }) {
    const hard = spec.hard ?? {};
    const standard = Object.keys(hard).filter((name) => quotaResources.has(name) || name.includes('hugepages-'));
    return [...hardFaults('spec.hard', hard), ...scopeFaults(spec, standard)];
  },
  validateUpdate: ({ spec }, old) => immutable('spec.scopes', spec.scopes, old.spec.scopes),
  cells: named(quotaCells),
};

const limitKinds = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'];

const limitTypes = ['Pod', 'Container', 'PersistentVolumeClaim'];

function limitTypeFaults(at: string, type: string): FieldError[] {
  const faults = each(at, type, qualifiedName(type));
  if (faults.length > 0 || type.includes('/') || limitTypes.includes(type)) return faults;
  return [invalid(at, type, 'must be a standard limit type or fully qualified')];
}

function resourceNameFaults(at: string, type: string, name: string): FieldError[] {
  const faults = each(at, name, qualifiedName(name));
  if (faults.length > 0 || type === 'PersistentVolumeClaim') return faults;
  return type === 'Pod' || type === 'Container' ? containerResource(at, name) : faults;
}

function limitFaults(at: string, limit: Loose): FieldError[] {
  const faults: FieldError[] = [];
  const namesOf = (...kinds: string[]): void => {
    for (const kind of kinds)
      for (const name of Object.keys(limit[kind] ?? {}))
        faults.push(...resourceNameFaults(`${at}.${kind}[${name}]`, limit.type, name));
  };
  namesOf('max', 'min');
  if (limit.type === 'Pod')
    for (const kind of ['default', 'defaultRequest'])
      if (Object.keys(limit[kind] ?? {}).length > 0)
        faults.push(forbidden(`${at}.${kind}`, "may not be specified when `type` is 'Pod'"));
  if (limit.type !== 'Pod') namesOf('default', 'defaultRequest');
  if (limit.type === 'PersistentVolumeClaim' && !limit.min?.storage && !limit.max?.storage)
    faults.push(
      required(`${at}.limits`, 'either minimum or maximum storage value is required, but neither was provided'),
    );
  namesOf('maxLimitRequestRatio');
  const names = new Set(limitKinds.flatMap((kind) => Object.keys(limit[kind] ?? {})));
  for (const name of names) {
    const { min, max, default: limits, defaultRequest: requests } = limit;
    const more = (a: Loose, b: Loose) =>
      a?.[name] !== undefined && b?.[name] !== undefined && compareQuantities(a[name], b[name]) > 0;
    const say = (kind: string, value: string, text: string) =>
      faults.push(invalid(`${at}.${kind}[${name}]`, value, text));
    if (more(min, max)) say('min', min[name], `min value ${min[name]} is greater than max value ${max[name]}`);
    if (more(min, requests))
      say(
        'defaultRequest',
        requests[name],
        `min value ${min[name]} is greater than default request value ${requests[name]}`,
      );
    if (more(requests, max))
      say(
        'defaultRequest',
        requests[name],
        `default request value ${requests[name]} is greater than max value ${max[name]}`,
      );
    if (more(requests, limits))
      say(
        'defaultRequest',
        requests[name],
        `default request value ${requests[name]} is greater than default limit value ${limits[name]}`,
      );
    if (more(min, limits))
      say('default', min[name], `min value ${min[name]} is greater than default value ${limits[name]}`);
    if (more(limits, max))
      say('default', max[name], `default value ${limits[name]} is greater than max value ${max[name]}`);
    const ratio = limit.maxLimitRequestRatio?.[name];
    if (ratio !== undefined && compareQuantities(ratio, '1') < 0)
      say('maxLimitRequestRatio', ratio, `ratio ${ratio} is less than 1`);
    if (ratio === undefined || min?.[name] === undefined || max?.[name] === undefined) continue;
    const most = quantityMilli(max[name]) / quantityMilli(min[name]);
    if (quantityMilli(ratio) / 1000 > most)
      say('maxLimitRequestRatio', ratio, `ratio ${ratio} is greater than max/min = ${most.toFixed(6)}`);
  }
  return faults;
}

export const limitRanges: Strategy = {
  generationFields: [],
  defaults({ spec }) {
    for (const limit of spec.limits ?? []) {
      if (limit.type !== 'Container') continue;
      const limits = { ...limit.max, ...limit.default };
      const requests = { ...limit.min, ...limits, ...limit.defaultRequest };
      if (Object.keys(limits).length > 0) limit.default = limits;
      if (Object.keys(requests).length > 0) limit.defaultRequest = requests;
    }
  },
  validate({ spec }) {
    const seen = new Set<string>();
    return (spec.limits ?? []).flatMap((limit: Loose, index: number) => {
      const at = `spec.limits[${index}]`;
      const twice = seen.has(limit.type) ? [duplicate(`${at}.type`, limit.type)] : [];
      seen.add(limit.type);
      return [...limitTypeFaults(`${at}.type`, limit.type ?? ''), ...twice, ...limitFaults(at, limit)];
    });
  },
  cells: createdAt,
};

export const podDisruptionBudgets: Strategy = {
  prepareForCreate(budget) {
    budget.status = { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };
  },
  validate({ spec }) {
    const { minAvailable, maxUnavailable, selector } = spec;
    const both = minAvailable !== undefined && maxUnavailable !== undefined;
    return [
      ...(both
        ? [
            invalid(
              'spec',
              {
                MinAvailable: minAvailable,
                Selector: selector ?? null,
                MaxUnavailable: maxUnavailable,
                UnhealthyPodEvictionPolicy: spec.unhealthyPodEvictionPolicy ?? null,
              },
              'minAvailable and maxUnavailable cannot be both set',
            ),
          ]
        : []),
      ...intOrPercent('spec.minAvailable', minAvailable),
      ...notMoreThanAll('spec.minAvailable', minAvailable),
      ...intOrPercent('spec.maxUnavailable', maxUnavailable),
      ...notMoreThanAll('spec.maxUnavailable', maxUnavailable),
      ...labelSelector('spec.selector', selector),
    ];
  },
  cells: named(({ spec, status }) => [
    intOrStringCell(spec.minAvailable),
    intOrStringCell(spec.maxUnavailable),
    status?.disruptionsAllowed ?? 0,
  ]),
};

const highest = 1_000_000_000;

export const priorityClasses: Strategy = {
  generationFields: ['value', 'globalDefault', 'description', 'preemptionPolicy'],
  defaults(object) {
    object.preemptionPolicy ??= 'PreemptLowerPriority';
  },
  validate({ metadata, value, preemptionPolicy }) {
    const faults: FieldError[] = [];
    if (
      metadata.name?.startsWith('system-') &&
      !['system-cluster-critical', 'system-node-critical'].includes(metadata.name)
    )
      faults.push(
        forbidden(
          'metadata.name',
          `priority class names with 'system-' prefix are reserved for system use only. error: ${metadata.name} is not a known system priority class`,
        ),
      );
    else if (value > highest && !metadata.name?.startsWith('system-'))
      faults.push(forbidden('value', `maximum allowed value of a user defined priority is ${highest}`));
    if (!['PreemptLowerPriority', 'Never'].includes(preemptionPolicy))
      faults.push(notSupported('preemptionPolicy', preemptionPolicy, ['PreemptLowerPriority', 'Never']));
    return faults;
  },
  validateUpdate: (object, old) => [
    ...(object.value === old.value ? [] : [forbidden('value', 'may not be changed in an update.')]),
    ...immutable('preemptionPolicy', object.preemptionPolicy, old.preemptionPolicy),
  ],
  cells: (object, now) => [
    nameOf(object),
    object.value ?? 0,
    object.globalDefault ?? false,
    ageOf(object, now),
    object.preemptionPolicy ?? '',
  ],
};
