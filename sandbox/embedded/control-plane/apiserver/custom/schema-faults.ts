import type { Loose } from '../../../../../kubernetes/object.ts';
import type { FieldError } from '../../resources/strategy.ts';
import { pruneCustom, validateCustom } from '../../schema/custom.ts';
import { forbidden, invalid, notSupported, required } from '../../schema/field-errors.ts';
import { fieldAt } from '../../schema/field-path.ts';
import { RuleCosts } from './rule-costs.ts';
import { structuralFaults } from './structural.ts';

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const reasons = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];

/** What Kubernetes does not take of OpenAPI. */
const unsupported = ['id', 'additionalItems', 'patternProperties', 'definitions', 'dependencies', '$ref'];

interface Place {
  root: boolean;
  /** Why a default may not stand here. */
  noDefault?: string;
  insideMeta: boolean;
  /** Below logic rules are not compiled. */
  rules: boolean;
  /** How often a value of this place can be there; undefined for as often as fits. */
  times: number | undefined;
  /** The path of the list whose items have no counterpart in the old object. */
  uncorrelated?: string;
}

/** What is wrong with the schema of a version. `at` is the path of `openAPIV3Schema`. */
export function schemaFaults(schema: Loose, at: string): FieldError[] {
  const faults: FieldError[] = [];
  if (schema.nullable) faults.push(forbidden(`${at}.nullable`, 'nullable cannot be true at the root'));
  const structural = structuralFaults(schema, at);
  const defaults = structural.length > 0 ? [] : defaultFaults(schema, at, true);
  faults.push(...structural, ...defaults);
  const costs = structural.length + defaults.length > 0 ? undefined : new RuleCosts();
  const walk: Walk = { faults: [], ruleFaults: [], costs };
  visit(schema, at, { root: true, insideMeta: false, rules: true, times: 1 }, walk);
  return [...faults, ...walk.faults, ...walk.ruleFaults, ...(costs?.totalFaults(at) ?? [])];
}

interface Walk {
  faults: FieldError[];
  ruleFaults: FieldError[];
  costs: RuleCosts | undefined;
}

const isSchema = (value: Loose): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

