import { repellingTaint, wantsNode } from '../../../../kubernetes/node-selection.ts';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { matches } from '../controllers/references.ts';
import type { NodeState } from './node-state.ts';

const hostname = 'kubernetes.io/hostname';

interface Constraint {
  key: string;
  maxSkew: number;
  minDomains: number;
  selects(pod: KubeObject): boolean;
  honoursAffinity: boolean;
  honoursTaints: boolean;
}

/** How the scheduler finds the siblings of a pod that says nothing of its spread: by Service and owner. */
export type DefaultSelector = (pod: KubeObject) => ((labels: Record<string, string>) => boolean) | undefined;

/** https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/#internal-default-constraints */
const defaults = [
  { topologyKey: hostname, maxSkew: 3 },
  { topologyKey: 'topology.kubernetes.io/zone', maxSkew: 5 },
];

function constraintsOf(pod: KubeObject, action: 'DoNotSchedule' | 'ScheduleAnyway'): Constraint[] {
  return (pod.spec.topologySpreadConstraints ?? [])
    .filter((one: Loose) => one.whenUnsatisfiable === action)
    .map((one: Loose) => ({
      key: one.topologyKey,
      maxSkew: one.maxSkew,
      minDomains: one.minDomains ?? 1,
      selects: (other: KubeObject) => matches(one.labelSelector, other.metadata.labels),
      honoursAffinity: (one.nodeAffinityPolicy ?? 'Honor') === 'Honor',
      honoursTaints: one.nodeTaintsPolicy === 'Honor',
    }));
}

/** Whether what is on a node counts at all. */
function counts(constraint: Constraint, pod: KubeObject, node: KubeObject): boolean {
  if (constraint.honoursAffinity && !wantsNode(pod, node)) return false;
  return !constraint.honoursTaints || !repellingTaint(pod, node);
}

function siblings(constraint: Constraint, pod: KubeObject, { pods }: NodeState): number {
  let count = 0;
  for (const other of pods.values()) {
    if (other.metadata.namespace !== pod.metadata.namespace || other.metadata.deletionTimestamp) continue;
    if (constraint.selects(other)) count += 1;
  }
  return count;
}

const domainOf = (node: KubeObject, key: string): string | undefined => node.metadata.labels?.[key];

/** What the pod's hard constraints say of a node: `label` when a topology key is missing there. Undefined without any. */
export function spreadRefusal(
  pod: KubeObject,
  states: NodeState[],
): ((node: KubeObject) => 'label' | 'skew' | undefined) | undefined {
  const constraints = constraintsOf(pod, 'DoNotSchedule');
  if (constraints.length === 0) return undefined;
  const domains = constraints.map(() => new Map<string, number>());
  for (const state of states) {
    const { node } = state;
    if (!constraints.every(({ key }) => domainOf(node, key) !== undefined)) continue;
    for (const [index, constraint] of constraints.entries()) {
      if (!counts(constraint, pod, node)) continue;
      const value = domainOf(node, constraint.key)!;
      domains[index]!.set(value, (domains[index]!.get(value) ?? 0) + siblings(constraint, pod, state));
    }
  }
  return (node) => {
    for (const [index, constraint] of constraints.entries()) {
      const value = domainOf(node, constraint.key);
      if (value === undefined) return 'label';
      const matching = domains[index]!;
      // With too few domains the fewest is none at all.
      const fewest = matching.size < constraint.minDomains ? 0 : Math.min(...matching.values());
      const self = constraint.selects(pod) ? 1 : 0;
      if ((matching.get(value) ?? 0) + self - fewest > constraint.maxSkew) return 'skew';
    }
    return undefined;
  };
}

/** A score of 0 to 100 for each of the nodes that fit, by the soft constraints; undefined without any. */
export function spreadScores(
  pod: KubeObject,
  fitting: NodeState[],
  states: NodeState[],
  defaultSelector: DefaultSelector,
): number[] | undefined {
  const own = (pod.spec.topologySpreadConstraints ?? []).length > 0;
  const constraints = own ? constraintsOf(pod, 'ScheduleAnyway') : defaultConstraints(pod, defaultSelector);
  if (constraints.length === 0) return undefined;
  const complete = ({ node }: NodeState) => !own || constraints.every(({ key }) => domainOf(node, key) !== undefined);
  const scored = fitting.filter(complete);
  const domains = constraints.map(({ key }) => {
    const values = new Map<string, number>();
    if (key !== hostname) for (const { node } of scored) values.set(domainOf(node, key) ?? '', 0);
    return values;
  });
  for (const state of states.filter(complete)) {
    for (const [index, constraint] of constraints.entries()) {
      const value = domainOf(state.node, constraint.key) ?? '';
      const sum = domains[index]!.get(value);
      if (sum === undefined || !counts(constraint, pod, state.node)) continue;
      domains[index]!.set(value, sum + siblings(constraint, pod, state));
    }
  }
  const raw = scored.map((state) => {
    let score = 0;
    for (const [index, constraint] of constraints.entries()) {
      const value = domainOf(state.node, constraint.key);
      if (value === undefined) continue;
      const isHost = constraint.key === hostname;
      const count = isHost ? siblings(constraint, pod, state) : domains[index]!.get(value)!;
      const size = isHost ? scored.length : domains[index]!.size;
      score += count * Math.log(size + 2) + (constraint.maxSkew - 1);
    }
    return Math.round(score);
  });
  const most = Math.max(0, ...raw);
  const least = Math.min(...raw);
  return fitting.map((state) => {
    const at = scored.indexOf(state);
    if (at < 0) return 0;
    return most === 0 ? 100 : Math.trunc((100 * (most + least - raw[at]!)) / most);
  });
}

function defaultConstraints(pod: KubeObject, defaultSelector: DefaultSelector): Constraint[] {
  const selects = defaultSelector(pod);
  if (!selects) return [];
  return defaults.map(({ topologyKey, maxSkew }) => ({
    key: topologyKey,
    maxSkew,
    minDomains: 1,
    selects: (other: KubeObject) => selects(other.metadata.labels ?? {}),
    honoursAffinity: true,
    honoursTaints: false,
  }));
}
