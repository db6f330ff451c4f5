import { loadMessages, loadSchemas, type Schema, schemaNames } from '../../../../kubernetes/facts.ts';

/** How objects of one kind are built: a schema, and where its `$ref`s lead. */
export interface Shape {
  schema: Schema;
  schemas: Record<string, Schema>;
  /** The OpenAPI name; absent for custom resources, whose schema stands in their CRD. */
  name?: string;
}

/** The shape of a built-in kind, by its OpenAPI name. */
export function builtinShape(name: string): Shape {
  const schemas = loadSchemas();
  const schema = schemas[name];
  if (!schema) throw new Error(`no schema ${name}`);
  return { schema, schemas, name };
}

/** Undefined for a kind that is not built in. */
export function shapeOfKind(group: string, version: string, kind: string): Shape | undefined {
  const name = schemaNames().get(`${group}/${version}/${kind}`);
  return name ? builtinShape(name) : undefined;
}

/** Object metadata, list kinds of custom resources apart, is the same everywhere. */
export const metaSchema = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

/** A custom resource's shape: `schema` is the CRD's openAPIV3Schema; metadata is typed as everywhere. */
export function customShape(schema: Schema): Shape {
  const properties = {
    ...schema.properties,
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: { $ref: metaSchema },
  };
  return { schema: { ...schema, type: 'object', properties }, schemas: loadSchemas() };
}

const resolved = new WeakMap<Schema, Schema>();

/** Follows `$ref`; what stands beside it (default, list type) wins. */
export function resolve(schema: Schema, schemas: Record<string, Schema>): Schema {
  if (!schema.$ref) return schema;
  const known = resolved.get(schema);
  if (known) return known;
  const { $ref, ...beside } = schema;
  const target = schemas[$ref] ?? {};
  const merged = { ...target, ...beside };
  resolved.set(schema, merged);
  return merged;
}

/** A schema whose objects may hold anything: no properties, no additionalProperties. */
export const isFree = (schema: Schema): boolean => !schema.properties && schema.additionalProperties === undefined;

/** `io.k8s.api.core.v1.Container` → `v1.Container`, as Go's errors name a type. */
export function goName(name: string): string {
  const known = goNames.get(name);
  if (known) return known;
  const made = name.split('.').slice(-2).join('.');
  goNames.set(name, made);
  return made;
}

const goNames = new Map<string, string>();

/** The fields of a built-in type as Go's tags tell them, by JSON name, those of inlined structs among them. */
export function goFields(name: string): Map<string, GoField> {
  const known = fieldsOf.get(name);
  if (known) return known;
  const fields = new Map<string, GoField>();
  fieldsOf.set(name, fields);
  for (const field of loadMessages().get(name)?.values() ?? []) {
    if (field.inline) {
      const struct = field.type.slice(field.type.lastIndexOf('.') + 1);
      for (const [inner, value] of goFields(field.type)) fields.set(inner, { ...value, within: struct });
    } else {
      const plain = !field.pointer && !field.always;
      fields.set(field.name, {
        dropsZero: plain,
        alwaysNull: field.nullTime || (field.always && (field.repeated || field.map)),
        ...(field.goType ? { goType: field.goType } : {}),
      });
    }
  }
  return fields;
}

export interface GoField {
  /** `omitempty` on a value: false, 0, "" and empty lists are as good as absent. */
  dropsZero: boolean;
  /** Written as null when absent: a time without `omitzero`, a list or map without `omitempty`. */
  alwaysNull: boolean;
  goType?: string;
  /** The inlined struct it stands in, which Go's errors name. */
  within?: string;
}

const fieldsOf = new Map<string, Map<string, GoField>>();
