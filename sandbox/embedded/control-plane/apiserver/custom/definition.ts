import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
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
    storedVersions: storage === undefined || stored.includes(storage) ? stored : [...stored, storage],
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
