import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { amount } from './downward.ts';

export interface Refusal {
  reason: string;
  message: string;
}

/**
 * Whether the node can take a pod beside those it has. A scheduler has asked the same; a pod that names its node has not.
 * https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#nodename
 */
export function admit(
  pod: KubeObject,
  others: KubeObject[],
  node: { labels: Record<string, string>; allocatable: Record<string, string> },
): Refusal | undefined {
  const selector: Record<string, string> = pod.spec.nodeSelector ?? {};
  if (Object.entries(selector).some(([key, value]) => node.labels[key] !== value)) {
    return {
      reason: 'NodeAffinity',
      message: "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
    };
  }
  const active = others.filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed');
  const pods = Number(node.allocatable.pods);
  if (active.length + 1 > pods) return lacking('pods', 1, active.length, pods);
  // Cores are counted in thousandths.
  for (const [resource, unit] of [['cpu', 1000] as const, ['memory', 1] as const]) {
    const requested = requestOf(pod, resource) * unit;
    const used = active.reduce((sum, other) => sum + requestOf(other, resource) * unit, 0);
    const capacity = amount(node.allocatable[resource] ?? '0') * unit;
    if (requested > 0 && requested + used > capacity) return lacking(resource, requested, used, capacity);
  }
  return undefined;
}

function lacking(resource: string, requested: number, used: number, capacity: number): Refusal {
  const numbers = `requested: ${Math.ceil(requested)}, used: ${Math.ceil(used)}, capacity: ${Math.floor(capacity)}`;
  return { reason: `OutOf${resource}`, message: `Node didn't have enough resource: ${resource}, ${numbers}` };
}

/** Containers and sidecars together, or the largest init container where that is more. */
function requestOf(pod: KubeObject, resource: string): number {
  const of = (container: Loose) => amount(container.resources?.requests?.[resource] ?? '0');
  let sidecars = 0;
  let peak = 0;
  for (const container of pod.spec.initContainers ?? []) {
    if (container.restartPolicy === 'Always') sidecars += of(container);
    else peak = Math.max(peak, sidecars + of(container));
  }
  const mains = (pod.spec.containers ?? []).reduce((sum: number, container: Loose) => sum + of(container), sidecars);
  return Math.max(mains, peak);
}
