import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import {
  alreadyExists,
  type ControllerContext,
  createController,
  keyOf,
  namespaceTerminating,
  splitKey,
} from './context.ts';
import { followPods } from './owned-pods.ts';
import { isAvailable, isFinished, isReady, wakeWhenAvailable } from './pods.ts';
import { claim } from './references.ts';
import { controllerRevisions, pods as podResource, statefulSets } from './resources.ts';
import { type Revisions, syncRevisions, templateOf, trimRevisions } from './revisions.ts';
import { createStatefulPods, ordinalOf, revisionLabel, statefulPod } from './stateful-pods.ts';
import { writeStatus } from './status.ts';

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
    wakeWhenAvailable(queue, key, set, now, age);
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

    const broken = mine.filter((pod) => !healthy(set, pod)).sort((a, b) => ordinalOf(set, a) - ordinalOf(set, b));
    const sick = broken.find((pod) => !condemned.includes(pod)) ?? broken[0];
    for (const pod of condemned) await members.retain(set, pod, true);
    for (const pod of condemned) {
      if (terminating(pod)) {
        if (ordered) return;
        continue;
      }
      // The one not ready goes before others lose a healthy pod too.
      if (ordered && !healthy(set, pod) && sick !== pod) return;
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
      // Claims that go with a pod scaled down must be gone before one of the same name comes.
      if (members.hasStaleClaim(set, ordinal)) {
        queue.addAfter(keyOf(set), 200);
        return true;
      }
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

  /** Replaces pods of an older revision one by one, from the highest ordinal down. */
  async function update(set: KubeObject, replicas: (KubeObject | undefined)[], revisions: Revisions): Promise<void> {
    if (set.spec.updateStrategy?.type !== 'RollingUpdate') return;
    const partition: number = set.spec.updateStrategy.rollingUpdate?.partition ?? 0;
    for (const pod of replicas.slice(partition).reverse()) {
      if (!pod) return;
      const current = pod.metadata.labels?.[revisionLabel] === revisions.update.metadata.name;
      if (!current && !terminating(pod)) return members.remove(set, pod);
      if (!healthy(set, pod)) return;
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
    await writeStatus(client, sets, statefulSets, set, status);
  }
}
