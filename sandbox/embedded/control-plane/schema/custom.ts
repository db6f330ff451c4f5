import { isDeepStrictEqual } from 'node:util';
import { re2 } from '../../../../cel/functions.ts';
import type { Schema } from '../../../../kubernetes/facts.ts';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { FieldError } from '../resources/strategy.ts';
import { correlation } from './correlation.ts';
import { duplicate, invalid, notSupported, required, tooLong, tooMany, typeInvalid } from './field-errors.ts';

/** Custom resources by the structural schema of their CRD. https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/ */

/** Drops, in place, what the schema does not know; answers `unknown field "spec.x"` for each, sorted. */
export function pruneCustom(object: KubeObject, schema: Schema): string[] {
  const unknown: string[] = [];
  prune(object, schema, '', unknown, true);
  return unknown.sort();
}

const kept = new Set(['apiVersion', 'kind', 'metadata']);

/** Calls back for each object that stands whole within another, metadata and all. */
export function eachEmbedded(
  value: Loose,
  schema: Schema,
  path: string,
  tell: (object: Loose, path: string) => void,
): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) eachEmbedded(item, schema.items ?? {}, `${path}[${index}]`, tell);
    return;
  }
  if (path && schema['x-kubernetes-embedded-resource']) tell(value, path);
  const { additionalProperties: more } = schema;
  for (const key of Object.keys(value)) {
    const inner = schema.properties?.[key] ?? (typeof more === 'object' ? more : undefined);
    if (inner) eachEmbedded(value[key], inner, path ? `${path}.${key}` : key, tell);
  }
}

/** Drops nulls, in place, where null may not stand: they are as good as absent. */
export function dropNulls(value: Loose, schema: Schema): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    for (const item of value) dropNulls(item, schema.items ?? {});
    return;
  }
  const { additionalProperties: more } = schema;
  for (const key of Object.keys(value)) {
    const inner = schema.properties?.[key] ?? (typeof more === 'object' ? more : undefined);
    if (!inner) continue;
    if (value[key] !== null) dropNulls(value[key], inner);
    else if (!inner.nullable && inner.default === undefined) delete value[key];
  }
}

function prune(value: Loose, schema: Schema, path: string, unknown: string[], resource: boolean): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) prune(item, schema.items ?? {}, `${path}[${index}]`, unknown, false);
    return;
  }
  for (const key of Object.keys(value)) {
    if (resource && kept.has(key)) continue;
    const inner = path ? `${path}.${key}` : key;
    const property = schema.properties?.[key];
    if (property) prune(value[key], property, inner, unknown, property['x-kubernetes-embedded-resource'] === true);
    else if (typeof schema.additionalProperties === 'object')
      prune(value[key], schema.additionalProperties, inner, unknown, false);
    else if (!schema.additionalProperties && !schema['x-kubernetes-preserve-unknown-fields']) {
      delete value[key];
      unknown.push(`unknown field ${JSON.stringify(inner)}`);
    }
  }
}

/**
 * What the schema finds wrong. Rules in CEL are for the caller, once nothing is wrong here.
 * @param old the object before an update: what has not changed since is not held against it
 * @param part only this field counts
 */
export function validateCustom(object: KubeObject, schema: Schema, old?: KubeObject, part?: string): FieldError[] {
  const faults: FieldError[] = [];
  if (part !== undefined) {
    const inner = schema.properties?.[part];
    if (inner && object[part] !== undefined) check(object[part], inner, '', faults, old?.[part]);
    return faults.map((fault) => ({ ...fault, field: fault.field ? `${part}.${fault.field}` : part }));
  }
  const { properties, ...rest } = schema;
  const { metadata: _, ...fields } = properties ?? {};
  check(object, { ...rest, properties: fields }, '', faults, old);
  return faults;
}

/** The error that the real server adds when rules in CEL were not reached. */
export const rulesUnchecked: FieldError = {
  field: '<nil>',
  reason: 'FieldValueInvalid',
  message:
    'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
};

const kindOf = (value: Loose): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
};

