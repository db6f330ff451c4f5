import type { Schema } from '../../../../kubernetes/facts.ts';
import { copyOf, type Loose } from '../../../../kubernetes/object.ts';
import { goFields, resolve, type Shape } from './shape.ts';

/** Fills what the schema defaults, in place: Go's values that are always written (`resources: {}`), and those of a CRD. */
export function applyDefaults(value: Loose, shape: Shape): void {
  fill(value, shape.name ? { $ref: shape.name } : shape.schema, shape.schemas);
}

function fill(value: Loose, schema: Schema, schemas: Record<string, Schema>): void {
  if (typeof value !== 'object' || value === null) return;
  const actual = resolve(schema, schemas);
  if (Array.isArray(value)) {
    if (actual.items) for (const item of value) fill(item, actual.items, schemas);
    return;
  }
  for (const [key, property] of defaulted(actual)) {
    // A null where null may not stand is as good as absent: CRDs default it.
    const missing = value[key] === undefined || (value[key] === null && !property.nullable);
    if (missing && !isDropped(schema, key, property.default)) value[key] = copyOf(property.default);
  }
  if (schema.$ref) for (const key of nullFields(schema.$ref)) if (value[key] === undefined) value[key] = null;
  const others = typeof actual.additionalProperties === 'object' ? actual.additionalProperties : undefined;
  for (const key of Object.keys(value)) {
    const inner = value[key];
    if (typeof inner !== 'object' || inner === null) continue;
    const below = actual.properties?.[key] ?? others;
    if (below) fill(inner, below, schemas);
  }
}

const defaultedOf = new WeakMap<Schema, [string, Schema][]>();

/** The properties with a default: most objects have few. */
function defaulted(schema: Schema): [string, Schema][] {
  let known = defaultedOf.get(schema);
  if (!known) {
    known = Object.entries(schema.properties ?? {}).filter(([, property]) => property.default !== undefined);
    defaultedOf.set(schema, known);
  }
  return known;
}

/** Go leaves out a zero that is the default too. */
const isDropped = (schema: Schema, key: string, value: Loose): boolean =>
  !value && schema.$ref !== undefined && goFields(schema.$ref).get(key)?.dropsZero === true;

const nullsOf = new Map<string, string[]>();

/** Fields that Go writes as null when there is nothing: `lastProbeTime: null`, `endpoints: null`. */
function nullFields(name: string): string[] {
  let known = nullsOf.get(name);
  if (!known) {
    known = [...goFields(name)].filter(([, field]) => field.alwaysNull).map(([key]) => key);
    nullsOf.set(name, known);
  }
  return known;
}

/** An object of the kind with nothing in it, as Go writes one: `spec: {containers: null}`. It owns no field. */
export function emptyObject(shape: Shape): Loose {
  const empty: Loose = {};
  if (shape.name) applyDefaults(empty, shape);
  return empty;
}
