import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { type Condition, conditionOf, withoutCondition } from './conditions.ts';
import {
  type ControllerContext,
  createController,
  isNotFound,
  keyOf,
  namespaceTerminating,
  splitKey,
  timestamp,
} from './context.ts';
import { freeIndexes, jobPod, superfluous } from './job-pods.ts';
import {
  formatIndexes,
  indexOf,
  isFinishedJob,
  isIndexed,
  jobCondition,
  parseIndexes,
  policyMatch,
  trackingFinalizer,
} from './job-status.ts';
import { createOwnedPods, followPods, inWaves } from './owned-pods.ts';
import { isActive, isReady, isTerminating } from './pods.ts';
import { claim } from './references.ts';
import { jobs as jobResource, pods as podResource } from './resources.ts';

const burst = 500;
const firstBackoff = 10_000;
const longestBackoff = 600_000;

/** One look at a job and its pods. */
interface Work {
  job: KubeObject;
  status: Loose;
  pods: KubeObject[];
  active: KubeObject[];
  succeeded: number;
  failed: number;
  indexes: Set<number>;
  finish: Condition | undefined;
}

/** Runs pods until enough have succeeded. https://kubernetes.io/docs/concepts/workloads/controllers/job/ */
export function startJobs(context: ControllerContext): void {
  const { clock, age } = context;
  const controller = createController(context, 'job-controller');
  const { client, recorder } = controller;
  const jobs = context.informer(jobResource);
  const pods = context.informer(podResource);
  const owned = createOwnedPods(context, controller);
  const queue = controller.queue(sync, { spacing: 20 });
  /** Failures in a row, and when the last one ended: new pods wait longer each time. */
  const backoffs = new Map<string, { failures: number; last: string | undefined }>();

  jobs.on((now, before) => {
    const job = (now ?? before)!;
    if (!now) backoffs.delete(job.metadata.uid!);
    queue.add(keyOf(job));
  });
  followPods(context, queue, 'Job', (namespace) => jobs.list(namespace));

  async function sync(key: string): Promise<void> {
    await Promise.all([jobs.synced, pods.synced]);
    const [namespace, name] = splitKey(key);
    const job = jobs.get(name, namespace);
    if (!job) return freeOrphans(namespace, name);
    if (job.spec.managedBy && job.spec.managedBy !== 'kubernetes.io/job-controller') return;
    const mine = await claim({
      client,
      informer: pods,
      resource: podResource,
      owner: job,
      selector: job.spec.selector,
      adoptable: isActive,
    });
    if (isFinishedJob(job)) {
      await Promise.all(mine.filter(isTracked).map(untrack));
      return;
    }
    const work = count(job, mine);
    const active = work.active.length;
    decide(work);
    let error: unknown;
    let now = active;
    if (work.finish) {
      const outcomes = await Promise.allSettled(work.active.map((pod) => owned.remove(job, pod)));
      error = outcomes.find((outcome) => outcome.status === 'rejected')?.reason;
      if (error) work.finish = undefined;
      else now = 0;
    } else if (!job.metadata.deletionTimestamp) {
      const result = await manage(key, work);
      ({ active: now, error } = result);
      complete(work, now);
      if (!work.finish) noteSuspension(work);
    }
    await record(work, now);
    if (error && !namespaceTerminating(error)) throw error;
  }

  const isTracked = (pod: KubeObject): boolean => !!pod.metadata.finalizers?.includes(trackingFinalizer);
  const hasFailed = (job: KubeObject, pod: KubeObject): boolean =>
    pod.status?.phase === 'Failed' ||
    (!!pod.metadata.deletionTimestamp &&
      pod.status?.phase !== 'Succeeded' &&
      job.spec.podReplacementPolicy !== 'Failed');

  function count(job: KubeObject, mine: KubeObject[]): Work {
    const status: Loose = { ...job.status, uncountedTerminatedPods: { ...job.status?.uncountedTerminatedPods } };
    const uncounted = status.uncountedTerminatedPods;
    const tracked = mine.filter(isTracked);
    const counted = new Set([...(uncounted.succeeded ?? []), ...(uncounted.failed ?? [])]);
    const fresh = tracked.filter((pod) => !counted.has(pod.metadata.uid));
    const failed = fresh.filter((pod) => hasFailed(job, pod));
    const succeeded = fresh.filter((pod) => pod.status?.phase === 'Succeeded');
    noteBackoff(job, succeeded, failed);
    const ignored = failed.filter((pod) => policyMatch(job, pod)?.action === 'Ignore').length;
    const work: Work = {
      job,
      status,
      pods: mine,
      active: mine.filter((pod) => isActive(pod) && !owned.isLeaving(pod)),
      succeeded: (status.succeeded ?? 0) + succeeded.length + (uncounted.succeeded?.length ?? 0),
      failed: (status.failed ?? 0) + failed.length - ignored + (uncounted.failed?.length ?? 0),
      indexes: new Set(),
      finish: undefined,
    };
    if (isIndexed(job)) {
      work.indexes = parseIndexes(status.completedIndexes);
      for (const pod of succeeded) {
        if (indexOf(pod) >= 0 && indexOf(pod) < job.spec.completions) work.indexes.add(indexOf(pod));
      }
      work.succeeded = work.indexes.size;
    }
    if (!status.startTime && !job.spec.suspend) status.startTime = timestamp(clock);
    return work;
  }

  function noteBackoff(job: KubeObject, succeeded: KubeObject[], failed: KubeObject[]): void {
    const uid = job.metadata.uid!;
    const before = backoffs.get(uid) ?? { failures: 0, last: undefined };
    if (succeeded.length > 0) backoffs.set(uid, { failures: 0, last: undefined });
    else if (failed.length > 0) {
      backoffs.set(uid, { failures: before.failures + failed.length, last: timestamp(clock) });
    }
  }

  /** Whether the job has ended already, or now fails. */
  function decide(work: Work): void {
    const { job, status } = work;
    const met = conditionOf(job, 'SuccessCriteriaMet');
    const target = conditionOf(job, 'FailureTarget');
    if (met) work.finish = met;
    else if (target) work.finish = target;
    if (work.finish) return;
    const fatal = work.pods
      .filter((pod) => pod.status?.phase === 'Failed')
      .map((pod) => policyMatch(job, pod))
      .find((match) => match?.action === 'FailJob');
    const deadline: number | undefined = job.spec.activeDeadlineSeconds;
    const running = !job.spec.suspend && status.startTime;
    const fail = (reason: string, message: string) => jobCondition(clock, 'FailureTarget', reason, message);
    if (fatal) work.finish = fail('PodFailurePolicy', fatal.message);
    else if (work.failed > job.spec.backoffLimit || restartedTooOften(work)) {
      work.finish = fail('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
    } else if (deadline !== undefined && running) {
      const left = deadline * 1000 - age(status.startTime);
      if (left <= 0) work.finish = fail('DeadlineExceeded', 'Job was active longer than specified deadline');
      else queue.addAfter(keyOf(job), left + 1);
    }
  }

  function restartedTooOften({ job, pods: mine }: Work): boolean {
    if (job.spec.template.spec.restartPolicy !== 'OnFailure') return false;
    let restarts = 0;
    for (const pod of mine) {
      if (pod.status?.phase !== 'Running' && pod.status?.phase !== 'Pending') continue;
      const statuses = [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])];
      for (const status of statuses) restarts += status.restartCount ?? 0;
    }
    return job.spec.backoffLimit === 0 ? restarts > 0 : restarts >= job.spec.backoffLimit;
  }

  function complete(work: Work, active: number): void {
    const { completions } = work.job.spec;
    const done = completions === undefined ? work.succeeded > 0 : work.succeeded >= completions;
    if (!done || active > 0) return;
    const message = 'Reached expected number of succeeded pods';
    work.finish = jobCondition(clock, 'SuccessCriteriaMet', 'CompletionsReached', message);
  }

  function noteSuspension({ job, status }: Work): void {
    const suspend = !!job.spec.suspend;
    const before = conditionOf(job, 'Suspended');
    if (!suspend && before?.status !== 'True') return;
    if (suspend && before?.status === 'True') return;
    const [reason, event] = suspend ? ['JobSuspended', 'Suspended'] : ['JobResumed', 'Resumed'];
    const condition = jobCondition(clock, 'Suspended', reason!, `Job ${event!.toLowerCase()}`);
    condition.status = suspend ? 'True' : 'False';
    status.conditions = [...withoutCondition(status.conditions ?? [], 'Suspended'), condition];
    if (!suspend) status.startTime = timestamp(clock);
    void recorder.event(job, 'Normal', event!, condition.message!);
  }

  /** Makes missing pods, deletes superfluous ones; answers how many are active then. */
  async function manage(key: string, work: Work): Promise<{ active: number; error?: unknown }> {
    const { job, active } = work;
    const { completions, parallelism = 1, suspend } = job.spec;
    let wanted = completions === undefined ? parallelism : Math.min(parallelism, completions - work.succeeded);
    if (completions === undefined && work.succeeded > 0) wanted = active.length;
    if (suspend) wanted = 0;
    wanted = Math.max(0, wanted);
    const excess = superfluous(job, active, work.indexes, wanted, clock);
    if (excess.length > 0) {
      const outcomes = await Promise.allSettled(excess.map((pod) => owned.remove(job, pod)));
      const error = outcomes.find((outcome) => outcome.status === 'rejected')?.reason;
      return { active: active.length - excess.length, ...(error && { error }) };
    }
    const terminating = job.spec.podReplacementPolicy === 'Failed' ? work.pods.filter(isTerminating).length : 0;
    const missing = Math.min(wanted - active.length - terminating, burst);
    if (missing <= 0) return { active: active.length };
    const wait = backoffLeft(job);
    if (wait > 0) {
      queue.addAfter(key, wait);
      return { active: active.length };
    }
    const free = isIndexed(job) ? freeIndexes(job, active, work.indexes, missing) : [];
    const amount = isIndexed(job) ? free.length : missing;
    const { made, error } = await inWaves(amount, (at) => owned.create(job, jobPod(job, free[at])));
    work.pods.push(...made);
    work.active = [...active, ...made];
    return { active: active.length + made.length, ...(error ? { error } : {}) };
  }

  function backoffLeft(job: KubeObject): number {
    const { failures, last } = backoffs.get(job.metadata.uid!) ?? { failures: 0, last: undefined };
    if (failures === 0) return 0;
    return Math.min(longestBackoff, firstBackoff * 2 ** (failures - 1)) - age(last);
  }

  /** Writes what is counted, lets the counted pods go, then writes the sums: a crash in between counts nothing twice. */
  async function record(work: Work, active: number): Promise<void> {
    const { job, status } = work;
    const uncounted: Loose = { ...status.uncountedTerminatedPods };
    const tracked = new Set(work.pods.filter(isTracked).map((pod) => pod.metadata.uid));
    settle(status, uncounted, tracked);
    const release: KubeObject[] = [];
    const gone = job.metadata.deletionTimestamp !== undefined;
    for (const pod of work.pods.filter(isTracked)) {
      const uid = pod.metadata.uid!;
      const failed = hasFailed(job, pod) || owned.isLeaving(pod);
      const succeeded = pod.status?.phase === 'Succeeded';
      if (!succeeded && !failed && !gone && !work.finish) continue;
      release.push(pod);
      if (uncounted.succeeded?.includes(uid) || uncounted.failed?.includes(uid)) continue;
      const success = conditionIs(work.finish, 'SuccessCriteriaMet');
      if (succeeded) {
        if (!isIndexed(job)) uncounted.succeeded = [...(uncounted.succeeded ?? []), uid];
      } else if ((failed || (work.finish && !success)) && policyMatch(job, pod)?.action !== 'Ignore') {
        uncounted.failed = [...(uncounted.failed ?? []), uid];
      }
    }
    if (isIndexed(job)) {
      setCount(status, 'succeeded', work.indexes.size);
      if (work.indexes.size > 0) status.completedIndexes = formatIndexes(work.indexes);
    }
    status.uncountedTerminatedPods = uncounted;
    setCount(status, 'active', active);
    status.ready = active === 0 ? 0 : work.active.filter((pod) => isReady(pod) && !owned.isLeaving(pod)).length;
    status.terminating = work.pods.filter((pod) => isTerminating(pod) || owned.isLeaving(pod)).length;
    if (work.finish && !conditionOf({ status }, work.finish.type)) {
      status.conditions = [...(status.conditions ?? []), work.finish];
    }
    let now = await write(job, status);
    if (!now) return;
    const outcomes = await Promise.allSettled(release.map(untrack));
    const free = new Set(
      release.filter((_, index) => outcomes[index]!.status === 'fulfilled').map((p) => p.metadata.uid),
    );
    const left = new Set([...tracked].filter((uid) => !free.has(uid)));
    const next: Loose = { ...now.status, uncountedTerminatedPods: { ...now.status.uncountedTerminatedPods } };
    settle(next, next.uncountedTerminatedPods, left);
    const finished = enact(work, next, left.size);
    now = await write(now, next);
    if (now && finished) tellFinished(now, finished);
  }

  /** Moves the pods that are no longer tracked from the waiting list into the sums. */
  function settle(status: Loose, uncounted: Loose, tracked: Set<string | undefined>): void {
    for (const outcome of ['succeeded', 'failed'] as const) {
      const waiting: string[] = uncounted[outcome] ?? [];
      const left = waiting.filter((uid) => tracked.has(uid));
      const sum = (status[outcome] ?? 0) + waiting.length - left.length;
      setCount(status, outcome, sum);
      if (left.length > 0) uncounted[outcome] = left;
      else delete uncounted[outcome];
    }
  }

  function enact(work: Work, status: Loose, tracked: number): Condition | undefined {
    if (!work.finish || tracked > 0 || status.terminating > 0 || status.active > 0) return undefined;
    if (Object.keys(status.uncountedTerminatedPods).length > 0) return undefined;
    const type = conditionIs(work.finish, 'SuccessCriteriaMet') ? 'Complete' : 'Failed';
    const condition = jobCondition(clock, type, work.finish.reason ?? '', work.finish.message ?? '');
    status.conditions = [...(status.conditions ?? []), condition];
    if (type === 'Complete') status.completionTime = condition.lastTransitionTime;
    return condition;
  }

  function tellFinished(job: KubeObject, condition: Condition): void {
    if (condition.type === 'Complete') void recorder.event(job, 'Normal', 'Completed', 'Job completed');
    else void recorder.event(job, 'Warning', condition.reason ?? '', condition.message ?? '');
  }

  async function write(job: KubeObject, status: Loose): Promise<KubeObject | undefined> {
    if (isDeepStrictEqual(status, job.status)) return job;
    try {
      const now = await client.update(jobResource, { ...job, status }, 'status');
      jobs.observe(now);
      return now;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async function untrack(pod: KubeObject): Promise<void> {
    const { name, namespace } = pod.metadata;
    try {
      const patch = { metadata: { '$deleteFromPrimitiveList/finalizers': [trackingFinalizer] } };
      const now = await client.patch(podResource, name!, namespace, 'strategic', patch);
      if (!now.metadata.deletionTimestamp) pods.observe(now);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /** Pods whose job is gone for good keep nothing that would hold them. */
  async function freeOrphans(namespace: string, name: string): Promise<void> {
    const orphans = pods.list(namespace).filter((pod) => {
      if (!isTracked(pod)) return false;
      const owner = pod.metadata.ownerReferences?.find((reference) => reference.kind === 'Job');
      return !owner || owner.name === name;
    });
    await Promise.all(orphans.map(untrack));
  }
}

const conditionIs = (condition: Condition | undefined, type: string): boolean => condition?.type === type;

function setCount(status: Loose, field: string, value: number): void {
  if (value > 0) status[field] = value;
  else delete status[field];
}