function check(value: Loose, schema: Schema, path: string, faults: FieldError[], old?: Loose): void {
  if (old !== undefined && isDeepStrictEqual(value, old)) return;
  if (value === null && schema.nullable) return;
  const kind = kindOf(value);
  const types = schema['x-kubernetes-int-or-string'] ? ['integer', 'string'] : schema.type ? [schema.type] : [];
  if (types.length > 0 && !types.includes(kind) && !(kind === 'integer' && types.includes('number'))) {
    faults.push(typeInvalid(path, kind, `${path} in body must be of type ${types.join(',')}: ${JSON.stringify(kind)}`));
  }
  checkLogic(value, schema, path, faults);
  if (kind === 'string') checkString(value, schema, path, faults);
  if (kind === 'integer' || kind === 'number') checkNumber(value, schema, path, faults);
  if (kind === 'array') checkArray(value, schema, path, faults, old);
  if (schema.enum && !schema.enum.some((each) => isDeepStrictEqual(each, value))) {
    const allowed = schema.enum.map((each) => (typeof each === 'string' ? each : JSON.stringify(each)));
    faults.push(notSupported(path, value, allowed));
  }
  if (kind === 'object') checkObject(value, schema, path, faults, old);
}

function faultsOf(value: Loose, schema: Schema, path: string): FieldError[] {
  const faults: FieldError[] = [];
  check(value, schema, path, faults);
  return faults;
}

const passes = (value: Loose, schema: Schema): boolean => faultsOf(value, schema, '').length === 0;

/** Logic that does not hold is told of the object as a whole, with what the first alternative wanted. */
function checkLogic(value: Loose, schema: Schema, path: string, faults: FieldError[]): void {
  const name = JSON.stringify(path);
  const say = (rule: string) => faults.push(invalid('<nil>', '', `${name} must ${rule}`));
  const wanted = (list: Schema[]) => list.slice(0, 1).flatMap((one) => faultsOf(value, one, path));
  if (schema.anyOf && !schema.anyOf.some((each) => passes(value, each))) {
    say('validate at least one schema (anyOf)');
    faults.push(...wanted(schema.anyOf));
  }
  if (schema.oneOf) {
    const count = schema.oneOf.filter((each) => passes(value, each)).length;
    const found = count === 0 ? 'Found none valid' : `Found ${count} valid alternatives`;
    if (count !== 1) say(`validate one and only one schema (oneOf). ${found}`);
    if (count === 0) faults.push(...wanted(schema.oneOf));
  }
  const failed = schema.allOf?.filter((each) => !passes(value, each)) ?? [];
  for (const each of failed) check(value, each, path, faults);
  if (failed.length > 0)
    say(`validate all the schemas (allOf)${failed.length === schema.allOf?.length ? '. None validated' : ''}`);
  if (schema.not && passes(value, schema.not)) say('not validate the schema (not)');
}

function checkString(value: string, schema: Schema, path: string, faults: FieldError[]): void {
  const length = [...value].length;
  if (schema.maxLength !== undefined && length > schema.maxLength) faults.push(tooLong(path, schema.maxLength));
  else if (schema.minLength !== undefined && length < schema.minLength)
    faults.push(invalid(path, value, `${path} in body should be at least ${schema.minLength} chars long`));
  else if (schema.pattern && !matches(schema.pattern, value))
    faults.push(invalid(path, value, `${path} in body should match '${schema.pattern}'`));
  const format = schema.format && formats[schema.format];
  if (format && !format.test(value))
    faults.push(typeInvalid(path, value, `${path} in body must be of type ${schema.format}: ${JSON.stringify(value)}`));
}

/** Patterns of a CRD were found to compile when it was created. As in Go, no pattern takes more than linear time. */
const matches = (pattern: string, value: string): boolean => re2(pattern).matcher(value).find();

