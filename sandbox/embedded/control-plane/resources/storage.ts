import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { compareQuantities } from '../../../../kubernetes/quantity.ts';
import { forbidden, invalid, notSupported, required } from '../schema/field-errors.ts';
import { accessModesCell, ageOf, named, nameOf } from './cells.ts';
import { accessModes, claimSpecFaults } from './claim-validation.ts';
import { immutable, oneOf, subdomain } from './faults.ts';
import { difference, internalForm } from './internal-form.ts';
import type { FieldError, Strategy } from './strategy.ts';

const betaClass = 'volume.beta.kubernetes.io/storage-class';

const classOf = ({ metadata, spec }: KubeObject): string =>
  metadata.annotations?.[betaClass] ?? spec.storageClassName ?? '';

const phaseOf = ({ metadata, status }: KubeObject): string =>
  metadata.deletionTimestamp ? 'Terminating' : (status?.phase ?? '');

/** Both specs with what may change made equal. */
function comparable(claim: KubeObject, old: KubeObject): [now: Loose, before: Loose] {
  const [now, before] = [structuredClone(claim.spec), structuredClone(old.spec)];
  if (!before.volumeName && now.volumeName) before.volumeName = now.volumeName;
  if (before.storageClassName === undefined) delete now.storageClassName;
  if (old.status?.phase === 'Bound') {
    if (now.resources?.requests) now.resources.requests.storage = before.resources?.requests?.storage;
    now.volumeAttributesClassName = before.volumeAttributesClassName;
    if (now.volumeAttributesClassName === undefined) delete now.volumeAttributesClassName;
  }
  return [now, before];
}

const internalDifference = (before: Loose, now: Loose, struct: string): string =>
  difference(internalForm(before, struct), internalForm(now, struct));

