import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  subtractQuantities,
} from '../../../../../kubernetes/quantity.ts';
import type { ResourceCall } from '../call.ts';
import { forbidden } from '../errors.ts';
import { podTotal } from './limit-ranger.ts';

type Quantities = Record<string, string>;

const collection = '/resourcequotas';
const counted = new Set([
  'pods',
  'services',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'replicationcontrollers',
  'resourcequotas',
]);
const perContainer = new Set(['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory']);

/** Charges a write to the quotas of its namespace; throws 403 when one has too little left. https://kubernetes.io/docs/concepts/policy/resource-quotas/ */
export function chargeQuota(
  call: ResourceCall,
  object: KubeObject,
  old: KubeObject | undefined,
  dryRun: boolean,
): void {
  const { services, type, info } = call;
  if (!type.namespaced || info.subresource !== '') return;
  const quotas = services.store.list(collection, info.namespace);
  if (quotas.length === 0 || (old && !charged.has(type.collection))) return;
  const usage = usageOf(call, object);
  const before = old ? usageOf(call, old) : {};
  const next: [KubeObject, Quantities][] = [];
  for (const { object: quota } of quotas) {
    if (!inScope(quota, type.collection, object)) continue;
    const hard: Quantities = quota.status?.hard ?? {};
    const names = Object.keys(quota.spec?.hard ?? {}).filter((name) => name in usage || isOwn(type.collection, name));
    if (names.length === 0) continue;
    if (!old && type.collection === '/pods') checkContainers(call, quota, names, object);
    const refuse = (why: string): Error => forbidden(type, object.metadata.name ?? '', why);
    const unknown = names.filter((name) => hard[name] === undefined || quota.status?.used?.[name] === undefined);
    if (unknown.length > 0)
      throw refuse(`status unknown for quota: ${quota.metadata.name}, resources: ${unknown.sort().join(',')}`);
    const asked: Quantities = {};
    for (const name of names) {
      const delta = subtractQuantities(usage[name] ?? '0', before[name] ?? '0');
      if (compareQuantities(delta, '0') > 0) asked[name] = formatQuantity(delta);
    }
    if (Object.keys(asked).length === 0) continue;
    const used: Quantities = { ...quota.status.used };
    const exceeded = Object.keys(asked).filter((name) => {
      used[name] = formatQuantity(addQuantities(used[name] ?? '0', asked[name] ?? '0'));
      return compareQuantities(used[name], hard[name] ?? '0') > 0;
    });
    if (exceeded.length > 0) {
      const show = (from: Quantities): string =>
        exceeded
          .sort()
          .map((name) => `${name}=${formatQuantity(parseQuantity(from[name] ?? '0'))}`)
          .join(',');
      throw refuse(
        `exceeded quota: ${quota.metadata.name}, requested: ${show(asked)}, used: ${show(quota.status.used)}, limited: ${show(hard)}`,
      );
    }
    next.push([quota, used]);
  }
  if (dryRun) return;
  for (const [quota, used] of next) {
    const { namespace = '', name = '' } = quota.metadata;
    const status = { ...quota.status, used };
    services.store.put(collection, namespace, name, { ...quota, metadata: { ...quota.metadata }, status });
  }
}

/** Kinds whose use changes with an update. */
const charged = new Set(['/services', '/persistentvolumeclaims']);

function isOwn(owner: string, name: string): boolean {
  return owner === '/pods' && (perContainer.has(name) || /(^|\.)ephemeral-storage$/.test(name));
}

function usageOf({ type }: ResourceCall, object: KubeObject): Quantities {
  const usage: Quantities = { [`count/${type.group ? `${type.resource}.${type.group}` : type.resource}`]: '1' };
  if (type.group === '' && counted.has(type.resource)) usage[type.resource] = '1';
  if (type.collection === '/pods') Object.assign(usage, podUsage(object));
  if (type.collection === '/services') Object.assign(usage, serviceUsage(object.spec ?? {}));
  if (type.collection === '/persistentvolumeclaims') Object.assign(usage, claimUsage(object.spec ?? {}));
  return usage;
}

