import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { matches } from '../controllers/references.ts';
import { type NodeState, takenPorts } from './node-state.ts';
import { hostPortsOf, portsClash, requestsOf } from './requests.ts';

/** Why a node is not for a pod; `final` when no pod's leaving would help. */
export interface Refusal {
  reasons: string[];
  final: boolean;
}

const final = (reason: string): Refusal => ({ reasons: [reason], final: true });
const passing = (reason: string): Refusal => ({ reasons: [reason], final: false });

export const unschedulableTaint = 'node.kubernetes.io/unschedulable';

/** https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/ */
export function tolerates(tolerations: Loose[] | undefined, taint: Loose): boolean {
  return (tolerations ?? []).some((toleration) => {
    if (toleration.effect && toleration.effect !== taint.effect) return false;
    if (toleration.key && toleration.key !== taint.key) return false;
    if (toleration.operator === 'Exists') return true;
    return !!toleration.key && (toleration.value ?? '') === (taint.value ?? '');
  });
}

function expressionHolds({ key, operator, values = [] }: Loose, labels: Record<string, string>): boolean {
  const value = labels[key];
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return value !== undefined && Number(value) > Number(values[0]);
    case 'Lt':
      return value !== undefined && Number(value) < Number(values[0]);
    default:
      return false;
  }
}

/** Terms are alternatives, the expressions of one all hold; an empty term selects nothing. */
export function nodeSelectorHolds(selector: Loose, node: KubeObject): boolean {
  const labels = node.metadata.labels ?? {};
  return (selector.nodeSelectorTerms ?? []).some((term: Loose) => {
    const expressions: Loose[] = term.matchExpressions ?? [];
    const fields: Loose[] = term.matchFields ?? [];
    if (expressions.length + fields.length === 0) return false;
    const byField = { 'metadata.name': node.metadata.name! };
    return (
      expressions.every((expression) => expressionHolds(expression, labels)) &&
      fields.every((expression) => expressionHolds(expression, byField))
    );
  });
}

/** nodeSelector and required node affinity. https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/ */
export function wantsNode(pod: KubeObject, node: KubeObject): boolean {
  const labels = node.metadata.labels ?? {};
  for (const [key, value] of Object.entries(pod.spec.nodeSelector ?? {})) if (labels[key] !== value) return false;
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return !required || nodeSelectorHolds(required, node);
}

/** What keeps the pod off this node, in the order in which the real scheduler asks; undefined when it fits. */
export function refusal(pod: KubeObject, state: NodeState, all: Iterable<NodeState>): Refusal | undefined {
  const { node } = state;
  const cordoned = { key: unschedulableTaint, effect: 'NoSchedule' };
  if (node.spec?.unschedulable && !tolerates(pod.spec.tolerations, cordoned)) {
    return final('node(s) were unschedulable');
  }
  const hard = (node.spec?.taints ?? []).filter((taint: Loose) => taint.effect !== 'PreferNoSchedule');
  if (hard.some((taint: Loose) => !tolerates(pod.spec.tolerations, taint))) {
    return final('node(s) had untolerated taint(s)');
  }
  if (!wantsNode(pod, node)) return final("node(s) didn't match Pod's node affinity/selector");
  const ports = hostPortsOf(pod);
  if (ports.length > 0 && portsClash(ports, takenPorts(state))) {
    return passing("node(s) didn't have free ports for the requested pod ports");
  }
  return shortage(pod, state) ?? affinityRefusal(pod, state, all);
}

function shortage(pod: KubeObject, { allocatable, used, pods }: NodeState): Refusal | undefined {
  const reasons: string[] = [];
  let never = false;
  const most = allocatable.get('pods') ?? 110;
  if (pods.size + 1 > most) reasons.push('Too many pods');
  for (const [name, wanted] of requestsOf(pod)) {
    if (wanted === 0) continue;
    const capacity = allocatable.get(name) ?? 0;
    if (wanted <= capacity - (used.get(name) ?? 0)) continue;
    reasons.push(`Insufficient ${name}`);
    if (wanted > capacity) never = true;
  }
  return reasons.length > 0 ? { reasons, final: never } : undefined;
}

function termSelects(term: Loose, owner: KubeObject, other: KubeObject): boolean {
  const spaces: string[] | undefined = term.namespaces;
  const here = spaces?.length
    ? spaces.includes(other.metadata.namespace!)
    : term.namespaceSelector
      ? Object.keys(term.namespaceSelector).length === 0
      : other.metadata.namespace === owner.metadata.namespace;
  return here && matches(term.labelSelector, other.metadata.labels);
}

const required = (pod: KubeObject, kind: 'podAffinity' | 'podAntiAffinity'): Loose[] =>
  pod.spec.affinity?.[kind]?.requiredDuringSchedulingIgnoredDuringExecution ?? [];

/** https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity */
function affinityRefusal(pod: KubeObject, state: NodeState, all: Iterable<NodeState>): Refusal | undefined {
  const states = [...all];
  const topology = (candidate: NodeState, key: string) => candidate.node.metadata.labels?.[key];
  const near = function* (key: string): Iterable<KubeObject> {
    const place = topology(state, key);
    if (place === undefined) return;
    for (const other of states) if (topology(other, key) === place) yield* other.pods.values();
  };
  for (const term of required(pod, 'podAffinity')) {
    let found = false;
    for (const other of near(term.topologyKey)) found ||= termSelects(term, pod, other);
    if (found) continue;
    // The first of a group that wants its own kind near may go anywhere the key exists.
    const alone = !states.some((other) => [...other.pods.values()].some((held) => termSelects(term, pod, held)));
    if (alone && termSelects(term, pod, pod) && topology(state, term.topologyKey) !== undefined) continue;
    return final("node(s) didn't match pod affinity rules");
  }
  for (const term of required(pod, 'podAntiAffinity')) {
    for (const other of near(term.topologyKey)) {
      if (termSelects(term, pod, other)) return passing("node(s) didn't match pod anti-affinity rules");
    }
  }
  for (const other of states) {
    for (const held of other.pods.values()) {
      for (const term of required(held, 'podAntiAffinity')) {
        const place = topology(other, term.topologyKey);
        if (place === undefined || topology(state, term.topologyKey) !== place) continue;
        if (termSelects(term, held, pod)) return passing("node(s) didn't satisfy existing pods anti-affinity rules");
      }
    }
  }
  return undefined;
}

/** The scheduler's sentence for a pod that fits nowhere. */
export function explain(nodes: number, refusals: Refusal[], before?: string): string {
  const histogram = (reasons: string[]): string => {
    const counts = new Map<string, number>();
    for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    return [...counts]
      .map(([reason, count]) => `${count} ${reason}`)
      .sort()
      .join(', ');
  };
  const available = `0/${nodes} nodes are available:`;
  // What no node could change is not followed by a word on preemption; the last two words are the real one's.
  if (before) return `${available} ${before}. not found`;
  const why = histogram(refusals.flatMap((one) => one.reasons));
  const preempt = histogram(
    refusals.map((one) =>
      one.final ? 'Preemption is not helpful for scheduling' : 'No preemption victims found for incoming pod',
    ),
  );
  return `${available} ${why}. no new claims to deallocate, preemption: ${available} ${preempt}.`;
}
