import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { Clock } from '../../clock.ts';
import { type Condition, conditionOf, withCondition, withoutCondition } from './conditions.ts';
import { type Age, timestamp } from './context.ts';
import { fences, total, totalOf } from './deployment-scale.ts';

const forever = 2_147_483_647;

export function hasDeadline(deployment: KubeObject): boolean {
  const deadline = deployment.spec.progressDeadlineSeconds;
  return deadline !== undefined && deadline !== forever;
}

export function complete(deployment: KubeObject, status: Loose): boolean {
  const replicas: number = deployment.spec.replicas;
  return (
    (status?.updatedReplicas ?? 0) === replicas &&
    (status?.replicas ?? 0) === replicas &&
    (status?.availableReplicas ?? 0) === replicas &&
    (status?.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

export function deploymentCondition(
  clock: Clock,
  type: string,
  status: Condition['status'],
  reason: string,
  message: string,
): Condition {
  const now = timestamp(clock);
  return { type, status, lastUpdateTime: now, lastTransitionTime: now, reason, message };
}

/** What the ReplicaSets add up to, with the condition Available. */
export function statusOf(
  deployment: KubeObject,
  all: KubeObject[],
  newest: KubeObject | undefined,
  clock: Clock,
): Loose {
  const available = totalOf(all, 'availableReplicas');
  const status: Loose = { observedGeneration: deployment.metadata.generation };
  const counts: Record<string, number> = {
    replicas: totalOf(all, 'replicas'),
    updatedReplicas: newest ? totalOf([newest], 'replicas') : 0,
    readyReplicas: totalOf(all, 'readyReplicas'),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, total(all) - available),
  };
  for (const [field, count] of Object.entries(counts)) if (count > 0) status[field] = count;
  if (all.every((set) => set.status?.terminatingReplicas !== undefined || !set.status?.observedGeneration)) {
    status.terminatingReplicas = totalOf(all, 'terminatingReplicas');
  }
  if (deployment.status?.collisionCount !== undefined) status.collisionCount = deployment.status.collisionCount;
  const enough = available >= deployment.spec.replicas - fences(deployment).unavailable;
  const condition = enough
    ? deploymentCondition(
        clock,
        'Available',
        'True',
        'MinimumReplicasAvailable',
        'Deployment has minimum availability.',
      )
    : deploymentCondition(
        clock,
        'Available',
        'False',
        'MinimumReplicasUnavailable',
        'Deployment does not have minimum availability.',
      );
  status.conditions = withCondition(deployment.status?.conditions ?? [], condition);
  return status;
}

/** Adds the conditions Progressing and ReplicaFailure. https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status */
export function rolloutStatus(
  deployment: KubeObject,
  all: KubeObject[],
  newest: KubeObject | undefined,
  clock: Clock,
  age: Age,
): Loose {
  const status = statusOf(deployment, all, newest, clock);
  const before = conditionOf(deployment, 'Progressing');
  const subject = newest ? `ReplicaSet "${newest.metadata.name}"` : `Deployment "${deployment.metadata.name}"`;
  if (!hasDeadline(deployment)) status.conditions = withoutCondition(status.conditions, 'Progressing');
  const settled =
    (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && before?.reason === 'NewReplicaSetAvailable';
  if (hasDeadline(deployment) && !settled) {
    if (complete(deployment, status)) {
      const message = `${subject} has successfully progressed.`;
      const condition = deploymentCondition(clock, 'Progressing', 'True', 'NewReplicaSetAvailable', message);
      status.conditions = withCondition(status.conditions, condition);
    } else if (progressed(deployment.status ?? {}, status)) {
      const message = `${subject} is progressing.`;
      const condition = deploymentCondition(clock, 'Progressing', 'True', 'ReplicaSetUpdated', message);
      if (before?.status === 'True') condition.lastTransitionTime = before.lastTransitionTime;
      // Set anew although the reason may be the same: lastUpdateTime is what the deadline counts from.
      status.conditions = [...withoutCondition(status.conditions, 'Progressing'), condition];
    } else if (timedOut(deployment, before, age)) {
      const message = `${subject} has timed out progressing.`;
      const condition = deploymentCondition(clock, 'Progressing', 'False', 'ProgressDeadlineExceeded', message);
      status.conditions = withCondition(status.conditions, condition);
    }
  }
  const failure = [newest, ...all]
    .map((set) => set && conditionOf(set, 'ReplicaFailure'))
    .find((condition) => condition !== undefined);
  status.conditions = failure
    ? withCondition(status.conditions, {
        type: 'ReplicaFailure',
        status: failure.status,
        lastUpdateTime: failure.lastTransitionTime,
        lastTransitionTime: failure.lastTransitionTime,
        reason: failure.reason,
        message: failure.message,
      })
    : withoutCondition(status.conditions, 'ReplicaFailure');
  return status;
}

function progressed(before: Loose, now: Loose): boolean {
  const old = (status: Loose) => (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  const grew = (field: string) => (now[field] ?? 0) > (before[field] ?? 0);
  return grew('updatedReplicas') || old(now) < old(before) || grew('readyReplicas') || grew('availableReplicas');
}

function timedOut(deployment: KubeObject, condition: Loose, age: Age): boolean {
  if (!condition || condition.reason === 'NewReplicaSetAvailable') return false;
  if (condition.reason === 'ProgressDeadlineExceeded') return true;
  return deadlineIn(deployment, condition, age) < 0;
}

/** Milliseconds until lack of progress is a failure. */
export function deadlineIn(deployment: KubeObject, condition: Loose, age: Age): number {
  return deployment.spec.progressDeadlineSeconds * 1000 - age(condition.lastUpdateTime);
}
