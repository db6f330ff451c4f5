import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { tolerates, unschedulableTaint, wantsNode } from '../scheduler/predicates.ts';
import {
  type ControllerContext,
  createController,
  isNotFound,
  keyOf,
  namespaceTerminating,
  splitKey,
} from './context.ts';
import { scaled } from './deployment-scale.ts';
import { createOwnedPods, followPods, inWaves } from './owned-pods.ts';
import { podFromTemplate } from './pod-template.ts';
import { isAvailable, isFinished, isReady, nextAvailableIn } from './pods.ts';
import { claim } from './references.ts';
import { controllerRevisions, daemonSets, nodes as nodeResource, pods as podResource } from './resources.ts';
import { revisionHash, syncRevisions, trimRevisions } from './revisions.ts';

const hashLabel = 'controller-revision-hash';
const generationLabel = 'pod-template-generation';
const generationAnnotation = 'deprecated.daemonset.template.generation';

/** Daemons stay on nodes in trouble. https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/#taints-and-tolerations */
const ownTolerations: Loose[] = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: unschedulableTaint, operator: 'Exists', effect: 'NoSchedule' },
];
const networkToleration = { key: 'node.kubernetes.io/network-unavailable', operator: 'Exists', effect: 'NoSchedule' };

/** One pod on every node that qualifies. https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/ */
export function startDaemonSets(context: ControllerContext): void {
  const { age } = context;
  const controller = createController(context, 'daemon-set-controller', 'daemonset-controller');
  const { client, recorder } = controller;
  const sets = context.informer(daemonSets);
  const pods = context.informer(podResource);
  const nodes = context.informer(nodeResource);
  const history = context.informer(controllerRevisions);
  const owned = createOwnedPods(context, controller);
  const queue = controller.queue(sync, { spacing: 20, retry: { first: 50, longest: 60_000 } });
  sets.on((now, before) => queue.add(keyOf((now ?? before)!)));
  followPods(context, queue, 'DaemonSet', (namespace) => sets.list(namespace));
  nodes.on((now, before) => {
    const view = (node: KubeObject) => [node.metadata.labels, node.spec?.taints, node.spec?.unschedulable];
    if (now && before && isDeepStrictEqual(view(now), view(before))) return;
    for (const set of sets.list()) queue.add(keyOf(set));
  });

  function placed(set: KubeObject, node: KubeObject): { run: boolean; stay: boolean } {
    const { template } = set.spec;
    const tolerations = [...(template.spec.tolerations ?? []), ...ownTolerations];
    if (!wantsNode({ spec: template.spec } as KubeObject, node)) return { run: false, stay: false };
    const taints = [...(node.spec?.taints ?? [])];
    const untolerated = taints.filter((taint) => !tolerates(tolerations, taint));
    const repelled = untolerated.some((taint) => taint.effect === 'NoExecute');
    const blocked = untolerated.some((taint) => taint.effect === 'NoSchedule');
    return { run: !repelled && !blocked, stay: !repelled };
  }

  async function sync(key: string): Promise<void> {
    await Promise.all([sets.synced, pods.synced, nodes.synced, history.synced]);
    const [namespace, name] = splitKey(key);
    const set = sets.get(name, namespace);
    if (!set || set.metadata.deletionTimestamp) return;
    const mine = await claim({
      client,
      informer: pods,
      resource: podResource,
      owner: set,
      selector: set.spec.selector,
    });
    const revisions = await syncRevisions(client, history, set, set.status?.collisionCount ?? 0);
    const hash = revisionHash(revisions.update);
    const byNode = new Map<string, KubeObject[]>();
    for (const pod of mine) {
      const node = nodeOf(pod);
      if (node) byNode.set(node, [...(byNode.get(node) ?? []), pod]);
    }
    let failure: unknown;
    try {
      await arrange(set, byNode, hash);
      await roll(set, byNode, hash);
    } catch (error) {
      if (!namespaceTerminating(error)) failure = error;
    }
    const live = new Set([revisions.update.metadata.name!, hash]);
    for (const pod of mine) live.add(pod.metadata.labels?.[hashLabel] ?? '');
    await trimRevisions(client, revisions.all, live, set.spec.revisionHistoryLimit ?? 10);
    await report(set, hash, revisions.collisions);
    if (failure) throw failure;
    wake(key, set, mine);
  }

  async function arrange(set: KubeObject, byNode: Map<string, KubeObject[]>, hash: string): Promise<void> {
    const missing: string[] = [];
    const doomed: KubeObject[] = [];
    for (const node of nodes.list()) {
      const { run, stay } = placed(set, node);
      const here = (byNode.get(node.metadata.name!) ?? []).filter((pod) => !isGoing(pod));
      const alive: KubeObject[] = [];
      for (const pod of here) {
        if (!isFinished(pod)) {
          alive.push(pod);
          continue;
        }
        doomed.push(pod);
        const place = `${pod.metadata.namespace}/${pod.metadata.name} on node ${node.metadata.name}, will try to kill it`;
        if (pod.status.phase === 'Failed') {
          void recorder.event(set, 'Warning', 'FailedDaemonPod', `Found failed daemon pod ${place}`);
        } else void recorder.event(set, 'Normal', 'SucceededDaemonPod', `Found succeeded daemon pod ${place}`);
      }
      const going = (byNode.get(node.metadata.name!)?.length ?? 0) > alive.length;
      if (!stay) doomed.push(...alive);
      else if (run && alive.length === 0 && !going) missing.push(node.metadata.name!);
      else doomed.push(...alive.sort((a, b) => (created(a) < created(b) ? -1 : 1)).slice(1));
    }
    for (const [node, list] of byNode) if (!nodes.get(node)) doomed.push(...list.filter((pod) => !isGoing(pod)));
    const { error } = await inWaves(missing.length, (at) => owned.create(set, daemonPod(set, missing[at]!, hash)));
    const outcomes = await Promise.allSettled(doomed.map((pod) => owned.remove(set, pod)));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (error || failed) throw error ?? failed!.reason;
  }

  const isGoing = (pod: KubeObject): boolean => !!pod.metadata.deletionTimestamp || owned.isLeaving(pod);

  /** Replaces pods of older templates, no more at once than may be unavailable. */
  async function roll(set: KubeObject, byNode: Map<string, KubeObject[]>, hash: string): Promise<void> {
    if (set.spec.updateStrategy?.type !== 'RollingUpdate') return;
    const wanted = nodes.list().filter((node) => placed(set, node).run);
    const rolling = set.spec.updateStrategy.rollingUpdate ?? {};
    const most = Math.max(1, scaled(rolling.maxUnavailable ?? 1, wanted.length, true));
    const minReady: number = set.spec.minReadySeconds ?? 0;
    let unavailable = 0;
    const sick: KubeObject[] = [];
    const old: KubeObject[] = [];
    for (const node of wanted) {
      const pod = (byNode.get(node.metadata.name!) ?? []).find((candidate) => !isGoing(candidate));
      const available = pod && isAvailable(pod, minReady, age);
      if (!available) unavailable += 1;
      if (!pod || pod.metadata.labels?.[hashLabel] === hash) continue;
      (available ? old : sick).push(pod);
    }
    const doomed = [...sick, ...old.slice(0, Math.max(0, most - unavailable))];
    await Promise.all(doomed.map((pod) => owned.remove(set, pod)));
  }

  async function report(set: KubeObject, hash: string, collisions: number): Promise<void> {
    const minReady: number = set.spec.minReadySeconds ?? 0;
    const counts = { desired: 0, scheduled: 0, misplaced: 0, ready: 0, available: 0, updated: 0 };
    const byNode = new Map<string, KubeObject[]>();
    for (const pod of pods.by('controller', set.metadata.uid!)) {
      if (isGoing(pod)) continue;
      const node = nodeOf(pod);
      if (node) byNode.set(node, [...(byNode.get(node) ?? []), pod]);
    }
    for (const node of nodes.list()) {
      const here = byNode.get(node.metadata.name!) ?? [];
      if (!placed(set, node).run) {
        if (here.length > 0) counts.misplaced += 1;
        continue;
      }
      counts.desired += 1;
      const pod = here.sort((a, b) => (created(a) < created(b) ? -1 : 1))[0];
      if (!pod) continue;
      counts.scheduled += 1;
      if (isReady(pod)) counts.ready += 1;
      if (isAvailable(pod, minReady, age)) counts.available += 1;
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
    if (isDeepStrictEqual(status, set.status)) return;
    try {
      sets.observe(await client.update(daemonSets, { ...set, status }, 'status'));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  function wake(key: string, set: KubeObject, mine: KubeObject[]): void {
    const next = nextAvailableIn(mine, set.spec.minReadySeconds ?? 0, age);
    if (next !== undefined) queue.addAfter(key, next + 1);
  }
}

const created = (pod: KubeObject): string => pod.metadata.creationTimestamp ?? '';

/** Where a daemon pod is, or is meant to be. */
function nodeOf(pod: KubeObject): string | undefined {
  if (pod.spec.nodeName) return pod.spec.nodeName;
  const terms = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  for (const term of terms ?? []) {
    for (const field of term.matchFields ?? []) if (field.key === 'metadata.name') return field.values?.[0];
  }
  return undefined;
}

function daemonPod(set: KubeObject, node: string, hash: string): KubeObject {
  const { template } = set.spec;
  const pod = podFromTemplate(template, set);
  const generation = set.metadata.annotations?.[generationAnnotation];
  pod.metadata.labels = {
    ...pod.metadata.labels,
    [hashLabel]: hash,
    ...(generation && { [generationLabel]: generation }),
  };
  const affinity = template.spec.affinity ?? {};
  const selection = { matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] };
  const tolerations: Loose[] = [...(template.spec.tolerations ?? [])];
  for (const toleration of [...ownTolerations, ...(template.spec.hostNetwork ? [networkToleration] : [])]) {
    if (!tolerations.some((held) => isDeepStrictEqual(held, toleration))) tolerations.push(toleration);
  }
  pod.spec = {
    ...template.spec,
    affinity: {
      ...affinity,
      nodeAffinity: {
        ...affinity.nodeAffinity,
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [selection] },
      },
    },
    tolerations,
  };
  return pod;
}
