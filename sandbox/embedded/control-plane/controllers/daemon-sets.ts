import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { type ControllerContext, createController, keyOf, namespaceTerminating, splitKey } from './context.ts';
import { byNode, daemonPod, hashLabel, placement } from './daemon-pods.ts';
import { limitsOf, nextStep } from './daemon-rollout.ts';
import { createOwnedPods, followPods, inWaves } from './owned-pods.ts';
import { isAvailable, isFinished, isReady, wakeWhenAvailable } from './pods.ts';
import { claim } from './references.ts';
import { controllerRevisions, daemonSets, nodes as nodeResource, pods as podResource } from './resources.ts';
import { revisionHash, syncRevisions, trimRevisions } from './revisions.ts';
import { writeStatus } from './status.ts';

/** Between two deletions of failed pods on one node, in milliseconds: doubled each time. */
const backoff = { first: 1000, longest: 900_000 };

/** One pod on every node that qualifies. https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/ */
export function startDaemonSets(context: ControllerContext): void {
  const { age, clock } = context;
  const controller = createController(context, 'daemon-set-controller', 'daemonset-controller');
  const { client, recorder } = controller;
  const sets = context.informer(daemonSets);
  const pods = context.informer(podResource);
  const nodes = context.informer(nodeResource);
  const history = context.informer(controllerRevisions);
  const owned = createOwnedPods(context, controller);
  const queue = controller.queue(sync, { spacing: 20, retry: { first: 50, longest: 60_000 } });
  /** By set, its generation and node: how long the next failed pod stays, and since when. */
  const failures = new Map<string, { delay: number; at: number }>();

  sets.on((now, before) => queue.add(keyOf((now ?? before)!)));
  followPods(context, queue, 'DaemonSet', (namespace) => sets.list(namespace));
  nodes.on((now, before) => {
    const view = (node: KubeObject) => [node.metadata.labels, node.spec?.taints, node.spec?.unschedulable];
    if (now && before && isDeepStrictEqual(view(now), view(before))) return;
    for (const set of sets.list()) queue.add(keyOf(set));
  });

  const isGoing = (pod: KubeObject): boolean => !!pod.metadata.deletionTimestamp || owned.isLeaving(pod);
  const availableIn = (set: KubeObject) => (pod: KubeObject) => isAvailable(pod, set.spec.minReadySeconds ?? 0, age);
  const wantedNodes = (set: KubeObject): Set<string> =>
    new Set(
      nodes
        .list()
        .filter((node) => placement(set, node).run)
        .map((node) => node.metadata.name!),
    );

  async function sync(key: string): Promise<void> {
    await Promise.all([sets.synced, pods.synced, nodes.synced, history.synced]);
    const [namespace, name] = splitKey(key);
    const set = sets.get(name, namespace);
    if (!set) return;
    if (Object.keys(set.spec.selector ?? {}).length === 0) {
      const message = 'This daemon set is selecting all pods. A non-empty selector is required.';
      return void recorder.event(set, 'Warning', 'SelectingAll', message);
    }
    if (set.metadata.deletionTimestamp) return;
    const mine = await claim({
      client,
      informer: pods,
      resource: podResource,
      owner: set,
      selector: set.spec.selector,
    });
    const revisions = await syncRevisions(client, history, set, set.status?.collisionCount ?? 0);
    const hash = revisionHash(revisions.update);
    let failure: unknown;
    try {
      await arrange(set, byNode(mine), hash);
      await roll(set, hash);
    } catch (error) {
      if (!namespaceTerminating(error)) failure = error;
    }
    const live = new Set([revisions.update.metadata.name!, hash]);
    for (const pod of mine) live.add(pod.metadata.labels?.[hashLabel] ?? '');
    await trimRevisions(client, revisions.all, live, set.spec.revisionHistoryLimit ?? 10);
    await report(sets.get(name, namespace) ?? set, hash, revisions.collisions);
    if (failure) throw failure;
    wakeWhenAvailable(queue, key, set, mine, age);
  }

  /** One pod where there should be one, none where none should be. */
  async function arrange(set: KubeObject, pods: Map<string, KubeObject[]>, hash: string): Promise<void> {
    const missing: string[] = [];
    const doomed: KubeObject[] = [];
    const surging = limitsOf(set, nodes.list().length).surge > 0;
    for (const node of nodes.list()) {
      const name = node.metadata.name!;
      const { run, stay } = placement(set, node);
      const here = pods.get(name) ?? [];
      const standing = here.filter((pod) => !isGoing(pod));
      if (!stay) {
        doomed.push(...standing);
        continue;
      }
      const alive = standing.filter((pod) => !isFinished(pod));
      doomed.push(...standing.filter((pod) => isFinished(pod) && mayClear(set, name, pod)));
      if (run && (surging ? alive.length === 0 : here.length === 0)) missing.push(name);
      doomed.push(...(surging ? outdone(set, alive, hash) : alive.slice(1)));
    }
    for (const [node, here] of pods) if (!nodes.get(node)) doomed.push(...here.filter((pod) => !isGoing(pod)));
    await carryOut(set, missing, doomed, hash);
  }

  /** Tells of a pod that has ended; one that fails again and again is left for a while. */
  function mayClear(set: KubeObject, node: string, pod: KubeObject): boolean {
    const about = `daemon pod ${pod.metadata.namespace}/${pod.metadata.name} on node ${node}, will try to`;
    if (pod.status.phase !== 'Failed') {
      void recorder.event(set, 'Normal', 'SucceededDaemonPod', `Found succeeded ${about} delete it`);
      return true;
    }
    const key = `${set.metadata.uid}/${set.status?.observedGeneration ?? 0}/${node}`;
    const held = failures.get(key);
    const passed = held ? clock.monotonic() - held.at : Infinity;
    if (held && passed < held.delay) {
      queue.addAfter(keyOf(set), held.delay - passed + 1);
      return false;
    }
    // What went well for long is forgotten.
    const again = held && passed < 2 * backoff.longest ? Math.min(backoff.longest, held.delay * 2) : backoff.first;
    failures.set(key, { delay: again, at: clock.monotonic() });
    void recorder.event(set, 'Warning', 'FailedDaemonPod', `Found failed ${about} kill it`);
    return true;
  }

  /** In a surge a node has an old and a new pod as long as the old one is ready and the new one not yet available. */
  function outdone(set: KubeObject, alive: KubeObject[], hash: string): KubeObject[] {
    if (alive.length < 2) return [];
    const isFresh = (pod: KubeObject) => pod.metadata.labels?.[hashLabel] === hash;
    const fresh = alive.find(isFresh);
    const old = alive.find((pod) => !isFresh(pod));
    const done = fresh && old && (!isReady(old) || availableIn(set)(fresh));
    return alive.filter((pod) => (pod !== fresh && pod !== old) || (pod === old && done));
  }

  /** Replaces pods of older templates. */
  async function roll(set: KubeObject, hash: string): Promise<void> {
    if (set.spec.updateStrategy?.type !== 'RollingUpdate') return;
    const wanted = wantedNodes(set);
    const here = byNode(pods.by('controller', set.metadata.uid!).filter((pod) => !isGoing(pod)));
    for (const node of wanted) if (!here.has(node)) here.set(node, []);
    const { doomed, surging } = nextStep({ set, hash, pods: here, wanted, isAvailable: availableIn(set) });
    await carryOut(set, surging, doomed, hash);
  }

  async function carryOut(set: KubeObject, missing: string[], doomed: KubeObject[], hash: string): Promise<void> {
    const { error } = await inWaves(missing.length, (at) => owned.create(set, daemonPod(set, missing[at]!, hash)));
    const outcomes = await Promise.allSettled(doomed.map((pod) => owned.remove(set, pod)));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (error || failed) throw error ?? failed!.reason;
  }

  async function report(set: KubeObject, hash: string, collisions: number): Promise<void> {
    const counts = { desired: 0, scheduled: 0, misplaced: 0, ready: 0, available: 0, updated: 0 };
    const placed = byNode(pods.by('controller', set.metadata.uid!).filter((pod) => !owned.isLeaving(pod)));
    for (const node of nodes.list()) {
      const pod = placed.get(node.metadata.name!)?.[0];
      if (!placement(set, node).run) {
        if (pod) counts.misplaced += 1;
        continue;
      }
      counts.desired += 1;
      if (!pod) continue;
      counts.scheduled += 1;
      if (isReady(pod)) counts.ready += 1;
      if (availableIn(set)(pod)) counts.available += 1;
      if (pod.metadata.labels?.[hashLabel] === hash) counts.updated += 1;
    }
    const status: Loose = {
      observedGeneration: set.metadata.generation,
      currentNumberScheduled: counts.scheduled,
      numberMisscheduled: counts.misplaced,
      desiredNumberScheduled: counts.desired,
      numberReady: counts.ready,
    };
    if (counts.updated > 0) status.updatedNumberScheduled = counts.updated;
    if (counts.available > 0) status.numberAvailable = counts.available;
    if (counts.desired > counts.available) status.numberUnavailable = counts.desired - counts.available;
    if (collisions > 0) status.collisionCount = collisions;
    if (set.status?.conditions) status.conditions = set.status.conditions;
    await writeStatus(client, sets, daemonSets, set, status);
  }
}
