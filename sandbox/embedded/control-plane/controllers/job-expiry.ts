import { type ControllerContext, createController, isNotFound, keyOf, splitKey } from './context.ts';
import { isFinishedJob } from './job-status.ts';
import { jobs as jobResource } from './resources.ts';

/** Deletes jobs some time after they have ended. https://kubernetes.io/docs/concepts/workloads/controllers/ttlafterfinished/ */
export function startJobExpiry(context: ControllerContext): void {
  const { client, queue: makeQueue } = createController(context, 'ttl-after-finished-controller');
  const jobs = context.informer(jobResource);
  const queue = makeQueue(async (key) => {
    const [namespace, name] = splitKey(key);
    const job = jobs.get(name, namespace);
    const finished = job && !job.metadata.deletionTimestamp && isFinishedJob(job);
    if (!finished || job.spec.ttlSecondsAfterFinished === undefined) return;
    const left = job.spec.ttlSecondsAfterFinished * 1000 - context.age(finished.lastTransitionTime);
    if (left > 0) return queue.addAfter(key, left + 1);
    const options = { propagationPolicy: 'Foreground' as const, preconditions: { uid: job.metadata.uid! } };
    await client.delete(jobResource, name, namespace, options).catch((error) => {
      if (!isNotFound(error)) throw error;
    });
  });
  jobs.on((now) => {
    if (now?.spec.ttlSecondsAfterFinished !== undefined && isFinishedJob(now)) queue.add(keyOf(now));
  });
}
