import { isDeepStrictEqual } from 'node:util';
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
import { scaled } from './deployment-scale.ts';
import { followPods } from './owned-pods.ts';
import { isAvailable, isFinished, isReady, nextAvailableIn } from './pods.ts';
import { claim } from './references.ts';
import { controllerRevisions, pods as podResource, statefulSets } from './resources.ts';
import { type Revisions, syncRevisions, templateOf, trimRevisions } from './revisions.ts';
import { createStatefulPods, ordinalOf, revisionLabel, statefulPod } from './stateful-pods.ts';

/** Pods with names that stay. https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/ */
export function startStatefulSets(context: ControllerContext): void {
  const { age } = context;
  const controller = createController(context, 'statefulset-controller');
  const { client } = controller;
  const sets = context.informer(statefulSets);
  const pods = context.informer(podResource);
  const history = context.informer(controllerRevisions);
  const members = createStatefulPods(context, controller);
  const queue = controller.queue(sync, { spacing: 10 });
  sets.on((now, before) => queue.add(keyOf((now ?? before)!)));
  followPods(context, queue, 'StatefulSet', (namespace) => sets.list(namespace));

  const terminating = (pod: KubeObject) => !!pod.metadata.deletionTimestamp || members.isLeaving(pod);
  const healthy = (set: KubeObject, pod: KubeObject) =>
    pod.status?.phase === 'Running' && isAvailable(pod, set.spec.minReadySeconds ?? 0, age) && !terminating(pod);

  async function sync(key: string): Promise<void> {
    await Promise.all([sets.synced, pods.synced, history.synced]);
    const [namespace, name] = splitKey(key);
    const set = sets.get(name, namespace);
    if (!set) return;
    const mine = await claim({
      client,
      informer: pods,
      resource: podResource,
      owner: set,
      selector: set.spec.selector,
      adoptable: (pod) => ordinalOf(set, pod) >= 0,
    });
    const revisions = await syncRevisions(client, history, set, set.status?.collisionCount ?? 0);
    const current = revisions.all.find((one) => one.metadata.name === set.status?.currentRevision) ?? revisions.update;
    let failure: unknown;
    if (!set.metadata.deletionTimestamp) {
      try {
        await arrange(set, mine, revisions, current);
      } catch (error) {
        if (!namespaceTerminating(error) && !alreadyExists(error)) failure = error;
      }
    }
    const now = pods.by('controller', set.metadata.uid!);
    await report(set, now, revisions, current);
    const live = new Set([current.metadata.name!, revisions.update.metadata.name!]);
    for (const pod of now) live.add(pod.metadata.labels?.[revisionLabel] ?? '');
    await trimRevisions(client, revisions.all, live, set.spec.revisionHistoryLimit ?? 10);
    if (failure) throw failure;
    wake(key, set, now);
  }

  async function arrange(
    set: KubeObject,
    mine: KubeObject[],
    revisions: Revisions,
    current: KubeObject,
  ): Promise<void> {
    const start: number = set.spec.ordinals?.start ?? 0;
    const replicas: number = set.spec.replicas ?? 1;
    const ordered = set.spec.podManagementPolicy !== 'Parallel';
    const byOrdinal = new Map(mine.map((pod) => [ordinalOf(set, pod), pod]));
    const condemned = mine
      .filter((pod) => ordinalOf(set, pod) < start || ordinalOf(set, pod) >= start + replicas)
      .sort((a, b) => ordinalOf(set, b) - ordinalOf(set, a));
    const ordinals = Array.from({ length: replicas }, (_, index) => start + index);

    if (ordered) {
      for (const ordinal of ordinals) {
        if (await settle(set, byOrdinal.get(ordinal), ordinal, revisions, current)) return;
      }
    } else {
      const outcomes = await Promise.allSettled(
        ordinals.map((ordinal) => settle(set, byOrdinal.get(ordinal), ordinal, revisions, current)),
      );
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failed) throw failed.reason;
    }

    const sick = mine.filter((pod) => !healthy(set, pod)).sort((a, b) => ordinalOf(set, a) - ordinalOf(set, b))[0];
    for (const pod of condemned) {
      await members.retain(set, pod, true);
      if (terminating(pod)) {
        if (ordered) return;
        continue;
      }
      // The one not ready goes before others lose a healthy pod too.
      if (ordered && sick && !healthy(set, pod) && sick !== pod) return;
      await members.remove(set, pod);
      if (ordered) return;
    }
    await update(
      set,
      ordinals.map((ordinal) => byOrdinal.get(ordinal)),
      revisions,
    );
  }

  /** Brings one ordinal to life; true when the next must wait for it. */
  async function settle(
    set: KubeObject,
    pod: KubeObject | undefined,
    ordinal: number,
    revisions: Revisions,
    current: KubeObject,
  ): Promise<boolean> {
    if (pod && isFinished(pod)) {
      if (!terminating(pod)) await members.remove(set, pod);
      return true;
    }
    if (!pod) {
      const revision = revisionFor(set, ordinal, revisions, current);
      const fresh = statefulPod(set, templateOf(revision), revision.metadata.name!, ordinal);
      await members.create(set, fresh, ordinal);
      return true;
    }
    if (pod.status?.phase === 'Pending' && !terminating(pod)) {
      await members.ensureClaims(set, pod.metadata.name!, ordinal);
    }
    await members.retain(set, pod, false);
    return !healthy(set, pod);
  }

  /** Below the partition, or not yet reached by the update, pods are made as they were. */
  function revisionFor(set: KubeObject, ordinal: number, revisions: Revisions, current: KubeObject): KubeObject {
    const strategy = set.spec.updateStrategy;
    if (strategy?.type !== 'RollingUpdate') return revisions.update;
    const start: number = set.spec.ordinals?.start ?? 0;
    const old = strategy.rollingUpdate
      ? ordinal < start + (strategy.rollingUpdate.partition ?? 0)
      : ordinal < start + (set.status?.currentReplicas ?? 0);
    return old ? current : revisions.update;
  }

  /** Replaces pods of an older revision, from the highest ordinal down. */
  async function update(set: KubeObject, replicas: (KubeObject | undefined)[], revisions: Revisions): Promise<void> {
    if (set.spec.updateStrategy?.type !== 'RollingUpdate') return;
    const rolling = set.spec.updateStrategy.rollingUpdate ?? {};
    const most = Math.max(1, scaled(rolling.maxUnavailable ?? 1, replicas.length, true));
    let spare = most - replicas.filter((pod) => !pod || !healthy(set, pod)).length;
    const partition: number = rolling.partition ?? 0;
    for (let at = replicas.length - 1; at >= partition && spare > 0; at--) {
      const pod = replicas[at];
      if (!pod || terminating(pod)) continue;
      if (pod.metadata.labels?.[revisionLabel] === revisions.update.metadata.name) continue;
      await members.remove(set, pod);
      spare -= 1;
    }
  }

  async function report(set: KubeObject, mine: KubeObject[], revisions: Revisions, current: KubeObject): Promise<void> {
    const minReady: number = set.spec.minReadySeconds ?? 0;
    const update = revisions.update.metadata.name!;
    const running = mine.filter((pod) => pod.status?.phase === 'Running' && isReady(pod));
    const available = running.filter((pod) => isAvailable(pod, minReady, age));
    const of = (revision: string) =>
      mine.filter((pod) => !terminating(pod) && pod.metadata.labels?.[revisionLabel] === revision).length;
    let currentName = current.metadata.name!;
    let currentCount = of(currentName);
    const done = of(update) === mine.length && running.length === mine.length;
    if (set.spec.updateStrategy?.type === 'RollingUpdate' && done && mine.length === (set.spec.replicas ?? 1)) {
      currentName = update;
      currentCount = of(update);
    }
    const status: Loose = {
      observedGeneration: set.metadata.generation,
      replicas: mine.length,
      availableReplicas: available.length,
      currentRevision: currentName,
      updateRevision: update,
      collisionCount: revisions.collisions,
    };
    if (running.length > 0) status.readyReplicas = running.length;
    if (currentCount > 0) status.currentReplicas = currentCount;
    if (of(update) > 0) status.updatedReplicas = of(update);
    if (set.status?.conditions) status.conditions = set.status.conditions;
    if (isDeepStrictEqual(status, set.status)) return;
    try {
      sets.observe(await client.update(statefulSets, { ...set, status }, 'status'));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  function wake(key: string, set: KubeObject, mine: KubeObject[]): void {
    const next = nextAvailableIn(mine, set.spec.minReadySeconds ?? 0, age);
    if (next !== undefined) queue.addAfter(key, next + 1);
  }
}
