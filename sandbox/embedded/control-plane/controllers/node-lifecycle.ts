import { isDeepStrictEqual } from 'node:util';
import { unschedulableTaint } from '../../../../kubernetes/node-selection.ts';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { Timer } from '../../clock.ts';
import { isRun } from '../../machine-annotations.ts';
import { conditionOf } from './conditions.ts';
import { type ControllerContext, createController, isNotFound, timestamp } from './context.ts';
import { isReady } from './pods.ts';
import { leases as leaseResource, nodes as nodeResource, pods as podResource } from './resources.ts';

/** Without a sign of life for so long, a node is unknown. */
const grace = 50_000;
const notReady = 'node.kubernetes.io/not-ready';
const unreachable = 'node.kubernetes.io/unreachable';
/** Conditions that keep pods away, and the taint each becomes. https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/#taint-nodes-by-condition */
const pressures: Record<string, string> = {
  MemoryPressure: 'node.kubernetes.io/memory-pressure',
  DiskPressure: 'node.kubernetes.io/disk-pressure',
  PIDPressure: 'node.kubernetes.io/pid-pressure',
  NetworkUnavailable: 'node.kubernetes.io/network-unavailable',
};
const managed = new Set([notReady, unreachable, unschedulableTaint, ...Object.values(pressures)]);
/** What a silent node no longer tells. */
const told = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

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
  const beats = new Map<string, { at: number; real: number; timer: Timer | undefined }>();
  const silent = new Set<string>();
  signal.addEventListener('abort', () => {
    for (const { timer } of beats.values()) timer?.cancel();
  });

  nodes.on((now, before) => {
    const { name, uid } = (now ?? before)!.metadata;
    const tell = (reason: string, message: string) => {
      const about = { apiVersion: 'v1', kind: 'Node', metadata: { name: name!, uid: uid! } };
      void recorder.event(about, 'Normal', reason, `Node ${name} event: ${message}`);
    };
    if (!now) {
      beats.get(name!)?.timer?.cancel();
      beats.delete(name!);
      silent.delete(name!);
      tell('RemovingNode', `Removing Node ${name} from Controller`);
      return;
    }
    if (!before) tell('RegisteredNode', `Registered Node ${name} in Controller`);
    const heartbeat = (node: KubeObject) => conditionOf(node, 'Ready')?.lastHeartbeatTime;
    if (!before || heartbeat(now) !== heartbeat(before)) beat(name!);
    else if (isRun(now) !== isRun(before)) listen(name!);
    const readiness = (node: KubeObject | undefined) => node && conditionOf(node, 'Ready')?.status;
    // Whether all are down concerns all.
    if (readiness(now) !== readiness(before)) for (const node of nodes.list()) queue.add(node.metadata.name!);
    queue.add(name!);
  });
  leases.on((now, before) => {
    if (now?.metadata.namespace !== 'kube-node-lease' || !nodes.get(now.metadata.name!)) return;
    if (now.spec?.renewTime !== before?.spec?.renewTime) beat(now.metadata.name!);
  });

  function beat(name: string): void {
    silent.delete(name);
    const timer = beats.get(name)?.timer;
    beats.set(name, { at: clock.monotonic(), real: clock.now().getTime(), timer });
    listen(name);
  }

  /** Where time is skipped, a node that runs may tell of itself too late: its silence has to be real. */
  function listen(name: string): void {
    const last = beats.get(name)!;
    last.timer?.cancel();
    const node = nodes.get(name);
    const least = node && isRun(node) ? grace - (clock.now().getTime() - last.real) : 0;
    const fall = () => {
      silent.add(name);
      queue.add(name);
    };
    last.timer = clock.after(Math.max(0, last.at + grace - clock.monotonic()), fall, Math.max(0, least));
  }

  async function sync(name: string): Promise<void> {
    await Promise.all([nodes.synced, pods.synced, leases.synced]);
    let node = nodes.get(name);
    if (!node) return;
    if (silent.has(name) && conditionOf(node, 'Ready')?.status !== 'Unknown') node = await declareUnknown(node);
    const ready = conditionOf(node, 'Ready')?.status;
    await taint(node, ready);
    if (ready !== 'True') await Promise.all(pods.by('node', name).filter(isReady).map(markUnready));
  }

  async function declareUnknown(node: KubeObject): Promise<KubeObject> {
    const lastTransitionTime = timestamp(clock);
    const known: Loose[] = node.status?.conditions ?? [];
    const conditions = known.map((condition) => {
      if (!told.includes(condition.type) || condition.status === 'Unknown') return condition;
      const reason = 'NodeStatusUnknown';
      const message = 'Kubelet stopped posting node status.';
      return { ...condition, status: 'Unknown', reason, message, lastTransitionTime };
    });
    for (const type of told.filter((type) => !conditionOf(node, type))) {
      const reason = 'NodeStatusNeverUpdated';
      const message = 'Kubelet never posted node status.';
      const lastHeartbeatTime = node.metadata.creationTimestamp;
      conditions.push({ type, status: 'Unknown', reason, message, lastHeartbeatTime, lastTransitionTime });
    }
    const next = await client.update(nodeResource, { ...node, status: { ...node.status, conditions } }, 'status');
    nodes.observe(next);
    if (conditionOf(node, 'Ready')?.status === 'True') {
      const { name } = node.metadata;
      void recorder.event(node, 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`);
    }
    return next;
  }

  /** With no node ready the fault may be ours: then nothing is evicted. https://kubernetes.io/docs/concepts/architecture/nodes/#rate-limits-on-eviction */
  function allDown(): boolean {
    return nodes.list().every((node) => conditionOf(node, 'Ready')?.status !== 'True');
  }

  async function taint(node: KubeObject, ready: string | undefined): Promise<void> {
    const before: Loose[] = node.spec?.taints ?? [];
    const wanted: Loose[] = [];
    const key = ready === 'True' ? undefined : ready === 'False' ? notReady : unreachable;
    if (key) wanted.push({ key, effect: 'NoSchedule' });
    for (const [type, pressure] of Object.entries(pressures)) {
      if (conditionOf(node, type)?.status === 'True') wanted.push({ key: pressure, effect: 'NoSchedule' });
    }
    if (node.spec?.unschedulable) wanted.push({ key: unschedulableTaint, effect: 'NoSchedule' });
    if (key && !allDown()) wanted.push({ key, effect: 'NoExecute' });
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
    try {
      pods.observe(await client.patch(podResource, name!, namespace, 'strategic', patch, { subresource: 'status' }));
    } catch (error) {
      if (isNotFound(error)) return;
      throw error;
    }
    void recorder.event(pod, 'Warning', 'NodeNotReady', 'Node is not ready');
  }
}
