import { isDeepStrictEqual } from 'node:util';
import type { Schema } from '../../../../kubernetes/facts.ts';
import type { Loose } from '../../../../kubernetes/object.ts';
import { emptySet, type FieldSet, formatElement, insert, type Path } from './field-set.ts';
import { isFree, resolve, type Shape } from './shape.ts';

/** A value that its schema has no place for: nobody can own parts of it. */
export class UntypedValue extends Error {}

/** How apply sees a value: `map` and `list` are merged item by item, a leaf as a whole. */
export type Atom = 'map' | 'list' | 'leaf';

type Schemas = Record<string, Schema>;

export const rootOf = (shape: Shape): Schema => (shape.name ? { $ref: shape.name } : shape.schema);

export function atomOf(value: Loose, schema: Schema): Atom {
  if (typeof value !== 'object' || value === null) return 'leaf';
  if (Array.isArray(value)) return isAtomicList(schema) ? 'leaf' : 'list';
  // What has no schema is merged key by key.
  if (schema.type === 'object' || schema.properties || !schema.type)
    return schema['x-kubernetes-map-type'] === 'atomic' ? 'leaf' : 'map';
  return 'leaf';
}

const isAtomicList = (schema: Schema): boolean =>
  schema.type !== 'array' || (schema['x-kubernetes-list-type'] ?? 'atomic') === 'atomic';

/** The schema of a field or map value; undefined: the field is not declared. */
export function fieldSchema(schema: Schema, key: string): Schema | undefined {
  const property = schema.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
  if (property) return property;
  if (typeof schema.additionalProperties === 'object') return schema.additionalProperties;
  const open = schema.additionalProperties === true || isFree(schema) || schema['x-kubernetes-preserve-unknown-fields'];
  return open ? {} : undefined;
}

export const isDeclared = (schema: Schema, key: string): boolean =>
  schema.properties !== undefined && Object.hasOwn(schema.properties, key);

/** The element an item of an associative list is known by. Throws when its keys are missing. */
export function itemElement(item: Loose, schema: Schema, schemas: Schemas): string {
  if (schema['x-kubernetes-list-type'] === 'set') {
    if (Array.isArray(item)) throw new UntypedValue('not supported: associative list with lists as elements');
    if (item === null) throw new UntypedValue("associative list without keys has an element that's an explicit null");
    if (typeof item === 'object')
      throw new UntypedValue("associative list without keys has an element that's a map type");
    return `v:${JSON.stringify(item)}`;
  }
  if (item === null) throw new UntypedValue('associative list with keys may not have a null element');
  if (typeof item !== 'object' || Array.isArray(item))
    throw new UntypedValue('associative list with keys may not have non-map elements');
  const names = schema['x-kubernetes-list-map-keys'] ?? [];
  const items = resolve(schema.items ?? {}, schemas);
  const keys: Loose = {};
  for (const name of [...names].sort()) {
    const value = item[name] ?? items.properties?.[name]?.default;
    if (value !== undefined) keys[name] = value;
  }
  if (Object.keys(keys).length === 0) {
    const shown = `[${names.map((name) => JSON.stringify(name)).join(' ')}]`;
    throw new UntypedValue(
      `associative list with keys has an element that omits all key fields ${shown} (and doesn't have default values for any key fields)`,
    );
  }
  return `k:${JSON.stringify(keys)}`;
}

/** What is wrong with an applied object before it is merged: `.spec.teeth: expected numeric (int or float), got string`. */
export function validateTyped(value: Loose, shape: Shape): string[] {
  const faults: string[] = [];
  visitTyped(value, rootOf(shape), shape.schemas, '', faults);
  return faults;
}

function visitTyped(value: Loose, schema: Schema, schemas: Schemas, path: string, faults: string[]): void {
  if (value === null || value === undefined) return;
  const actual = resolve(schema, schemas);
  if (typeof value !== 'object') {
    const wrong = scalarFault(value, actual);
    if (wrong) faults.push(`${path}: ${wrong}`);
    return;
  }
  if (Array.isArray(value)) {
    if (actual.type && actual.type !== 'array') {
      faults.push(`${path}: expected ${actual.type === 'object' ? 'map' : actual.type}, got ${goValue(value)}`);
      return;
    }
    const seen = new Set<string>();
    const atomic = isAtomicList(actual);
    for (const [index, item] of value.entries()) {
      let element = `i:${index}`;
      if (!atomic) {
        try {
          element = itemElement(item, actual, schemas);
        } catch (error) {
          faults.push(`${path}: element ${index}: ${(error as Error).message}`);
          return;
        }
        if (seen.has(element)) faults.push(`${path}: duplicate entries for key ${formatElement(element)}`);
        seen.add(element);
      }
      visitTyped(item, actual.items ?? {}, schemas, path + formatElement(element), faults);
    }
    return;
  }
  const scalar = actual.type !== undefined && actual.type !== 'object';
  if (scalar || actual.oneOf) {
    const wanted = actual.oneOf ? 'any scalar' : actual.type === 'array' ? 'list' : wantedScalar(actual);
    faults.push(`${path}: expected ${wanted}, got ${goValue(value)}`);
    return;
  }
  for (const [key, inner] of Object.entries(value)) {
    const field = fieldSchema(actual, key);
    if (field) visitTyped(inner, field, schemas, `${path}.${key}`, faults);
    else faults.push(`${path}.${key}: field not declared in schema`);
  }
}

const wantedScalar = (schema: Schema): string =>
  schema.type === 'integer' || schema.type === 'number' ? 'numeric (int or float)' : (schema.type ?? 'any scalar');