const octet = '(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)';
const formats: Record<string, RegExp> = {
  'date-time': /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:?\d\d)$/,
  date: /^\d{4}-\d\d-\d\d$/,
  duration: /^\d+(\.\d+)?\s*(ns|us|µs|ms|s|m|h|d|w|milli|second|minute|hour|day|week)s?/,
  ipv4: new RegExp(`^(${octet}\\.){3}${octet}$`),
  ipv6: /^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/,
  cidr: /^[0-9a-fA-F:.]+\/\d{1,3}$/,
  uuid: /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i,
  email: /^[^\s@]+@[^\s@]+$/,
  hostname: /^([a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)(\.[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)*$/,
  uri: /^([a-zA-Z][a-zA-Z0-9+.-]*:|\/)/,
  byte: /^[A-Za-z0-9+/]*={0,2}$/,
};

function checkNumber(value: number, schema: Schema, path: string, faults: FieldError[]): void {
  const say = (rule: string) => faults.push(invalid(path, value, `${path} in body should be ${rule}`));
  const { minimum, maximum, multipleOf } = schema;
  if (maximum !== undefined && schema.exclusiveMaximum && value >= maximum) say(`less than ${maximum}`);
  else if (maximum !== undefined && value > maximum) say(`less than or equal to ${maximum}`);
  if (minimum !== undefined && schema.exclusiveMinimum && value <= minimum) say(`greater than ${minimum}`);
  else if (minimum !== undefined && value < minimum) say(`greater than or equal to ${minimum}`);
  if (multipleOf === undefined) return;
  // Whole numbers are divided by whole ones: what is left of the factor may be nothing.
  const factor = Number.isInteger(value) ? Math.trunc(multipleOf) : multipleOf;
  if (factor <= 0)
    faults.push(invalid(path, factor, `factor MultipleOf declared for ${path} must be positive: ${factor}`));
  else if (!Number.isInteger(value / factor)) say(`a multiple of ${multipleOf}`);
}

function checkArray(value: Loose[], schema: Schema, path: string, faults: FieldError[], old: Loose): void {
  const find = correlation(schema, old);
  for (const [index, item] of value.entries()) check(item, schema.items ?? {}, `${path}[${index}]`, faults, find(item));
  if (schema.minItems !== undefined && value.length < schema.minItems)
    faults.push(invalid(path, value.length, `${path} in body should have at least ${schema.minItems} items`));
  if (schema.maxItems !== undefined && value.length > schema.maxItems)
    faults.push(tooMany(path, value.length, schema.maxItems));
}

/** Items of a set, and keys of a map, that stand twice; told after all that the schema says. */
export function listFaults(value: Loose, schema: Schema, path = ''): FieldError[] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value))
    return [
      ...doubledItems(value, schema, path),
      ...value.flatMap((item, index) => listFaults(item, schema.items ?? {}, `${path}[${index}]`)),
    ];
  const { additionalProperties: more } = schema;
  return Object.keys(value)
    .sort()
    .flatMap((key) => {
      const inner = schema.properties?.[key] ?? (typeof more === 'object' ? more : undefined);
      return inner ? listFaults(value[key], inner, path ? `${path}.${key}` : key) : [];
    });
}

function doubledItems(value: Loose[], schema: Schema, path: string): FieldError[] {
  const type = schema['x-kubernetes-list-type'];
  if (type !== 'set' && type !== 'map') return [];
  const faults: FieldError[] = [];
  const seen = new Set<string>();
  for (const [index, item] of value.entries()) {
    const keys =
      type === 'map'
        ? Object.fromEntries((schema['x-kubernetes-list-map-keys'] ?? []).map((key) => [key, item?.[key]]))
        : item;
    const text = JSON.stringify(keys);
    if (seen.has(text)) faults.push(duplicate(`${path}[${index}]`, keys));
    seen.add(text);
  }
  return faults;
}

function checkObject(value: Loose, schema: Schema, path: string, faults: FieldError[], old: Loose): void {
  const at = (key: string) => (path ? `${path}.${key}` : key);
  const count = Object.keys(value).length;
  if (schema.minProperties !== undefined && count < schema.minProperties)
    faults.push(invalid(path, count, `${path} in body should have at least ${schema.minProperties} properties`));
  if (schema.maxProperties !== undefined && count > schema.maxProperties)
    faults.push(tooMany(path, count, schema.maxProperties));
  for (const key of Object.keys(value).sort()) {
    const property = schema.properties?.[key];
    if (property) check(value[key], property, at(key), faults, old?.[key]);
    else if (typeof schema.additionalProperties === 'object')
      check(value[key], schema.additionalProperties, at(key), faults, old?.[key]);
  }
  for (const key of schema.required ?? []) if (value[key] === undefined) faults.push(required(at(key)));
  if (!schema['x-kubernetes-embedded-resource']) return;
  if (!value.apiVersion) faults.push(required(at('apiVersion')));
  if (!value.kind) faults.push(required(at('kind')));
}
