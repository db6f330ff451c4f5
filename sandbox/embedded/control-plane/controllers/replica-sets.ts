import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { withCondition, withoutCondition } from './conditions.ts';
import {
  type ControllerContext,
  createController,
  isNotFound,
  keyOf,
  namespaceTerminating,
  splitKey,
  timestamp,
} from './context.ts';
import { podFromTemplate } from './pod-template.ts';
import { availableIn, byDeletion, isActive, isAvailable, isReady, isTerminating } from './pods.ts';
import { claim, controllerOf, matches } from './references.ts';
import { pods as podResource, replicaSets } from './resources.ts';

const burst = 500;

/** Keeps as many pods as each ReplicaSet asks for. https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/ */
export function startReplicaSets(context: ControllerContext): void {
  const { clock } = context;
  const { client, recorder, queue: makeQueue } = createController(context, 'replicaset-controller');
  const sets = context.informer(replicaSets);
  const pods = context.informer(podResource);
  /** Pods whose deletion was asked for and not told yet. */
  const leaving = new Set<string>();
  const queue = makeQueue(sync, { spacing: 10 });

  sets.on((now, before) => queue.add(keyOf((now ?? before)!)));
  pods.on((now, before) => {
    const pod = (now ?? before)!;
    if (!now || now.metadata.deletionTimestamp) leaving.delete(pod.metadata.uid!);
    for (const version of [now, before]) {
      const owner = version && controllerOf(version);
      if (owner?.kind === 'ReplicaSet') queue.add(`${pod.metadata.namespace}/${owner.name}`);
    }
    // An orphan may be adopted, but only when it, its labels or its owner have changed.
    if (now && !controllerOf(now) && isActive(now)) {
      if (before && before.metadata.labels === now.metadata.labels && !controllerOf(before)) return;
      for (const set of sets.list(now.metadata.namespace)) {
        if (matches(set.spec.selector, now.metadata.labels)) queue.add(keyOf(set));
      }
    }
  });

  async function sync(key: string): Promise<void> {
    const [namespace, name] = splitKey(key);
    const set = sets.get(name, namespace);
    if (!set) return;
    await Promise.all([sets.synced, pods.synced]);
    const claimed = await claim({
      client,
      informer: pods,
      resource: podResource,
      owner: set,
      selector: set.spec.selector,
      adoptable: isActive,
    });
    let active = claimed.filter((pod) => isActive(pod) && !leaving.has(pod.metadata.uid!));
    let failure: { reason: string; error: unknown } | undefined;
    if (!set.metadata.deletionTimestamp) {
      const result = await manage(set, active);
      active = result.active;
      failure = result.failure;
    }
    const terminating = claimed.filter((pod) => isTerminating(pod) || leaving.has(pod.metadata.uid!)).length;
    await report(sets.get(name, namespace) ?? set, active, terminating, failure);
    if (failure && !namespaceTerminating(failure.error)) throw failure.error;
    wake(key, set, active);
  }

  async function manage(set: KubeObject, active: KubeObject[]) {
    const wanted: number = set.spec.replicas ?? 1;
    let failure: { reason: string; error: unknown } | undefined;
    if (active.length < wanted) {
      const made: KubeObject[] = [];
      const missing = Math.min(wanted - active.length, burst);
      // Waves double as long as all goes well, so that a template nobody accepts costs one refusal.
      for (let wave = 1; made.length < missing && !failure; wave *= 2) {
        const size = Math.min(wave, missing - made.length);
        const outcomes = await Promise.allSettled(Array.from({ length: size }, () => create(set)));
        for (const outcome of outcomes) {
          if (outcome.status === 'fulfilled') made.push(outcome.value);
          else failure = { reason: 'FailedCreate', error: outcome.reason };
        }
      }
      return { active: [...active, ...made], failure };
    }
    if (active.length > wanted) {
      const doomed = choose(set, active, Math.min(active.length - wanted, burst));
      const outcomes = await Promise.allSettled(doomed.map((pod) => remove(set, pod)));
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failed) failure = { reason: 'FailedDelete', error: failed.reason };
      return { active: active.filter((pod) => !leaving.has(pod.metadata.uid!)), failure };
    }
    return { active, failure };
  }

  async function create(set: KubeObject): Promise<KubeObject> {
    try {
      const pod = await client.create(podResource, podFromTemplate(set.spec.template, set));
      pods.observe(pod);
      void recorder.event(set, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`);
      return pod;
    } catch (error) {
      if (!namespaceTerminating(error)) {
        void recorder.event(set, 'Warning', 'FailedCreate', `Error creating: ${(error as Error).message}`);
      }
      throw error;
    }
  }

  function choose(set: KubeObject, active: KubeObject[], count: number): KubeObject[] {
    if (count >= active.length) return active;
    const related = new Map<string, number>();
    const owner = controllerOf(set)?.uid;
    for (const other of owner ? sets.list(set.metadata.namespace) : [set]) {
      if (owner && controllerOf(other)?.uid !== owner) continue;
      for (const pod of pods.by('controller', other.metadata.uid!)) {
        if (isActive(pod)) related.set(pod.spec.nodeName, (related.get(pod.spec.nodeName) ?? 0) + 1);
      }
    }
    const rank = (pod: KubeObject) => related.get(pod.spec.nodeName) ?? 0;
    return [...active].sort((a, b) => byDeletion(a, b, rank, clock)).slice(0, count);
  }

  async function remove(set: KubeObject, pod: KubeObject): Promise<void> {
    const { name, namespace, uid } = pod.metadata;
    leaving.add(uid!);
    try {
      await client.delete(podResource, name!, namespace, { preconditions: { uid: uid! } });
      void recorder.event(set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
    } catch (error) {
      leaving.delete(uid!);
      if (isNotFound(error)) return;
      void recorder.event(set, 'Warning', 'FailedDelete', `Error deleting: ${(error as Error).message}`);
      throw error;
    }
  }

  async function report(
    set: KubeObject,
    active: KubeObject[],
    terminating: number,
    failure: { reason: string; error: unknown } | undefined,
  ): Promise<void> {
    const minReady: number = set.spec.minReadySeconds ?? 0;
    const labels = set.spec.template.metadata?.labels ?? {};
    const ready = active.filter(isReady);
    const status: Loose = {
      replicas: active.length,
      terminatingReplicas: terminating,
      observedGeneration: set.metadata.generation,
    };
    const count = (field: string, value: number) => {
      if (value > 0) status[field] = value;
    };
    count(
      'fullyLabeledReplicas',
      active.filter((pod) => Object.entries(labels).every(([key, value]) => pod.metadata.labels?.[key] === value))
        .length,
    );
    count('readyReplicas', ready.length);
    count('availableReplicas', ready.filter((pod) => isAvailable(pod, minReady, clock)).length);
    let conditions: Loose[] = set.status?.conditions ?? [];
    if (failure) {
      conditions = withCondition(conditions, {
        type: 'ReplicaFailure',
        status: 'True',
        reason: failure.reason,
        message: (failure.error as Error).message,
        lastTransitionTime: timestamp(clock),
      });
    } else conditions = withoutCondition(conditions, 'ReplicaFailure');
    if (conditions.length > 0) status.conditions = conditions;
    if (isDeepStrictEqual(status, set.status)) return;
    try {
      sets.observe(await client.update(replicaSets, { ...set, status }, 'status'));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /** Time alone makes a ready pod available. */
  function wake(key: string, set: KubeObject, active: KubeObject[]): void {
    const minReady: number = set.spec.minReadySeconds ?? 0;
    if (minReady === 0) return;
    let next = Infinity;
    for (const pod of active) {
      if (!isReady(pod)) continue;
      const wait = availableIn(pod, minReady, clock);
      if (wait > 0) next = Math.min(next, wait);
    }
    if (next < Infinity) queue.addAfter(key, next + 1);
  }
}