function claimUpdateFaults(claim: KubeObject, old: KubeObject): FieldError[] {
  const faults: FieldError[] = [];
  const [now, before] = comparable(claim, old);
  if (!isDeepStrictEqual(now, before)) {
    const sentence =
      'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n';
    faults.push(forbidden('spec', sentence + internalDifference(before, now, 'PersistentVolumeClaimSpec')));
  }
  const [size, was] = [claim.spec.resources?.requests?.storage, old.spec.resources?.requests?.storage];
  const actual = old.status?.capacity?.storage ?? '0';
  if (size && was && compareQuantities(size, was) < 0 && compareQuantities(size, actual) <= 0)
    faults.push(forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity'));
  return [...faults, ...immutable('volumeMode', claim.spec.volumeMode, old.spec.volumeMode)];
}

export const persistentVolumeClaims: Strategy = {
  generationFields: [],
  defaults(claim) {
    claim.spec.volumeMode ??= 'Filesystem';
    claim.status ??= {};
    claim.status.phase ||= 'Pending';
  },
  prepareForCreate(claim) {
    claim.status = { phase: 'Pending' };
  },
  validate: ({ spec }) => claimSpecFaults('spec', spec),
  validateUpdate: claimUpdateFaults,
  cells: (claim, now) => [
    nameOf(claim),
    phaseOf(claim),
    claim.spec.volumeName ?? '',
    claim.spec.volumeName ? (claim.status?.capacity?.storage ?? '0') : '',
    claim.spec.volumeName ? accessModesCell(claim.status?.accessModes) : '',
    classOf(claim),
    claim.spec.volumeAttributesClassName ?? '<unset>',
    ageOf(claim, now),
    claim.spec.volumeMode ?? '<unset>',
  ],
};

const notSources = new Set([
  'accessModes',
  'capacity',
  'claimRef',
  'mountOptions',
  'nodeAffinity',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'volumeAttributesClassName',
  'volumeMode',
]);

const sourceOf = (spec: Loose): string | undefined => Object.keys(spec).find((key) => !notSources.has(key));

export const persistentVolumes: Strategy = {
  warnings: ({ spec }) =>
    spec.persistentVolumeReclaimPolicy === 'Recycle'
      ? [
          'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
        ]
      : [],
  generationFields: [],
  defaults(volume) {
    volume.spec.persistentVolumeReclaimPolicy ||= 'Retain';
    volume.spec.volumeMode ??= 'Filesystem';
    if (volume.spec.hostPath) volume.spec.hostPath.type ??= '';
    volume.status ??= {};
    volume.status.phase ||= 'Pending';
  },
  prepareForCreate(volume, { now }) {
    volume.status = { phase: 'Pending', lastPhaseTransitionTime: `${now.toISOString().slice(0, 19)}Z` };
  },
  prepareForStatusUpdate({ status }, old, { now }) {
    if (status?.phase !== old.status?.phase) status.lastPhaseTransitionTime = `${now.toISOString().slice(0, 19)}Z`;
  },
  validate({ spec }) {
    const faults: FieldError[] = [];
    const modes: string[] = spec.accessModes ?? [];
    if (modes.length === 0) faults.push(required('spec.accessModes'));
    for (const mode of modes)
      if (!accessModes.includes(mode)) faults.push(notSupported('spec.accessModes', mode, accessModes));
    if (modes.length > 1 && modes.includes('ReadWriteOncePod'))
      faults.push(forbidden('spec.accessModes', 'may not use ReadWriteOncePod with other access modes'));
    if (!Object.keys(spec.capacity ?? {}).length) faults.push(required('spec.capacity'));
    if (spec.capacity?.storage === undefined)
      faults.push(notSupported('spec.capacity', spec.capacity ?? null, ['storage']));
    else if (compareQuantities(spec.capacity.storage, '0') <= 0)
      faults.push(invalid('spec.capacity[storage]', spec.capacity.storage, 'must be greater than zero'));
    faults.push(
      ...oneOf('spec.persistentVolumeReclaimPolicy', spec.persistentVolumeReclaimPolicy, [
        'Delete',
        'Recycle',
        'Retain',
      ]),
    );
    if (!sourceOf(spec)) faults.push(required('spec', 'must specify a volume type'));
    if (spec.hostPath && !spec.hostPath.path) faults.push(required('spec.hostPath.path'));
    if (spec.local && !spec.nodeAffinity)
      faults.push(required('spec.nodeAffinity', 'Local volume requires node affinity'));
    if (spec.storageClassName) faults.push(...subdomain('spec.storageClassName', spec.storageClassName));
    return faults;
  },
  validateUpdate({ spec }, { spec: old }) {
    const source = sourceOf(old);
    if (!source || isDeepStrictEqual(spec[source], old[source]))
      return immutable('volumeMode', spec.volumeMode, old.volumeMode);
    return [
      forbidden(
        'spec.persistentvolumesource',
        `spec.persistentvolumesource is immutable after creation\n${internalDifference(old, spec, 'PersistentVolumeSource')}`,
      ),
    ];
  },
  cells: (volume, now) => [
    nameOf(volume),
    volume.spec.capacity?.storage ?? '0',
    accessModesCell(volume.spec.accessModes),
    volume.spec.persistentVolumeReclaimPolicy,
    phaseOf(volume),
    volume.spec.claimRef ? `${volume.spec.claimRef.namespace}/${volume.spec.claimRef.name}` : '',
    classOf(volume),
    volume.spec.volumeAttributesClassName ?? '<unset>',
    volume.status?.reason ?? '',
    ageOf(volume, now),
    volume.spec.volumeMode ?? '<unset>',
  ],
};

const defaultClass = 'storageclass.kubernetes.io/is-default-class';

export const storageClasses: Strategy = {
  generationFields: [],
  defaults(object) {
    object.reclaimPolicy ??= 'Delete';
    object.volumeBindingMode ??= 'Immediate';
  },
  validate(object) {
    const faults: FieldError[] = object.provisioner ? [] : [required('provisioner')];
    const { reclaimPolicy, volumeBindingMode } = object;
    if (!['Delete', 'Retain'].includes(reclaimPolicy))
      faults.push(notSupported('reclaimPolicy', reclaimPolicy, ['Delete', 'Retain']));
    if (!['Immediate', 'WaitForFirstConsumer'].includes(volumeBindingMode))
      faults.push(notSupported('volumeBindingMode', volumeBindingMode, ['Immediate', 'WaitForFirstConsumer']));
    return faults;
  },
  validateUpdate(object, old) {
    const faults: FieldError[] = [];
    if (!isDeepStrictEqual(object.parameters ?? {}, old.parameters ?? {}))
      faults.push(forbidden('parameters', 'updates to parameters are forbidden.'));
    if (object.provisioner !== old.provisioner)
      faults.push(forbidden('provisioner', 'updates to provisioner are forbidden.'));
    if (object.reclaimPolicy !== old.reclaimPolicy)
      faults.push(forbidden('reclaimPolicy', 'updates to reclaimPolicy are forbidden.'));
    return [...faults, ...immutable('volumeBindingMode', object.volumeBindingMode, old.volumeBindingMode)];
  },
  cells: (object, now) => [
    nameOf(object) + (object.metadata.annotations?.[defaultClass] === 'true' ? ' (default)' : ''),
    object.provisioner,
    object.reclaimPolicy,
    object.volumeBindingMode,
    object.allowVolumeExpansion ?? false,
    ageOf(object, now),
  ],
};

export const csiDrivers: Strategy = {
  defaults({ spec }) {
    spec.attachRequired ??= true;
    spec.podInfoOnMount ??= false;
    spec.storageCapacity ??= false;
    spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
    if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent'];
    spec.requiresRepublish ??= false;
    spec.seLinuxMount ??= false;
  },
  cells: named(({ spec }) => [
    spec.attachRequired,
    spec.podInfoOnMount,
    spec.storageCapacity,
    spec.tokenRequests ? spec.tokenRequests.map(({ audience }: Loose) => audience).join(',') : '<unset>',
    spec.requiresRepublish,
    (spec.volumeLifecycleModes ?? []).join(',') || '<none>',
  ]),
};

export const csiNodes: Strategy = { cells: named(({ spec }) => [(spec.drivers ?? []).length]) };

export const volumeAttachments: Strategy = {
  cells: named(({ spec, status }) => [
    spec.attacher,
    spec.source?.persistentVolumeName ?? '',
    spec.nodeName,
    status?.attached ?? false,
  ]),
};

export const volumeAttributesClasses: Strategy = { cells: named(({ driverName }) => [driverName]) };