function visit(schema: Loose, at: string, place: Place, walk: Walk): void {
  const { faults } = walk;
  // Sound only while nothing is wrong with this schema or what is around it.
  const before = faults.length;
  faults.push(...standardFaults(schema, at, place));
  if (schema.uniqueItems)
    faults.push(
      forbidden(
        `${at}.uniqueItems`,
        'uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
      ),
    );
  const more = schema.additionalProperties;
  const names = Object.keys(schema.properties ?? {});
  if (more !== undefined && names.length > 0 && (more === false || isSchema(more)))
    faults.push(forbidden(`${at}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'));
  const times = timesBelow(schema, place.times);
  const inner: Place = { ...place, root: false, times };
  if (isSchema(more)) {
    const why = 'inside additionalProperties applying to object metadata';
    visit(more, `${at}.additionalProperties`, { ...inner, ...(place.insideMeta && { noDefault: why }) }, walk);
  }
  for (const name of names.sort())
    visit(schema.properties[name], `${at}.properties[${name}]`, propertyPlace(schema, name, place, inner), walk);
  const logic: Place = { ...inner, rules: false };
  if (schema.not) visit(schema.not, `${at}.not`, logic, walk);
  for (const word of ['allOf', 'oneOf', 'anyOf'])
    for (const [index, one] of (schema[word] ?? []).entries()) visit(one, `${at}.${word}[${index}]`, logic, walk);
  if (isSchema(schema.items)) {
    const correlated = schema['x-kubernetes-list-type'] === 'map' || place.uncorrelated !== undefined;
    visit(schema.items, `${at}.items`, { ...inner, ...(!correlated && { uncorrelated: at }) }, walk);
  }
  faults.push(...extensionFaults(schema, at));
  const rules: Loose[] = schema['x-kubernetes-validations'] ?? [];
  for (const [index, rule] of rules.entries())
    faults.push(...ruleTextFaults(schema, rule, `${at}.x-kubernetes-validations[${index}]`));
  if (faults.length === before && place.rules && walk.costs && rules.length > 0)
    walk.ruleFaults.push(
      ...walk.costs.compile(schema, at, place.root || !!schema['x-kubernetes-embedded-resource'], place),
    );
}

function propertyPlace(schema: Loose, name: string, place: Place, inner: Place): Place {
  const meta =
    (place.root || schema['x-kubernetes-embedded-resource']) && ['metadata', 'kind', 'apiVersion'].includes(name);
  if (!meta) return inner;
  return { ...inner, insideMeta: true, ...(place.root && { noDefault: `in top-level ${name}` }) };
}

function timesBelow(schema: Loose, times: number | undefined): number | undefined {
  if (times === undefined) return undefined;
  const most =
    schema.type === 'array'
      ? (schema.maxItems ?? undefined)
      : schema.type === 'object' && schema.additionalProperties !== undefined
        ? (schema.maxProperties ?? undefined)
        : 1;
  return most === undefined ? undefined : times * Math.max(0, most);
}

function standardFaults(schema: Loose, at: string, place: Place): FieldError[] {
  const faults: FieldError[] = [];
  const { type } = schema;
  if (type && !types.includes(type)) faults.push(notSupported(`${at}.type`, type, types));
  if (schema.default !== undefined && place.noDefault !== undefined)
    faults.push(forbidden(`${at}.default`, `must not be set ${place.noDefault}`));
  for (const word of unsupported)
    if (schema[word] !== undefined) faults.push(forbidden(`${at}.${word}`, `${word} is not supported`));
  if (type === 'null')
    faults.push(forbidden(`${at}.type`, 'type cannot be set to null, use nullable as an alternative'));
  if (Array.isArray(schema.items))
    faults.push(forbidden(`${at}.items`, 'items must be a schema object and not an array'));
  if (place.insideMeta && schema['x-kubernetes-embedded-resource'])
    faults.push(forbidden(`${at}.x-kubernetes-embedded-resource`, 'must not be used inside of resource meta'));
  return faults;
}

function extensionFaults(schema: Loose, at: string): FieldError[] {
  const faults: FieldError[] = [];
  const { type } = schema;
  const mapType = schema['x-kubernetes-map-type'];
  const listType = schema['x-kubernetes-list-type'];
  const wantType = (wanted: string, why: string): FieldError =>
    type
      ? invalid(`${at}.type`, type, `must be ${wanted} if ${why}`)
      : required(`${at}.type`, `must be ${wanted} if ${why}`);
  if (schema['x-kubernetes-preserve-unknown-fields'] === false)
    faults.push(invalid(`${at}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined'));
  if (mapType !== undefined && type !== 'object') faults.push(wantType('object', 'x-kubernetes-map-type is specified'));
  if (mapType !== undefined && !['atomic', 'granular'].includes(mapType))
    faults.push(notSupported(`${at}.x-kubernetes-map-type`, mapType, ['atomic', 'granular']));
  if (listType !== undefined && type !== 'array') faults.push(wantType('array', 'x-kubernetes-list-type is specified'));
  else if (listType === 'set' && schema.items) faults.push(...setFaults(schema.items, `${at}.items`));
  if (listType !== undefined && !['atomic', 'set', 'map'].includes(listType))
    faults.push(notSupported(`${at}.x-kubernetes-list-type`, listType, ['atomic', 'set', 'map']));
  return [...faults, ...mapKeyFaults(schema, at)];
}

function setFaults(items: Loose, at: string): FieldError[] {
  const why = 'must be atomic as item of a list with x-kubernetes-list-type=set';
  const listType = items['x-kubernetes-list-type'];
  if (items.type === 'array' && listType !== undefined && listType !== 'atomic')
    return [invalid(`${at}.x-kubernetes-list-type`, listType, why)];
  if (items.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic')
    return [invalid(`${at}.x-kubernetes-map-type`, listType ?? null, why)];
  return [];
}

function mapKeyFaults(schema: Loose, at: string): FieldError[] {
  const faults: FieldError[] = [];
  const listType = schema['x-kubernetes-list-type'];
  const keys: string[] = schema['x-kubernetes-list-map-keys'] ?? [];
  const { items } = schema;
  if (keys.length > 0 && listType !== 'map') {
    const why = 'must be map if x-kubernetes-list-map-keys is non-empty';
    const field = `${at}.x-kubernetes-list-type`;
    faults.push(listType === undefined ? required(field, why) : invalid(field, listType, why));
  }
  if (listType === 'map') {
    const field = `${at}.x-kubernetes-list-map-keys`;
    if (keys.length === 0) faults.push(required(field, 'must not be empty if x-kubernetes-list-type is map'));
    if (!items) faults.push(required(`${at}.items`, 'must have a schema if x-kubernetes-list-type is map'));
    else if (items.type !== 'object')
      faults.push(
        invalid(`${at}.items.type`, items.type ?? '', "must be object if parent array's x-kubernetes-list-type is map"),
      );
    else
      for (const [index, name] of keys.entries()) {
        const property = items.properties?.[name];
        if (!property) faults.push(invalid(field, keys, 'entries must all be names of item properties'));
        else if (property.type === 'array' || property.type === 'object')
          faults.push(
            invalid(
              `${at}.items.properties[${name}].type`,
              items.type,
              "must be a scalar type if parent array's x-kubernetes-list-type is map",
            ),
          );
        if (keys.indexOf(name) < index) faults.push(invalid(field, keys, 'must not contain duplicate entries'));
      }
  }
  if ((listType === 'map' || listType === 'set') && items?.nullable)
    faults.push(forbidden(`${at}.items.nullable`, `cannot be nullable when x-kubernetes-list-type is ${listType}`));
  if (listType === 'map')
    for (const name of keys) faults.push(...keyFaults(items, name, `${at}.items.properties[${name}]`));
  return faults;
}

function keyFaults(items: Loose, name: string, at: string): FieldError[] {
  const property = items?.properties?.[name];
  if (!property) return [];
  const faults: FieldError[] = [];
  const about = 'this property is in x-kubernetes-list-map-keys, so it';
  if (!items.required?.includes(name) && property.default === undefined)
    faults.push(required(`${at}.default`, `${about} must have a default or be a required property`));
  if (property.nullable) faults.push(forbidden(`${at}.nullable`, `${about} cannot be nullable`));
  return faults;
}

function ruleTextFaults(schema: Loose, rule: Loose, at: string): FieldError[] {
  const faults: FieldError[] = [];
  const { message = '', messageExpression = '', reason, fieldPath = '' } = rule;
  const breaks = (text: string): boolean => /[\n\r]/.test(text);
  const empty = (text: string): boolean => text.length > 0 && text.trim() === '';
  if (!rule.rule?.trim()) faults.push(required(`${at}.rule`, 'rule is not specified'));
  else if (empty(message)) faults.push(invalid(`${at}.message`, message, 'must be non-empty if specified'));
  else if (breaks(message.trim())) faults.push(invalid(`${at}.message`, message, 'must not contain line breaks'));
  else if (breaks(rule.rule.trim()) && !message.trim())
    faults.push(required(`${at}.message`, 'message must be specified if rule contains line breaks'));
  if (empty(messageExpression))
    faults.push(required(`${at}.messageExpression`, 'messageExpression must be non-empty if specified'));
  if (reason !== undefined && !reasons.includes(reason)) faults.push(notSupported(`${at}.reason`, reason, reasons));
  if (empty(fieldPath)) faults.push(invalid(`${at}.fieldPath`, fieldPath, 'must be non-empty if specified'));
  if (breaks(fieldPath)) faults.push(invalid(`${at}.fieldPath`, fieldPath, 'must not contain line breaks'));
  if (fieldPath && 'error' in fieldAt(fieldPath, schema))
    faults.push(invalid(`${at}.fieldPath`, fieldPath, 'must be a valid path'));
  return faults;
}

/** Defaults must be what the schema itself allows. */
function defaultFaults(schema: Loose, at: string, resource: boolean): FieldError[] {
  const faults: FieldError[] = [];
  const value = schema.default;
  if (value !== undefined) {
    const whole = { ...schema, 'x-kubernetes-embedded-resource': resource || schema['x-kubernetes-embedded-resource'] };
    const outer = { inner: structuredClone(value) } as Loose;
    if (pruneCustom(outer, { properties: { inner: whole } }).length > 0)
      faults.push(invalid(`${at}.default`, value, 'must not have unknown fields'));
    for (const fault of validateCustom(value, whole as Loose))
      faults.push({ ...fault, field: fault.field ? `${at}.default.${fault.field}` : `${at}.default` });
  }
  if (schema.items) faults.push(...defaultFaults(schema.items, `${at}.items`, false));
  for (const name of Object.keys(schema.properties ?? {}).sort())
    faults.push(...defaultFaults(schema.properties[name], `${at}.properties[${name}]`, false));
  return faults;
}
