import { isDeepStrictEqual } from 'node:util';
import type { Schema } from '../../../../kubernetes/facts.ts';
import { copyOf, type Loose } from '../../../../kubernetes/object.ts';
import { BadPatch, UnmergeablePatch } from './patch.ts';
import { resolve, type Shape } from './shape.ts';

/**
 * A strategic merge patch, for built-in kinds. `value` stays as it is; `patch` is used up: what is left of it stands in the server's errors.
 * Throws {@link BadPatch} or {@link UnmergeablePatch}.
 * https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
 */
export function strategicMergePatch(value: Loose, patch: Loose, shape: Shape): Loose {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) {
    const kind = Array.isArray(patch) ? 'array' : typeof patch;
    throw new BadPatch(`json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`);
  }
  const schema = resolve(shape.name ? { $ref: shape.name } : shape.schema, shape.schemas);
  return mergeMaps(copyOf(value), patch, schema, shape.schemas);
}

type Schemas = Record<string, Schema>;

const order = '$setElementOrder/';
const deletion = '$deleteFromPrimitiveList/';

const isMap = (value: Loose): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

function fieldOf(schema: Schema, key: string): Schema {
  if (schema.properties?.[key]) return schema.properties[key];
  return typeof schema.additionalProperties === 'object' ? schema.additionalProperties : {};
}

const strategies = (schema: Schema): string[] => (schema['x-kubernetes-patch-strategy'] ?? '').split(',');

/** Both may be changed. */
function mergeMaps(original: Loose, patch: Loose, schema: Schema, schemas: Schemas): Loose {
  const directive = patch.$patch;
  if (directive === 'replace') return without(patch, '$patch');
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'merge')
    throw new UnmergeablePatch(`unknown patch type: ${directive} in map: ${goMap(patch)}`);
  delete patch.$patch;
  const out = original ?? {};
  retainKeys(out, patch);
  for (const [key, elements] of Object.entries<Loose>(patch)) {
    if (!key.startsWith(order)) continue;
    delete patch[key];
    const name = key.slice(order.length);
    const field = fieldOf(schema, name);
    const before: Loose[] | undefined = out[name];
    const change: Loose[] | undefined = patch[name];
    delete patch[name];
    if (!before && !change) continue;
    const mergeKey = field['x-kubernetes-patch-merge-key'];
    checkOrder(change, elements, mergeKey);
    const merged = before && change ? mergeLists(before, change, field, schemas) : (before ?? clean(change));
    out[name] = arrange(merged, elements, before ?? [], mergeKey);
  }
  for (const [key, inner] of Object.entries(patch)) mergeField(out, key, inner, schema, schemas);
  return out;
}

function mergeField(out: Loose, key: string, inner: Loose, schema: Schema, schemas: Schemas): void {
  if (key.startsWith(deletion)) {
    const name = key.slice(deletion.length);
    if (Array.isArray(out[name])) out[name] = out[name].filter((item: Loose) => !inner.includes(item));
    return;
  }
  if (inner === null) {
    delete out[key];
    return;
  }
  const field = resolve(fieldOf(schema, key), schemas);
  const before = out[key];
  if (isMap(inner) && isMap(before)) {
    out[key] = strategies(field).includes('replace') ? inner : mergeMaps(before, inner, field, schemas);
  } else if (Array.isArray(inner) && Array.isArray(before)) {
    out[key] = strategies(field).includes('merge') ? mergeLists(before, inner, field, schemas) : clean(inner);
  } else if (isMap(inner) && inner.$patch === 'delete') {
    delete out[key];
  } else {
    out[key] = clean(inner);
  }
}

function retainKeys(original: Loose, patch: Loose): void {
  const keys = patch.$retainKeys;
  if (keys === undefined) return;
  delete patch.$retainKeys;
  const wrong = Object.entries(patch).some(
    ([key, inner]) => inner !== null && !key.startsWith(deletion) && !key.startsWith(order) && !keys.includes(key),
  );
  if (!Array.isArray(keys) || wrong) throw new BadPatch('invalid patch format of retainKeys');
  for (const key of Object.keys(original)) if (!keys.includes(key)) delete original[key];
}

