import { isDeepStrictEqual } from 'node:util';
import { copyOf, type KubeObject, type Loose } from '../../../../kubernetes/object.ts';
import { decode } from './decode.ts';
import { applyDefaults, emptyObject } from './defaults.ts';
import {
  difference,
  emptySet,
  type FieldSet,
  formatPath,
  has,
  intersection,
  isEmpty,
  type Path,
  paths,
  union,
  without,
} from './field-set.ts';
import { capUpdaters, identityOf, type Manager, type Managers, readManagers, writeManagers } from './managed-fields.ts';
import { mergeTyped, removeFields, withNamedFields } from './merge-typed.ts';
import type { Shape } from './shape.ts';
import { compareTyped, fieldsOf, validateTyped } from './typed.ts';

/** https://kubernetes.io/docs/reference/using-api/server-side-apply/ */
export interface Ownership {
  shape: Shape;
  /** `apps/v1` */
  apiVersion: string;
  /** The field manager; '' is `unknown`. */
  manager: string;
  /** `status`, `scale`…; '' for the object itself. */
  subresource: string;
  now: Date;
  /** Fields this endpoint never writes, so nobody owns them through it: `[['f:status']]`. */
  reset?: Path[];
}

/** Fields someone else owns. `causes` are those of the Status, `message` its whole message. */
export class ApplyConflict extends Error {
  readonly causes: { reason: 'FieldManagerConflict'; message: string; field: string }[];
  constructor(conflicts: { entry: Manager; path: Path }[]) {
    super(conflictMessage(conflicts));
    this.name = 'ApplyConflict';
    this.causes = conflicts.map(({ entry, path }) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with ${printManager(entry)}`,
      field: formatPath(path),
    }));
  }
}

/** The applied object does not fit its schema; a 500 on the real server: `failed to create typed patch object (ns/name; apps/v1, Kind=Deployment): …`. */
export class TypedPatchError extends Error {}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** Never owned. */
const stripped: FieldSet = {
  members: new Set(['f:apiVersion', 'f:kind', 'f:metadata']),
  children: new Map([
    [
      'f:metadata',
      {
        members: new Set(
          ['name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'clusterName', 'generation'].map(
            (f) => `f:${f}`,
          ),
        )
          .add('f:managedFields')
          .add('f:resourceVersion'),
        children: new Map(),
      },
    ],
  ]),
};

const stampOf = (now: Date): string => `${now.toISOString().slice(0, 19)}Z`;

function withoutManagedFields(object: Loose): Loose {
  const { managedFields: _, ...metadata } = object.metadata ?? {};
  return { ...object, metadata };
}

/**
 * metadata.managedFields after a create or an update: who changed a field owns it, and loses what others changed.
 * `live` is undefined for a create. Times change only with what is owned.
 */
export function trackUpdate(live: KubeObject | undefined, updated: KubeObject, by: Ownership): Loose[] | undefined {
  const sent = updated.metadata.managedFields;
  // An empty list, or one empty entry, is a client's way to forget all owners.
  if (sent && !by.subresource && (sent.length === 0 || (sent.length === 1 && Object.keys(sent[0]).length === 0)))
    return undefined;
  let known = by.subresource ? new Map() : readManagers(sent);
  if (known.size === 0) known = readManagers(live?.metadata.managedFields);
  if (known.size === 0 && live?.metadata.uid) return undefined;
  return writeManagers(capUpdaters(updateManagers(live, updated, known, by)));
}

function updateManagers(live: Loose, updated: Loose, known: Managers, by: Ownership): Managers {
  const before = live ? withoutManagedFields(live) : emptyObject(by.shape);
  const { added, modified, removed } = compareTyped(before, withoutManagedFields(updated), by.shape);
  const touched = without(union(added, modified), by.reset ?? []);
  const gone = without(removed, by.reset ?? []);
  const self: Omit<Manager, 'set' | 'time'> = {
    manager: by.manager || 'unknown',
    operation: 'Update',
    apiVersion: by.apiVersion,
    subresource: by.subresource,
  };
  const managers: Managers = new Map();
  // The applier's own entry shrinks like all the others': an update is another way of writing.
  for (const [id, entry] of known) {
    const set = difference(difference(entry.set, touched), gone);
    if (!isEmpty(set)) managers.set(id, { ...entry, set });
  }
  const owned = difference(touched, stripped);
  if (!isEmpty(owned)) {
    const id = identityOf(self);
    const previous = managers.get(id);
    const set = previous ? union(owned, previous.set) : owned;
    // The real server notes no time for what is done through `scale`.
    const time = by.subresource === 'scale' ? undefined : stampOf(by.now);
    managers.set(id, { ...self, set, time });
  }
  return managers;
}

export interface Applied {
  /** The live object with the applied one merged in, decoded, its schema's defaults and managedFields written; not yet defaulted by its kind or validated. */
  object: KubeObject;
  /** False: nothing changed, and nothing is to be written. */
  changed: boolean;
}

/**
 * Server-side apply. `live` is undefined when the object does not exist yet; `applied` is as the client sent it, nulls dropped.
 * Throws {@link ApplyConflict} or {@link TypedPatchError}.
 */
export function applyPatch(live: KubeObject | undefined, applied: Loose, force: boolean, by: Ownership): Applied {
  const faults = validateTyped(applied, by.shape);
  if (faults.length > 0) throw new TypedPatchError(typedMessage(applied, faults, by));
  const base = live ? withoutManagedFields(live) : { ...emptyObject(by.shape), ...identity(applied) };
  let known = readManagers(live?.metadata.managedFields);
  if (live && known.size === 0) {
    const first = { ...by, manager: 'before-first-apply', subresource: '', reset: [] };
    known = updateManagers(undefined, live, known, first);
    for (const [id, entry] of known) known.set(id, { ...entry, time: stampOf(by.now) });
  }
  try {
    return finish(live, base, applied, known, force, by);
  } catch (error) {
    // kubectl takes over what its own client-side apply wrote, unless someone changed it since.
    if (!(error instanceof Conflicts) || by.manager !== 'kubectl') throw asConflict(error);
    const allowed = lastAppliedFields(base, by);
    const rest = error.list.filter(({ path }) => !allowed || !has(allowed, path));
    if (rest.length > 0) throw new ApplyConflict(rest);
    return finish(live, base, applied, known, true, by);
  }
}

const asConflict = (error: unknown): unknown => (error instanceof Conflicts ? new ApplyConflict(error.list) : error);

class Conflicts extends Error {
  readonly list: { entry: Manager; path: Path }[];
  constructor(list: { entry: Manager; path: Path }[]) {
    super('conflicts');
    this.list = list;
  }
}

const identity = ({ apiVersion, kind }: Loose): Loose => ({ apiVersion, kind });

function finish(
  live: KubeObject | undefined,
  base: Loose,
  applied: Loose,
  known: Managers,
  force: boolean,
  by: Ownership,
): Applied {
  const self: Omit<Manager, 'set' | 'time'> = {
    manager: by.manager,
    operation: 'Apply',
    apiVersion: by.apiVersion,
    subresource: by.subresource,
  };
  const id = identityOf(self);
  const last = known.get(id);
  const set = without(fieldsOf(applied, by.shape), by.reset ?? []);
  const all: Managers = new Map(known).set(id, { ...self, set, time: last?.time });
  const merged = prune(mergeTyped(base, applied, by.shape), all, last?.set, by.shape);
  const managers = settle(base, merged, all, id, force, by);
  const own = managers.get(id);
  if (own) {
    const kept = difference(own.set, stripped);
    if (isEmpty(kept)) managers.delete(id);
    else managers.set(id, { ...own, set: kept });
  }
  const { value: object, error } = decode(merged, by.shape);
  if (error) throw new TypedPatchError(error);
  applyDefaults(object, by.shape);
  const changed = !live || !isDeepStrictEqual(withoutManagedFields(live), withoutManagedFields(object));
  const current = managers.get(id);
  if (current && changed) managers.set(id, { ...current, time: stampOf(by.now) });
  const result = changed ? object : (copyOf(withoutManagedFields(live)) as KubeObject);
  if (by.manager === 'kubectl' && result.metadata.annotations?.[LAST_APPLIED] !== undefined)
    result.metadata.annotations[LAST_APPLIED] = lastAppliedText(applied);
  const entries = writeManagers(managers);
  if (entries) result.metadata.managedFields = entries;
  return { object: result, changed: changed || !isDeepStrictEqual(entries, live?.metadata.managedFields) };
}

/** Takes the fields others own and that `merged` changes from them, or throws without `force`. */
function settle(base: Loose, merged: Loose, all: Managers, self: string, force: boolean, by: Ownership): Managers {
  const compared = compareTyped(base, merged, by.shape);
  const reset = by.reset ?? [];
  const touched = without(union(compared.added, compared.modified), reset);
  const removed = without(compared.removed, reset);
  const conflicts: { entry: Manager; path: Path }[] = [];
  const managers: Managers = new Map();
  for (const [id, entry] of all) {
    if (id === self) {
      managers.set(id, entry);
      continue;
    }
    const contested = intersection(entry.set, touched);
    for (const path of paths(contested)) conflicts.push({ entry, path });
    const set = difference(difference(entry.set, contested), removed);
    if (!isEmpty(set)) managers.set(id, { ...entry, set });
  }
  if (conflicts.length > 0 && !force) throw new Conflicts(conflicts);
  return managers;
}

/** Removes what the manager applied before, no longer does, and nobody else owns. */
function prune(merged: Loose, all: Managers, last: FieldSet | undefined, shape: Shape): Loose {
  if (!last || isEmpty(last)) return merged;
  const lastNamed = withNamedFields(last, shape);
  const pruned = removeFields(merged, lastNamed, shape) ?? {};
  const owned = [...all.values()].reduce((sum, { set }) => union(sum, set), emptySet());
  const everything = withNamedFields(fieldsOf(merged, shape), shape);
  const kept = union(withNamedFields(fieldsOf(pruned, shape), shape), withNamedFields(owned, shape));
  const restored = removeFields(merged, difference(everything, kept), shape) ?? {};
  const remaining = withNamedFields(fieldsOf(restored, shape), shape);
  return removeFields(merged, intersection(difference(everything, remaining), lastNamed), shape) ?? {};
}

function lastAppliedFields(live: Loose, by: Ownership): FieldSet | undefined {
  try {
    const last = JSON.parse(live.metadata?.annotations?.[LAST_APPLIED] ?? '');
    if (last.apiVersion !== by.apiVersion) return undefined;
    const { added, modified, removed } = compareTyped(last, live, by.shape);
    return difference(difference(difference(fieldsOf(last, by.shape), modified), added), removed);
  } catch {
    return undefined;
  }
}

function lastAppliedText(applied: Loose): string {
  const { [LAST_APPLIED]: _, ...annotations } = applied.metadata?.annotations ?? {};
  const { managedFields: __, ...metadata } = applied.metadata ?? {};
  const { annotations: ___, ...bare } = metadata;
  const named = Object.keys(annotations).length > 0 ? { ...metadata, annotations } : bare;
  return `${JSON.stringify(sorted({ ...applied, metadata: named }))}\n`;
}

function sorted(value: Loose): Loose {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  );
}

function typedMessage(applied: Loose, faults: string[], by: Ownership): string {
  const { name = '', namespace = '' } = applied.metadata ?? {};
  const group = `${by.apiVersion.includes('/') ? '' : '/'}${by.apiVersion}, Kind=${applied.kind}`;
  const text = faults.length === 1 ? faults[0] : `errors:\n${faults.map((fault) => `  ${fault}`).join('\n')}`;
  return `failed to create typed patch object (${namespace}/${name}; ${group}): ${text}`;
}

function printManager({ manager, operation, apiVersion, subresource }: Manager): string {
  const named = JSON.stringify(manager) + (subresource ? ` with subresource ${JSON.stringify(subresource)}` : '');
  return operation === 'Update' ? `${named} using ${apiVersion}` : named;
}

function conflictMessage(conflicts: { entry: Manager; path: Path }[]): string {
  if (conflicts.length === 1) {
    const { entry, path } = conflicts[0]!;
    return `Apply failed with 1 conflict: conflict with ${printManager(entry)}: ${formatPath(path)}`;
  }
  const groups = Map.groupBy(conflicts, ({ entry }) => printManager(entry));
  const lines = [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([manager, list]) => [`conflicts with ${manager}:`, ...list.map(({ path }) => `- ${formatPath(path)}`)]);
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`;
}
