import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { Clock } from '../../clock.ts';
import { type Condition, conditionOf } from './conditions.ts';
import { timestamp } from './context.ts';

export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';
export const indexAnnotation = 'batch.kubernetes.io/job-completion-index';

export function isFinishedJob(job: KubeObject): Loose {
  return ['Complete', 'Failed'].map((type) => conditionOf(job, type)).find((condition) => condition?.status === 'True');
}

export function jobCondition(clock: Clock, type: string, reason: string, message: string): Condition {
  const now = timestamp(clock);
  return { type, status: 'True', lastProbeTime: now, lastTransitionTime: now, reason, message };
}

export const isIndexed = (job: KubeObject): boolean => job.spec.completionMode === 'Indexed';

export function indexOf(pod: KubeObject): number {
  return Number(pod.metadata.annotations?.[indexAnnotation] ?? -1);
}

/** `0-2,4` as numbers. */
export function parseIndexes(text: string | undefined): Set<number> {
  const indexes = new Set<number>();
  for (const part of (text ?? '').split(',')) {
    if (!part) continue;
    const [first, last = first] = part.split('-').map(Number);
    for (let index = first!; index <= last!; index++) indexes.add(index);
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

interface PolicyMatch {
  action: 'FailJob' | 'Ignore' | 'Count' | 'FailIndex';
  message: string;
}

/** The first rule of a pod failure policy that speaks of this failed pod. https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy */
export function policyMatch(job: KubeObject, pod: KubeObject): PolicyMatch | undefined {
  const rules: Loose[] = job.spec.podFailurePolicy?.rules ?? [];
  const statuses: Loose[] = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
  for (const [index, rule] of rules.entries()) {
    const where = `matching ${rule.action} rule at index ${index}`;
    const name = `${pod.metadata.namespace}/${pod.metadata.name}`;
    if (rule.onExitCodes) {
      const { containerName, operator, values } = rule.onExitCodes;
      const hit = statuses.find((status) => {
        const code = status.state?.terminated?.exitCode;
        if (!code || (containerName && status.name !== containerName)) return false;
        return values.includes(code) === (operator === 'In');
      });
      if (hit) {
        const code = hit.state.terminated.exitCode;
        const message = `Container ${hit.name} for pod ${name} failed with exit code ${code} ${where}`;
        return { action: rule.action, message };
      }
    }
    for (const pattern of rule.onPodConditions ?? []) {
      const hit = pod.status?.conditions?.some(
        (condition: Loose) => condition.type === pattern.type && condition.status === (pattern.status ?? 'True'),
      );
      if (hit) return { action: rule.action, message: `Pod ${name} has condition ${pattern.type} ${where}` };
    }
  }
  return undefined;
}
