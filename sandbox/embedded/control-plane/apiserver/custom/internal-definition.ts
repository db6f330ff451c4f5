import type { Loose } from '../../../../../kubernetes/object.ts';

/**
 * Parts of a definition as the API server itself holds them (k8s.io/apiextensions-apiserver, pkg/apis/apiextensions):
 * its Go structs have no JSON names there, so every field stands, in their order.
 */
type Form = (value: Loose) => Loose;

const plain: Form = (value) => value ?? null;
const text: Form = (value) => value ?? '';
const flag: Form = (value) => value ?? false;
const one: Form = (value) => (value === undefined ? null : internalSchema(value));
const list: Form = (value) => value?.map(internalSchema) ?? null;
const map: Form = (value) => value && mapped(value, internalSchema);
const oneOrMany: Form = (value) =>
  value &&
  (Array.isArray(value) ? { Schema: null, JSONSchemas: list(value) } : { Schema: one(value), JSONSchemas: null });
const oneOrFlag: Form = (value) =>
  typeof value === 'boolean' ? { Allows: value, Schema: null } : value && { Allows: true, Schema: one(value) };
const oneOrNames: Form = (value) =>
  Array.isArray(value) ? { Schema: null, Property: value } : { Schema: one(value), Property: null };

const mapped = (value: Loose, form: Form): Loose =>
  Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, form(value[key])]),
  );

/** The field's name in Go, in JSON, and its form. */
const fields: [string, string, Form][] = [
  ['ID', 'id', text],
  ['Schema', '$schema', text],
  ['Ref', '$ref', plain],
  ['Description', 'description', text],
  ['Type', 'type', text],
  ['Nullable', 'nullable', flag],
  ['Format', 'format', text],
  ['Title', 'title', text],
  ['Default', 'default', plain],
  ['Maximum', 'maximum', plain],
  ['ExclusiveMaximum', 'exclusiveMaximum', flag],
  ['Minimum', 'minimum', plain],
  ['ExclusiveMinimum', 'exclusiveMinimum', flag],
  ['MaxLength', 'maxLength', plain],
  ['MinLength', 'minLength', plain],
  ['Pattern', 'pattern', text],
  ['MaxItems', 'maxItems', plain],
  ['MinItems', 'minItems', plain],
  ['UniqueItems', 'uniqueItems', flag],
  ['MultipleOf', 'multipleOf', plain],
  ['Enum', 'enum', plain],
  ['MaxProperties', 'maxProperties', plain],
  ['MinProperties', 'minProperties', plain],
  ['Required', 'required', plain],
  ['Items', 'items', oneOrMany],
  ['AllOf', 'allOf', list],
  ['OneOf', 'oneOf', list],
  ['AnyOf', 'anyOf', list],
  ['Not', 'not', one],
  ['Properties', 'properties', map],
  ['AdditionalProperties', 'additionalProperties', oneOrFlag],
  ['PatternProperties', 'patternProperties', map],
  ['Dependencies', 'dependencies', (value) => value && mapped(value, oneOrNames)],
  ['AdditionalItems', 'additionalItems', oneOrFlag],
  ['Definitions', 'definitions', map],
  ['ExternalDocs', 'externalDocs', (value) => value && { Description: value.description ?? '', URL: value.url ?? '' }],
  ['Example', 'example', plain],
  ['XPreserveUnknownFields', 'x-kubernetes-preserve-unknown-fields', plain],
  ['XEmbeddedResource', 'x-kubernetes-embedded-resource', flag],
  ['XIntOrString', 'x-kubernetes-int-or-string', flag],
  ['XListMapKeys', 'x-kubernetes-list-map-keys', plain],
  ['XListType', 'x-kubernetes-list-type', plain],
  ['XMapType', 'x-kubernetes-map-type', plain],
  ['XValidations', 'x-kubernetes-validations', (value) => value?.map(internalRule) ?? null],
];

export function internalSchema(schema: Loose): Loose {
  if (!schema) return null;
  return Object.fromEntries(fields.map(([name, key, form]) => [name, form(schema[key]) ?? null]));
}

const internalRule = (rule: Loose): Loose => ({
  Rule: rule.rule ?? '',
  Message: rule.message ?? '',
  MessageExpression: rule.messageExpression ?? '',
  Reason: rule.reason ?? null,
  FieldPath: rule.fieldPath ?? '',
  OptionalOldSelf: rule.optionalOldSelf ?? null,
});

export const internalSubresources = ({ status, scale }: Loose): Loose => ({
  Status: status ?? null,
  Scale: scale
    ? {
        SpecReplicasPath: scale.specReplicasPath ?? '',
        StatusReplicasPath: scale.statusReplicasPath ?? '',
        LabelSelectorPath: scale.labelSelectorPath ?? null,
      }
    : null,
});

export const internalColumn = (column: Loose): Loose => ({
  Name: column.name ?? '',
  Type: column.type ?? '',
  Format: column.format ?? '',
  Description: column.description ?? '',
  Priority: column.priority ?? 0,
  JSONPath: column.jsonPath ?? '',
});
