import { namedNodes } from '../../../../kubernetes/node-selection.ts';
import type { KubeObject } from '../../../../kubernetes/object.ts';
import { explain, unavailable, unavailableAtAll } from './explanation.ts';
import { type Filter, filterFor, type Refusal, type Surroundings } from './filters.ts';
import { copyOf, enter, type NodeState } from './node-state.ts';
import type { PodClaims } from './pod-volumes.ts';
import { type Candidate, findVictims, priorityOf } from './preemption.ts';
import { scoresOf } from './scores.ts';
import type { DefaultSelector } from './topology-spread.ts';

export interface DecisionOptions extends Surroundings {
  states: NodeState[];
  claims: PodClaims;
  defaultSelector: DefaultSelector;
  budgets: () => KubeObject[];
  /** Pods that wait for room on a node which others are leaving for them. */
  nominated: (node: string) => KubeObject[];
  /** Between 0 and 1, to choose among equals. */
  random: () => number;
}

export type Decision =
  | { node: string }
  /** Nowhere now; `room` says where there will be room, once its victims are gone. `lost` when a nomination is void. */
  | { message: string; room?: Candidate; lost: boolean };

/** Where a pod goes. Changes nothing. https://kubernetes.io/docs/concepts/scheduling-eviction/kube-scheduler/ */
export function decide(pod: KubeObject, options: DecisionOptions): Decision {
  const { states, claims } = options;
  if (states.length === 0) return { message: 'no nodes available to schedule pods', lost: false };
  const named = namedNodes(pod);
  const problem = named?.size === 0 ? 'pod affinity terms conflict' : claims.problem;
  if (problem) return { message: unavailableAtAll(states.length, problem), lost: false };

  const filter = (all: NodeState[]) => withNominated(pod, options, all);
  const passes = filter(states);
  const nominee = states.find(({ name }) => name === pod.status?.nominatedNodeName);
  if (nominee && !passes(nominee)) return { node: nominee.name };
  const elsewhere: Refusal = { reasons: ["node(s) didn't satisfy plugin(s) [NodeAffinity]"], final: true };
  const refusals = new Map<string, Refusal>();
  const fitting: NodeState[] = [];
  for (const state of states) {
    const refused = named && !named.has(state.name) ? elsewhere : passes(state);
    if (refused) refusals.set(state.name, refused);
    else fitting.push(state);
  }
  if (fitting.length > 0) return { node: choose(pod, fitting, options).name };

  const found = findVictims(pod, { states, refusals, budgets: options.budgets(), filter });
  if (typeof found !== 'string')
    return { message: unavailable(states.length, refusals.values()), room: found, lost: false };
  return { message: explain(states.length, refusals.values(), found), lost: !found.startsWith('not eligible') };
}

/** A node must have room for the pod both with those nominated to it, unless they matter less, and without them. */
function withNominated(pod: KubeObject, options: DecisionOptions, states: NodeState[]): Filter {
  const plain = filterFor(pod, options.claims, states, options);
  return (state) => {
    const guests = options
      .nominated(state.name)
      .filter((other) => other.metadata.uid !== pod.metadata.uid && priorityOf(other) >= priorityOf(pod));
    if (guests.length > 0) {
      const full = copyOf(state);
      for (const guest of guests) if (!full.pods.has(guest.metadata.uid!)) enter(full, guest);
      const changed = states.map((other) => (other === state ? full : other));
      const refused = filterFor(pod, options.claims, changed, options)(full);
      if (refused) return refused;
    }
    return plain(state);
  };
}

/** The best node; any of several that are as good. */
function choose(pod: KubeObject, fitting: NodeState[], options: DecisionOptions): NodeState {
  if (fitting.length === 1) return fitting[0]!;
  const scores = scoresOf(pod, fitting, options.states, options);
  const best = Math.max(...scores);
  const equals = fitting.filter((_, index) => scores[index] === best);
  return equals[Math.min(equals.length - 1, Math.floor(options.random() * equals.length))]!;
}
