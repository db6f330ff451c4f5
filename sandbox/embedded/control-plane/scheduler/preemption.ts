import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { matches } from '../controllers/references.ts';
import { hopeless, noVictims, unavailable } from './explanation.ts';
import type { Filter, Refusal } from './filters.ts';
import { copyOf, enter, leave, type NodeState } from './node-state.ts';

/** Where a pod could go if others went. */
export interface Candidate {
  node: string;
  /** The most important first. */
  victims: KubeObject[];
  /** How many of them a PodDisruptionBudget would keep. */
  violations: number;
}

export interface PreemptionOptions {
  states: NodeState[];
  /** By node, of those that refused. */
  refusals: Map<string, Refusal>;
  budgets: KubeObject[];
  /** The filters over a changed cluster, pods nominated to the node included. */
  filter(states: NodeState[]): Filter;
}

export const priorityOf = (pod: KubeObject): number => pod.spec.priority ?? 0;

/** The victims that make room, or why there is no room to be made. https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/ */
export function findVictims(pod: KubeObject, options: PreemptionOptions): Candidate | string {
  const { states, refusals } = options;
  if (pod.spec.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never.';
  const nominated = pod.status?.nominatedNodeName;
  const held = nominated && !refusals.get(nominated)?.final && states.find(({ name }) => name === nominated);
  if (held && [...held.pods.values()].some((other) => isLess(other, pod) && leavesForOthers(other))) {
    return 'not eligible due to a terminating pod on the nominated node.';
  }
  const candidates: Candidate[] = [];
  const fruitless: Refusal[] = [];
  for (const state of states) {
    const refused = refusals.get(state.name);
    if (!refused || refused.final) fruitless.push({ reasons: [hopeless], final: true });
    else {
      const found = victimsOn(state, pod, options);
      if ('node' in found) candidates.push(found);
      else fruitless.push(found);
    }
  }
  return candidates.sort(compare)[0] ?? unavailable(states.length, fruitless);
}

const isLess = (other: KubeObject, pod: KubeObject): boolean => priorityOf(other) < priorityOf(pod);

function leavesForOthers({ metadata, status }: KubeObject): boolean {
  const target = (status?.conditions ?? []).find((one: Loose) => one.type === 'DisruptionTarget');
  return !!metadata.deletionTimestamp && target?.status === 'True' && target.reason === 'PreemptionByScheduler';
}

/** Takes all that are less important off the node, then lets back as many as can stay. */
function victimsOn(
  state: NodeState,
  pod: KubeObject,
  { states, budgets, filter }: PreemptionOptions,
): Candidate | Refusal {
  const copy = copyOf(state);
  const changed = states.map((other) => (other === state ? copy : other));
  const refused = () => filter(changed)(copy);
  const lesser = [...state.pods.values()].filter((other) => isLess(other, pod)).sort(byImportance);
  if (lesser.length === 0) return { reasons: [noVictims], final: true };
  for (const other of lesser) leave(copy, other.metadata.uid!);
  const still = refused();
  if (still) return still;
  const { kept, free } = byBudget(lesser, budgets);
  const victims: KubeObject[] = [];
  let violations = 0;
  for (const other of [...kept, ...free]) {
    enter(copy, other);
    if (!refused()) continue;
    leave(copy, other.metadata.uid!);
    victims.push(other);
    if (kept.includes(other)) violations += 1;
  }
  return { node: state.name, victims: victims.sort(byImportance), violations };
}

const startOf = (pod: KubeObject): string => pod.status?.startTime ?? pod.metadata.creationTimestamp ?? '';

/** By priority, then by how long they have run. */
function byImportance(a: KubeObject, b: KubeObject): number {
  return priorityOf(b) - priorityOf(a) || (startOf(a) < startOf(b) ? -1 : startOf(a) > startOf(b) ? 1 : 0);
}

/** Which pods a budget would keep, and which may go. */
function byBudget(pods: KubeObject[], budgets: KubeObject[]): { kept: KubeObject[]; free: KubeObject[] } {
  const allowed = new Map(budgets.map((budget) => [budget, budget.status?.disruptionsAllowed ?? 0]));
  const kept: KubeObject[] = [];
  const free: KubeObject[] = [];
  for (const pod of pods) {
    let violated = false;
    for (const [budget, left] of allowed) {
      const { selector } = budget.spec ?? {};
      const empty = !selector?.matchLabels && !selector?.matchExpressions?.length;
      if (empty || budget.metadata.namespace !== pod.metadata.namespace) continue;
      if (!matches(selector, pod.metadata.labels)) continue;
      if (budget.status?.disruptedPods?.[pod.metadata.name!]) continue;
      allowed.set(budget, left - 1);
      if (left <= 0) violated = true;
    }
    (violated ? kept : free).push(pod);
  }
  return { kept, free };
}

/** Priorities are made positive, so that few victims are less than many of the same kind. */
const weight = (victims: KubeObject[]): number => victims.reduce((sum, pod) => sum + priorityOf(pod) + 2 ** 31, 0);

/** When the longest running of the most important victims began. */
function begin({ victims }: Candidate): string {
  const highest = priorityOf(victims[0]!);
  return (
    victims
      .filter((pod) => priorityOf(pod) === highest)
      .map(startOf)
      .sort()[0] ?? ''
  );
}

/** The better one first: fewest broken budgets, least important victims, fewest, latest begun. */
function compare(a: Candidate, b: Candidate): number {
  return (
    a.violations - b.violations ||
    priorityOf(a.victims[0]!) - priorityOf(b.victims[0]!) ||
    weight(a.victims) - weight(b.victims) ||
    a.victims.length - b.victims.length ||
    (begin(a) > begin(b) ? -1 : begin(a) < begin(b) ? 1 : 0)
  );
}
