import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { Clock } from '../../clock.ts';
import { indexAnnotation, indexOf, isIndexed, trackingFinalizer } from './job-status.ts';
import { podFromTemplate } from './pod-template.ts';
import { byDeletion } from './pods.ts';

/** Active pods beyond what is wanted; of an indexed job also second pods of an index and those of finished ones. */
export function superfluous(
  job: KubeObject,
  active: KubeObject[],
  done: Set<number>,
  wanted: number,
  clock: Clock,
): KubeObject[] {
  const doomed = new Set<KubeObject>();
  const sorted = [...active].sort((a, b) => byDeletion(a, b, () => 0, clock));
  if (isIndexed(job)) {
    const seen = new Set<number>();
    for (const pod of [...sorted].reverse()) {
      const index = indexOf(pod);
      if (index < 0 || index >= job.spec.completions || done.has(index) || seen.has(index)) doomed.add(pod);
      seen.add(index);
    }
  }
  for (const pod of sorted) {
    if (active.length - doomed.size <= wanted) break;
    doomed.add(pod);
  }
  return [...doomed];
}

/** The lowest indexes that have neither succeeded nor a pod. */
export function freeIndexes(job: KubeObject, active: KubeObject[], done: Set<number>, most: number): number[] {
  const taken = new Set(active.map(indexOf));
  const free: number[] = [];
  for (let index = 0; index < job.spec.completions && free.length < most; index++) {
    if (!taken.has(index) && !done.has(index)) free.push(index);
  }
  return free;
}

/** A pod of the job, held by a finalizer until it is counted. */
export function jobPod(job: KubeObject, index: number | undefined): KubeObject {
  const pod = podFromTemplate(job.spec.template, job);
  pod.metadata.finalizers = [...(pod.metadata.finalizers ?? []), trackingFinalizer];
  if (index === undefined) return pod;
  pod.metadata.annotations = { ...pod.metadata.annotations, [indexAnnotation]: String(index) };
  pod.metadata.labels = { ...pod.metadata.labels, [indexAnnotation]: String(index) };
  pod.metadata.generateName = `${job.metadata.name}-${index}-`;
  const variable = {
    name: 'JOB_COMPLETION_INDEX',
    valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: `metadata.labels['${indexAnnotation}']` } },
  };
  const withIndex = (containers: Loose[] | undefined) =>
    containers?.map((container) =>
      container.env?.some((entry: Loose) => entry.name === variable.name)
        ? container
        : { ...container, env: [...(container.env ?? []), variable] },
    );
  const spec: Loose = { ...pod.spec, containers: withIndex(pod.spec.containers) };
  if (spec.initContainers) spec.initContainers = withIndex(spec.initContainers);
  spec.hostname = `${job.metadata.name}-${index}`;
  pod.spec = spec;
  return pod;
}
