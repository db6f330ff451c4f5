import {
  alreadyExists,
  type ControllerContext,
  createController,
  keyOf,
  namespaceTerminating,
  splitKey,
} from './context.ts';
import { isFinished } from './pods.ts';
import { controllerReference } from './references.ts';
import { claims as claimResource, pods as podResource } from './resources.ts';

/** Makes the claims that pods bring along; they go with their pod. https://kubernetes.io/docs/concepts/storage/ephemeral-volumes/#generic-ephemeral-volumes */
export function startEphemeralVolumes(context: ControllerContext): void {
  const {
    client,
    recorder,
    queue: makeQueue,
  } = createController(context, 'ephemeral-volume-controller', 'ephemeral_volume');
  const pods = context.informer(podResource);
  const claims = context.informer(claimResource);
  const queue = makeQueue(sync);
  pods.on((now, before) => {
    if (now && !before && now.spec.volumes?.some((volume: { ephemeral?: object }) => volume.ephemeral)) {
      queue.add(keyOf(now));
    }
  });

  async function sync(key: string): Promise<void> {
    await claims.synced;
    const [namespace, podName] = splitKey(key);
    const pod = pods.get(podName, namespace);
    if (!pod || pod.metadata.deletionTimestamp || isFinished(pod)) return;
    for (const volume of pod.spec.volumes ?? []) {
      const template = volume.ephemeral?.volumeClaimTemplate;
      if (!template) continue;
      const name = `${podName}-${volume.name}`;
      const held = claims.get(name, namespace);
      if (held?.metadata.ownerReferences?.some((owner) => owner.uid === pod.metadata.uid)) continue;
      if (held) {
        const message = `PVC ${namespace}/${name} was not created for pod ${namespace}/${podName} (pod is not owner)`;
        void recorder.event(pod, 'Warning', 'FailedBinding', `ephemeral volume ${volume.name}: ${message}`);
        throw new Error(message);
      }
      const metadata = { ...template.metadata, name, namespace, ownerReferences: [controllerReference(pod)] };
      const object = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec: template.spec };
      await client.create(claimResource, object).then(claims.observe, (error) => {
        if (!alreadyExists(error) && !namespaceTerminating(error)) throw error;
      });
    }
  }
}
