import type { Schema } from '../../kubernetes/facts.ts';
import { keywords } from './run.ts';
import { BOOL, DOUBLE, DYN, INT, type KType, listOf, mapOf, STRING } from './types.ts';

/** A request's body is no larger. */
export const REQUEST_BYTES = 3 * 1024 * 1024;

/** A type, and the fewest bytes a value of it takes in JSON. */
export interface Sized {
  type: KType;
  bytes: number;
}

/**
 * The type of a structural schema, with the largest sizes that its limits, or the size of a request, allow.
 * Undefined for what an expression cannot see.
 * @param resource a whole object: kind, apiVersion and the name are there too
 */
export function schemaType(schema: Schema, resource: boolean, title: string): Sized | undefined {
  if (schema['x-kubernetes-int-or-string']) return { type: DYN, bytes: 1 };
  switch (schema.type) {
    case 'array': {
      const items = schema.items && schemaType(schema.items, embedded(schema.items), title);
      if (!items) return undefined;
      const most = schema.maxItems ?? Math.floor((REQUEST_BYTES - 2) / (items.bytes + 1));
      return { type: listOf(items.type, Math.max(0, most)), bytes: 2 };
    }
    case 'object':
      return objectOf(schema, resource, title);
    case 'string':
      return stringOf(schema);
    case 'boolean':
      return { type: BOOL, bytes: 4 };
    case 'number':
      return { type: DOUBLE, bytes: 1 };
    case 'integer':
      return { type: INT, bytes: 1 };
    default:
      return undefined;
  }
}

/**
 * The type of a built-in kind, all its fields told.
 * @param definitions finds what `$ref` names
 */
export function builtInType(schema: Schema, definitions: (name: string) => Schema | undefined, kind: string): KType {
  return schemaType(resolved(schema, definitions, []), false, kind)?.type ?? DYN;
}

/** What refers to itself, and what is of no one type (a quantity), an expression cannot see. */
function resolved(schema: Schema, definitions: (name: string) => Schema | undefined, within: string[]): Schema {
  const inner = (one: Schema): Schema => resolved(one, definitions, within);
  const { $ref, allOf, format, properties, items, additionalProperties, ...rest } = schema;
  const named = $ref ?? (allOf?.length === 1 ? allOf[0]?.$ref : undefined);
  if (named !== undefined) {
    const found = within.includes(named) ? undefined : definitions(named);
    return found ? resolved(found, definitions, [...within, named]) : {};
  }
  if (format === 'int-or-string') return { 'x-kubernetes-int-or-string': true };
  return {
    ...rest,
    ...(format !== undefined && { format }),
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, inner(one)])),
    }),
    ...(items && { items: inner(items) }),
    ...(typeof additionalProperties === 'object' && { additionalProperties: inner(additionalProperties) }),
  };
}

const embedded = (schema: Schema): boolean => schema['x-kubernetes-embedded-resource'] === true;

function objectOf(schema: Schema, resource: boolean, title: string): Sized | undefined {
  const { additionalProperties } = schema;
  if (typeof additionalProperties === 'object') {
    const values = schemaType(additionalProperties, embedded(additionalProperties), title);
    if (!values) return undefined;
    const most = schema.maxProperties ?? Math.floor((REQUEST_BYTES - 2) / (values.bytes + 6));
    return { type: mapOf(values.type, Math.max(0, most)), bytes: 2 };
  }
  const fields = new Map<string, KType>();
  let bytes = 2;
  const properties = resource ? withMetadata(schema.properties ?? {}) : (schema.properties ?? {});
  for (const [name, property] of Object.entries(properties)) {
    const field = schemaType(property, embedded(property), `${title}.${name}`);
    if (!field) continue;
    const escaped = escapeName(name);
    if (escaped !== undefined) fields.set(escaped, field.type);
    if (schema.required?.includes(name) && property.default === undefined) bytes += name.length + field.bytes + 4;
  }
  return { type: { kind: 'object', title, fields }, bytes };
}

function withMetadata(properties: Record<string, Schema>): Record<string, Schema> {
  const text: Schema = { type: 'string' };
  return {
    ...properties,
    apiVersion: text,
    kind: text,
    metadata: { type: 'object', properties: { name: text, generateName: text } },
  };
}

function stringOf(schema: Schema): Sized {
  const { format, maxLength } = schema;
  const most = REQUEST_BYTES - 2;
  if (format === 'byte') return { type: { kind: 'bytes', max: maxLength ?? most }, bytes: 2 };
  if (format === 'duration') return { type: { kind: 'duration', max: 32 }, bytes: 3 };
  if (format === 'date') return { type: { kind: 'timestamp', max: 12 }, bytes: 12 };
  if (format === 'date-time') return { type: { kind: 'timestamp', max: 32 }, bytes: 21 };
  const longest = Math.max(0, ...(schema.enum ?? []).map((one) => String(one).length));
  const max = maxLength !== undefined ? maxLength * 4 : schema.enum?.length ? longest : most;
  return { type: { ...STRING, max } as KType, bytes: 2 };
}

/** A property's name as an expression writes it; undefined where it cannot be written. */
function escapeName(name: string): string | undefined {
  if (!name || /^[0-9]/.test(name)) return undefined;
  if (keywords.has(name)) return `__${name}__`;
  const signs: Record<string, string> = { __: '__underscores__', '.': '__dot__', '-': '__dash__', '/': '__slash__' };
  const escaped = name.replace(/__|[.\-/]/g, (sign) => signs[sign] ?? '');
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(escaped) ? escaped : undefined;
}
