import type { KubeObject } from '../../../../kubernetes/object.ts';
import { hashLabel } from './daemon-pods.ts';
import { scaled } from './deployment-scale.ts';

/** A set in the middle of its rollout. */
export interface Rollout {
  set: KubeObject;
  /** Of the present template. */
  hash: string;
  /** Pods by node, without those on their way out; every node that should have one is there. */
  pods: Map<string, KubeObject[]>;
  /** Nodes where the set's pod belongs. */
  wanted: Set<string>;
  isAvailable(pod: KubeObject): boolean;
}

interface Step {
  doomed: KubeObject[];
  /** Nodes that get a second pod. */
  surging: string[];
}

export function limitsOf(set: KubeObject, wanted: number): { surge: number; unavailable: number } {
  const { type, rollingUpdate = {} } = set.spec.updateStrategy ?? {};
  if (type !== 'RollingUpdate') return { surge: 0, unavailable: 0 };
  const surge = scaled(rollingUpdate.maxSurge ?? 0, wanted, true);
  const unavailable = scaled(rollingUpdate.maxUnavailable ?? 1, wanted, true);
  return { surge, unavailable: wanted > 0 && surge === 0 && unavailable === 0 ? 1 : unavailable };
}

/** What to replace now. https://kubernetes.io/docs/tasks/manage-daemon/update-daemon-set/ */
export function nextStep(rollout: Rollout): Step {
  const limits = limitsOf(rollout.set, rollout.wanted.size);
  return limits.surge === 0
    ? { doomed: replaceable(rollout, limits.unavailable), surging: [] }
    : surge(rollout, limits.surge);
}

/** The new and the old pod of a node; undefined where there are several of a kind, which are tidied up first. */
function pairOf({ hash }: Rollout, here: KubeObject[]): { fresh?: KubeObject; old?: KubeObject } | undefined {
  const isFresh = (pod: KubeObject) => pod.metadata.labels?.[hashLabel] === hash;
  const fresh = here.filter(isFresh);
  const old = here.filter((pod) => !isFresh(pod));
  if (fresh.length > 1 || old.length > 1) return undefined;
  return { ...(fresh[0] && { fresh: fresh[0] }), ...(old[0] && { old: old[0] }) };
}

/** Old pods that may go, no more at once than may be unavailable; broken ones go in any case. */
function replaceable(rollout: Rollout, most: number): KubeObject[] {
  const broken: KubeObject[] = [];
  const healthy: KubeObject[] = [];
  let unavailable = 0;
  for (const here of rollout.pods.values()) {
    const pair = pairOf(rollout, here);
    const pod = pair && !(pair.fresh && pair.old) ? (pair.fresh ?? pair.old) : undefined;
    if (!pod || !rollout.isAvailable(pod)) unavailable += 1;
    if (!pod || pod === pair?.fresh) continue;
    (rollout.isAvailable(pod) ? healthy : broken).push(pod);
  }
  return [...broken, ...healthy.slice(0, Math.max(0, most - unavailable))];
}

/** New pods beside old ones, which go once the new ones are available. */
function surge(rollout: Rollout, most: number): Step {
  const step: Step = { doomed: [], surging: [] };
  const candidates: string[] = [];
  const misplaced: KubeObject[] = [];
  let [surging, available] = [0, 0];
  for (const [node, here] of rollout.pods) {
    const pair = pairOf(rollout, here);
    if (!pair) {
      surging += 1;
      continue;
    }
    const { fresh, old } = pair;
    const counted = old ?? fresh;
    const holds = counted !== undefined && rollout.isAvailable(counted);
    if (holds) available += 1;
    if (!old) continue;
    if (fresh) {
      if (rollout.isAvailable(fresh)) step.doomed.push(old);
      else surging += 1;
    } else if (!rollout.wanted.has(node)) (holds ? misplaced : step.doomed).push(old);
    else if (!holds) step.surging.push(node);
    else if (surging < most) candidates.push(node);
  }
  // A pod on a node that is no longer wanted stays until another has taken its place.
  step.doomed.push(...misplaced.slice(0, Math.max(0, available - rollout.wanted.size)));
  step.surging.push(...candidates.slice(0, Math.max(0, most - surging)));
  return step;
}
