import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { type Condition, conditionOf } from './conditions.ts';
import {
  type ControllerContext,
  createController,
  isNotFound,
  keyOf,
  namespaceTerminating,
  splitKey,
  timestamp,
} from './context.ts';
import { type Backoff, backoffLeft, nextBackoff, noBackoff } from './job-backoff.ts';
import {
  awaitedPods,
  failedIndexes,
  failureAnnotations,
  failuresBefore,
  formatIndexes,
  hasLimitPerIndex,
  hasValidIndex,
  indexOf,
  isIndexed,
  parseIndexes,
  succeededIndexes,
} from './job-indexes.ts';
import { freeIndexes, jobPod, superfluous } from './job-pods.ts';
import { failureAction, fatalMessage, metSuccessRule } from './job-policies.ts';
import {
  countPods,
  ensureCondition,
  hasFailed,
  isFinishedJob,
  isTracked,
  jobCondition,
  replacesFailedOnly,
  restartedTooOften,
  setCount,
  settle,
  trackingFinalizer,
} from './job-status.ts';
import { createOwnedPods, followPods, inWaves } from './owned-pods.ts';
import { finishedAt, isActive, isReady, isTerminating } from './pods.ts';
import { claim, controllerOf } from './references.ts';
import { jobs as jobResource, pods as podResource } from './resources.ts';
import { writeStatus } from './status.ts';

/** Pods made or deleted, and pods counted, in one go. */
const burst = 500;

/** One look at a job and its pods. */
interface Work {
  job: KubeObject;
  status: Loose;
  pods: KubeObject[];
  active: KubeObject[];
  /** How many are active once this look has done its part. */
  activeCount: number;
  ready: number;
  terminating: number;
  succeeded: number;
  failed: number;
  done: Set<number>;
  lost: Set<number> | undefined;
  /** By index: the failed pod whose count the next one takes over. */
  awaited: Map<number, KubeObject>;
  backoff: Backoff;
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
  const backoffs = new Map<string, Backoff>();
  /** Pods that were let go; the shared copy may not know yet. */
  const released = new Set<string>();

