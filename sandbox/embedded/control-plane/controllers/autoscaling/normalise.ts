import type { Loose } from '../../../../../kubernetes/object.ts';

interface Recommendation {
  replicas: number;
  at: number;
}

interface Change {
  by: number;
  at: number;
  outdated: boolean;
}

/** What one autoscaler remembers; by the clock that only grows, in milliseconds. */
export interface History {
  recommendations: Recommendation[];
  ups: Change[];
  downs: Change[];
}

export interface Decision {
  replicas: number;
  /** Reason and message of the condition AbleToScale. */
  able: [reason: string, message: string];
  /** Reason and message of ScalingLimited, which is True when the reason is not `DesiredWithinRange`. */
  limited: [reason: string, message: string];
  isLimited: boolean;
}

export interface Wish {
  history: History;
  now: number;
  behavior: Loose;
  current: number;
  desired: number;
  min: number;
  max: number;
}

/** Scaling down waits so long where no behaviour says otherwise: https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#stabilization-window */
const downWindow = 300_000;

const within: [string, string] = ['DesiredWithinRange', 'the desired count is within the acceptable range'];
const tooMany: [string, string] = [
  'TooManyReplicas',
  'the desired replica count is more than the maximum replica count',
];
const tooFew: [string, string] = ['TooFewReplicas', 'the desired replica count is less than the minimum replica count'];
const upLimit: [string, string] = [
  'ScaleUpLimit',
  'the desired replica count is increasing faster than the maximum scale rate',
];
const downLimit: [string, string] = [
  'ScaleDownLimit',
  'the desired replica count is decreasing faster than the maximum scale rate',
];
const ready: [string, string] = ['ReadyForNewScale', 'recommended size matches current size'];
const downStabilised: [string, string] = [
  'ScaleDownStabilized',
  'recent recommendations were higher than current one, applying the highest recent recommendation',
];
const upStabilised: [string, string] = [
  'ScaleUpStabilized',
  'recent recommendations were lower than current one, applying the lowest recent recommendation',
];

/** What metrics ask for, within what behaviour, minimum and maximum let happen now. Notes the wish in the history. */
export function normalise(wish: Wish): Decision {
  return wish.behavior ? byBehaviour(wish) : byDefault(wish);
}

function byDefault(wish: Wish): Decision {
  const { history, now, current, desired, min, max } = wish;
  const recent = history.recommendations.filter(({ at }) => at >= now - downWindow);
  const stable = Math.max(desired, ...recent.map(({ replicas }) => replicas));
  note(history, { replicas: desired, at: now }, ({ at }) => at < now - downWindow);
  const able = stable === desired ? ready : downStabilised;
  const most = Math.max(2 * current, 4);
  const [highest, why] = max > most ? [most, upLimit] : [max, tooMany];
  return decide(stable, able, stable < min ? [min, tooFew] : stable > highest ? [highest, why] : [stable, within]);
}

function byBehaviour(wish: Wish): Decision {
  const { history, now, behavior, current, desired, min, max } = wish;
  const up: Loose = behavior.scaleUp ?? {};
  const down: Loose = behavior.scaleDown ?? {};
  const upFrom = now - 1000 * (up.stabilizationWindowSeconds ?? 0);
  const downFrom =
    now - (down.stabilizationWindowSeconds === undefined ? downWindow : 1000 * down.stabilizationWindowSeconds);
  let [lowest, highest] = [desired, desired];
  for (const { at, replicas } of history.recommendations) {
    if (at > upFrom) lowest = Math.min(lowest, replicas);
    if (at > downFrom) highest = Math.max(highest, replicas);
  }
  const stable = Math.min(Math.max(current, lowest), highest);
  note(history, { replicas: desired, at: now }, ({ at }) => at < upFrom && at < downFrom);
  const able = stable === desired ? ready : desired >= current ? upStabilised : downStabilised;
  if (stable > current) {
    const rate = Math.max(current, limitOf(wish, up, 1));
    const [most, why] = max > rate ? [rate, upLimit] : [max, tooMany];
    return decide(stable, able, stable > most ? [most, why] : [stable, within]);
  }
  if (stable < current) {
    const rate = Math.min(current, limitOf(wish, down, -1));
    const [least, why] = min < rate ? [rate, downLimit] : [min, tooFew];
    return decide(stable, able, stable < least ? [least, why] : [stable, within]);
  }
  return decide(stable, able, [stable, within]);
}

function decide(stable: number, able: Decision['able'], [replicas, limited]: [number, Decision['limited']]): Decision {
  return { replicas, able, limited, isLimited: replicas !== stable };
}

/** Takes the place of one that no window sees any more, the last of them. */
function note(history: History, entry: Recommendation, isOld: (entry: Recommendation) => boolean): void {
  const { recommendations } = history;
  const old = recommendations.findLastIndex(isOld);
  if (old >= 0) recommendations[old] = entry;
  else recommendations.push(entry);
}

/** How far the policies let the count go now. */
function limitOf({ history, now, current }: Wish, rules: Loose, direction: 1 | -1): number {
  if (rules.selectPolicy === 'Disabled') return current;
  const changed = (changes: Change[], seconds: number): number =>
    changes.filter(({ at }) => at > now - 1000 * seconds).reduce((sum, { by }) => sum + by, 0);
  const limits = (rules.policies ?? []).map(({ type, value, periodSeconds }: Loose) => {
    const start = current - changed(history.ups, periodSeconds) + changed(history.downs, periodSeconds);
    if (type === 'Pods') return start + direction * value;
    return direction > 0 ? Math.ceil(start * (1 + value / 100)) : Math.trunc(start * (1 - value / 100));
  });
  // The least change is asked for by `Min`, whichever way it goes.
  const smallest = (rules.selectPolicy === 'Min') === direction > 0;
  return smallest ? Math.min(...limits) : Math.max(...limits);
}

/** Remembers a change for the policies. */
export function noteChange(history: History, behavior: Loose, from: number, to: number, now: number): void {
  if (!behavior) return;
  const [changes, rules] = to > from ? [history.ups, behavior.scaleUp] : [history.downs, behavior.scaleDown];
  const longest = Math.max(0, ...(rules?.policies ?? []).map(({ periodSeconds }: Loose) => periodSeconds));
  for (const change of changes) if (change.at < now - 1000 * longest) change.outdated = true;
  const entry = { by: Math.abs(to - from), at: now, outdated: false };
  const old = changes.findLastIndex(({ outdated }) => outdated);
  if (old >= 0) changes[old] = entry;
  else changes.push(entry);
}
