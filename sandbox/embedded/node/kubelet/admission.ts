import { tolerates, wantsNode } from '../../../../kubernetes/node-selection.ts';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { add, amounts, hostPortsOf, portsClash, requestsOf } from '../../../../kubernetes/pod-requests.ts';

export interface Refusal {
  reason: string;
  message: string;
}

/** Of resources a node says nothing of, it refuses nothing. */
const own = new Set(['cpu', 'memory', 'ephemeral-storage']);

/**
 * Whether the node can take a pod beside those it has. A scheduler has asked the same; a pod that names its node has not.
 * Of several reasons the first is told, as by the real kubelet: resources, then the node itself.
 * https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#nodename
 */
export function admit(
  pod: KubeObject,
  others: KubeObject[],
  node: KubeObject,
  allocatable: Record<string, string>,
): Refusal | undefined {
  if (pod.spec.os?.name && pod.spec.os.name !== 'linux') {
    return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" };
  }
  const active = others.filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed');
  const pods = Number(allocatable.pods);
  if (active.length + 1 > pods) return lacking('pods', 1, active.length, pods);
  const used = new Map<string, number>();
  for (const other of active) add(used, requestsOf(other));
  const capacities = amounts(allocatable);
  for (const [resource, requested] of requestsOf(pod)) {
    const capacity = capacities.get(resource) ?? (own.has(resource) ? 0 : Infinity);
    const taken = used.get(resource) ?? 0;
    if (requested > 0 && requested > capacity - taken) return lacking(resource, requested, taken, capacity);
  }
  if (!wantsNode(pod, node)) return failed('NodeAffinity', "node(s) didn't match Pod's node affinity/selector");
  const ports = hostPortsOf(pod);
  if (ports.length > 0 && portsClash(ports, active.flatMap(hostPortsOf))) {
    return failed('NodePorts', "node(s) didn't have free ports for the requested pod ports");
  }
  const taints: Loose[] = node.spec?.taints ?? [];
  if (taints.some((taint) => taint.effect === 'NoExecute' && !tolerates(pod.spec.tolerations, taint))) {
    return failed('TaintToleration', "node(s) had taints that the pod didn't tolerate");
  }
  return undefined;
}

const failed = (predicate: string, why: string): Refusal => ({
  reason: predicate,
  message: `Predicate ${predicate} failed: ${why}`,
});

function lacking(resource: string, requested: number, used: number, capacity: number): Refusal {
  const numbers = `requested: ${requested}, used: ${used}, capacity: ${capacity}`;
  return { reason: `OutOf${resource}`, message: `Node didn't have enough resource: ${resource}, ${numbers}` };
}
