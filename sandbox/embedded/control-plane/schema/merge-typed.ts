import type { Schema } from '../../../../kubernetes/facts.ts';
import type { Loose } from '../../../../kubernetes/object.ts';
import { emptySet, type FieldSet } from './field-set.ts';
import { resolve, type Shape } from './shape.ts';
import { atomOf, fieldSchema, isDeclared, itemElement, rootOf } from './typed.ts';

type Schemas = Record<string, Schema>;

/** `right` laid over `left`: maps and associative lists item by item, all else as a whole. Neither is changed. */
export function mergeTyped(left: Loose, right: Loose, shape: Shape): Loose {
  return mergeAt(left, right, resolve(rootOf(shape), shape.schemas), shape.schemas);
}

function mergeAt(left: Loose, right: Loose, schema: Schema, schemas: Schemas): Loose {
  if (right === undefined) return left;
  if (left === undefined || left === null) return right;
  const atom = atomOf(right, schema);
  if (atom === 'leaf' || atom !== atomOf(left, schema)) return right;
  if (atom === 'list') return mergeLists(left, right, schema, schemas);
  const out: Loose = { ...left };
  for (const [key, inner] of Object.entries(right))
    out[key] = mergeAt(left[key], inner, resolve(fieldSchema(schema, key) ?? {}, schemas), schemas);
  return out;
}

/** Keeps the order of the right where both have an item, and items of the left alone where they stood. */
function mergeLists(left: Loose[], right: Loose[], schema: Schema, schemas: Schemas): Loose {
  const items = resolve(schema.items ?? {}, schemas);
  const key = (item: Loose) => itemElement(item, schema, schemas);
  const [before, after] = [left.map(key), right.map(key)];
  const onLeft = new Map(before.map((element, index) => [element, left[index]]));
  const onRight = new Map(after.map((element, index) => [element, right[index]]));
  const shared = after.filter((element) => onLeft.has(element));
  const merged = new Set<string>();
  const out: Loose[] = [];
  const both = (element: string) => mergeAt(onLeft.get(element), onRight.get(element), items, schemas);
  let [l, r] = [0, 0];
  let next = shared.shift();
  while (l < before.length || r < after.length) {
    const [old, fresh] = [before[l], after[r]];
    if (old !== undefined && old === fresh) {
      merged.add(old);
      out.push(both(old));
      l++;
      r++;
      next = shared.shift();
      continue;
    }
    if (old !== undefined && fresh !== undefined && onRight.has(old) && next !== undefined && next !== old) {
      l++;
      continue;
    }
    if (old !== undefined && !onRight.has(old)) {
      out.push(left[l]);
      l++;
      continue;
    }
    if (old !== undefined && merged.has(old)) l++;
    if (fresh !== undefined) {
      merged.add(fresh);
      out.push(both(fresh));
      r++;
      if (next === fresh) next = shared.shift();
    }
  }
  return out;
}

/** `value` without the members of `set`; what becomes empty goes too. */
export function removeFields(value: Loose, set: FieldSet, shape: Shape): Loose {
  return removeAt(value, set, resolve(rootOf(shape), shape.schemas), shape.schemas);
}

function removeAt(value: Loose, set: FieldSet, schema: Schema, schemas: Schemas): Loose {
  const atom = atomOf(value, schema);
  if (atom === 'leaf') return value !== null && typeof value === 'object' ? undefined : value;
  if (atom === 'list') {
    const items = resolve(schema.items ?? {}, schemas);
    const kept: Loose[] = [];
    for (const item of value) {
      const element = itemElement(item, schema, schemas);
      if (set.members.has(element)) continue;
      const below = set.children.get(element);
      kept.push(below ? (removeAt(item, below, items, schemas) ?? null) : item);
    }
    return kept.length > 0 ? kept : undefined;
  }
  const out: Loose = {};
  for (const [key, inner] of Object.entries(value)) {
    const element = `f:${key}`;
    if (set.members.has(element)) continue;
    const below = set.children.get(element);
    out[key] = below
      ? (removeAt(inner, below, resolve(fieldSchema(schema, key) ?? {}, schemas), schemas) ?? null)
      : inner;
  }
  return Object.keys(out).length > 0 ? out : undefined;
}

/** Adds the declared fields that lead to members: whoever owns `spec.replicas` needs `spec`. */
export function withNamedFields(set: FieldSet, shape: Shape): FieldSet {
  return nameAt(set, resolve(rootOf(shape), shape.schemas), shape.schemas);
}

function nameAt(set: FieldSet, schema: Schema, schemas: Schemas): FieldSet {
  const out = emptySet();
  for (const element of set.members) out.members.add(element);
  for (const [element, child] of set.children) {
    const key = element.slice(2);
    const isField = element.startsWith('f:');
    if (isField && isDeclared(schema, key)) out.members.add(element);
    const below = isField ? fieldSchema(schema, key) : schema.items;
    out.children.set(element, nameAt(child, resolve(below ?? {}, schemas), schemas));
  }
  return out;
}
