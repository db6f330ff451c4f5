import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { createRecorder } from '../../client/recorder.ts';
import type { Timer } from '../../clock.ts';
import { type ControllerContext, isNotFound, timestamp } from '../controllers/context.ts';
import { isFinished, podCondition } from '../controllers/pods.ts';
import * as resources from '../controllers/resources.ts';
import { type Decision, decide } from './decision.ts';
import { NodeStates } from './node-state.ts';
import { claimsOf, type PodClaims, selectNode } from './pod-volumes.ts';
import { type Candidate, priorityOf } from './preemption.ts';
import { siblingSelector } from './siblings.ts';

const bindings = 64;
/** A pod that fits nowhere is looked at again after this many milliseconds, whatever happens. */
const flush = 300_000;

interface Waiting {
  pod: KubeObject;
  entered: number;
}

/** Gives each pod a node. https://kubernetes.io/docs/concepts/scheduling-eviction/kube-scheduler/ */
export function startScheduler(context: ControllerContext): void {
  const { clock, signal, log } = context;
  const client = context.clientFor('system:kube-scheduler');
  const recorder = createRecorder({ client, clock, component: 'default-scheduler', series: true, log });
  const pods = context.informer(resources.pods);
  const nodes = context.informer(resources.nodes);
  const namespaces = context.informer(resources.namespaces);
  const budgets = context.informer(resources.disruptionBudgets);
  const views = {
    claims: context.informer(resources.claims),
    volumes: context.informer(resources.volumes),
    classes: context.informer(resources.storageClasses),
  };
  const siblings = {
    services: context.informer(resources.services),
    ReplicaSet: context.informer(resources.replicaSets),
    StatefulSet: context.informer(resources.statefulSets),
  };
  const defaultSelector = siblingSelector(siblings);
  const states = new NodeStates();
  const active = new Map<string, Waiting>();
  /** Pods that fit nowhere, until something changes. */
  const parked = new Map<string, Waiting>();
  /** Bound by us, not told by the watch yet. */
  const assumed = new Set<string>();
  /** Where others make room for a pod, by its uid. */
  const nominations = new Map<string, { pod: KubeObject; node: string }>();
  let order = 0;
  let running = 0;
  let planned = false;
  let flushTimer: Timer | undefined;
  signal.addEventListener('abort', () => flushTimer?.cancel());

  nodes.on((now, before) => {
    if (now) states.setNode(now);
    else states.removeNode(before!.metadata.name!);
    if (!now || !before || nodeMatters(now, before)) retry();
  });
  pods.on((now, before) => {
    const pod = (now ?? before)!;
    const uid = pod.metadata.uid!;
    if (!now || isFinished(now)) {
      forget(uid);
      if (states.remove(uid)) retry();
    } else if (now.spec.nodeName) {
      forget(uid);
      const news = !before?.spec.nodeName;
      states.place(now, now.spec.nodeName);
      // A pod elsewhere may be the neighbour another one waits for; so may one whose labels change.
      const renamed = () => !isDeepStrictEqual(now.metadata.labels, before?.metadata.labels);
      if (parked.size > 0 && (news || renamed())) retry();
    } else if (!wanted(now)) forget(uid);
    else if (!assumed.has(uid)) {
      if (now.status?.nominatedNodeName) nominations.set(uid, { pod: now, node: now.status.nominatedNodeName });
      const held = parked.get(uid);
      if (held && before && sameNeeds(now, before)) held.pod = now;
      else {
        parked.delete(uid);
        active.set(uid, { pod: now, entered: active.get(uid)?.entered ?? order++ });
        plan();
      }
    }
  });
  for (const view of Object.values(views)) view.on(() => parked.size > 0 && retry());

  function forget(uid: string): void {
    active.delete(uid);
    parked.delete(uid);
    assumed.delete(uid);
    nominations.delete(uid);
  }

  function retry(): void {
    for (const [uid, waiting] of parked) active.set(uid, waiting);
    parked.clear();
    if (active.size > 0) plan();
  }

  // Everything one burst of events brings is sorted by priority before the first is placed.
  function plan(): void {
    if (planned || signal.aborted) return;
    planned = true;
    const all = [pods, nodes, namespaces, budgets, ...Object.values(views), ...Object.values(siblings)];
    Promise.all(all.map((view) => view.synced)).then(() => {
      planned = false;
      pump();
    });
  }

  function pump(): void {
    const queue = [...active.values()].sort((a, b) => priorityOf(b.pod) - priorityOf(a.pod) || a.entered - b.entered);
    for (const waiting of queue) {
      if (running >= bindings || signal.aborted) return;
      const uid = waiting.pod.metadata.uid!;
      if (!active.delete(uid)) continue;
      running += 1;
      assumed.add(uid);
      place(waiting)
        .catch((error) => {
          assumed.delete(uid);
          states.remove(uid);
          if (isNotFound(error) || signal.aborted) return;
          log(`scheduler: ${waiting.pod.metadata.namespace}/${waiting.pod.metadata.name}: ${error}`);
          parked.set(uid, waiting);
          clock.after(1000, retry);
        })
        .finally(() => {
          running -= 1;
          if (active.size > 0) plan();
        });
    }
  }

  function decisionFor(pod: KubeObject, claims: PodClaims): Decision {
    return decide(pod, {
      states: states.all(),
      claims,
      views,
      defaultSelector,
      namespaceLabels: (name) => namespaces.get(name)?.metadata.labels,
      budgets: () => budgets.list(),
      nominated: (node) => [...nominations.values()].filter((one) => one.node === node).map((one) => one.pod),
      random: context.random,
    });
  }

  async function place(waiting: Waiting): Promise<void> {
    const { pod } = waiting;
    const uid = pod.metadata.uid!;
    const claims = claimsOf(pod, views);
    const decision = decisionFor(pod, claims);
    if (!('node' in decision)) return park(waiting, decision);
    const { node } = decision;
    // Counted at once, so that the next pod sees what is left.
    states.place(pod, node);
    if (claims.waiting.length > 0) {
      await selectNode(client, views, claims.waiting, nodes.get(node)!);
      states.remove(uid);
      assumed.delete(uid);
      // Comes back when its claims are bound.
      if (claimsOf(pod, views).waiting.length > 0) parked.set(uid, waiting);
      else active.set(uid, waiting);
      return;
    }
    const { name, namespace } = pod.metadata;
    await client.createSubresource(resources.pods, name!, namespace, 'binding', {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name, namespace, uid },
      target: { apiVersion: 'v1', kind: 'Node', name: node },
    });
    nominations.delete(uid);
    const message = `Successfully assigned ${namespace}/${name} to ${node}`;
    void recorder.event(pod, 'Normal', 'Scheduled', message, { action: 'Binding' });
  }

  async function park(waiting: Waiting, { message, room, lost }: Exclude<Decision, { node: string }>): Promise<void> {
    const { pod } = waiting;
    const uid = pod.metadata.uid!;
    assumed.delete(uid);
    parked.set(uid, waiting);
    flushTimer ??= clock.after(flush, () => {
      flushTimer = undefined;
      retry();
    });
    const nominated: string | undefined = pod.status?.nominatedNodeName;
    let place = nominated;
    if (room) {
      place = room.node;
      // At once, so that no other pod is given the room.
      nominations.set(uid, { pod, node: room.node });
    } else if (lost && nominated) {
      place = undefined;
      nominations.delete(uid);
    }
    const before = podCondition(pod, 'PodScheduled');
    const said = before?.status === 'False' && before.message === message;
    if (!said) void recorder.event(pod, 'Warning', 'FailedScheduling', message, { action: 'Scheduling' });
    if (!said || place !== nominated) {
      const condition: Loose = {
        type: 'PodScheduled',
        status: 'False',
        reason: 'Unschedulable',
        message,
        lastProbeTime: null,
        lastTransitionTime: before?.status === 'False' ? before.lastTransitionTime : timestamp(clock),
        observedGeneration: pod.metadata.generation,
      };
      const nomination = place === nominated ? {} : { nominatedNodeName: place ?? null };
      await writeStatus(pod, { conditions: [condition], ...nomination });
    }
    if (room) await makeRoom(pod, room);
  }

  async function writeStatus(pod: KubeObject, status: Loose): Promise<void> {
    const { name, namespace, uid } = pod.metadata;
    const patch = { metadata: { uid }, status };
    const now = await client.patch(resources.pods, name!, namespace, 'strategic', patch, { subresource: 'status' });
    const held = parked.get(uid!);
    if (held) held.pod = now;
    pods.observe(now);
  }

  /** https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/#preemption */
  async function makeRoom(pod: KubeObject, { node, victims }: Candidate): Promise<void> {
    for (const [uid, nomination] of nominations) {
      if (nomination.node !== node || priorityOf(nomination.pod) >= priorityOf(pod)) continue;
      nominations.delete(uid);
      await writeStatus(nomination.pod, { nominatedNodeName: null }).catch(ignoreGone);
    }
    await Promise.all(victims.filter((victim) => !victim.metadata.deletionTimestamp).map((victim) => end(victim)));

    async function end(victim: KubeObject): Promise<void> {
      const { name, namespace, uid } = victim.metadata;
      const condition: Loose = {
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'PreemptionByScheduler',
        message: `${pod.spec.schedulerName}: preempting to accommodate a higher priority pod`,
        lastProbeTime: null,
        lastTransitionTime: timestamp(clock),
        observedGeneration: victim.metadata.generation,
      };
      try {
        await writeStatus(victim, { conditions: [condition] });
        await client.delete(resources.pods, name!, namespace, { preconditions: { uid: uid! } });
      } catch (error) {
        return ignoreGone(error);
      }
      const message = `Preempted by pod ${pod.metadata.uid} on node ${node}`;
      void recorder.event(victim, 'Normal', 'Preempted', message, { action: 'Preempting', related: pod });
    }
  }
}

function ignoreGone(error: unknown): void {
  if (!isNotFound(error)) throw error;
}

function wanted(pod: KubeObject): boolean {
  return (
    (pod.spec.schedulerName ?? 'default-scheduler') === 'default-scheduler' &&
    !pod.metadata.deletionTimestamp &&
    !pod.spec.schedulingGates?.length
  );
}

function sameNeeds(now: KubeObject, before: KubeObject): boolean {
  return JSON.stringify([now.spec, now.metadata.labels]) === JSON.stringify([before.spec, before.metadata.labels]);
}

/** Heartbeats alone open no place. */
function nodeMatters(now: KubeObject, before: KubeObject): boolean {
  const view = ({ metadata, spec, status }: KubeObject) =>
    JSON.stringify([metadata.labels, spec.taints, spec.unschedulable, status?.allocatable]);
  return view(now) !== view(before);
}
