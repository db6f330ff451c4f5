import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';

/** `25%` of the total, or the number itself. */
export function scaled(value: Loose, total: number, roundUp: boolean): number {
  if (typeof value !== 'string') return value ?? 0;
  const share = (Number.parseInt(value, 10) * total) / 100;
  return roundUp ? Math.ceil(share) : Math.floor(share);
}

/** https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#max-unavailable */
export function fences(deployment: KubeObject): { surge: number; unavailable: number } {
  const rolling = deployment.spec.strategy?.type === 'RollingUpdate';
  const replicas: number = deployment.spec.replicas;
  if (!rolling) return { surge: 0, unavailable: 0 };
  const update = deployment.spec.strategy.rollingUpdate ?? {};
  const surge = scaled(update.maxSurge, replicas, true);
  let unavailable = scaled(update.maxUnavailable, replicas, false);
  // Both may round to nothing, and a rollout could never begin.
  if (surge === 0 && unavailable === 0) unavailable = 1;
  return { surge, unavailable: replicas === 0 ? 0 : Math.min(unavailable, replicas) };
}

export const desiredAnnotation = 'deployment.kubernetes.io/desired-replicas';
export const maxAnnotation = 'deployment.kubernetes.io/max-replicas';

export const sizeOf = (set: KubeObject): number => set.spec.replicas ?? 1;
export const total = (sets: KubeObject[]): number => sets.reduce((sum, set) => sum + sizeOf(set), 0);
export const totalOf = (sets: KubeObject[], field: string): number =>
  sets.reduce((sum, set) => sum + (set.status?.[field] ?? 0), 0);

/** How many the new ReplicaSet may have now. */
export function newSize(deployment: KubeObject, all: KubeObject[], newest: KubeObject): number {
  const replicas: number = deployment.spec.replicas;
  if (deployment.spec.strategy?.type === 'Recreate') return replicas;
  const most = replicas + fences(deployment).surge;
  const current = total(all);
  if (current >= most) return sizeOf(newest);
  return sizeOf(newest) + Math.min(most - current, replicas - sizeOf(newest));
}

export function saturated(deployment: KubeObject, set: KubeObject | undefined): boolean {
  if (!set) return false;
  const replicas: number = deployment.spec.replicas;
  const desired = Number(set.metadata.annotations?.[desiredAnnotation] ?? Number.NaN);
  return sizeOf(set) === replicas && desired === replicas && (set.status?.availableReplicas ?? 0) === replicas;
}

/** The one ReplicaSet with replicas; without any, the newest; with several, none. */
export function activeOrLatest(newest: KubeObject | undefined, old: KubeObject[]): KubeObject | undefined {
  const byAge = [...old].sort(byCreation).reverse();
  const active = [newest, ...byAge].filter((set): set is KubeObject => !!set && sizeOf(set) > 0);
  if (active.length === 0) return newest ?? byAge[0];
  return active.length === 1 ? active[0] : undefined;
}

/** Sizes when a Deployment is scaled in the middle of a rollout: in proportion, leftovers to the largest. https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#proportional-scaling */
export function proportions(deployment: KubeObject, sets: KubeObject[]): Map<KubeObject, number> {
  const replicas: number = deployment.spec.replicas;
  const active = sets.filter((set) => sizeOf(set) > 0);
  const { surge } = fences(deployment);
  const allowed = replicas > 0 ? replicas + surge : 0;
  const toAdd = allowed - total(active);
  const newerFirst = toAdd > 0 ? -1 : 1;
  active.sort((a, b) => sizeOf(b) - sizeOf(a) || newerFirst * byCreation(a, b));
  const sizes = new Map<KubeObject, number>();
  let added = 0;
  for (const set of active) {
    let share = 0;
    if (toAdd !== 0 && toAdd !== added) {
      const fraction = fractionOf(deployment, set, surge);
      share = toAdd > 0 ? Math.min(fraction, toAdd - added) : Math.max(fraction, toAdd - added);
    }
    sizes.set(set, sizeOf(set) + share);
    added += share;
  }
  const largest = active[0];
  if (largest && toAdd !== 0) sizes.set(largest, Math.max(0, sizes.get(largest)! + toAdd - added));
  return sizes;
}

function fractionOf(deployment: KubeObject, set: KubeObject, surge: number): number {
  const replicas: number = deployment.spec.replicas;
  if (replicas === 0) return -sizeOf(set);
  const before = Number(set.metadata.annotations?.[maxAnnotation]) || (deployment.status?.replicas ?? 0);
  if (before === 0) return 0;
  const size = (sizeOf(set) * (replicas + surge)) / before;
  // Half away from zero, as Go rounds.
  return Math.sign(size) * Math.round(Math.abs(size)) - sizeOf(set);
}

export function byCreation(a: KubeObject, b: KubeObject): number {
  const [first, second] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  if (first === second) return (a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1;
  return first < second ? -1 : 1;
}
