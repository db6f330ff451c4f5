import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import {
  alreadyExists,
  type ControllerContext,
  createController,
  isNotFound,
  keyOf,
  namespaceTerminating,
  splitKey,
} from './context.ts';
import { parseSchedule, type Schedule, zonedStamp } from './cron-schedule.ts';
import { isFinishedJob } from './job-status.ts';
import { controllerOf, controllerReference } from './references.ts';
import { cronJobs as cronResource, jobs as jobResource } from './resources.ts';
import { writeStatus } from './status.ts';

/** Makes a job whenever a schedule says so. https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ */
export function startCronJobs(context: ControllerContext): void {
  const { clock } = context;
  const { client, recorder, queue: makeQueue } = createController(context, 'cronjob-controller');
  const crons = context.informer(cronResource);
  const jobs = context.informer(jobResource);
  jobs.index('cron', (job) => {
    const owner = controllerOf(job);
    return owner?.kind === 'CronJob' ? owner.uid : undefined;
  });
  const queue = makeQueue(sync, { spacing: 50 });
  /** Schedules run on a time that skips move on; what they have started stays known by it. */
  const started = new Map<string, number>();

  crons.on((now, before) => {
    if (!now) started.delete(before!.metadata.uid!);
    else if (!before) meet(now);
    queue.add(keyOf((now ?? before)!));
  });
  jobs.on((now, before) => {
    const job = (now ?? before)!;
    const owner = controllerOf(job);
    if (owner?.kind === 'CronJob') queue.add(`${job.metadata.namespace}/${owner.name}`);
  });

  /** Timestamps tell seconds; whether a CronJob was made before or after a skip of this second is seen only now. */
  function meet({ metadata }: KubeObject): void {
    const since = clock.now().getTime() - Date.parse(metadata.creationTimestamp ?? '');
    if (since < 2000) started.set(metadata.uid!, clock.calendar().getTime() - since);
  }

  async function sync(key: string): Promise<void> {
    await Promise.all([crons.synced, jobs.synced]);
    const [namespace, name] = splitKey(key);
    const cron = crons.get(name, namespace);
    if (!cron) return;
    const mine = jobs.by('cron', cron.metadata.uid!);
    const status: Loose = { ...cron.status, active: [...(cron.status?.active ?? [])] };
    followActive(cron, status, mine);
    await tidy(cron, mine);
    let error: unknown;
    if (!cron.metadata.deletionTimestamp && !cron.spec.suspend) {
      try {
        await run(key, cron, status, mine);
      } catch (reason) {
        error = reason;
      }
    }
    if (status.active.length === 0) delete status.active;
    await writeStatus(
      client,
      crons,
      cronResource,
      cron,
      cron.status || Object.keys(status).length > 0 ? status : undefined,
    );
    if (error) throw error;
  }

  function followActive(cron: KubeObject, status: Loose, mine: KubeObject[]): void {
    for (const job of mine) {
      const finished = isFinishedJob(job);
      const active = status.active.some((entry: Loose) => entry.uid === job.metadata.uid);
      if (!active && !finished) {
        const message = `Saw a job that the controller did not create or forgot: ${job.metadata.name}`;
        void recorder.event(cron, 'Warning', 'UnexpectedJob', message);
      }
      if (active && finished) {
        status.active = status.active.filter((entry: Loose) => entry.uid !== job.metadata.uid);
        const message = `Saw completed job: ${job.metadata.name}, condition: ${finished.type}`;
        void recorder.event(cron, 'Normal', 'SawCompletedJob', message);
      }
      if (finished?.type === 'Complete' && job.status.completionTime) {
        if (!status.lastSuccessfulTime || status.lastSuccessfulTime < job.status.completionTime) {
          status.lastSuccessfulTime = job.status.completionTime;
        }
      }
    }
    const known = new Set(mine.map((job) => job.metadata.uid));
    for (const entry of status.active as Loose[]) {
      if (known.has(entry.uid)) continue;
      void recorder.event(cron, 'Normal', 'MissingJob', `Active job went missing: ${entry.name}`);
    }
    status.active = status.active.filter((entry: Loose) => known.has(entry.uid));
  }

  /** Keeps as many finished jobs as the history's limits say. */
  async function tidy(cron: KubeObject, mine: KubeObject[]): Promise<void> {
    for (const [type, limit] of [
      ['Complete', cron.spec.successfulJobsHistoryLimit],
      ['Failed', cron.spec.failedJobsHistoryLimit],
    ] as const) {
      if (limit === undefined) continue;
      const finished = mine.filter((job) => isFinishedJob(job)?.type === type && !job.metadata.deletionTimestamp);
      finished.sort(byStart);
      for (const job of finished.slice(0, Math.max(0, finished.length - limit))) await remove(cron, job);
    }
  }

  async function remove(cron: KubeObject, job: KubeObject): Promise<void> {
    try {
      const options = { propagationPolicy: 'Background' as const };
      await client.delete(jobResource, job.metadata.name!, job.metadata.namespace, options);
      void recorder.event(cron, 'Normal', 'SuccessfulDelete', `Deleted job ${job.metadata.name}`);
    } catch (error) {
      if (isNotFound(error)) return;
      void recorder.event(cron, 'Warning', 'FailedDelete', `Deleted job: ${(error as Error).message}`);
      throw error;
    }
  }

  function scheduleOf(cron: KubeObject): Schedule | undefined {
    const { schedule, timeZone } = cron.spec;
    try {
      return parseSchedule(schedule, timeZone);
    } catch (error) {
      if (error instanceof RangeError) {
        const message = `invalid timeZone: "${timeZone}": unknown time zone ${timeZone}`;
        void recorder.event(cron, 'Warning', 'UnknownTimeZone', message);
      } else {
        const message = `unparseable schedule: "${schedule}" : ${(error as Error).message}`;
        void recorder.event(cron, 'Warning', 'UnparseableSchedule', message);
      }
      return undefined;
    }
  }

  async function run(key: string, cron: KubeObject, status: Loose, mine: KubeObject[]): Promise<void> {
    const schedule = scheduleOf(cron);
    if (!schedule) return;
    const now = clock.calendar();
    const next = schedule.next(now);
    // A little late rather than a moment early.
    if (next) queue.addAfter(key, next.getTime() - now.getTime() + 50);
    let due: Date | undefined;
    try {
      due = lastDue(cron, schedule, now);
    } catch (error) {
      const message = `invalid schedule: ${cron.spec.schedule} : ${(error as Error).message}`;
      void recorder.event(cron, 'Warning', 'InvalidSchedule', message);
      return;
    }
    if (!due) return;
    const deadline: number | undefined = cron.spec.startingDeadlineSeconds;
    if (deadline !== undefined && due.getTime() + deadline * 1000 < now.getTime()) {
      const message = `Missed scheduled time to start a job: ${due.toUTCString().replace('GMT', '+0000')}`;
      void recorder.event(cron, 'Warning', 'MissSchedule', message);
      return;
    }
    const { concurrencyPolicy } = cron.spec;
    if (concurrencyPolicy === 'Forbid' && status.active.length > 0) {
      const message = 'Not starting job because prior execution is running and concurrency policy is Forbid';
      void recorder.event(cron, 'Normal', 'JobAlreadyActive', message);
      return;
    }
    if (concurrencyPolicy === 'Replace') {
      for (const entry of status.active as Loose[]) {
        const job = mine.find((candidate) => candidate.metadata.uid === entry.uid);
        if (job) await remove(cron, job);
      }
      status.active = [];
    }
    await start(cron, status, due);
  }

  /** The latest time that has come since the last start. Throws when the schedule has no times. */
  function lastDue(cron: KubeObject, schedule: Schedule, now: Date): Date | undefined {
    const { lastScheduleTime } = cron.status ?? {};
    const last = started.get(cron.metadata.uid!);
    let from = last ?? now.getTime() - clock.since(lastScheduleTime ?? cron.metadata.creationTimestamp);
    const deadline: number | undefined = cron.spec.startingDeadlineSeconds;
    if (deadline !== undefined) from = Math.max(from, now.getTime() - deadline * 1000);
    const first = schedule.next(new Date(from));
    const second = first && schedule.next(first);
    if (!first || !second) throw new Error('time difference between two schedules is less than 1 second');
    if (now < first) return undefined;
    if (now < second) return first;
    // After a long sleep the latest is found from nearby, not by counting every minute of it.
    const step = Math.max(1000, Math.round((second.getTime() - first.getTime()) / 1000) * 1000);
    const missed = Math.floor((now.getTime() - first.getTime()) / step) + 1;
    let due: Date | undefined;
    let time = schedule.next(new Date(first.getTime() + (missed - 2) * step));
    for (; time && time <= now; time = schedule.next(time)) due = time;
    if (due && missed > 100) {
      const message = 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew';
      void recorder.event(cron, 'Warning', 'TooManyMissedTimes', message);
    }
    return due;
  }

  async function start(cron: KubeObject, status: Loose, due: Date): Promise<void> {
    const template = cron.spec.jobTemplate;
    const time = new Date(Math.min(due.getTime(), clock.now().getTime()));
    const stamp = time.toISOString().replace(/\.\d+Z$/, 'Z');
    const annotations = {
      ...template.metadata?.annotations,
      'batch.kubernetes.io/cronjob-scheduled-timestamp': zonedStamp(time, cron.spec.timeZone),
    };
    const { name, namespace, uid } = cron.metadata;
    const object: KubeObject = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: {
        name: `${name}-${Math.floor(due.getTime() / 60_000)}`,
        namespace: namespace!,
        ...(template.metadata?.labels && { labels: template.metadata.labels }),
        annotations,
        ownerReferences: [controllerReference(cron)],
      },
      spec: template.spec,
    };
    let job: KubeObject;
    try {
      job = await client.create(jobResource, object);
      void recorder.event(cron, 'Normal', 'SuccessfulCreate', `Created job ${job.metadata.name}`);
    } catch (error) {
      if (namespaceTerminating(error)) return;
      if (!alreadyExists(error)) {
        void recorder.event(cron, 'Warning', 'FailedCreate', `Error creating job: ${(error as Error).message}`);
        throw error;
      }
      job = await client.get(jobResource, object.metadata.name!, namespace);
      started.set(uid!, due.getTime());
      if (controllerOf(job)?.uid !== uid) return;
      if (status.active.some((entry: Loose) => entry.uid === job.metadata.uid) || isFinishedJob(job)) return;
    }
    jobs.observe(job);
    started.set(uid!, due.getTime());
    status.active.push({
      apiVersion: 'batch/v1',
      kind: 'Job',
      name: job.metadata.name,
      namespace: job.metadata.namespace,
      uid: job.metadata.uid,
      resourceVersion: job.metadata.resourceVersion,
    });
    status.lastScheduleTime = stamp;
  }
}

function byStart(a: KubeObject, b: KubeObject): number {
  const [first, second]: (string | undefined)[] = [a.status?.startTime, b.status?.startTime];
  if (first === second) return (a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1;
  if (!first || !second) return first ? -1 : 1;
  return first < second ? -1 : 1;
}
