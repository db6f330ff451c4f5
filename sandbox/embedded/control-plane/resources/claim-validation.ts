import type { Loose } from '../../../../kubernetes/object.ts';
import { compareQuantities } from '../../../../kubernetes/quantity.ts';
import { forbidden, invalid, notSupported, required } from '../schema/field-errors.ts';
import { labelSelector, subdomain } from './faults.ts';
import type { FieldError } from './strategy.ts';

export const accessModes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];

/** What is wrong with the spec of a PersistentVolumeClaim, in a claim or in a StatefulSet's template. */
export function claimSpecFaults(path: string, spec: Loose = {}): FieldError[] {
  const { accessModes: modes = [], resources, storageClassName, volumeMode, selector } = spec;
  const faults: FieldError[] = [];
  if (modes.length === 0) faults.push(required(`${path}.accessModes`, 'at least 1 access mode is required'));
  faults.push(...labelSelector(`${path}.selector`, selector));
  for (const mode of modes)
    if (!accessModes.includes(mode)) faults.push(notSupported(`${path}.accessModes`, mode, accessModes));
  if (modes.includes('ReadWriteOncePod') && modes.some((mode: string) => mode !== 'ReadWriteOncePod'))
    faults.push(forbidden(`${path}.accessModes`, 'may not use ReadWriteOncePod with other access modes'));
  const storage = resources?.requests?.storage;
  if (storage === undefined) faults.push(required(`${path}.resources[storage]`));
  else if (compareQuantities(storage, '0') <= 0)
    faults.push(invalid(`${path}.resources[storage]`, storage, 'must be greater than zero'));
  if (storageClassName) faults.push(...subdomain(`${path}.storageClassName`, storageClassName));
  if (volumeMode && !['Block', 'Filesystem'].includes(volumeMode))
    faults.push(notSupported(`${path}.volumeMode`, volumeMode, ['Block', 'Filesystem']));
  return faults;
}