function mergeLists(original: Loose[], patch: Loose[], field: Schema, schemas: Schemas): Loose[] {
  const mergeKey = field['x-kubernetes-patch-merge-key'];
  if (![...original, ...patch].some(isMap)) {
    const merged = [...new Set([...original, ...patch])];
    return arrange(merged, patch, original, undefined);
  }
  if (!mergeKey) throw new UnmergeablePatch('cannot merge lists without merge key');
  const items = resolve(field.items ?? {}, schemas);
  let merged = [...original];
  const changes: Loose[] = [];
  let replaced = false;
  for (const change of patch) {
    const directive = change?.$patch;
    if (directive === undefined) changes.push(change);
    else if (directive === 'replace') replaced = true;
    else if (directive === 'delete') {
      if (change[mergeKey] === undefined) throw noMergeKey(change, mergeKey);
      merged = merged.filter((item) => !isDeepStrictEqual(item[mergeKey], change[mergeKey]));
    } else if (directive === 'merge') throw new UnmergeablePatch('merging lists cannot yet be specified in the patch');
    else throw new UnmergeablePatch(`unknown patch type: ${directive} in map: ${goMap(change)}`);
  }
  if (replaced) return changes.map(clean);
  const kept = merged;
  merged = [...kept];
  const places = firstPlaces(merged.map((item) => JSON.stringify(item[mergeKey])));
  for (const change of changes) {
    const key = change?.[mergeKey];
    if (key === undefined) throw noMergeKey(change, mergeKey);
    const index = places.get(JSON.stringify(key));
    if (index === undefined) {
      places.set(JSON.stringify(key), merged.length);
      merged.push(clean(change));
    } else merged[index] = mergeMaps(copyOf(merged[index]), change, items, schemas);
  }
  return arrange(merged, changes, kept, mergeKey);
}

/** Where each key stands first. */
function firstPlaces(keys: string[]): Map<string, number> {
  const places = new Map<string, number>();
  for (const [index, key] of keys.entries()) if (!places.has(key)) places.set(key, index);
  return places;
}

/** Items of `wanted` in its order, all others in the order they had, woven by where they stood. */
function arrange(merged: Loose[], wanted: Loose[], before: Loose[], mergeKey: string | undefined): Loose[] {
  const keyOf = (item: Loose): string => JSON.stringify(mergeKey && isMap(item) ? item[mergeKey] : item);
  const wantedPlaces = firstPlaces(wanted.map(keyOf));
  const beforePlaces = firstPlaces(before.map(keyOf));
  const keyed = merged.map((item) => ({ item, key: keyOf(item) }));
  const place = (places: Map<string, number>, { key }: { key: string }): number => places.get(key) ?? -1;
  const sent = keyed.filter(({ key }) => wantedPlaces.has(key));
  const others = keyed.filter(({ key }) => !wantedPlaces.has(key));
  sent.sort((a, b) => place(wantedPlaces, a) - place(wantedPlaces, b));
  others.sort((a, b) => place(beforePlaces, a) - place(beforePlaces, b));
  const out: Loose[] = [];
  let [left, right] = [0, 0];
  while (left < others.length || right < sent.length) {
    const [other, asked] = [others[left], sent[right]];
    const otherFirst =
      other && (!asked || (beforePlaces.has(asked.key) && place(beforePlaces, other) < place(beforePlaces, asked)));
    out.push((otherFirst ? others[left++] : sent[right++])?.item);
  }
  return out;
}

function checkOrder(change: Loose[] | undefined, elements: Loose[], mergeKey: string | undefined): void {
  const keyOf = (item: Loose) => JSON.stringify(mergeKey ? item?.[mergeKey] : item);
  const keys = elements.map(keyOf);
  const sent = (change ?? []).filter((item) => !item?.$patch).map(keyOf);
  let at = -1;
  for (const key of sent) {
    const next = keys.indexOf(key, at + 1);
    if (next < 0)
      throw new UnmergeablePatch(
        `The order in patch list:\n${goList(change)}\n doesn't match ${'$setElementOrder'} list:\n${goList(elements)}\n`,
      );
    at = next;
  }
}

/** A copy without directives and nulls: they mean nothing where there is nothing to merge with. */
function clean(value: Loose): Loose {
  if (Array.isArray(value)) return value.filter((item) => item?.$patch === undefined).map(clean);
  if (!isMap(value)) return value;
  const out: Loose = {};
  for (const [key, inner] of Object.entries<Loose>(value)) {
    const directive =
      key === '$patch' || key === '$retainKeys' || key.startsWith(order) || key.startsWith(deletion) || inner === null;
    if (!directive && !(isMap(inner) && inner.$patch === 'delete')) out[key] = clean(inner);
  }
  return out;
}

function without(map: Loose, key: string): Loose {
  const { [key]: _, ...rest } = map;
  return rest;
}

const noMergeKey = (map: Loose, key: string): UnmergeablePatch =>
  new UnmergeablePatch(`map: ${goMap(map)} does not contain declared merge key: ${key}`);

/** As Go prints a map: `map[image:x name:web]`. */
function goMap(value: Loose): string {
  if (Array.isArray(value)) return goList(value);
  if (!isMap(value)) return String(value);
  return `map[${Object.keys(value)
    .sort()
    .map((key) => `${key}:${goMap(value[key])}`)
    .join(' ')}]`;
}

const goList = (list: Loose[] | undefined): string => `[${(list ?? []).map(goMap).join(' ')}]`;
