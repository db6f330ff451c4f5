import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { Clock } from '../../clock.ts';
import { hasValidIndex, indexAnnotation, indexOf, isIndexed } from './job-indexes.ts';
import { trackingFinalizer } from './job-status.ts';
import { podFromTemplate } from './pod-template.ts';
import { byDeletion } from './pods.ts';

/** Names are cut so that the suffix of five fits into a label. */
const longestPrefix = 58;

/** At least `least` active pods, those first that have done least; of an indexed job all second pods of an index and those of none. */
export function superfluous(job: KubeObject, active: KubeObject[], least: number, clock: Clock): KubeObject[] {
  const doomed = new Set<KubeObject>();
  const sorted = [...active].sort((a, b) => byDeletion(a, b, () => 0, clock));
  if (isIndexed(job)) {
    const seen = new Set<number>();
    for (const pod of sorted.toReversed()) {
      if (!hasValidIndex(job, pod) || seen.has(indexOf(pod))) doomed.add(pod);
      seen.add(indexOf(pod));
    }
  }
  for (const pod of sorted) {
    if (doomed.size >= least) break;
    doomed.add(pod);
  }
  return [...doomed];
}

/** The lowest indexes that are not taken. */
export function freeIndexes(completions: number, taken: Set<number>, most: number): number[] {
  const free: number[] = [];
  for (let index = 0; index < completions && free.length < most; index++) if (!taken.has(index)) free.push(index);
  return free;
}

/** A pod of the job, held by a finalizer until it is counted. */
export function jobPod(job: KubeObject, index?: number, annotations: Record<string, string> = {}): KubeObject {
  const pod = podFromTemplate(job.spec.template, job);
  const finalizers: string[] = pod.metadata.finalizers ?? [];
  pod.metadata.finalizers = finalizers.includes(trackingFinalizer) ? finalizers : [...finalizers, trackingFinalizer];
  if (index === undefined) return pod;
  const suffix = `-${index}-`;
  pod.metadata.annotations = { ...pod.metadata.annotations, [indexAnnotation]: String(index), ...annotations };
  pod.metadata.labels = { ...pod.metadata.labels, [indexAnnotation]: String(index) };
  pod.metadata.generateName = `${job.metadata.name!.slice(0, longestPrefix - suffix.length)}${suffix}`;
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
