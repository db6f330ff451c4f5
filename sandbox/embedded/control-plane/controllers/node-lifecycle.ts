import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { Timer } from '../../clock.ts';
import { tolerates, unschedulableTaint } from '../scheduler/predicates.ts';
import { conditionOf } from './conditions.ts';
import { type ControllerContext, createController, isNotFound, timestamp } from './context.ts';
import { isFinished, isReady } from './pods.ts';
import { leases as leaseResource, nodes as nodeResource, pods as podResource } from './resources.ts';

/** Without a sign of life for so long, a node is unknown. */
const grace = 50_000;
const notReady = 'node.kubernetes.io/not-ready';
const unreachable = 'node.kubernetes.io/unreachable';
const managed = new Set([notReady, unreachable, unschedulableTaint]);

/** Taints nodes by what they tell, or no longer tell, of themselves. https://kubernetes.io/docs/concepts/architecture/nodes/#node-status */
export function startNodeLifecycle(context: ControllerContext): void {
  const { clock, signal } = context;
  const controller = createController(context, 'node-controller');
  const { client, recorder } = controller;
  const nodes = context.informer(nodeResource);
  const pods = context.informer(podResource);
  const leases = context.informer(leaseResource);
  pods.index('node', (pod) => pod.spec.nodeName);
  const queue = controller.queue(sync, { spacing: 20 });
  const beats = new Map<string, { at: number; timer: Timer }>();
  signal.addEventListener('abort', () => {
    for (const { timer } of beats.values()) timer.cancel();
  });

  nodes.on((now, before) => {
    const name = (now ?? before)!.metadata.name!;
    if (!now) {
      beats.get(name)?.timer.cancel();
      beats.delete(name);
      return;
    }
    if (!before) {
      void recorder.event(
        { ...now, metadata: { name, uid: now.metadata.uid! } },
        'Normal',
        'RegisteredNode',
        `Node ${name} event: Registered Node ${name} in Controller`,
      );
    }
    const heartbeat = (node: KubeObject) => conditionOf(node, 'Ready')?.lastHeartbeatTime;
    if (!before || heartbeat(now) !== heartbeat(before)) beat(name);
    queue.add(name);
  });
  leases.on((now) => {
    if (now?.metadata.namespace === 'kube-node-lease') beat(now.metadata.name!);
  });

  function beat(name: string): void {
    beats.get(name)?.timer.cancel();
    beats.set(name, { at: clock.now().getTime(), timer: clock.after(grace, () => queue.add(name)) });
  }

  // Timers fire early when time is skipped; a silent node is silent by the real time too.
  function isSilent(name: string): boolean {
    const last = beats.get(name);
    if (!last) return false;
    const silence = clock.now().getTime() - last.at;
    if (silence >= grace) return true;
    last.timer.cancel();
    last.timer = clock.after(grace - silence, () => queue.add(name));
    return false;
  }

  async function sync(name: string): Promise<void> {
    await Promise.all([nodes.synced, pods.synced, leases.synced]);
    let node = nodes.get(name);
    if (!node) return;
    if (isSilent(name) && conditionOf(node, 'Ready')?.status !== 'Unknown') node = await declareUnknown(node);
    const ready = conditionOf(node, 'Ready')?.status;
    await taint(node, ready);
    if (ready !== 'True') await Promise.all(pods.by('node', name).filter(isReady).map(markUnready));
  }

  async function declareUnknown(node: KubeObject): Promise<KubeObject> {
    const now = timestamp(clock);
    const conditions = (node.status?.conditions ?? []).map((condition: Loose) => ({
      ...condition,
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
      message: 'Kubelet stopped posting node status.',
      lastTransitionTime: now,
    }));
    const next = await client.update(nodeResource, { ...node, status: { ...node.status, conditions } }, 'status');
    nodes.observe(next);
    const { name } = node.metadata;
    void recorder.event(node, 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`);
    return next;
  }

  async function taint(node: KubeObject, ready: string | undefined): Promise<void> {
    const before: Loose[] = node.spec?.taints ?? [];
    const wanted: Loose[] = [];
    if (node.spec?.unschedulable) wanted.push({ key: unschedulableTaint, effect: 'NoSchedule' });
    const key = ready === 'True' ? undefined : ready === 'Unknown' ? unreachable : notReady;
    if (key) wanted.push({ key, effect: 'NoSchedule' }, { key, effect: 'NoExecute' });
    const stamp = timestamp(clock);
    const taints = before.filter((held) => !managed.has(held.key));
    for (const next of wanted) {
      const held = before.find((old) => old.key === next.key && old.effect === next.effect);
      taints.push(held ?? { ...next, timeAdded: stamp });
    }
    if (isDeepStrictEqual(taints, before)) return;
    const spec = { ...node.spec, taints };
    if (taints.length === 0) delete spec.taints;
    nodes.observe(await client.update(nodeResource, { ...node, spec }));
  }

  async function markUnready(pod: KubeObject): Promise<void> {
    const conditions = pod.status.conditions.map((condition: Loose) =>
      condition.type === 'Ready' ? { ...condition, status: 'False', lastTransitionTime: timestamp(clock) } : condition,
    );
    const { name, namespace } = pod.metadata;
    const patch = { status: { conditions } };
    await client
      .patch(podResource, name!, namespace, 'strategic', patch, { subresource: 'status' })
      .then(pods.observe, ignoreGone);
  }
}

/** Ends pods on nodes whose NoExecute taints they do not, or no longer, tolerate. https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/#taint-based-evictions */
export function startTaintEviction(context: ControllerContext): void {
  // The real one acts as node-controller too, unless it is run apart.
  const {
    client,
    recorder,
    queue: makeQueue,
  } = createController(context, 'node-controller', 'taint-eviction-controller');
  const nodes = context.informer(nodeResource);
  const pods = context.informer(podResource);
  pods.index('node', (pod) => pod.spec.nodeName);
  const queue = makeQueue(sync);
  const hard = (node: KubeObject | undefined): Loose[] =>
    (node?.spec?.taints ?? []).filter((taint: Loose) => taint.effect === 'NoExecute');
  nodes.on((now, before) => {
    if (now && (hard(now).length > 0 || hard(before).length > 0)) queue.add(now.metadata.name!);
  });
  pods.on((now, before) => {
    if (now?.spec.nodeName && !before?.spec.nodeName && hard(nodes.get(now.spec.nodeName)).length > 0) {
      queue.add(now.spec.nodeName);
    }
  });

  async function sync(name: string): Promise<void> {
    await Promise.all([nodes.synced, pods.synced]);
    const taints = hard(nodes.get(name));
    if (taints.length === 0) return;
    for (const pod of pods.by('node', name)) {
      if (pod.metadata.deletionTimestamp || isFinished(pod)) continue;
      const left = Math.min(...taints.map((taint) => toleratedFor(pod, taint)));
      if (left === Infinity) continue;
      if (left > 0) queue.addAfter(name, left + 1);
      else await evict(pod);
    }
  }

  /** Milliseconds a pod may stay under a taint. */
  function toleratedFor(pod: KubeObject, taint: Loose): number {
    const fitting = (pod.spec.tolerations ?? []).filter((toleration: Loose) => tolerates([toleration], taint));
    if (fitting.length === 0) return 0;
    const limits = fitting
      .map((toleration: Loose) => toleration.tolerationSeconds)
      .filter((limit: unknown) => limit !== undefined);
    return limits.length === 0 ? Infinity : Math.max(0, Math.min(...limits) * 1000 - context.age(taint.timeAdded));
  }

  async function evict(pod: KubeObject): Promise<void> {
    const { name, namespace } = pod.metadata;
    void recorder.event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${namespace}/${name}`);
    await client.delete(podResource, name!, namespace).catch(ignoreGone);
  }
}

/** Removes pods whose node is gone for good: nobody else can tell that they have ended. */
export function startPodCleanup(context: ControllerContext): void {
  const { client, queue: makeQueue } = createController(context, 'pod-garbage-collector');
  const nodes = context.informer(nodeResource);
  const pods = context.informer(podResource);
  pods.index('node', (pod) => pod.spec.nodeName);
  const queue = makeQueue(async (name) => {
    await Promise.all([nodes.synced, pods.synced]);
    if (nodes.get(name)) return;
    for (const pod of pods.by('node', name)) {
      await client
        .delete(podResource, pod.metadata.name!, pod.metadata.namespace, { gracePeriodSeconds: 0 })
        .catch(ignoreGone);
    }
  });
  const quarantine = 40_000;
  nodes.on((now, before) => {
    if (!now) queue.addAfter(before!.metadata.name!, quarantine);
  });
  pods.on((now) => {
    if (now?.spec.nodeName && !nodes.get(now.spec.nodeName)) queue.addAfter(now.spec.nodeName, quarantine);
  });
}

function ignoreGone(error: unknown): void {
  if (!isNotFound(error)) throw error;
}
