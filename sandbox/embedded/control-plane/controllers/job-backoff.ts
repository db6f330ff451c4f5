import type { KubeObject } from '../../../../kubernetes/object.ts';
import type { Age } from './context.ts';
import { finishedAt } from './pods.ts';

const first = 10_000;
const longest = 600_000;

/** Failures since the last success, and when the last one was. */
export interface Backoff {
  failures: number;
  last: string | undefined;
}

export const noBackoff: Backoff = { failures: 0, last: undefined };

/** The record once these pods have ended too. https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-backoff-failure-policy */
export function nextBackoff(before: Backoff, succeeded: KubeObject[], failed: KubeObject[]): Backoff {
  const times = (pods: KubeObject[]) => pods.map(finishedAt).sort((a, b) => Date.parse(a) - Date.parse(b));
  const [successes, failures] = [times(succeeded), times(failed)];
  if (successes.length === 0) {
    if (failures.length === 0) return before;
    return { failures: before.failures + failures.length, last: failures.at(-1) };
  }
  const later = failures.filter((time) => Date.parse(time) > Date.parse(successes.at(-1)!));
  return { failures: later.length, last: later.at(-1) };
}

/** Milliseconds until the next pod may be made. */
export function backoffLeft({ failures, last }: Backoff, age: Age): number {
  if (failures === 0) return 0;
  return Math.max(0, Math.min(longest, first * 2 ** (failures - 1)) - age(last));
}
