import { isDeepStrictEqual } from 'node:util';
import { RE2JS } from 're2js';
import type { Loose } from '../../../../../kubernetes/object.ts';
import type { FieldError } from '../../resources/strategy.ts';
import { forbidden, invalid, required } from '../../schema/field-errors.ts';

type Level = 'root' | 'item' | 'field';

const emptyType: Record<Level, string> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
};

const key = (at: string, name: string): string => `${at}.properties[${name}]`;
const entries = (schema: Loose): [string, Loose][] => Object.entries(schema.properties ?? {});
const isSchema = (value: Loose): boolean => typeof value === 'object' && value !== null;

/** Every field has a type, and what stands below logic only says more of it. https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema */
export function structuralFaults(schema: Loose, at: string): FieldError[] {
  const faults = [...invariants(schema, 'root', at), ...completeness(schema, schema, at, at)];
  return faults.sort((one, other) => (`${one.field}: ${one.message}` < `${other.field}: ${other.message}` ? -1 : 1));
}

function invariants(schema: Loose, level: Level, at: string): FieldError[] {
  const faults: FieldError[] = [];
  const { type, items, additionalProperties: more } = schema;
  const free = schema['x-kubernetes-preserve-unknown-fields'];
  const either = schema['x-kubernetes-int-or-string'];
  const embedded = schema['x-kubernetes-embedded-resource'];
  if (type === 'array' && !items) faults.push(required(`${at}.items`, 'must be specified'));
  if (items) faults.push(...invariants(items, 'item', `${at}.items`));
  for (const [name, property] of entries(schema)) faults.push(...invariants(property, 'field', key(at, name)));
  if (more !== undefined && level === 'root')
    faults.push(forbidden(`${at}.additionalProperties`, 'must not be used at the root'));
  if (isSchema(more)) faults.push(...invariants(more, 'field', `${at}.additionalProperties`));
  if (either && free)
    faults.push(
      invalid(
        `${at}.x-kubernetes-preserve-unknown-fields`,
        true,
        'must be false if x-kubernetes-int-or-string is true',
      ),
    );
  if (either && embedded)
    faults.push(
      invalid(`${at}.x-kubernetes-embedded-resource`, true, 'must be false if x-kubernetes-int-or-string is true'),
    );
  faults.push(...values(schema, isIntOrString(schema.anyOf), isIntOrString(schema.allOf?.[0]?.anyOf), at));
  if (embedded && type !== 'object') {
    const why = 'must be object if x-kubernetes-embedded-resource is true';
    faults.push(type ? invalid(`${at}.type`, type, why) : required(`${at}.type`, why));
  } else if (!type && !either && !free) faults.push(required(`${at}.type`, emptyType[level]));
  if (embedded && more !== undefined)
    faults.push(forbidden(`${at}.additionalProperties`, 'must not be used if x-kubernetes-embedded-resource is set'));
  if (level === 'root' && type && type !== 'object')
    faults.push(invalid(`${at}.type`, type, 'must be object at the root'));
  return [...faults, ...resourceFields(schema, level, at)];
}

function resourceFields(schema: Loose, level: Level, at: string): FieldError[] {
  const faults: FieldError[] = [];
  const { properties = {} } = schema;
  const embedded = schema['x-kubernetes-embedded-resource'];
  const whole = level === 'root' || embedded;
  for (const name of ['kind', 'apiVersion'])
    if (whole && properties[name] && properties[name].type !== 'string')
      faults.push(invalid(`${key(at, name)}.type`, properties[name].type ?? '', 'must be string'));
  const { metadata } = properties;
  if (metadata && whole && metadata.type !== 'object')
    faults.push(invalid(`${key(at, 'metadata')}.type`, metadata.type ?? '', 'must be object'));
  if (metadata && level === 'root' && !onlyNames(metadata))
    faults.push(
      forbidden(
        key(at, 'metadata'),
        'must not specify anything other than name and generateName, but metadata is implicitly specified',
      ),
    );
  if (embedded && !schema['x-kubernetes-preserve-unknown-fields'] && Object.keys(properties).length === 0)
    faults.push(
      required(
        `${at}.properties`,
        'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
      ),
    );
  return faults;
}