function podUsage(pod: KubeObject): Quantities {
  const usage: Quantities = {};
  const [requests, limits] = [podTotal(pod, 'requests'), podTotal(pod, 'limits')];
  for (const name of ['cpu', 'memory', 'ephemeral-storage']) {
    if (requests[name] !== undefined) usage[name] = usage[`requests.${name}`] = requests[name];
    if (limits[name] !== undefined) usage[`limits.${name}`] = limits[name];
  }
  for (const [name, value] of Object.entries(requests)) if (name.includes('/')) usage[`requests.${name}`] = value;
  return usage;
}

function serviceUsage({ type, ports = [], allocateLoadBalancerNodePorts }: Loose): Quantities {
  const own = ports.filter((port: Loose) => port.nodePort).length;
  const nodePorts = type === 'NodePort' || (type === 'LoadBalancer' && allocateLoadBalancerNodePorts !== false);
  return {
    'services.loadbalancers': type === 'LoadBalancer' ? '1' : '0',
    'services.nodeports': String(nodePorts ? ports.length : type === 'LoadBalancer' ? own : 0),
  };
}

function claimUsage({ storageClassName, resources }: Loose): Quantities {
  const usage: Quantities = {};
  const storage = resources?.requests?.storage;
  if (storage !== undefined) usage['requests.storage'] = storage;
  if (!storageClassName) return usage;
  const prefix = `${storageClassName}.storageclass.storage.k8s.io`;
  usage[`${prefix}/persistentvolumeclaims`] = '1';
  if (storage !== undefined) usage[`${prefix}/requests.storage`] = storage;
  return usage;
}

/** Where a quota counts CPU or memory, each container has to say what it needs. */
function checkContainers(call: ResourceCall, quota: KubeObject, names: string[], pod: KubeObject): void {
  const missing: string[] = [];
  for (const name of names.filter((one) => perContainer.has(one)).sort()) {
    const [field, resource = ''] = name.startsWith('limits.')
      ? ['limits', name.slice(7)]
      : ['requests', name.replace(/^requests\./, '')];
    const containers: Loose[] = [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])];
    const without = containers.filter((one) => one.resources?.[field as 'limits']?.[resource] === undefined);
    if (without.length > 0)
      missing.push(
        `${name} for: ${without
          .map((one) => one.name)
          .sort()
          .join(',')}`,
      );
  }
  if (missing.length === 0) return;
  const why = `failed quota: ${quota.metadata.name}: must specify ${missing.join('; ')}`;
  throw forbidden(call.type, pod.metadata.name ?? '', why);
}

function inScope(quota: KubeObject, owner: string, object: KubeObject): boolean {
  const scopes: string[] = quota.spec?.scopes ?? [];
  const selectors: Loose[] = quota.spec?.scopeSelector?.matchExpressions ?? [];
  if (scopes.length === 0 && selectors.length === 0) return true;
  if (owner !== '/pods') return false;
  return (
    scopes.every((scope) => podScope(scope, object)) &&
    selectors.every(({ scopeName, operator, values = [] }) => {
      if (scopeName !== 'PriorityClass') return podScope(scopeName, object) === (operator !== 'DoesNotExist');
      const name = object.spec.priorityClassName ?? '';
      if (operator === 'Exists') return name !== '';
      if (operator === 'DoesNotExist') return name === '';
      return values.includes(name) === (operator === 'In');
    })
  );
}

function podScope(scope: string, pod: KubeObject): boolean {
  const terminating = (pod.spec.activeDeadlineSeconds ?? -1) >= 0;
  const best = Object.keys(podTotal(pod, 'requests')).length === 0 && Object.keys(podTotal(pod, 'limits')).length === 0;
  if (scope === 'Terminating') return terminating;
  if (scope === 'NotTerminating') return !terminating;
  if (scope === 'BestEffort') return best;
  if (scope === 'NotBestEffort') return !best;
  return true;
}
