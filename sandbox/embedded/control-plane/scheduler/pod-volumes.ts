import { nodeSelectorHolds } from '../../../../kubernetes/node-selection.ts';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { Client } from '../../client/client.ts';
import type { Informer } from '../../client/informer.ts';
import { claims as claimResource, volumes as volumeResource } from '../controllers/resources.ts';
import { bestVolume } from '../controllers/volume-match.ts';
import type { Refusal } from './filters.ts';
import type { NodeState } from './node-state.ts';

export const selectedNodeAnnotation = 'volume.kubernetes.io/selected-node';

export interface VolumeViews {
  claims: Informer;
  volumes: Informer;
  classes: Informer;
}

/** The claims a pod needs before it can run. */
export interface PodClaims {
  /** Why no node will do. */
  problem?: string;
  bound: KubeObject[];
  /** Bound once the pod has a node. */
  waiting: KubeObject[];
}

/** https://kubernetes.io/docs/concepts/storage/storage-classes/#volume-binding-mode */
export function claimsOf(pod: KubeObject, { claims, classes }: VolumeViews): PodClaims {
  const result: PodClaims = { bound: [], waiting: [] };
  let immediate = false;
  for (const volume of pod.spec.volumes ?? []) {
    const name = volume.persistentVolumeClaim?.claimName ?? (volume.ephemeral && `${pod.metadata.name}-${volume.name}`);
    if (!name) continue;
    const claim = claims.get(name, pod.metadata.namespace);
    if (!claim) {
      result.problem = volume.ephemeral
        ? `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`
        : `persistentvolumeclaim "${name}" not found`;
      return result;
    }
    if (claim.status?.phase === 'Lost') {
      result.problem = `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec.volumeName}"`;
      return result;
    }
    if (claim.metadata.deletionTimestamp) {
      result.problem = `persistentvolumeclaim "${name}" is being deleted`;
      return result;
    }
    if (isBound(claim)) result.bound.push(claim);
    else if (waits(claim, classes)) result.waiting.push(claim);
    else immediate = true;
  }
  if (immediate) result.problem = 'pod has unbound immediate PersistentVolumeClaims';
  return result;
}

function isBound(claim: KubeObject): boolean {
  return !!claim.spec.volumeName && claim.metadata.annotations?.['pv.kubernetes.io/bind-completed'] === 'yes';
}

function waits(claim: KubeObject, classes: Informer): boolean {
  const name = claim.spec.storageClassName;
  return !!name && !claim.spec.volumeName && classes.get(name)?.volumeBindingMode === 'WaitForFirstConsumer';
}

/** A claim of one pod alone, and another pod has it already. https://kubernetes.io/docs/concepts/storage/persistent-volumes/#access-modes */
export function claimTaken(pod: KubeObject, { bound, waiting }: PodClaims, states: NodeState[]): Refusal | undefined {
  const alone = [...bound, ...waiting].filter((claim) => claim.spec.accessModes?.includes('ReadWriteOncePod'));
  for (const claim of alone) {
    const { name, namespace } = claim.metadata;
    const uses = (other: KubeObject) =>
      other.metadata.namespace === namespace &&
      other.metadata.uid !== pod.metadata.uid &&
      (other.spec.volumes ?? []).some((volume: Loose) => volume.persistentVolumeClaim?.claimName === name);
    if (!states.some(({ pods }) => [...pods.values()].some(uses))) continue;
    const reason =
      'node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod';
    return { reasons: [reason], final: false };
  }
  return undefined;
}

const zoneLabels = [
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
];

/** Volumes whose labels name a zone are for nodes of that zone; several are separated by `__`. */
function outOfZone(volume: KubeObject, node: KubeObject): boolean {
  const labels = node.metadata.labels ?? {};
  if (!zoneLabels.some((key) => labels[key] !== undefined)) return false;
  return zoneLabels.some((key) => {
    const zones = volume.metadata.labels?.[key];
    if (zones === undefined) return false;
    const current = labels[key] ?? labels[key.replace('failure-domain.beta', 'topology')];
    return current === undefined || !zones.split('__').includes(current);
  });
}

export function volumeRefusal(node: KubeObject, pod: PodClaims, views: VolumeViews): Refusal | undefined {
  for (const claim of pod.bound) {
    const volume = views.volumes.get(claim.spec.volumeName);
    if (!volume) {
      const reason = 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)';
      return { reasons: [reason], final: true };
    }
    const required = volume.spec.nodeAffinity?.required;
    if (required && !nodeSelectorHolds(required, node)) {
      return { reasons: ["node(s) didn't match PersistentVolume's node affinity"], final: true };
    }
  }
  const stuck = pod.waiting.some((claim) => {
    const provisioner: string = views.classes.get(claim.spec.storageClassName)?.provisioner ?? '';
    if (provisioner && provisioner !== 'kubernetes.io/no-provisioner') return false;
    return !bestVolume(views.volumes.list(), claim, node);
  });
  if (stuck) return { reasons: ["node(s) didn't find available persistent volumes to bind"], final: true };
  const volumes = pod.bound.map((claim) => views.volumes.get(claim.spec.volumeName));
  if (!volumes.some((volume) => volume && outOfZone(volume, node))) return undefined;
  return { reasons: ['node(s) had no available volume zone'], final: true };
}

/** Takes a volume that is there for each claim, or tells the volume controller where the pod will be, so that it provisions. */
export async function selectNode(
  client: Client,
  views: VolumeViews,
  claims: KubeObject[],
  node: KubeObject,
): Promise<void> {
  for (const claim of claims) {
    const { name, namespace, annotations, uid, resourceVersion } = claim.metadata;
    const volume = bestVolume(views.volumes.list(), claim, node);
    if (volume?.spec.claimRef?.uid === uid) continue;
    if (volume) {
      const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid, resourceVersion };
      const metadata = {
        ...volume.metadata,
        annotations: { ...volume.metadata.annotations, 'pv.kubernetes.io/bound-by-controller': 'yes' },
      };
      const taken = { ...volume, metadata, spec: { ...volume.spec, claimRef } };
      views.volumes.observe(await client.update(volumeResource, taken));
      continue;
    }
    const selected = node.metadata.name!;
    if (annotations?.[selectedNodeAnnotation] === selected) continue;
    const patch = { metadata: { annotations: { [selectedNodeAnnotation]: selected } } };
    views.claims.observe(await client.patch(claimResource, name!, namespace, 'merge', patch));
  }
}
