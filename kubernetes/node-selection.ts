import type { KubeObject, Loose } from './object.ts';

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

/** The first taint that keeps the pod off the node. */
export function repellingTaint(pod: KubeObject, node: KubeObject): Loose | undefined {
  return (node.spec?.taints ?? []).find(
    (taint: Loose) => taint.effect !== 'PreferNoSchedule' && !tolerates(pod.spec.tolerations, taint),
  );
}

const whole = /^[+-]?\d+$/;

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
    case 'Lt': {
      const bound = String(values[0]);
      if (value === undefined || !whole.test(value) || !whole.test(bound)) return false;
      return operator === 'Gt' ? BigInt(value) > BigInt(bound) : BigInt(value) < BigInt(bound);
    }
    default:
      return false;
  }
}

/** The expressions of a term all hold; an empty term selects nothing. */
function termHolds(term: Loose, node: KubeObject): boolean {
  const expressions: Loose[] = term.matchExpressions ?? [];
  const fields: Loose[] = term.matchFields ?? [];
  if (expressions.length + fields.length === 0) return false;
  const labels = node.metadata.labels ?? {};
  const byField = { 'metadata.name': node.metadata.name! };
  return (
    expressions.every((expression) => expressionHolds(expression, labels)) &&
    fields.every((expression) => expressionHolds(expression, byField))
  );
}

/** Terms are alternatives. */
export function nodeSelectorHolds(selector: Loose, node: KubeObject): boolean {
  return (selector.nodeSelectorTerms ?? []).some((term: Loose) => termHolds(term, node));
}

const nodeAffinity = (pod: KubeObject): Loose => pod.spec.affinity?.nodeAffinity ?? {};

/** nodeSelector and required node affinity. https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/ */
export function wantsNode(pod: KubeObject, node: KubeObject): boolean {
  const labels = node.metadata.labels ?? {};
  for (const [key, value] of Object.entries(pod.spec.nodeSelector ?? {})) if (labels[key] !== value) return false;
  const required = nodeAffinity(pod).requiredDuringSchedulingIgnoredDuringExecution;
  return !required || nodeSelectorHolds(required, node);
}

/** Names of the only nodes a pod can go to, where each of its terms says some; an empty set where they contradict each other. */
export function namedNodes(pod: KubeObject): Set<string> | undefined {
  const terms: Loose[] = nodeAffinity(pod).requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  if (terms.length === 0) return undefined;
  const names = new Set<string>();
  for (const term of terms) {
    let own: string[] | undefined;
    for (const { key, operator, values = [] } of term.matchFields ?? []) {
      if (key !== 'metadata.name' || operator !== 'In') continue;
      own = own ? own.filter((name) => values.includes(name)) : values;
    }
    if (!own) return undefined;
    for (const name of own) names.add(name);
  }
  return names;
}

/** Preferred node affinity: the weights of the terms that hold. */
export function nodePreference(pod: KubeObject, node: KubeObject): number {
  let sum = 0;
  for (const { weight, preference } of nodeAffinity(pod).preferredDuringSchedulingIgnoredDuringExecution ?? []) {
    const empty = !preference?.matchExpressions?.length && !preference?.matchFields?.length;
    if (weight && !empty && termHolds(preference, node)) sum += weight;
  }
  return sum;
}
