import type { Schema } from '../kubernetes/facts.ts';
import { BOOL, type CelType, DOUBLE, DYN, type FieldSource, INT, listOf, mapOf, STRING, TIMESTAMP } from './types.ts';

export type { Schema };

/** Finds the schema a `$ref` names (`io.k8s.api.core.v1.Pod`). */
export type Definitions = (name: string) => Schema | undefined;

/** Strings in JSON, whatever the schema's `oneOf` allows. */
const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity';

/**
 * The CEL type of an OpenAPI v3 schema, as Kubernetes types it
 * (https://kubernetes.io/docs/reference/using-api/cel/): `integer` is an int, `date-time` a timestamp,
 * what the schema leaves open is dyn. Bytes stay the base64 text that JSON holds.
 * @param definitions finds what `$ref` names; an unknown one is dyn
 */
export function openApiType(schema: Schema, definitions: Definitions, title = 'object'): CelType {
  return typeOf(schema, definitions, title, false);
}

function typeOf(schema: Schema, definitions: Definitions, title: string, inStatus: boolean): CelType {
  if (schema.$ref) return referenced(schema.$ref, definitions, inStatus);
  if (schema.allOf?.length === 1 && schema.allOf[0]) return typeOf(schema.allOf[0], definitions, title, inStatus);
  if (schema['x-kubernetes-int-or-string'] || schema['x-kubernetes-preserve-unknown-fields']) return DYN;
  switch (schema.type) {
    case 'boolean':
      return BOOL;
    case 'integer':
      return INT;
    case 'number':
      return DOUBLE;
    case 'string':
      return schema.format === 'date-time' ? TIMESTAMP : STRING;
    case 'array':
      return listOf(schema.items ? typeOf(schema.items, definitions, title, inStatus) : DYN);
    case 'object':
      if (schema.properties) {
        const fields = structFields(schema.properties, definitions, title, inStatus);
        return { kind: 'object', title, fields };
      }
      return typeof schema.additionalProperties === 'object'
        ? mapOf(typeOf(schema.additionalProperties, definitions, title, inStatus))
        : DYN;
    default:
      return DYN;
  }
}

function referenced(name: string, definitions: Definitions, inStatus: boolean): CelType {
  if (name === QUANTITY) return STRING;
  const schema = definitions(name);
  return schema ? typeOf(schema, definitions, name.slice(name.lastIndexOf('.') + 1), inStatus) : DYN;
}

function structFields(
  properties: Record<string, Schema>,
  definitions: Definitions,
  title: string,
  inStatus: boolean,
): FieldSource {
  const known = new Map<string, CelType>();
  return {
    names: () => Object.keys(properties),
    field(name) {
      const schema = Object.hasOwn(properties, name) ? properties[name] : undefined;
      if (!schema) return undefined;
      let type = known.get(name);
      if (!type) {
        type = typeOf(schema, definitions, `${title}.${name}`, inStatus || name === 'status');
        known.set(name, type);
      }
      return type;
    },
    zeroWhenAbsent: (name) => inStatus && properties[name]?.type === 'integer',
    emptyWhenAbsent: (name) => name === 'status' && !inStatus,
  };
}
