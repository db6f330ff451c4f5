import type { Loose } from '../../../../kubernetes/object.ts';
import { emptySet, type FieldSet, fromFieldsV1, isEmpty, toFieldsV1, union } from './field-set.ts';

/** One entry of metadata.managedFields, its set unfolded. */
export interface Manager {
  manager: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  subresource: string;
  time: string | undefined;
  set: FieldSet;
}

/** Managers by who they are: for appliers the API version does not count. */
export type Managers = Map<string, Manager>;

export const identityOf = (entry: Omit<Manager, 'set' | 'time'>): string =>
  JSON.stringify([
    entry.manager,
    entry.operation,
    entry.operation === 'Apply' ? '' : entry.apiVersion,
    entry.subresource,
  ]);

/** Entries that cannot be read leave nobody. */
export function readManagers(entries: Loose): Managers {
  const managers: Managers = new Map();
  for (const entry of entries ?? []) {
    const { operation, apiVersion, fieldsType } = entry;
    if ((operation !== 'Apply' && operation !== 'Update') || !apiVersion || fieldsType !== 'FieldsV1') return new Map();
    const manager: Manager = {
      manager: entry.manager ?? '',
      operation,
      apiVersion,
      subresource: entry.subresource ?? '',
      time: entry.time ?? undefined,
      set: fromFieldsV1(entry.fieldsV1),
    };
    managers.set(identityOf(manager), manager);
  }
  return managers;
}

/** Appliers first, then by time: the order of the real server. Undefined when nobody owns anything. */
export function writeManagers(managers: Managers): Loose[] | undefined {
  const entries = [...managers.values()].filter(({ set }) => !isEmpty(set)).sort(byAge);
  if (entries.length === 0) return undefined;
  return entries.map(({ manager, operation, apiVersion, subresource, time, set }) => ({
    ...(manager ? { manager } : {}),
    operation,
    apiVersion,
    ...(time ? { time } : {}),
    fieldsType: 'FieldsV1',
    fieldsV1: toFieldsV1(set),
    ...(subresource ? { subresource } : {}),
  }));
}

function byAge(a: Manager, b: Manager): number {
  const order = (entry: Manager) => [
    entry.operation,
    entry.time ?? '',
    entry.manager,
    entry.apiVersion,
    entry.subresource,
  ];
  const [left, right] = [order(a), order(b)];
  const at = left.findIndex((part, index) => part !== right[index]);
  return at < 0 ? 0 : left[at]! < right[at]! ? -1 : 1;
}

const mostUpdaters = 10;

/** More than ten updaters: the oldest become one, `ancient-changes`. */
export function capUpdaters(managers: Managers): Managers {
  const updaters = [...managers.values()].filter(({ operation }) => operation === 'Update').sort(byAge);
  const excess = updaters.length - mostUpdaters;
  if (excess <= 0) return managers;
  const out = new Map(managers);
  const oldest = updaters.slice(0, excess + 1);
  for (const [apiVersion, entries] of Map.groupBy(oldest, (entry) => entry.apiVersion)) {
    if (entries.length < 2) continue;
    const bucket: Manager = {
      manager: 'ancient-changes',
      operation: 'Update',
      apiVersion,
      subresource: '',
      time: entries.at(-1)!.time,
      set: entries.reduce((sum, { set }) => union(sum, set), emptySet()),
    };
    for (const entry of entries) out.delete(identityOf(entry));
    out.set(identityOf(bucket), bucket);
  }
  return out;
}
