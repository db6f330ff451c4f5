import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { addQuantities, formatQuantity, parseQuantity, type Quantity } from '../../../../kubernetes/quantity.ts';
import type { Informer } from '../../client/informer.ts';
import { type ControllerContext, createController, isNotFound, keyOf, splitKey } from './context.ts';
import type { Kinds } from './kinds.ts';
import { isFinished } from './pods.ts';
import {
  claims as claimResource,
  pods as podResource,
  resourceQuotas,
  services as serviceResource,
} from './resources.ts';

const zero: Quantity = parseQuantity('0');

/** Adds up what a namespace uses of what its quotas name. https://kubernetes.io/docs/concepts/policy/resource-quotas/ */
export function startResourceQuotas(context: ControllerContext, kinds: Kinds): void {
  const { client, queue: makeQueue } = createController(context, 'resourcequota-controller');
  const quotas = context.informer(resourceQuotas);
  const queue = makeQueue(sync, { spacing: 50 });
  quotas.on((now) => now && queue.add(keyOf(now)));
  kinds.onAdded(({ resource, namespaced }) => {
    if (!namespaced) return;
    context.informer(resource).on((now, before) => {
      const namespace = (now ?? before)!.metadata.namespace!;
      const held = quotas.list(namespace);
      if (held.length === 0 || (now && before && isDeepStrictEqual(now.spec, before.spec) && !hasEnded(now, before)))
        return;
      for (const quota of held) queue.add(keyOf(quota));
    });
  });

  async function sync(key: string): Promise<void> {
    const [namespace, name] = splitKey(key);
    const quota = quotas.get(name, namespace);
    if (!quota) return;
    const hard: Record<string, string> = quota.spec?.hard ?? {};
    const used: Record<string, string> = {};
    for (const resource of Object.keys(hard)) used[resource] = formatQuantity(await usage(quota, resource));
    const status = { hard, used };
    if (isDeepStrictEqual(status, quota.status)) return;
    try {
      quotas.observe(await client.update(resourceQuotas, { ...quota, status }, 'status'));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  async function listed(informer: Informer, namespace: string): Promise<KubeObject[]> {
    await informer.synced;
    return informer.list(namespace);
  }

  async function usage(quota: KubeObject, name: string): Promise<Quantity> {
    const namespace = quota.metadata.namespace!;
    const pods = async () =>
      (await listed(context.informer(podResource), namespace)).filter((pod) => !isFinished(pod) && inScope(quota, pod));
    if (name === 'pods') return count((await pods()).length);
    const compute = /^(?:(requests|limits)\.)?(cpu|memory|ephemeral-storage)$/.exec(name);
    if (compute) {
      const list = compute[1] ?? 'requests';
      return total((await pods()).map((pod) => ofPod(pod, list, compute[2]!)));
    }
    if (name === 'requests.storage') {
      const claims = await listed(context.informer(claimResource), namespace);
      return total(claims.map((claim) => parseQuantity(String(claim.spec.resources?.requests?.storage ?? '0'))));
    }
    const classed = /^(.+)\.storageclass\.storage\.k8s\.io\/(requests\.storage|persistentvolumeclaims)$/.exec(name);
    if (classed) {
      const all = await listed(context.informer(claimResource), namespace);
      const claims = all.filter((claim) => claim.spec.storageClassName === classed[1]);
      if (classed[2] === 'persistentvolumeclaims') return count(claims.length);
      return total(claims.map((claim) => parseQuantity(String(claim.spec.resources?.requests?.storage ?? '0'))));
    }
    if (name === 'services.loadbalancers' || name === 'services.nodeports') {
      const services = await listed(context.informer(serviceResource), namespace);
      return count(services.reduce((sum, service) => sum + portsOf(service, name), 0));
    }
    const [plural = '', ...group] = name.replace(/^count\//, '').split('.');
    for (const kind of kinds.all()) {
      if (kind.resource.resource !== plural || kind.resource.group !== group.join('.')) continue;
      return count((await listed(context.informer(kind.resource), namespace)).length);
    }
    return zero;
  }
}

function hasEnded(now: KubeObject, before: KubeObject): boolean {
  return now.kind === 'Pod' && isFinished(now) !== isFinished(before);
}

function portsOf(service: KubeObject, name: string): number {
  const { type, ports = [], allocateLoadBalancerNodePorts } = service.spec;
  if (name === 'services.loadbalancers') return type === 'LoadBalancer' ? 1 : 0;
  if (type === 'NodePort') return ports.length;
  return type === 'LoadBalancer' && allocateLoadBalancerNodePorts !== false ? ports.length : 0;
}

const count = (number: number): Quantity => parseQuantity(String(number));
const total = (quantities: Quantity[]): Quantity => quantities.reduce((sum, one) => addQuantities(sum, one), zero);

function ofPod(pod: KubeObject, list: string, name: string): Quantity {
  const of = (holder: Loose): Quantity => parseQuantity(String(holder?.resources?.[list]?.[name] ?? '0'));
  if (pod.spec.resources?.[list]?.[name] !== undefined) return of(pod.spec);
  let sum = total((pod.spec.containers ?? []).map(of));
  let sidecars = zero;
  let peak = zero;
  for (const container of pod.spec.initContainers ?? []) {
    const own = of(container);
    const together = addQuantities(sidecars, own);
    if (container.restartPolicy === 'Always') {
      sidecars = together;
      sum = addQuantities(sum, own);
    }
    if (together.nano > peak.nano) peak = together;
  }
  return peak.nano > sum.nano ? peak : sum;
}

function inScope(quota: KubeObject, pod: KubeObject): boolean {
  const scopes: string[] = quota.spec.scopes ?? [];
  const expressions: Loose[] = quota.spec.scopeSelector?.matchExpressions ?? [];
  const terminating = pod.spec.activeDeadlineSeconds !== undefined;
  const effortless = [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])].every(
    ({ resources }: Loose) => !Object.keys({ ...resources?.requests, ...resources?.limits }).length,
  );
  const holds: Record<string, boolean> = {
    Terminating: terminating,
    NotTerminating: !terminating,
    BestEffort: effortless,
    NotBestEffort: !effortless,
    PriorityClass: !!pod.spec.priorityClassName,
  };
  return (
    scopes.every((scope) => holds[scope] ?? true) &&
    expressions.every(({ scopeName, operator, values = [] }) => {
      if (scopeName !== 'PriorityClass') return holds[scopeName] ?? true;
      const name = pod.spec.priorityClassName;
      if (operator === 'Exists') return !!name;
      if (operator === 'DoesNotExist') return !name;
      return values.includes(name) === (operator === 'In');
    })
  );
}
