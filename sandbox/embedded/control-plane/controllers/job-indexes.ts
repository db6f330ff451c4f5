import type { KubeObject } from '../../../../kubernetes/object.ts';
import { failureAction } from './job-policies.ts';
import { hasFailed, isTracked } from './job-status.ts';
import { finishedAt } from './pods.ts';

export const indexAnnotation = 'batch.kubernetes.io/job-completion-index';
const failureCount = 'batch.kubernetes.io/job-index-failure-count';
const ignoredFailureCount = 'batch.kubernetes.io/job-index-ignored-failure-count';

export const isIndexed = (job: KubeObject): boolean => job.spec.completionMode === 'Indexed';
export const hasLimitPerIndex = (job: KubeObject): boolean => job.spec.backoffLimitPerIndex !== undefined;

/** -1 for a pod without an index. */
export function indexOf(pod: KubeObject): number {
  const text = pod.metadata.annotations?.[indexAnnotation] ?? '';
  return /^\d+$/.test(text) ? Number(text) : -1;
}

export const hasValidIndex = (job: KubeObject, pod: KubeObject): boolean =>
  !isIndexed(job) || (indexOf(pod) >= 0 && indexOf(pod) < job.spec.completions);

/** `0-2,4` as numbers below `completions`. */
export function parseIndexes(text: string | undefined, completions: number): Set<number> {
  const indexes = new Set<number>();
  for (const part of (text ?? '').split(',')) {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? [];
    if (first === undefined) continue;
    for (let index = Number(first); index <= Number(last) && index < completions; index++) indexes.add(index);
  }
  return indexes;
}

/** https://kubernetes.io/docs/concepts/workloads/controllers/job/#completion-mode */
export function formatIndexes(indexes: Set<number>): string {
  const sorted = [...indexes].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let start = 0; start < sorted.length; ) {
    let end = start;
    while (sorted[end + 1] === sorted[end]! + 1) end += 1;
    const gap = end - start === 1 ? ',' : '-';
    parts.push(end === start ? `${sorted[start]}` : `${sorted[start]}${gap}${sorted[end]}`);
    start = end + 1;
  }
  return parts.join(',');
}

/** The indexes that have succeeded, those of pods not yet counted too. */
export function succeededIndexes(job: KubeObject, pods: KubeObject[]): Set<number> {
  const indexes = parseIndexes(job.status?.completedIndexes, job.spec.completions);
  for (const pod of pods) {
    if (pod.status?.phase === 'Succeeded' && hasValidIndex(job, pod) && isTracked(pod)) indexes.add(indexOf(pod));
  }
  return indexes;
}

/** The indexes that have failed too often. https://kubernetes.io/docs/concepts/workloads/controllers/job/#backoff-limit-per-index */
export function failedIndexes(job: KubeObject, pods: KubeObject[]): Set<number> {
  const indexes = parseIndexes(job.status?.failedIndexes, job.spec.completions);
  for (const pod of pods) {
    if (hasValidIndex(job, pod) && isTracked(pod) && failsIndex(job, pod)) indexes.add(indexOf(pod));
  }
  return indexes;
}

function failsIndex(job: KubeObject, pod: KubeObject): boolean {
  if (!hasFailed(job, pod)) return false;
  const action = failureAction(job, pod);
  if (action === 'FailIndex') return true;
  return action !== 'Ignore' && counted(pod, failureCount) >= job.spec.backoffLimitPerIndex;
}

function counted(pod: KubeObject, annotation: string): number {
  return Number(pod.metadata.annotations?.[annotation] ?? 0) || 0;
}

/** How often pods of this index have failed before this one. */
export const failuresBefore = (pod: KubeObject): number =>
  counted(pod, failureCount) + counted(pod, ignoredFailureCount);

/** The annotations that hand an index's failures on to the pod that replaces this one. */
export function failureAnnotations(job: KubeObject, replaced: KubeObject | undefined): Record<string, string> {
  if (!replaced) return { [failureCount]: '0' };
  const ignored = failureAction(job, replaced) === 'Ignore' ? 1 : 0;
  const ignoredFailures = counted(replaced, ignoredFailureCount) + ignored;
  return {
    [failureCount]: String(counted(replaced, failureCount) + 1 - ignored),
    ...(ignoredFailures > 0 && { [ignoredFailureCount]: String(ignoredFailures) }),
  };
}

/** The last failed pod of each index that waits for a new one: it is kept until that one has taken over its count. */
export function awaitedPods(
  job: KubeObject,
  pods: KubeObject[],
  settled: (index: number) => boolean,
): Map<number, KubeObject> {
  const last = new Map<number, KubeObject>();
  for (const pod of pods) {
    const index = indexOf(pod);
    if (!isTracked(pod) || !hasValidIndex(job, pod) || !hasFailed(job, pod) || settled(index)) continue;
    const held = last.get(index);
    const later =
      !held ||
      (failuresBefore(held) <= failuresBefore(pod) && Date.parse(finishedAt(held)) <= Date.parse(finishedAt(pod)));
    if (later) last.set(index, pod);
  }
  return last;
}
