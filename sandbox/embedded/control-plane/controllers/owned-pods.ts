import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { WorkQueue } from '../../client/work-queue.ts';
import { type Controller, type ControllerContext, isNotFound, keyOf, namespaceTerminating } from './context.ts';
import { isActive } from './pods.ts';
import { controllerOf, matches } from './references.ts';
import { pods as podResource } from './resources.ts';

/** Makes and deletes the pods of one loop's objects, tells of it, and sees its own writes at once. */
export interface OwnedPods {
  create(owner: KubeObject, pod: KubeObject): Promise<KubeObject>;
  remove(owner: KubeObject, pod: KubeObject): Promise<void>;
  /** Whether its deletion was asked for and not told yet. */
  isLeaving(pod: KubeObject): boolean;
}

export function createOwnedPods(context: ControllerContext, { client, recorder }: Controller): OwnedPods {
  const pods = context.informer(podResource);
  const leaving = new Set<string>();
  pods.on((now, before) => {
    if (!now || now.metadata.deletionTimestamp) leaving.delete((now ?? before)!.metadata.uid!);
  });
  return {
    isLeaving: (pod) => leaving.has(pod.metadata.uid!),
    async create(owner, pod) {
      try {
        const made = await client.create(podResource, pod);
        pods.observe(made);
        void recorder.event(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${made.metadata.name}`);
        return made;
      } catch (error) {
        if (!namespaceTerminating(error)) {
          void recorder.event(owner, 'Warning', 'FailedCreate', `Error creating: ${(error as Error).message}`);
        }
        throw error;
      }
    },
    async remove(owner, pod) {
      const { name, namespace, uid } = pod.metadata;
      leaving.add(uid!);
      try {
        await client.delete(podResource, name!, namespace, { preconditions: { uid: uid! } });
        void recorder.event(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
      } catch (error) {
        leaving.delete(uid!);
        if (isNotFound(error)) return;
        void recorder.event(owner, 'Warning', 'FailedDelete', `Error deleting: ${(error as Error).message}`);
        throw error;
      }
    },
  };
}

/** Adds the key of the object that controls a changed pod, or that could adopt it. */
export function followPods(
  context: ControllerContext,
  queue: WorkQueue,
  kind: string,
  candidates: (namespace: string) => KubeObject[],
  selectorOf: (owner: KubeObject) => Loose = ({ spec }) => spec.selector,
): void {
  context.informer(podResource).on((now, before) => {
    for (const version of [now, before]) {
      const owner = version && controllerOf(version);
      if (owner?.kind === kind) queue.add(`${version!.metadata.namespace}/${owner.name}`);
    }
    // An orphan may be adopted, but only when it, its labels or its owner have changed.
    if (!now || controllerOf(now) || !isActive(now)) return;
    if (before && before.metadata.labels === now.metadata.labels && !controllerOf(before)) return;
    for (const owner of candidates(now.metadata.namespace!)) {
      if (matches(selectorOf(owner), now.metadata.labels)) queue.add(keyOf(owner));
    }
  });
}

/** Calls `make` so often, in waves that double as long as all goes well: what nobody accepts costs one refusal. */
export async function inWaves<T>(
  count: number,
  make: (index: number) => Promise<T>,
): Promise<{ made: T[]; error?: unknown }> {
  const made: T[] = [];
  for (let wave = 1; made.length < count; wave *= 2) {
    const start = made.length;
    const size = Math.min(wave, count - start);
    const outcomes = await Promise.allSettled(Array.from({ length: size }, (_, index) => make(start + index)));
    for (const outcome of outcomes) if (outcome.status === 'fulfilled') made.push(outcome.value);
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed) return { made, error: failed.reason };
  }
  return { made };
}
