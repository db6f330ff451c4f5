import { isDeepStrictEqual } from 'node:util';
import { tolerates } from '../../../../kubernetes/node-selection.ts';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { Timer } from '../../clock.ts';
import { type ControllerContext, createController, isNotFound, timestamp } from './context.ts';
import { isFinished } from './pods.ts';
import { nodes as nodeResource, pods as podResource } from './resources.ts';

/** Ends pods on nodes whose NoExecute taints they do not, or no longer, tolerate. https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/#taint-based-evictions */
export function startTaintEviction(context: ControllerContext): void {
  const { clock, signal } = context;
  // The real one acts as node-controller too, unless it is run apart.
  const controller = createController(context, 'node-controller', 'taint-eviction-controller');
  const { client, recorder } = controller;
  const nodes = context.informer(nodeResource);
  const pods = context.informer(podResource);
  pods.index('node', (pod) => pod.spec.nodeName);
  const queue = controller.queue(sync);
  /** Pods whose time under a taint runs, by uid. */
  const running = new Map<string, { since: number; allowed: number; timer: Timer }>();
  signal.addEventListener('abort', () => {
    for (const { timer } of running.values()) timer.cancel();
  });
  const hard = (node: KubeObject | undefined): Loose[] =>
    (node?.spec?.taints ?? []).filter((taint: Loose) => taint.effect === 'NoExecute');
  nodes.on((now, before) => {
    if (now && !isDeepStrictEqual(hard(now), hard(before))) queue.add(now.metadata.name!);
  });
  pods.on((now, before) => {
    if (!now || isFinished(now)) return cancel((now ?? before)!);
    const { nodeName, tolerations } = now.spec;
    if (!nodeName || hard(nodes.get(nodeName)).length === 0) return;
    if (!before?.spec.nodeName || !isDeepStrictEqual(tolerations, before.spec.tolerations)) queue.add(nodeName);
  });

  async function sync(name: string): Promise<void> {
    await Promise.all([nodes.synced, pods.synced]);
    const taints = hard(nodes.get(name));
    const outcomes = await Promise.allSettled(pods.by('node', name).map((pod) => consider(pod, taints)));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  async function consider(pod: KubeObject, taints: Loose[]): Promise<void> {
    if (pod.metadata.deletionTimestamp || isFinished(pod)) return;
    const allowed = toleratedFor(pod, taints);
    const uid = pod.metadata.uid!;
    const held = running.get(uid);
    if (allowed === Infinity || allowed === 0) {
      if (held) {
        cancel(pod);
        tell(pod, `Cancelling deletion of Pod ${pod.metadata.namespace}/${pod.metadata.name}`);
      }
      if (allowed === 0) await evict(pod);
      return;
    }
    // What ran already goes on; less patience shortens it.
    if (held && held.allowed <= allowed) return;
    held?.timer.cancel();
    const since = held?.since ?? clock.monotonic();
    const left = Math.max(0, since + allowed - clock.monotonic());
    const end = () => {
      running.delete(uid);
      const now = pods.byUid(uid);
      if (now && !now.metadata.deletionTimestamp) void evict(now).catch(() => queue.add(pod.spec.nodeName));
    };
    running.set(uid, { since, allowed, timer: clock.after(left, end) });
  }

  function cancel({ metadata }: KubeObject): void {
    running.get(metadata.uid!)?.timer.cancel();
    running.delete(metadata.uid!);
  }

  async function evict(pod: KubeObject): Promise<void> {
    const { name, namespace, uid } = pod.metadata;
    tell(pod, `Marking for deletion Pod ${namespace}/${name}`);
    const condition: Loose = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'DeletionByTaintManager',
      message: 'Taint manager: deleting due to NoExecute taint',
      lastProbeTime: null,
      lastTransitionTime: timestamp(clock),
      observedGeneration: pod.metadata.generation,
    };
    const patch = { metadata: { uid }, status: { conditions: [condition] } };
    try {
      await client.patch(podResource, name!, namespace, 'strategic', patch, { subresource: 'status' });
      await client.delete(podResource, name!, namespace);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /** The real one's events carry no uid. */
  function tell({ metadata: { name, namespace } }: KubeObject, message: string): void {
    const about = { apiVersion: 'v1', kind: 'Pod', metadata: { name: name!, namespace: namespace! } };
    void recorder.event(about, 'Normal', 'TaintManagerEviction', message);
  }
}

/** Milliseconds a pod may stay under these taints; of the tolerations of one, the first counts. */
function toleratedFor(pod: KubeObject, taints: Loose[]): number {
  let allowed = Infinity;
  for (const taint of taints) {
    const fitting = (pod.spec.tolerations ?? []).find((toleration: Loose) => tolerates([toleration], taint));
    if (!fitting) return 0;
    if (typeof fitting.tolerationSeconds === 'number') {
      allowed = Math.min(allowed, Math.max(0, fitting.tolerationSeconds * 1000));
    }
  }
  return allowed;
}
