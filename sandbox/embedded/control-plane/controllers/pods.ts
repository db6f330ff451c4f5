import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { WorkQueue } from '../../client/work-queue.ts';
import type { Clock } from '../../clock.ts';
import type { Age } from './context.ts';

/** https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/ */
export function isActive(pod: KubeObject): boolean {
  return !isFinished(pod) && !pod.metadata.deletionTimestamp;
}

export function isFinished(pod: KubeObject): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

export function isTerminating(pod: KubeObject): boolean {
  return !isFinished(pod) && !!pod.metadata.deletionTimestamp;
}

export function podCondition(pod: KubeObject, type: string): Loose {
  return pod.status?.conditions?.find((condition: Loose) => condition.type === type);
}

export function isReady(pod: KubeObject): boolean {
  return podCondition(pod, 'Ready')?.status === 'True';
}

/** Ready for at least `minReadySeconds`. */
export function isAvailable(pod: KubeObject, minReadySeconds: number, age: Age): boolean {
  return isReady(pod) && availableIn(pod, minReadySeconds, age) <= 0;
}

/** Milliseconds until a ready pod counts as available. */
function availableIn(pod: KubeObject, minReadySeconds: number, age: Age): number {
  if (minReadySeconds === 0) return 0;
  const stamp = podCondition(pod, 'Ready')?.lastTransitionTime;
  return stamp ? minReadySeconds * 1000 - age(stamp) : Infinity;
}

/** Asks for the key again when the next of the ready pods counts as available, which time alone makes it. */
export function wakeWhenAvailable(
  queue: WorkQueue,
  key: string,
  owner: KubeObject,
  pods: KubeObject[],
  age: Age,
): void {
  const minReady: number = owner.spec.minReadySeconds ?? 0;
  const waits = pods.filter(isReady).map((pod) => availableIn(pod, minReady, age));
  const next = Math.min(...waits.filter((wait) => wait > 0));
  if (Number.isFinite(next)) queue.addAfter(key, next + 1);
}

const phases: Record<string, number> = { Pending: 0, Unknown: 1, Running: 2 };

/** Which of a set's pods goes first when there are too many; negative: `a`. https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#scaling-a-replicaset */
export function byDeletion(a: KubeObject, b: KubeObject, rank: (pod: KubeObject) => number, clock: Clock): number {
  const assigned = (pod: KubeObject) => (pod.spec?.nodeName ? 1 : 0);
  if (assigned(a) !== assigned(b)) return assigned(a) - assigned(b);
  const phase = (pod: KubeObject) => phases[pod.status?.phase as string] ?? 0;
  if (phase(a) !== phase(b)) return phase(a) - phase(b);
  if (isReady(a) !== isReady(b)) return isReady(a) ? 1 : -1;
  if (cost(a) !== cost(b)) return cost(a) - cost(b);
  if (rank(a) !== rank(b)) return rank(b) - rank(a);
  const now = clock.now().getTime();
  if (isReady(a) && isReady(b)) {
    const byReady = younger(readySince(a), readySince(b), now);
    if (byReady !== undefined) return byReady || byUid(a, b);
  }
  if (restarts(a) !== restarts(b)) return restarts(b) - restarts(a);
  const byAge = younger(created(a), created(b), now);
  return byAge || byUid(a, b);
}

const byUid = (a: KubeObject, b: KubeObject): number => ((a.metadata.uid ?? '') < (b.metadata.uid ?? '') ? -1 : 1);
const created = (pod: KubeObject): number => Date.parse(pod.metadata.creationTimestamp ?? '');
const readySince = (pod: KubeObject): number => Date.parse(podCondition(pod, 'Ready')?.lastTransitionTime ?? '');

/** Ages are compared in steps that double, so that pods of one rollout count as equally old; undefined when the times are equal. */
function younger(a: number, b: number, now: number): number | undefined {
  if (a === b) return undefined;
  const bucket = (time: number) => Math.floor(Math.log2(Math.max(1, (now - time) * 1e6)));
  return bucket(a) - bucket(b);
}

function cost(pod: KubeObject): number {
  return Number(pod.metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? 0) || 0;
}

function restarts(pod: KubeObject): number {
  let most = 0;
  for (const status of pod.status?.containerStatuses ?? []) most = Math.max(most, status.restartCount ?? 0);
  return most;
}

/** When a pod's containers have ended; one that was never told of ends with its readiness, or with its deletion. */
export function finishedAt(pod: KubeObject): string {
  const sidecars = new Set(
    (pod.spec?.initContainers ?? [])
      .filter((container: Loose) => container.restartPolicy === 'Always')
      .map((container: Loose) => container.name),
  );
  const statuses: Loose[] = [
    ...(pod.status?.containerStatuses ?? []),
    ...(pod.status?.initContainerStatuses ?? []).filter((status: Loose) => sidecars.has(status.name)),
  ];
  const ends: (string | undefined)[] = statuses.map((status) => status.state?.terminated?.finishedAt);
  if (ends.length > 0 && ends.every((end) => end !== undefined)) return ends.sort().at(-1)!;
  const ready = podCondition(pod, 'Ready');
  if (ready?.status === 'False' && ready.lastTransitionTime) return ready.lastTransitionTime;
  const { deletionTimestamp, deletionGracePeriodSeconds, creationTimestamp } = pod.metadata;
  if (!deletionTimestamp) return creationTimestamp ?? '';
  return new Date(Date.parse(deletionTimestamp) - (deletionGracePeriodSeconds ?? 0) * 1000).toISOString();
}
