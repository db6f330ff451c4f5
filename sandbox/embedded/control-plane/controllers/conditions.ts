import type { Loose } from '../../../../kubernetes/object.ts';

export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
  lastUpdateTime?: string;
  lastProbeTime?: string;
}

export function conditionOf(object: Loose, type: string): Loose {
  return (object.status?.conditions ?? []).find((condition: Loose) => condition.type === type);
}

/** The list with this condition set: moved to the end when it is new or changed, its transition time kept when the status stays. */
export function withCondition(conditions: Loose[], next: Condition): Loose[] {
  const before = conditions.find((condition) => condition.type === next.type);
  if (before && before.status === next.status && before.reason === next.reason) return conditions;
  const set = { ...next };
  if (before && before.status === next.status && before.lastTransitionTime) {
    set.lastTransitionTime = before.lastTransitionTime;
  }
  return [...withoutCondition(conditions, next.type), set];
}

export function withoutCondition(conditions: Loose[], type: string): Loose[] {
  return conditions.filter((condition) => condition.type !== type);
}
