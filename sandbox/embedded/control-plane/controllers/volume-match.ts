import { nodeSelectorHolds } from '../../../../kubernetes/node-selection.ts';
import type { KubeObject } from '../../../../kubernetes/object.ts';
import { quantityValue } from '../../../../kubernetes/quantity.ts';
import { matches } from './references.ts';

const capacityOf = (volume: KubeObject): number => quantityValue(volume.spec.capacity?.storage ?? '0');

export function isFor(volume: KubeObject, claim: KubeObject): boolean {
  const reference = volume.spec.claimRef;
  if (!reference) return false;
  if (reference.name !== claim.metadata.name || reference.namespace !== claim.metadata.namespace) return false;
  return !reference.uid || reference.uid === claim.metadata.uid;
}

/** Why a volume cannot serve a claim; undefined when it can. */
export function mismatch(volume: KubeObject, claim: KubeObject): string | undefined {
  if (volume.metadata.deletionTimestamp) return `the volume is marked for deletion "${volume.metadata.name}"`;
  if (capacityOf(volume) < quantityValue(claim.spec.resources?.requests?.storage ?? '0'))
    return 'requested PV is too small';
  if ((volume.spec.storageClassName ?? '') !== (claim.spec.storageClassName ?? ''))
    return 'storageClassName does not match';
  if ((volume.spec.volumeAttributesClassName ?? '') !== (claim.spec.volumeAttributesClassName ?? ''))
    return 'volumeAttributesClassName does not match';
  if ((volume.spec.volumeMode ?? 'Filesystem') !== (claim.spec.volumeMode ?? 'Filesystem'))
    return 'incompatible volumeMode';
  const modes: string[] = volume.spec.accessModes ?? [];
  if (!(claim.spec.accessModes ?? []).every((mode: string) => modes.includes(mode))) return 'incompatible accessMode';
  return undefined;
}

/** The volume reserved for the claim, or the smallest free one that fits. https://kubernetes.io/docs/concepts/storage/persistent-volumes/#binding */
export function bestVolume(
  volumes: KubeObject[],
  claim: KubeObject,
  node: KubeObject | undefined,
): KubeObject | undefined {
  const fitting = volumes.filter((volume) => {
    if (mismatch(volume, claim)) return false;
    const required = volume.spec.nodeAffinity?.required;
    if (node && required && !nodeSelectorHolds(required, node)) return false;
    if (volume.spec.claimRef) return isFor(volume, claim);
    const { selector } = claim.spec;
    if (selector && !matches(selector, volume.metadata.labels)) return false;
    return volume.status?.phase === 'Available';
  });
  const reserved = fitting.find((volume) => volume.spec.claimRef);
  return reserved ?? fitting.sort((a, b) => capacityOf(a) - capacityOf(b))[0];
}
