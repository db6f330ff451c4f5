import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { matches } from '../controllers/references.ts';
import type { NodeState } from './node-state.ts';

/** Labels of a namespace; undefined for one that is not known. */
export type NamespaceLabels = (name: string) => Record<string, string> | undefined;

type Kind = 'podAffinity' | 'podAntiAffinity';

const none: Loose[] = [];
const required = (pod: KubeObject, kind: Kind): Loose[] =>
  pod.spec.affinity?.[kind]?.requiredDuringSchedulingIgnoredDuringExecution ?? none;
const preferred = (pod: KubeObject, kind: Kind): Loose[] =>
  pod.spec.affinity?.[kind]?.preferredDuringSchedulingIgnoredDuringExecution ?? none;

/** Whether a term of `owner` means `other`: by namespace, by the namespace's labels, then by its own labels. */
function termSelects(term: Loose, owner: KubeObject, other: KubeObject, labels: NamespaceLabels): boolean {
  if (!matches(term.labelSelector, other.metadata.labels)) return false;
  const namespace = other.metadata.namespace!;
  const named: string[] = term.namespaces ?? [];
  if (named.length === 0 && !term.namespaceSelector) return namespace === owner.metadata.namespace;
  return named.includes(namespace) || (term.namespaceSelector && matches(term.namespaceSelector, labels(namespace)));
}

/** Sums by topology key and value. */
class Places {
  readonly sums = new Map<string, Map<string, number>>();

  add(key: string, node: KubeObject, amount: number): void {
    const value = node.metadata.labels?.[key];
    if (value === undefined) return;
    let values = this.sums.get(key);
    if (!values) {
      values = new Map();
      this.sums.set(key, values);
    }
    values.set(value, (values.get(value) ?? 0) + amount);
  }

  at(key: string, node: KubeObject): number {
    const value = node.metadata.labels?.[key];
    return value === undefined ? 0 : (this.sums.get(key)?.get(value) ?? 0);
  }
}

/** What the pods that are there mean for one that comes. */
export interface Neighbours {
  /** Why a node is not for the pod: `near` when those it wants near are not there. */
  refusal(node: KubeObject): 'near' | 'apart' | 'repelled' | undefined;
}

/** https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity */
export function neighboursOf(pod: KubeObject, states: NodeState[], labels: NamespaceLabels): Neighbours | undefined {
  const near = required(pod, 'podAffinity');
  const apart = required(pod, 'podAntiAffinity');
  const wanted = new Places();
  const unwanted = new Places();
  const repelling = new Places();
  for (const { node, pods } of states) {
    for (const other of pods.values()) {
      for (const term of required(other, 'podAntiAffinity')) {
        if (termSelects(term, other, pod, labels)) repelling.add(term.topologyKey, node, 1);
      }
      // Only who fits all the terms is one of those to be near.
      if (near.length > 0 && near.every((term) => termSelects(term, pod, other, labels))) {
        for (const term of near) wanted.add(term.topologyKey, node, 1);
      }
      for (const term of apart) {
        if (termSelects(term, pod, other, labels)) unwanted.add(term.topologyKey, node, 1);
      }
    }
  }
  if (near.length === 0 && apart.length === 0 && repelling.sums.size === 0) return undefined;
  // The first of a group that wants its own kind near may go anywhere the keys exist.
  const first = wanted.sums.size === 0 && near.every((term) => termSelects(term, pod, pod, labels));

  return {
    refusal(node) {
      const has = (key: string) => node.metadata.labels?.[key] !== undefined;
      if (!near.every(({ topologyKey }) => has(topologyKey))) return 'near';
      if (!first && !near.every(({ topologyKey }) => wanted.at(topologyKey, node) > 0)) return 'near';
      if (apart.some(({ topologyKey }) => unwanted.at(topologyKey, node) > 0)) return 'apart';
      for (const key of repelling.sums.keys()) if (repelling.at(key, node) > 0) return 'repelled';
      return undefined;
    },
  };
}

/** How much what a pod that is there requires of others counts for one that comes. */
const requiredWeight = 1;

/** Sum of what the pod prefers and of what others prefer of it, by node; undefined when nobody prefers anything. */
export function neighbourScore(
  pod: KubeObject,
  states: NodeState[],
  labels: NamespaceLabels,
): ((node: KubeObject) => number) | undefined {
  const liked = preferred(pod, 'podAffinity');
  const disliked = preferred(pod, 'podAntiAffinity');
  const places = new Places();
  for (const { node, pods } of states) {
    for (const other of pods.values()) {
      const count = (terms: Loose[], owner: KubeObject, meant: KubeObject, sign: number) => {
        for (const { weight, podAffinityTerm: term } of terms) {
          if (termSelects(term, owner, meant, labels)) places.add(term.topologyKey, node, sign * weight);
        }
      };
      count(liked, pod, other, 1);
      count(disliked, pod, other, -1);
      if (!other.spec.affinity) continue;
      for (const term of required(other, 'podAffinity')) {
        if (termSelects(term, other, pod, labels)) places.add(term.topologyKey, node, requiredWeight);
      }
      count(preferred(other, 'podAffinity'), other, pod, 1);
      count(preferred(other, 'podAntiAffinity'), other, pod, -1);
    }
  }
  if (places.sums.size === 0) return undefined;
  return (node) => [...places.sums.keys()].reduce((sum, key) => sum + places.at(key, node), 0);
}
