import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { Clock } from '../../clock.ts';
import { type Condition, conditionOf } from './conditions.ts';
import { timestamp } from './context.ts';
import { isReady, isTerminating } from './pods.ts';

export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';

export function isFinishedJob(job: KubeObject): Loose {
  return ['Complete', 'Failed'].map((type) => conditionOf(job, type)).find((condition) => condition?.status === 'True');
}

export function jobCondition(clock: Clock, type: string, reason: string, message: string): Condition {
  const now = timestamp(clock);
  return { type, status: 'True', lastProbeTime: now, lastTransitionTime: now, reason, message };
}

/** Sets a condition in its place; one that is new is not added to say that something is not so. Answers whether it changed. */
export function ensureCondition(status: Loose, next: Condition): boolean {
  const conditions: Loose[] = status.conditions ?? [];
  const at = conditions.findIndex((condition) => condition.type === next.type);
  if (at < 0 && next.status === 'False') return false;
  const held = conditions[at];
  if (held && held.status === next.status && held.reason === next.reason && held.message === next.message) return false;
  status.conditions = at < 0 ? [...conditions, next] : conditions.with(at, next);
  return true;
}

export const isTracked = (pod: KubeObject): boolean => !!pod.metadata.finalizers?.includes(trackingFinalizer);

/** Whether a pod is replaced only once it has failed, or as soon as it is being deleted. https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-replacement-policy */
export const replacesFailedOnly = (job: KubeObject): boolean =>
  job.spec.podReplacementPolicy === 'Failed' || job.spec.podFailurePolicy !== undefined;

export function hasFailed(job: KubeObject, pod: KubeObject): boolean {
  if (pod.status?.phase === 'Failed') return true;
  return !replacesFailedOnly(job) && !!pod.metadata.deletionTimestamp && pod.status?.phase !== 'Succeeded';
}

/** Containers that restart in place count against the limit of a job whose pods restart on failure. */
export function restartedTooOften(job: KubeObject, pods: KubeObject[]): boolean {
  if (job.spec.template.spec.restartPolicy !== 'OnFailure') return false;
  let restarts = 0;
  for (const pod of pods) {
    if (pod.status?.phase !== 'Running' && pod.status?.phase !== 'Pending') continue;
    const statuses = [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])];
    for (const status of statuses) restarts += status.restartCount ?? 0;
  }
  return job.spec.backoffLimit === 0 ? restarts > 0 : restarts >= job.spec.backoffLimit;
}

export function setCount(status: Loose, field: string, value: number): void {
  if (value > 0) status[field] = value;
  else delete status[field];
}

/** Moves the pods that are no longer tracked from the waiting list into the sums. */
export function settle(status: Loose, tracked: Set<string>): void {
  const uncounted: Loose = { ...status.uncountedTerminatedPods };
  for (const outcome of ['succeeded', 'failed'] as const) {
    const waiting: string[] = uncounted[outcome] ?? [];
    const left = waiting.filter((uid) => tracked.has(uid));
    setCount(status, outcome, (status[outcome] ?? 0) + waiting.length - left.length);
    if (left.length > 0) uncounted[outcome] = left;
    else delete uncounted[outcome];
  }
  status.uncountedTerminatedPods = uncounted;
}

/** How many of the pods are ready, and how many are on their way out. */
export function countPods(active: KubeObject[], all: KubeObject[]): { ready: number; terminating: number } {
  return { ready: active.filter(isReady).length, terminating: all.filter(isTerminating).length };
}
