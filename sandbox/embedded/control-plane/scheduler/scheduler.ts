import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { createRecorder } from '../../client/recorder.ts';
import type { Timer } from '../../clock.ts';
import { type ControllerContext, isNotFound, timestamp } from '../controllers/context.ts';
import { isFinished, podCondition } from '../controllers/pods.ts';
import * as resources from '../controllers/resources.ts';
import { type NodeState, NodeStates } from './node-state.ts';
import { claimsOf, type PodClaims, selectNode, volumeRefusal } from './pod-volumes.ts';
import { explain, type Refusal, refusal, tolerates } from './predicates.ts';
import { requestsOf } from './requests.ts';

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
  const views = {
    claims: context.informer(resources.claims),
    volumes: context.informer(resources.volumes),
    classes: context.informer(resources.storageClasses),
  };
  const states = new NodeStates();
  const active = new Map<string, Waiting>();
  /** Pods that fit nowhere, until something changes. */
  const parked = new Map<string, Waiting>();
  /** Bound by us, not told by the watch yet. */
  const assumed = new Set<string>();
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
      active.delete(uid);
      parked.delete(uid);
      assumed.delete(uid);
      if (states.remove(uid)) retry();
    } else if (now.spec.nodeName) {
      active.delete(uid);
      parked.delete(uid);
      assumed.delete(uid);
      const news = !before?.spec.nodeName;
      states.place(now, now.spec.nodeName);
      // A pod elsewhere may be the neighbour another one waits for.
      if (news && parked.size > 0) retry();
    } else if (wanted(now) && !assumed.has(uid)) {
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

  function retry(): void {
    for (const [uid, waiting] of parked) active.set(uid, waiting);
    parked.clear();
    if (active.size > 0) plan();
  }

  // Everything one burst of events brings is sorted by priority before the first is placed.
  function plan(): void {
    if (planned || signal.aborted) return;
    planned = true;
    const synced = [pods.synced, nodes.synced, ...Object.values(views).map((view) => view.synced)];
    Promise.all(synced).then(() => {
      planned = false;
      pump();
    });
  }

  function pump(): void {
    const queue = [...active.values()].sort(
      (a, b) => (b.pod.spec.priority ?? 0) - (a.pod.spec.priority ?? 0) || a.entered - b.entered,
    );
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

  async function place(waiting: Waiting): Promise<void> {
    const { pod } = waiting;
    const uid = pod.metadata.uid!;
    const claims = claimsOf(pod, views);
    const refusals: Refusal[] = [];
    const fitting: NodeState[] = [];
    if (!claims.problem) {
      for (const state of states.all()) {
        const refused = refusal(pod, state, states.all()) ?? volumeRefusal(state.node, claims, views);
        if (refused) refusals.push(refused);
        else fitting.push(state);
      }
    }
    const best = choose(pod, fitting);
    if (!best) return park(waiting, claims, refusals);
    const node = best.node.metadata.name!;
    // Counted at once, so that the next pod sees what is left.
    states.place(pod, node);
    if (claims.waiting.length > 0) {
      await selectNode(client, views, claims.waiting, node);
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
    const message = `Successfully assigned ${namespace}/${name} to ${node}`;
    void recorder.event(pod, 'Normal', 'Scheduled', message, { action: 'Binding' });
  }

  async function park(waiting: Waiting, claims: PodClaims, refusals: Refusal[]): Promise<void> {
    const { pod } = waiting;
    const uid = pod.metadata.uid!;
    assumed.delete(uid);
    parked.set(uid, waiting);
    flushTimer ??= clock.after(flush, () => {
      flushTimer = undefined;
      retry();
    });
    const message =
      states.size === 0 ? 'no nodes available to schedule pods' : explain(states.size, refusals, claims.problem);
    const before = podCondition(pod, 'PodScheduled');
    if (before?.status === 'False' && before.message === message) return;
    void recorder.event(pod, 'Warning', 'FailedScheduling', message, { action: 'Scheduling' });
    const condition: Loose = {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message,
      lastProbeTime: null,
      lastTransitionTime: before?.status === 'False' ? before.lastTransitionTime : timestamp(clock),
      observedGeneration: pod.metadata.generation,
    };
    const { name, namespace } = pod.metadata;
    const patch = { metadata: { uid }, status: { conditions: [condition] } };
    const now = await client.patch(resources.pods, name!, namespace, 'strategic', patch, { subresource: 'status' });
    const held = parked.get(uid);
    if (held) held.pod = now;
    pods.observe(now);
  }
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

/** The emptiest node; among equals one whose soft taints the pod tolerates and whose preferences it meets. */
function choose(pod: KubeObject, fitting: NodeState[]): NodeState | undefined {
  if (fitting.length < 2) return fitting[0];
  const score = (state: NodeState): number => {
    let free = 0;
    for (const name of ['cpu', 'memory']) {
      const capacity = state.allocatable.get(name) ?? 0;
      const used = (state.used.get(name) ?? 0) + (requestsOf(pod).get(name) ?? 0);
      if (capacity > 0) free += (50 * (capacity - used)) / capacity;
    }
    const soft = (state.node.spec?.taints ?? []).filter(
      (taint: Loose) => taint.effect === 'PreferNoSchedule' && !tolerates(pod.spec.tolerations, taint),
    );
    return free - 100 * soft.length - state.pods.size / 10;
  };
  return fitting.reduce((best, state) => (score(state) > score(best) ? state : best));
}
