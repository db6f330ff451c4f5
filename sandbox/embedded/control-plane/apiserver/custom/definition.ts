import { dns1035Label, dns1123Subdomain } from '../../../../../kubernetes/names.ts';
import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import type { FieldError } from '../../resources/strategy.ts';
import { invalid, notSupported, required } from '../../schema/field-errors.ts';
import type { Store } from '../../store/store.ts';
import { stamp } from '../stamp.ts';

export const definitions = 'apiextensions.k8s.io/customresourcedefinitions';

/** Holds a definition until all it defined is gone. */
export const cleanup = 'customresourcecleanup.apiextensions.k8s.io';

/** What a definition takes for granted. */
export function defaultDefinition({ spec }: KubeObject): void {
  spec.names ??= {};
  const { names } = spec;
  if (typeof names.kind === 'string' && names.kind) {
    names.singular ||= names.kind.toLowerCase();
    names.listKind ||= `${names.kind}List`;
  }
  spec.conversion ??= { strategy: 'None' };
  for (const version of spec.versions ?? [])
    for (const column of version.additionalPrinterColumns ?? []) column.priority ??= 0;
}

/** https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/custom-resource-definition-v1/ */
export function validateDefinition({ metadata, spec }: KubeObject): FieldError[] {
  const faults: FieldError[] = [];
  const { group = '', names = {}, versions = [] } = spec;
  const wanted = `${names.plural}.${group}`;
  if (metadata.name !== wanted)
    faults.push(invalid('metadata.name', metadata.name, `must be spec.names.plural+"."+spec.group`));
  if (!group) faults.push(required('spec.group'));
  else if (!group.includes('.')) faults.push(invalid('spec.group', group, 'should be a domain with at least one dot'));
  else for (const why of dns1123Subdomain(group)) faults.push(invalid('spec.group', group, why));
  if (!spec.scope) faults.push(required('spec.scope'));
  else if (!['Namespaced', 'Cluster'].includes(spec.scope))
    faults.push(notSupported('spec.scope', spec.scope, ['Cluster', 'Namespaced']));
  const stored = versions.filter((version: Loose) => version.storage);
  if (stored.length !== 1)
    faults.push(invalid('spec.versions', versions, 'must have exactly one version marked as storage version'));
  for (const [index, version] of versions.entries()) {
    const at = `spec.versions[${index}]`;
    for (const why of dns1035Label(version.name ?? '')) faults.push(invalid(`${at}.name`, version.name ?? '', why));
    const schema = version.schema?.openAPIV3Schema;
    if (!schema) faults.push(required(`${at}.schema.openAPIV3Schema`));
    else structural(schema, `${at}.schema.openAPIV3Schema`, faults, true);
  }
  for (const field of ['plural', 'singular'] as const) {
    if (!names[field]) faults.push(required(`spec.names.${field}`));
    else for (const why of dns1035Label(names[field])) faults.push(invalid(`spec.names.${field}`, names[field], why));
  }
  for (const field of ['kind', 'listKind'] as const) {
    if (!names[field]) faults.push(required(`spec.names.${field}`));
    else
      for (const why of dns1035Label(names[field].toLowerCase()))
        faults.push(
          invalid(`spec.names.${field}`, names[field], `may have mixed case, but should otherwise match: ${why}`),
        );
  }
  for (const [index, short] of (names.shortNames ?? []).entries())
    for (const why of dns1035Label(short)) faults.push(invalid(`spec.names.shortNames[${index}]`, short, why));
  return faults;
}

/** A structural schema says what each field is. */
function structural(schema: Loose, at: string, faults: FieldError[], root: boolean): void {
  const free = schema['x-kubernetes-int-or-string'] || schema['x-kubernetes-preserve-unknown-fields'];
  if (!schema.type && (root || !free))
    faults.push(
      required(`${at}.type`, root ? 'must not be empty at the root' : 'must not be empty for specified object fields'),
    );
  else if (root && schema.type !== 'object')
    faults.push(invalid(`${at}.type`, schema.type, 'must be object at the root'));
  for (const [name, inner] of Object.entries<Loose>(schema.properties ?? {})) {
    if (root && name === 'metadata') continue;
    structural(inner, `${at}.properties[${name}]`, faults, false);
  }
  if (schema.type === 'array' && !schema.items) faults.push(required(`${at}.items`, 'must be specified'));
  if (schema.items) structural(schema.items, `${at}.items`, faults, false);
  if (typeof schema.additionalProperties === 'object')
    structural(schema.additionalProperties, `${at}.additionalProperties`, faults, false);
}

/** Accepts its names, unless another definition of the group has one of them, and calls it established. */
export function establish(store: Store, object: KubeObject, old: KubeObject | undefined, now: Date): void {
  const { spec } = object;
  const { names } = spec;
  const conflict = store
    .list(definitions)
    .map((entry) => entry.object)
    .filter((other) => other.metadata.name !== object.metadata.name && other.spec.group === spec.group)
    .map((other) => clash(other.status?.acceptedNames ?? {}, names))
    .find((why) => why !== undefined);
  const before: Loose[] = old?.status?.conditions ?? [];
  const condition = (type: string, status: boolean, reason: string, message: string): Loose => {
    const known = before.find((one) => one.type === type && one.status === (status ? 'True' : 'False'));
    const lastTransitionTime = known?.lastTransitionTime ?? stamp(now);
    return { type, status: status ? 'True' : 'False', lastTransitionTime, reason, message };
  };
  const storage = (spec.versions ?? []).find((version: Loose) => version.storage)?.name;
  const stored: string[] = old?.status?.storedVersions ?? [];
  object.status = {
    conditions: [
      conflict === undefined
        ? condition('NamesAccepted', true, 'NoConflicts', 'no conflicts found')
        : condition('NamesAccepted', false, conflict.reason, conflict.message),
      conflict === undefined
        ? condition('Established', true, 'InitialNamesAccepted', 'the initial names have been accepted')
        : condition('Established', false, 'NotAccepted', 'not all names are accepted'),
      ...before.filter((one) => one.type === 'Terminating'),
    ],
    acceptedNames: conflict === undefined ? names : (old?.status?.acceptedNames ?? { plural: '', kind: '' }),
    storedVersions: stored.includes(storage) ? stored : [...stored, storage],
  };
}

function clash(taken: Loose, names: Loose): { reason: string; message: string } | undefined {
  const words = new Set([taken.plural, taken.singular, ...(taken.shortNames ?? [])]);
  if (words.has(names.plural)) return { reason: 'PluralConflict', message: `"${names.plural}" is already in use` };
  if (words.has(names.singular))
    return { reason: 'SingularConflict', message: `"${names.singular}" is already in use` };
  const short = (names.shortNames ?? []).find((name: string) => words.has(name));
  if (short) return { reason: 'ShortNamesConflict', message: `"${short}" is already in use` };
  if (taken.kind === names.kind) return { reason: 'KindConflict', message: `"${names.kind}" is already in use` };
  return undefined;
}
