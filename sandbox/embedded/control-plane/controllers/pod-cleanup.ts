import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { conditionOf } from './conditions.ts';
import { type ControllerContext, createController, isNotFound, timestamp } from './context.ts';
import { isFinished } from './pods.ts';
import { nodes as nodeResource, pods as podResource } from './resources.ts';

/** A node that is gone may come back within so many milliseconds. */
const quarantine = 40_000;
/** Whoever sets it says that the node will not come back by itself. https://kubernetes.io/docs/concepts/cluster-administration/node-shutdown/#non-graceful-node-shutdown */
const outOfService = 'node.kubernetes.io/out-of-service';

/** Removes pods of nodes that cannot tell any more that they have ended. https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-garbage-collection */
export function startPodCleanup(context: ControllerContext): void {
  const { clock } = context;
  const { client, queue: makeQueue } = createController(context, 'pod-garbage-collector');
  const nodes = context.informer(nodeResource);
  const pods = context.informer(podResource);
  pods.index('node', (pod) => pod.spec.nodeName);
  const queue = makeQueue(async (name) => {
    await Promise.all([nodes.synced, pods.synced]);
    const node = nodes.get(name);
    if (!node) {
      const message = 'PodGC: node no longer exists';
      for (const pod of pods.by('node', name)) await remove(pod, message);
    } else if (isLost(node)) {
      for (const pod of pods.by('node', name)) if (pod.metadata.deletionTimestamp) await remove(pod);
    }
  });
  nodes.on((now, before) => {
    if (!now) queue.addAfter(before!.metadata.name!, quarantine);
    else if (isLost(now)) queue.add(now.metadata.name!);
  });
  pods.on((now) => {
    const name = now?.spec.nodeName;
    if (!name) return;
    const node = nodes.get(name);
    if (!node) queue.addAfter(name, quarantine);
    else if (now.metadata.deletionTimestamp && isLost(node)) queue.add(name);
  });

  async function remove(pod: KubeObject, why?: string): Promise<void> {
    const { name, namespace, uid, generation } = pod.metadata;
    const status: Loose = { phase: 'Failed' };
    if (why) {
      const condition: Loose = {
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'DeletionByPodGC',
        message: why,
        lastProbeTime: null,
        lastTransitionTime: timestamp(clock),
        observedGeneration: generation,
      };
      status.conditions = [condition];
    }
    try {
      if (!isFinished(pod)) {
        const patch = { metadata: { uid }, status };
        await client.patch(podResource, name!, namespace, 'strategic', patch, { subresource: 'status' });
      }
      await client.delete(podResource, name!, namespace, { gracePeriodSeconds: 0 });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

function isLost(node: KubeObject): boolean {
  const ready = conditionOf(node, 'Ready')?.status === 'True';
  return !ready && (node.spec?.taints ?? []).some((taint: Loose) => taint.key === outOfService);
}
