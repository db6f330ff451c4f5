import type { KubeObject } from '../../../../kubernetes/object.ts';
import { type ControllerContext, createController, isNotFound, keyOf, splitKey } from './context.ts';
import { isFinished } from './pods.ts';
import { claims as claimResource, pods as podResource, volumes as volumeResource } from './resources.ts';

const claimFinalizer = 'kubernetes.io/pvc-protection';
const volumeFinalizer = 'kubernetes.io/pv-protection';

/** Holds claims that pods use, and volumes that claims use. https://kubernetes.io/docs/concepts/storage/persistent-volumes/#storage-object-in-use-protection */
export function startStorageProtection(context: ControllerContext): void {
  protectClaims(context);
  protectVolumes(context);
}

function claimsOf(pod: KubeObject): string[] {
  const names: string[] = [];
  for (const volume of pod.spec.volumes ?? []) {
    const name = volume.persistentVolumeClaim?.claimName ?? (volume.ephemeral && `${pod.metadata.name}-${volume.name}`);
    if (name) names.push(`${pod.metadata.namespace}/${name}`);
  }
  return names;
}

function protectClaims(context: ControllerContext): void {
  const { client, queue: makeQueue } = createController(context, 'pvc-protection-controller');
  const claims = context.informer(claimResource);
  const pods = context.informer(podResource);
  pods.index('claims', claimsOf);
  const queue = makeQueue(async (key) => {
    await Promise.all([claims.synced, pods.synced]);
    const [namespace, name] = splitKey(key);
    const claim = claims.get(name, namespace);
    if (!claim) return;
    const used = () => pods.by('claims', key).some((pod) => pod.spec.nodeName && !isFinished(pod));
    const next = finalizersFor(claim, claimFinalizer, used);
    if (!next) return;
    await client
      .update(claimResource, { ...claim, metadata: { ...claim.metadata, finalizers: next } })
      .catch(ignoreGone);
  });
  claims.on((now) => now && queue.add(keyOf(now)));
  pods.on((now, before) => {
    if (now && !isFinished(now)) return;
    for (const key of claimsOf((now ?? before)!)) queue.add(key);
  });
}

function protectVolumes(context: ControllerContext): void {
  const { client, queue: makeQueue } = createController(context, 'pv-protection-controller');
  const volumes = context.informer(volumeResource);
  const queue = makeQueue(async (name) => {
    const volume = volumes.get(name);
    const next = volume && finalizersFor(volume, volumeFinalizer, () => volume.status?.phase === 'Bound');
    if (!next) return;
    await client
      .update(volumeResource, { ...volume, metadata: { ...volume.metadata, finalizers: next } })
      .catch(ignoreGone);
  });
  volumes.on((now) => now && queue.add(now.metadata.name!));
}

/** The finalizers an object should have; undefined when it has them. */
function finalizersFor(object: KubeObject, finalizer: string, used: () => boolean): string[] | undefined {
  const { finalizers = [], deletionTimestamp } = object.metadata;
  const held = finalizers.includes(finalizer);
  if (!deletionTimestamp) return held ? undefined : [...finalizers, finalizer];
  return held && !used() ? finalizers.filter((name) => name !== finalizer) : undefined;
}

function ignoreGone(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
}