  jobs.on((now, before) => {
    if (!now) backoffs.delete(before!.metadata.uid!);
    queue.add(keyOf((now ?? before)!));
  });
  pods.on((now, before) => {
    if (!now || !isTracked(now)) released.delete((now ?? before)!.metadata.uid!);
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
      finalizer: trackingFinalizer,
    });
    if (isFinishedJob(job)) {
      backoffs.delete(job.metadata.uid!);
      await Promise.all(mine.filter(isTracked).map(untrack));
      return;
    }
    const work = look(job, mine);
    const error = await act(key, work);
    work.status.ready = work.ready;
    work.status.terminating = work.terminating;
    setCount(work.status, 'active', work.activeCount);
    await record(work);
    if (error && !namespaceTerminating(error)) throw error;
  }

  function look(job: KubeObject, mine: KubeObject[]): Work {
    const status: Loose = { ...job.status, uncountedTerminatedPods: { ...job.status?.uncountedTerminatedPods } };
    const { succeeded: waitingSuccess = [], failed: waitingFailure = [] } = status.uncountedTerminatedPods;
    const countable = mine.filter((pod) => isHeld(pod) && hasValidIndex(job, pod));
    const succeeded = countable.filter(
      (pod) => pod.status?.phase === 'Succeeded' && !waitingSuccess.includes(pod.metadata.uid),
    );
    const failed = countable.filter((pod) => hasFailed(job, pod) && !waitingFailure.includes(pod.metadata.uid));
    const blamed = failed.filter((pod) => failureAction(job, pod) !== 'Ignore');
    const active = mine.filter((pod) => isActive(pod) && !owned.isLeaving(pod));
    if (!status.startTime && !job.spec.suspend) status.startTime = timestamp(clock);
    const { ready, terminating } = countPods(active, mine);
    return {
      job,
      status,
      pods: mine,
      active,
      activeCount: active.length,
      ready,
      terminating: terminating + mine.filter((pod) => owned.isLeaving(pod) && !isTerminating(pod)).length,
      succeeded: (status.succeeded ?? 0) + succeeded.length + waitingSuccess.length,
      failed: (status.failed ?? 0) + blamed.length + waitingFailure.length,
      done: new Set(),
      lost: undefined,
      awaited: new Map(),
      backoff: nextBackoff(backoffs.get(job.metadata.uid!) ?? noBackoff, succeeded, failed),
      finish: undefined,
    };
  }

  const isHeld = (pod: KubeObject): boolean => isTracked(pod) && !released.has(pod.metadata.uid!);

  /** Ends the job, or brings it on; answers what went wrong. */
  async function act(key: string, work: Work): Promise<unknown> {
    const { job, status } = work;
    decide(key, work);
    if (isIndexed(job)) decideByIndex(work);
    if (work.finish) {
      const { error, removed } = await discard(work, work.active, (pod) => owned.remove(job, pod));
      if (removed < work.active.length) work.finish = undefined;
      return error;
    }
    const managed = !job.metadata.deletionTimestamp;
    const error = managed ? await manage(key, work) : undefined;
    const { completions } = job.spec;
    const enough = completions === undefined ? work.succeeded > 0 : work.succeeded >= completions;
    if (enough && work.activeCount === 0) {
      const message = 'Reached expected number of succeeded pods';
      work.finish = jobCondition(clock, 'SuccessCriteriaMet', 'CompletionsReached', message);
    } else if (managed) noteSuspension(job, status);
    return error;
  }

  /** Whether the job has ended already, or now fails. */
  function decide(key: string, work: Work): void {
    const { job, status } = work;
    const fail = (reason: string, message: string) => jobCondition(clock, 'FailureTarget', reason, message);
    const target = conditionOf(job, 'FailureTarget');
    work.finish = conditionOf(job, 'SuccessCriteriaMet');
    if (!work.finish && target) work.finish = jobCondition(clock, 'Failed', target.reason, target.message);
    if (work.finish) return;
    const fatal = work.pods
      .filter((pod) => hasFailed(job, pod))
      .map((pod) => fatalMessage(job, pod))
      .find((message) => message !== undefined);
    const { activeDeadlineSeconds: deadline, backoffLimit, suspend } = job.spec;
    if (fatal) work.finish = fail('PodFailurePolicy', fatal);
    else if (work.failed > backoffLimit || restartedTooOften(job, work.pods)) {
      work.finish = fail('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
    } else if (deadline !== undefined && status.startTime && !suspend) {
      const left = deadline * 1000 - age(status.startTime);
      if (left <= 0) work.finish = fail('DeadlineExceeded', 'Job was active longer than specified deadline');
      else queue.addAfter(key, left + 1);
    }
  }

  function decideByIndex(work: Work): void {
    const { job, pods: mine } = work;
    const { completions, maxFailedIndexes } = job.spec;
    work.done = succeededIndexes(job, mine);
    work.succeeded = work.done.size;
    if (hasLimitPerIndex(job)) {
      work.lost = failedIndexes(job, mine);
      const { size } = work.lost;
      const fail = (reason: string, message: string) => {
        work.finish ??= jobCondition(clock, 'FailureTarget', reason, message);
      };
      if (maxFailedIndexes !== undefined && size > maxFailedIndexes)
        fail('MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes');
      else if (size > 0 && size + work.done.size >= completions) fail('FailedIndexes', 'Job has failed indexes');
      const settled = new Set([...work.done, ...work.lost, ...work.active.map(indexOf)]);
      work.awaited = awaitedPods(job, mine.filter(isHeld), (index) => settled.has(index));
    }
    const met = work.finish ? undefined : metSuccessRule(job, work.done, (text) => parseIndexes(text, completions));
    if (met) work.finish = jobCondition(clock, 'SuccessCriteriaMet', 'SuccessPolicy', met);
  }

  function noteSuspension(job: KubeObject, status: Loose): void {
    const [type, event] = job.spec.suspend ? ['True' as const, 'Suspended'] : ['False' as const, 'Resumed'];
    const message = `Job ${event.toLowerCase()}`;
    const condition = jobCondition(clock, 'Suspended', `Job${event}`, message);
    if (!ensureCondition(status, { ...condition, status: type })) return;
    if (!job.spec.suspend) status.startTime = timestamp(clock);
    void recorder.event(job, 'Normal', event, message);
  }

  /** Makes missing pods, or deletes superfluous ones. */
  async function manage(key: string, work: Work): Promise<unknown> {
    const { job, active } = work;
    const { completions, parallelism = 1, suspend } = job.spec;
    let wanted = Math.min(parallelism, completions === undefined ? parallelism : completions - work.succeeded);
    if (completions === undefined && work.succeeded > 0) wanted = active.length;
    if (suspend) wanted = 0;
    wanted = Math.max(0, wanted);
    const excess = superfluous(job, active, Math.max(0, active.length - wanted), clock).slice(0, burst);
    if (excess.length > 0 || suspend) {
      // Pods that are not wanted any more have not failed: they are let go first, so that nobody counts them.
      const letGo = async (pod: KubeObject) => {
        await untrack(pod);
        await owned.remove(job, pod);
      };
      return (await discard(work, excess, letGo)).error;
    }
    const going = replacesFailedOnly(job) ? work.terminating : 0;
    const missing = Math.min(wanted - active.length - going, burst);
    if (missing <= 0) return undefined;
    const left = hasLimitPerIndex(job) ? 0 : backoffLeft(work.backoff, age);
    const indexes = isIndexed(job) ? freeFor(work, missing) : undefined;
    const now = indexes?.filter((index) => indexBackoff(work, index) === 0);
    const wait =
      left || (indexes?.length && !now?.length ? Math.min(...indexes.map((at) => indexBackoff(work, at))) : 0);
    if (wait > 0) {
      queue.addAfter(key, wait + 1);
      work.activeCount = 0;
      return undefined;
    }
    const { made, error } = await inWaves(now?.length ?? missing, (at) => {
      const index = now?.[at];
      const counts = index !== undefined && hasLimitPerIndex(job);
      return owned.create(job, jobPod(job, index, counts ? failureAnnotations(job, work.awaited.get(index)) : {}));
    });
    work.pods.push(...made);
    work.activeCount += made.length;
    return error;
  }

  function freeFor({ job, active, pods: mine, done, lost }: Work, most: number): number[] {
    const leaving = replacesFailedOnly(job) ? mine.filter(isTerminating) : [];
    const taken = new Set([...active, ...leaving].map(indexOf));
    return freeIndexes(job.spec.completions, taken.union(done).union(lost ?? new Set()), most);
  }

  function indexBackoff({ awaited }: Work, index: number): number {
    const pod = awaited.get(index);
    return pod ? backoffLeft({ failures: failuresBefore(pod) + 1, last: finishedAt(pod) }, age) : 0;
  }

  /** Deletes active pods, and counts what that changes. */
  async function discard(work: Work, doomed: KubeObject[], remove: (pod: KubeObject) => Promise<void>) {
    const outcomes = await Promise.allSettled(doomed.map(remove));
    const gone = doomed.filter((_, at) => outcomes[at]!.status === 'fulfilled');
    work.activeCount -= gone.length;
    work.terminating += gone.length;
    work.ready -= gone.filter(isReady).length;
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    return { removed: gone.length, error: failed?.reason as unknown };
  }

  /** Writes what is counted, lets the counted pods go, then writes the sums: a crash in between counts nothing twice. */
  async function record(work: Work): Promise<void> {
    const { job, status } = work;
    const held = new Set(work.pods.filter(isHeld).map((pod) => pod.metadata.uid!));
    settle(status, held);
    const [release, full] = gather(work);
    if (isIndexed(job)) {
      setCount(status, 'succeeded', work.done.size);
      if (work.done.size > 0) status.completedIndexes = formatIndexes(work.done);
      else delete status.completedIndexes;
      if (work.lost) status.failedIndexes = formatIndexes(work.lost);
    }
    if (work.finish && work.finish.type !== 'Failed' && !conditionOf({ status }, work.finish.type)) {
      status.conditions = [...(status.conditions ?? []), work.finish];
    }
    let now = await writeStatus(client, jobs, jobResource, job, status);
    if (!now) return;
    backoffs.set(job.metadata.uid!, work.backoff);
    const outcomes = await Promise.allSettled(release.map(untrack));
    for (const [at, { status: outcome }] of outcomes.entries()) {
      if (outcome === 'fulfilled') held.delete(release[at]!.metadata.uid!);
    }
    const next: Loose = { ...now.status };
    settle(next, held);
    const finished = full ? undefined : enact(work, next);
    now = await writeStatus(client, jobs, jobResource, now, next);
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed) throw failed.reason;
    if (now && finished) tellFinished(now, finished);
  }

  /** The pods that may go now, entered in the list of those to be counted; and whether more are left for the next look. */
  function gather(work: Work): [KubeObject[], boolean] {
    const { job, status, finish } = work;
    const uncounted: Loose = { ...status.uncountedTerminatedPods };
    const release: KubeObject[] = [];
    const failing = finish !== undefined && finish.type !== 'SuccessCriteriaMet';
    for (const pod of work.pods.filter(isHeld)) {
      const uid = pod.metadata.uid!;
      const failed = hasFailed(job, pod);
      const succeeded = pod.status?.phase === 'Succeeded';
      const over = !!job.metadata.deletionTimestamp || finish !== undefined || succeeded;
      if (!over && (!failed || work.awaited.get(indexOf(pod)) === pod)) continue;
      release.push(pod);
      const wasFailed = uncounted.failed?.includes(uid);
      if (succeeded && !wasFailed) {
        if (!isIndexed(job) && !uncounted.succeeded?.includes(uid))
          uncounted.succeeded = [...(uncounted.succeeded ?? []), uid];
      } else if ((failed || failing) && !wasFailed && hasValidIndex(job, pod) && failureAction(job, pod) !== 'Ignore') {
        uncounted.failed = [...(uncounted.failed ?? []), uid];
      }
      if (release.length >= burst) break;
    }
    status.uncountedTerminatedPods = uncounted;
    return [release, release.length >= burst];
  }

  /** The last word on a job, once all its pods are counted and gone. */
  function enact(work: Work, status: Loose): Condition | undefined {
    if (!work.finish || Object.keys(status.uncountedTerminatedPods).length > 0 || status.terminating > 0)
      return undefined;
    const type = work.finish.type === 'SuccessCriteriaMet' ? 'Complete' : 'Failed';
    const condition = jobCondition(clock, type, work.finish.reason ?? '', work.finish.message ?? '');
    ensureCondition(status, condition);
    if (type === 'Complete') status.completionTime = condition.lastTransitionTime;
    return condition;
  }

  function tellFinished(job: KubeObject, { type, reason = '', message = '' }: Condition): void {
    if (type === 'Failed') return void recorder.event(job, 'Warning', reason, message);
    if (job.spec.completions !== undefined && (job.status.succeeded ?? 0) > job.spec.completions) {
      const text = 'Too many succeeded pods running after completion count reached';
      void recorder.event(job, 'Warning', 'TooManySucceededPods', text);
    }
    void recorder.event(job, 'Normal', 'Completed', 'Job completed');
  }

  async function untrack(pod: KubeObject): Promise<void> {
    const { name, namespace, uid } = pod.metadata;
    if (!isHeld(pod)) return;
    released.add(uid!);
    try {
      const patch = { metadata: { '$deleteFromPrimitiveList/finalizers': [trackingFinalizer] } };
      const now = await client.patch(podResource, name!, namespace, 'strategic', patch);
      if (!now.metadata.deletionTimestamp) pods.observe(now);
    } catch (error) {
      if (isNotFound(error)) return;
      released.delete(uid!);
      throw error;
    }
  }

  /** Pods whose job is gone for good keep nothing that would hold them. */
  async function freeOrphans(namespace: string, name: string): Promise<void> {
    const orphans = pods.list(namespace).filter((pod) => {
      const owner = controllerOf(pod);
      return isTracked(pod) && (!owner || (owner.kind === 'Job' && owner.name === name));
    });
    await Promise.all(orphans.map(untrack));
  }
}
