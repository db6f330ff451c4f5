import type { KubeObject } from '../../../../kubernetes/object.ts';

export const provisionedBy = 'pv.kubernetes.io/provisioned-by';

/** What is to be done with a volume whose claim is gone: nothing, or an end, or a word on why that cannot be. */
export type Reclaim = 'keep' | 'delete' | 'recycle' | { reason: string; message: string };

/** https://kubernetes.io/docs/concepts/storage/persistent-volumes/#reclaiming */
export function reclaim(volume: KubeObject, ownProvisioner: string): Reclaim {
  const { persistentVolumeReclaimPolicy: policy, hostPath, nfs } = volume.spec;
  const { name, annotations } = volume.metadata;
  if (policy === 'Recycle') {
    const message = 'No recycler plugin found for the volume!';
    return hostPath || nfs ? 'recycle' : { reason: 'VolumeFailedRecycle', message };
  }
  if (policy !== 'Delete') return 'keep';
  const provisioner = annotations?.[provisionedBy];
  if (provisioner === ownProvisioner) return 'delete';
  // Who made it deletes it.
  if (provisioner || volume.spec.csi) return 'keep';
  if (!hostPath) {
    const message = `error getting deleter volume plugin for volume "${name}": no deletable volume plugin matched`;
    return { reason: 'VolumeFailedDelete', message };
  }
  if (/^\/tmp\/.+/.test(hostPath.path)) return 'delete';
  const message = `host_path deleter only supports /tmp/.+ but received provided ${hostPath.path}`;
  return { reason: 'VolumeFailedDelete', message };
}
