import type { Loose } from '../../../../kubernetes/object.ts';
import { canonicalQuantity, compareQuantities } from '../../../../kubernetes/quantity.ts';
import { duplicate, forbidden, invalid, notSupported, required } from '../schema/field-errors.ts';
import { label } from './faults.ts';
import type { FieldError } from './strategy.ts';

/** Sources in the order the server asks for them. */
const sources = [
  'emptyDir',
  'hostPath',
  'gitRepo',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'secret',
  'nfs',
  'iscsi',
  'glusterfs',
  'flocker',
  'persistentVolumeClaim',
  'rbd',
  'cinder',
  'cephfs',
  'quobyte',
  'downwardAPI',
  'fc',
  'flexVolume',
  'configMap',
  'azureFile',
  'vsphereVolume',
  'photonPersistentDisk',
  'portworxVolume',
  'azureDisk',
  'storageos',
  'projected',
  'scaleIO',
  'csi',
  'ephemeral',
  'image',
];
const hostPathTypes = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];

/** Names of the volumes that are right, and what is wrong with the others. */
export function volumeFaults(path: string, volumes: Loose[]): { known: Set<string>; faults: FieldError[] } {
  const known = new Set<string>();
  const faults: FieldError[] = [];
  for (const [index, volume] of volumes.entries()) {
    const at = `${path}[${index}]`;
    const wrong = sourceFaults(at, volume);
    wrong.push(...(volume.name ? label(`${at}.name`, volume.name) : [required(`${at}.name`)]));
    if (known.has(volume.name)) wrong.push(duplicate(`${at}.name`, volume.name));
    if (wrong.length === 0) known.add(volume.name);
    faults.push(...wrong);
  }
  return { known, faults };
}

function sourceFaults(path: string, volume: Loose): FieldError[] {
  const present = sources.filter((source) => volume[source]);
  if (present.length === 0) return [required(path, 'must specify a volume type')];
  const faults: FieldError[] = [];
  for (const [index, source] of present.entries()) {
    const at = `${path}.${source}`;
    if (index > 0) faults.push(forbidden(at, 'may not specify more than 1 volume type'));
    else faults.push(...(rules[source]?.(at, volume[source]) ?? []));
  }
  return faults;
}

const named = (path: string, name: string | undefined): FieldError[] => (name ? [] : [required(path)]);

const fileMode = 'must be a number between 0 and 0777 (octal), both inclusive';

function modeFaults(path: string, mode: number | undefined): FieldError[] {
  return mode !== undefined && (mode < 0 || mode > 0o777) ? [invalid(path, mode, fileMode)] : [];
}

function itemFaults(path: string, source: Loose): FieldError[] {
  const faults = modeFaults(`${path}.defaultMode`, source.defaultMode);
  for (const [index, { key, path: to = '', mode }] of (source.items ?? []).entries()) {
    const at = `${path}.items[${index}]`;
    if (!key) faults.push(required(`${at}.key`));
    if (!to) faults.push(required(`${at}.path`));
    faults.push(...filePathFaults(`${at}.path`, to), ...modeFaults(`${at}.mode`, mode));
  }
  return faults;
}

/** What a volume's files are called. */
function filePathFaults(path: string, value: string): FieldError[] {
  const faults = descendingPathFaults(path, value);
  if (value.startsWith('..') && !value.startsWith('../')) faults.push(invalid(path, value, "must not start with '..'"));
  return faults;
}

const resourceFields = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];
const sizes = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'];
const divisors: Record<string, [what: string, allowed: string[]]> = {
  cpu: ['the cpu resource', ['1m', '1']],
  memory: ['the memory resource', sizes],
  'ephemeral-storage': ['the local ephemeral storage resource', sizes],
};

/** What a container is told of its requests and limits; outside of one it must be named. */
export function resourceFieldFaults(path: string, field: Loose, inVolume = false): FieldError[] {
  const { resource = '', divisor } = field;
  const faults: FieldError[] = [];
  const pages = /^(limits|requests)\.hugepages-/.test(resource);
  if (inVolume && !field.containerName) faults.push(required(`${path}.containerName`));
  else if (!resource) faults.push(required(`${path}.resource`));
  else if (!pages && !resourceFields.includes(resource))
    faults.push(notSupported(`${path}.resource`, resource, resourceFields));
  const of = /^(?:limits|requests)\.(.*)$/.exec(resource)?.[1] ?? '';
  const [what, allowed] = (pages ? ['the hugepages resource', sizes] : divisors[of]) ?? [];
  const isSet = divisor !== undefined && compareQuantities(divisor, '0') !== 0;
  if (isSet && allowed && !allowed.includes(canonicalQuantity(divisor))) {
    const values = allowed.length === 2 ? allowed.join(' and ') : allowed.join(', ');
    faults.push(invalid(`${path}.divisor`, resource, `only divisor's values ${values} are supported with ${what}`));
  }
  return faults;
}

/** Paths without the item's number, as the server says them. */
function downwardFaults(path: string, { defaultMode, items = [] }: Loose): FieldError[] {
  const faults = modeFaults(`${path}.defaultMode`, defaultMode);
  for (const { path: to = '', fieldRef, resourceFieldRef, mode } of items) {
    if (!to) faults.push(required(`${path}.path`));
    faults.push(...filePathFaults(`${path}.path`, to));
    if (fieldRef && resourceFieldRef)
      faults.push(invalid(path, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
    else if (resourceFieldRef) faults.push(...resourceFieldFaults(`${path}.resourceFieldRef`, resourceFieldRef, true));
    else if (!fieldRef) faults.push(required(path, 'one of fieldRef and resourceFieldRef is required'));
    faults.push(...modeFaults(`${path}.mode`, mode));
  }
  return faults;
}

/** A path below its root. */
export function descendingPathFaults(path: string, value: string): FieldError[] {
  const faults: FieldError[] = value.startsWith('/') ? [invalid(path, value, 'must be a relative path')] : [];
  if (value.split('/').includes('..')) faults.push(invalid(path, value, "must not contain '..'"));
  return faults;
}

const rules: Record<string, (path: string, source: Loose) => FieldError[]> = {
  emptyDir: (path, { sizeLimit }) =>
    sizeLimit !== undefined && compareQuantities(sizeLimit, '0') < 0
      ? [forbidden(`${path}.sizeLimit`, 'SizeLimit field must be a valid resource quantity')]
      : [],
  hostPath: (path, source) => {
    if (!source.path) return [required(`${path}.path`)];
    const faults = source.path.split('/').includes('..')
      ? [invalid(`${path}.path`, source.path, "must not contain '..'")]
      : [];
    const { type } = source;
    return type && !hostPathTypes.includes(type)
      ? [...faults, notSupported(`${path}.type`, type, hostPathTypes)]
      : faults;
  },
  secret: (path, source) => [...named(`${path}.secretName`, source.secretName), ...itemFaults(path, source)],
  configMap: (path, source) => [...named(`${path}.name`, source.name), ...itemFaults(path, source)],
  persistentVolumeClaim: (path, { claimName }) => named(`${path}.claimName`, claimName),
  nfs: (path, { server, path: exported }) => [...named(`${path}.server`, server), ...named(`${path}.path`, exported)],
  csi: (path, { driver }) => named(`${path}.driver`, driver),
  image: (path, { reference }) => named(`${path}.reference`, reference),
  ephemeral: (path, { volumeClaimTemplate }) => (volumeClaimTemplate ? [] : [required(`${path}.volumeClaimTemplate`)]),
  downwardAPI: downwardFaults,
  projected: (path, source) => modeFaults(`${path}.defaultMode`, source.defaultMode),
};