function onlyNames({ type: _type, default: _default, properties = {}, ...rest }: Loose): boolean {
  const names = Object.keys(properties).every((name) => name === 'name' || name === 'generateName');
  return names && Object.keys(rest).length === 0;
}

const isIntOrString = (anyOf: Loose): boolean => isDeepStrictEqual(anyOf, [{ type: 'integer' }, { type: 'string' }]);

function values(schema: Loose, skipAnyOf: boolean, skipFirst: boolean, at: string): FieldError[] {
  const faults: FieldError[] = [];
  if (!skipAnyOf)
    for (const [index, one] of (schema.anyOf ?? []).entries())
      faults.push(...nested(one, false, `${at}.anyOf[${index}]`));
  for (const [index, one] of (schema.allOf ?? []).entries())
    faults.push(...nested(one, skipFirst && index === 0, `${at}.allOf[${index}]`));
  for (const [index, one] of (schema.oneOf ?? []).entries())
    faults.push(...nested(one, false, `${at}.oneOf[${index}]`));
  if (schema.not) faults.push(...nested(schema.not, false, `${at}.not`));
  if (schema.pattern) {
    const why = patternFault(schema.pattern);
    if (why)
      faults.push(invalid(`${at}.pattern`, schema.pattern, `must be a valid regular expression, but isn't: ${why}`));
  }
  return faults;
}

function patternFault(pattern: string): string {
  try {
    RE2JS.compile(pattern);
    return '';
  } catch (error) {
    const text = (error as Error).message.replace(/^error parsing regexp: /, '');
    return `error parsing regexp: ${text.replace(/: `?([^`]*)`?$/, ': `$1`')}`;
  }
}

/** What may not be said below logic, and how it is called off. */
const unsaid: [field: string, why: string][] = [
  ['type', 'must be empty to be structural'],
  ['additionalProperties', 'must be undefined to be structural'],
  ['default', 'must be undefined to be structural'],
  ['title', 'must be empty to be structural'],
  ['description', 'must be empty to be structural'],
  ['nullable', 'must be false to be structural'],
  ['x-kubernetes-preserve-unknown-fields', 'must be false to be structural'],
  ['x-kubernetes-embedded-resource', 'must be false to be structural'],
  ['x-kubernetes-int-or-string', 'must be false to be structural'],
  ['x-kubernetes-list-map-keys', 'must be empty to be structural'],
  ['x-kubernetes-list-type', 'must be undefined to be structural'],
  ['x-kubernetes-map-type', 'must be undefined to be structural'],
  ['x-kubernetes-validations', 'must be empty to be structural'],
];

function nested(schema: Loose, skipAnyOf: boolean, at: string): FieldError[] {
  const faults = values(schema, skipAnyOf, false, at);
  if (schema.items) faults.push(...nested(schema.items, false, `${at}.items`));
  for (const [name, property] of entries(schema)) faults.push(...nested(property, false, key(at, name)));
  for (const [field, why] of unsaid) if (schema[field]) faults.push(forbidden(`${at}.${field}`, why));
  if (schema.properties?.metadata)
    faults.push(forbidden(key(at, 'metadata'), 'must not be specified in a nested context'));
  return faults;
}

/** What logic at the root names must stand in the schema itself. */
function completeness(logic: Loose, schema: Loose, at: string, from: string): FieldError[] {
  const inner: [Loose, string][] = logic.not ? [[logic.not, `${from}.not`]] : [];
  for (const name of ['allOf', 'anyOf', 'oneOf'])
    for (const [index, one] of (logic[name] ?? []).entries()) inner.push([one, `${from}.${name}[${index}]`]);
  return inner.flatMap(([one, path]) => nestedCompleteness(one, schema, at, path));
}

function nestedCompleteness(logic: Loose, schema: Loose, at: string, from: string): FieldError[] {
  if (!schema) return [required(at, `because it is defined in ${from}`)];
  const faults = completeness(logic, schema, at, from);
  if (logic.items) faults.push(...nestedCompleteness(logic.items, schema.items, `${at}.items`, `${from}.items`));
  for (const [name, property] of entries(logic)) {
    const there = schema.properties?.[name];
    if (there) faults.push(...nestedCompleteness(property, there, key(at, name), key(from, name)));
    else faults.push(required(key(at, name), `because it is defined in ${key(from, name)}`));
  }
  return faults;
}