function scalarFault(value: Loose, schema: Schema): string | undefined {
  switch (schema.oneOf || schema['x-kubernetes-int-or-string'] ? undefined : schema.type) {
    case 'integer':
    case 'number':
      if (typeof value === 'number') return undefined;
      return `expected numeric (int or float), got ${typeof value === 'boolean' ? 'bool' : typeof value}`;
    case 'string':
      return typeof value === 'string'
        ? undefined
        : `expected string, got &value.valueUnstructured{Value:${goLiteral(value)}}`;
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `expected boolean, got ${goValue(value)}`;
    case 'array':
      return `expected list, got ${goValue(value)}`;
    case 'object':
      return `expected map, got ${goValue(value)}`;
    default:
      return undefined;
  }
}

const goLiteral = (value: Loose): string =>
  typeof value === 'number' && Number.isInteger(value) ? `${value}` : JSON.stringify(value);

/** As Go's %v writes a value of the merge library: `"x"`, `{a=1}`, `[1,2]`. */
function goValue(value: Loose): string {
  if (Array.isArray(value)) return `[${value.map(goValue).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).map(([key, inner]) => `${key}=${goValue(inner)}`);
    return `{${fields.sort().join(';')}}`;
  }
  return JSON.stringify(value);
}

/** The fields an applied object speaks about. */
export function fieldsOf(value: Loose, shape: Shape): FieldSet {
  const set = emptySet();
  collect(value, resolve(rootOf(shape), shape.schemas), shape.schemas, [], set);
  return set;
}

function collect(value: Loose, schema: Schema, schemas: Schemas, path: Path, set: FieldSet): void {
  const atom = atomOf(value, schema);
  if (atom === 'leaf') {
    if (value !== null || schema.type !== 'object') insert(set, path);
    return;
  }
  if (atom === 'map') {
    for (const [key, inner] of Object.entries<Loose>(value)) {
      const at = [...path, `f:${key}`];
      collect(inner, resolve(fieldSchema(schema, key) ?? {}, schemas), schemas, at, set);
      const hollow =
        inner === null || (typeof inner === 'object' && !Array.isArray(inner) && Object.keys(inner).length === 0);
      if (hollow || !isDeclared(schema, key)) insert(set, at);
    }
    return;
  }
  for (const item of value) {
    const at = [...path, itemElement(item, schema, schemas)];
    collect(item, resolve(schema.items ?? {}, schemas), schemas, at, set);
    insert(set, at);
  }
}

export interface Comparison {
  added: FieldSet;
  modified: FieldSet;
  removed: FieldSet;
}

/** What changed from `left` to `right`, field by field. */
export function compareTyped(left: Loose, right: Loose, shape: Shape): Comparison {
  const comparison = { added: emptySet(), modified: emptySet(), removed: emptySet() };
  compareAt(left, right, resolve(rootOf(shape), shape.schemas), shape.schemas, [], comparison);
  return comparison;
}

function compareAt(left: Loose, right: Loose, schema: Schema, schemas: Schemas, path: Path, out: Comparison): void {
  if (left === right) return;
  const mark = (set: FieldSet) => insert(set, path);
  const [was, is] = [kindAt(left, schema), kindAt(right, schema)];
  const atom = was === undefined || was === is ? (is ?? was ?? 'leaf') : is === undefined ? was : 'leaf';
  const hollow = isHollow(left) && isHollow(right);
  if (atom === 'leaf' || hollow) {
    if (left === undefined) mark(out.added);
    else if (right === undefined) mark(out.removed);
    else if (!isDeepStrictEqual(left, right)) mark(out.modified);
    return;
  }
  if (left === undefined) mark(out.added);
  else if (right === undefined) mark(out.removed);
  if (atom === 'map') {
    const keys = new Set([...Object.keys(left ?? {}), ...Object.keys(right ?? {})]);
    for (const key of keys) {
      const field = resolve(fieldSchema(schema, key) ?? {}, schemas);
      compareAt(left?.[key], right?.[key], field, schemas, [...path, `f:${key}`], out);
    }
    return;
  }
  compareLists(left ?? [], right ?? [], schema, schemas, path, out);
}

/** Undefined for nothing: then the other side alone decides. */
const kindAt = (value: Loose, schema: Schema): Atom | undefined =>
  value === undefined || value === null ? undefined : atomOf(value, schema);

const isHollow = (value: Loose): boolean =>
  value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0);

function compareLists(left: Loose[], right: Loose[], schema: Schema, schemas: Schemas, path: Path, out: Comparison) {
  const items = resolve(schema.items ?? {}, schemas);
  const before = group(left, schema, schemas);
  const after = group(right, schema, schemas);
  for (const element of new Set([...before.keys(), ...after.keys()])) {
    const [lefts, rights] = [before.get(element) ?? [], after.get(element) ?? []];
    const at = [...path, element];
    if (lefts.length <= 1 && rights.length <= 1) compareAt(lefts[0], rights[0], items, schemas, at, out);
    else if (lefts.length > 1 && rights.length > 1) {
      if (!isDeepStrictEqual(lefts, rights)) insert(out.modified, at);
    } else if (lefts.length > 1) {
      if (rights.length > 0) compareAt(undefined, rights[0], items, schemas, at, out);
      insert(out.removed, at);
    } else {
      if (lefts.length > 0) compareAt(lefts[0], undefined, items, schemas, at, out);
      insert(out.added, at);
    }
  }
}

function group(list: Loose[], schema: Schema, schemas: Schemas): Map<string, Loose[]> {
  return Map.groupBy(list, (item) => itemElement(item, schema, schemas));
}
