import type { Schema } from '../../../../kubernetes/facts.ts';
import { pathSegment } from '../../../../kubernetes/names.ts';
import { copyOf, type KubeObject, type Loose } from '../../../../kubernetes/object.ts';
import { metadataFaults } from '../resources/faults.ts';
import type { FieldError } from '../resources/strategy.ts';
import { ApplyConflict, applyPatch, type Ownership, TypedPatchError } from '../schema/apply.ts';
import { dropNulls, eachEmbedded, listFaults, pruneCustom, rulesUnchecked, validateCustom } from '../schema/custom.ts';
import { decode } from '../schema/decode.ts';
import { applyDefaults as applyShapeDefaults } from '../schema/defaults.ts';
import { duplicateFields, inOrder } from '../schema/duplicates.ts';
import { invalid as fieldInvalid } from '../schema/field-errors.ts';
import { BadPatch, FailedPatch, jsonPatch, mergePatch, PatchTooLong, UnmergeablePatch } from '../schema/patch.ts';
import { hasRules, ruleFaults } from '../schema/rules.ts';
import { builtinShape, customShape, metaSchema, type Shape, shapeOfKind } from '../schema/shape.ts';
import { strategicMergePatch } from '../schema/strategic-merge.ts';
import { type ResourceCall, warn } from './call.ts';
import { definitions } from './custom/definition.ts';
import { validateDefinition } from './custom/definition-faults.ts';
import { scaleFaults } from './custom/scale-faults.ts';
import { badRequest, invalid, optionsOf, refusal, tooLarge } from './errors.ts';
import { goMap } from './go-map.ts';
import type { ResourceType } from './resource-type.ts';

const shapes = new WeakMap<ResourceType, Shape>();

/** How objects of a type are built; worked out once. Throws for a kind without a schema. */
function shapeOf(type: ResourceType): Shape {
  let shape = shapes.get(type);
  if (!shape) {
    const known = type.schema ? customShape(type.schema) : shapeOfKind(type.group, type.version, type.kind);
    if (!known) throw new Error(`no schema for ${type.apiVersion} ${type.kind}`);
    shape = known;
    shapes.set(type, shape);
  }
  return shape;
}

type Validation = 'Ignore' | 'Warn' | 'Strict';

/** Throws 422 for a value that is none. */
function readValidation(query: URLSearchParams, method = 'POST'): Validation {
  const text = query.get('fieldValidation');
  if (!text) return 'Warn';
  if (text === 'Ignore' || text === 'Warn' || text === 'Strict') return text;
  throw invalid(optionsOf(method), 'meta.k8s.io', '', [
    {
      field: 'fieldValidation',
      reason: 'FieldValueNotSupported',
      message: `Unsupported value: ${JSON.stringify(text)}: supported values: "", "Ignore", "Strict", "Warn"`,
    },
  ]);
}

interface Reading {
  object: KubeObject;
  /** Unknown and doubled fields. */
  strict: string[];
  error?: string;
  /** The same, in the words of a strategic merge patch. */
  conversion?: string;
}

function read(type: ResourceType, value: Loose): Reading {
  if (!type.schema) {
    const { value: object, unknown, error, conversion } = decode(value, shapeOf(type));
    return { object, strict: unknown, ...(error && { error }), ...(conversion && { conversion }) };
  }
  const meta = decode(value.metadata ?? {}, builtinShape(metaSchema));
  const strict = meta.unknown.map((text) => text.replace('unknown field "', 'unknown field "metadata.'));
  strict.push(...pruneCustom(value, type.schema));
  value.metadata = meta.value;
  eachEmbedded(value, type.schema, '', (object, path) => {
    if (typeof object.metadata !== 'object' || object.metadata === null) return;
    const inner = decode(object.metadata, builtinShape(metaSchema));
    strict.push(...inner.unknown.map((text) => text.replace('unknown field "', `unknown field "${path}.metadata.`)));
    object.metadata = inner.value;
  });
  return { object: value, strict, ...(meta.error && { error: meta.error }) };
}

/** A client's object, read as the Go types would; `value` may be changed. fieldValidation decides what unknown fields do. Throws 400. */
export function decodeObject(call: ResourceCall, value: Loose, text: string | undefined, type = call.type): KubeObject {
  const validation = readValidation(call.query, call.method);
  const { object, strict, error } = read(type, value);
  const refuse = (why: string): Error =>
    badRequest(`${type.kind} in version "${type.version}" cannot be handled as a ${type.kind}: ${why}`);
  if (error) throw refuse(error);
  if (validation !== 'Ignore') {
    const faults = text ? strictFaults(type, text, strict) : strict;
    if (faults.length > 0 && validation === 'Strict') throw refuse(`strict decoding error: ${faults.join(', ')}`);
    for (const fault of faults) warn(call, fault);
  }
  object.metadata ??= {};
  return object;
}

/** Built-in kinds are read field by field; of custom ones the JSON comes before the schema. */
function strictFaults(type: ResourceType, text: string, unknown: string[]): string[] {
  return type.schema ? [...duplicateFields(text), ...unknown] : inOrder(text, unknown);
}

/** Fills what the schema defaults, in place. */
export function applyDefaults(type: ResourceType, object: KubeObject): void {
  applyShapeDefaults(object, shapeOf(type));
  if (type.schema) dropNulls(object, type.schema);
}

/** Faults after which rules in CEL are not asked. */
const blocking = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);

/** What the schema of a custom resource finds wrong; built-in kinds have their strategies. */
export function validateObject(call: ResourceCall, object: KubeObject, old?: KubeObject): FieldError[] {
  const { type } = call;
  if (type.collection === definitions) return validateDefinition(object, old);
  if (!type.schema) return [];
  const part = call.info.subresource === 'status' ? 'status' : undefined;
  const faults = [
    ...validateCustom(object, type.schema, old, part),
    ...scaleFaults(type, object, part),
    ...embeddedFaults(object, type.schema),
  ];
  // Whoever had them already may keep them.
  if (!old || listFaults(old, type.schema).length === 0) faults.push(...listFaults(object, type.schema));
  if (!hasRules(type.schema)) return faults;
  if (faults.some(({ reason }) => blocking.has(reason))) return [...faults, rulesUnchecked];
  const rules = ruleFaults(object, old, type.schema);
  for (const { field, message } of rules.tolerated) warn(call, `${field}: ${message}`);
  return [...faults, ...rules.faults];
}

/** Objects within objects have metadata like any other. */
function embeddedFaults(object: KubeObject, schema: Schema): FieldError[] {
  const faults: FieldError[] = [];
  eachEmbedded(object, schema, '', ({ metadata }, path) => {
    if (typeof metadata !== 'object' || metadata === null) return;
    for (const why of pathSegment(metadata.name ?? ''))
      faults.push(fieldInvalid(`${path}.metadata.name`, metadata.name, why));
    for (const fault of metadataFaults({ metadata } as KubeObject))
      faults.push({ ...fault, field: `${path}.${fault.field}` });
  });
  return faults;
}

/** The current object with a JSON, merge or strategic patch laid over it. Throws 400 and 422 as the real one does. */
export function patchObject(call: ResourceCall, current: KubeObject, patch: Loose): KubeObject {
  const { type, contentType } = call;
  const validation = readValidation(call.query);
  let patched: Loose;
  try {
    if (contentType === 'application/json-patch+json') patched = jsonPatch(current, patch);
    else if (contentType === 'application/merge-patch+json') patched = copyOf(mergePatch(current, patch));
    else patched = strategicMergePatch(current, patch, shapeOf(type));
  } catch (error) {
    if (error instanceof BadPatch) throw badRequest(error.message);
    if (error instanceof PatchTooLong) throw tooLarge(error.message);
    if (error instanceof UnmergeablePatch) throw refusal(500, '', error.message);
    if (error instanceof FailedPatch) throw refusal(422, 'Invalid', error.message, {});
    throw error;
  }
  if (typeof patched !== 'object' || patched === null || Array.isArray(patched))
    throw refusal(422, 'Invalid', new FailedPatch().message, {});
  patched.apiVersion ??= type.apiVersion;
  patched.kind ??= type.kind;
  const shown = (): string => JSON.stringify(contentType.includes('strategic') ? goMap(patch) : text);
  const { apiVersion, kind } = patched;
  if (!contentType.includes('strategic')) patched = sortedOnTop(patched);
  if (contentType === 'application/merge-patch+json') sortTouched(patched, patch);
  const text = contentType.includes('strategic') ? '' : JSON.stringify(patched);
  const { object, strict, error, conversion = error } = read(type, patched);
  const refuse = (why: string): Error =>
    invalid('', '', '', [
      { field: 'patch', reason: 'FieldValueInvalid', message: `Invalid value: ${shown()}: ${why}` },
    ]);
  if (apiVersion !== type.apiVersion || kind !== type.kind)
    throw refuse(
      `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "pkg/runtime/scheme.go:111"`,
    );
  // The converter of strategic patches sorts what it does not know.
  if (contentType.includes('strategic')) strict.sort();
  if (error) throw refuse((contentType.includes('strategic') && conversion) || error);
  if (strict.length > 0 && validation === 'Strict') throw refuse(`strict decoding error: ${strict.join(', ')}`);
  if (validation === 'Warn') for (const fault of strict) warn(call, fault);
  object.metadata ??= {};
  return object;
}

/** Who patches JSON in Go writes the outermost object anew, by its keys. */
const sortedOnTop = (object: Loose): Loose =>
  Object.fromEntries(Object.entries(object).sort(([one], [other]) => (one < other ? -1 : 1)));

/** And so does it with what a merge patch reaches into. */
function sortTouched(object: Loose, patch: Loose): void {
  for (const [key, inner] of Object.entries(patch)) {
    const value = object[key];
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) continue;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) continue;
    object[key] = sortedOnTop(value);
    sortTouched(object[key], inner);
  }
}

/** Server-side apply. `live` is undefined when there is nothing yet. Throws 409 on a conflict. */
export function applyObject(call: ResourceCall, live: KubeObject | undefined, applied: Loose): KubeObject {
  const force = call.query.get('force') === 'true';
  try {
    return applyPatch(live, withoutNulls(applied), force, ownershipOf(call)).object;
  } catch (error) {
    if (error instanceof ApplyConflict) throw refusal(409, 'Conflict', error.message, { causes: error.causes });
    if (error instanceof TypedPatchError) throw refusal(500, '', error.message);
    throw error;
  }
}

function withoutNulls(value: Loose): Loose {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const out: Loose = {};
  for (const [key, inner] of Object.entries(value)) if (inner !== null) out[key] = withoutNulls(inner);
  return out;
}

/** In whose name this call writes fields. */
export function ownershipOf(call: ResourceCall, type = call.type): Ownership {
  return {
    shape: shapeOf(type),
    apiVersion: type.apiVersion,
    manager: managerOf(call),
    subresource: call.info.subresource,
    now: call.services.clock.now(),
    reset: resetPaths(type, call.info.subresource),
  };
}

/** The field manager: as the client says, else the program's name. */
function managerOf(call: ResourceCall): string {
  return call.query.get('fieldManager') || (call.userAgent.split('/')[0] ?? '').slice(0, 128) || 'unknown';
}

function resetPaths(type: ResourceType, subresource: string): string[][] {
  if (type.collection === 'certificates.k8s.io/certificatesigningrequests') {
    const part = { status: 'f:conditions', approval: 'f:certificate' }[subresource];
    return [['f:spec'], part ? ['f:status', part] : ['f:status']];
  }
  if (subresource === '') return type.hasStatus ? [['f:status']] : [];
  if (subresource !== 'status') return [];
  if (type.definition) return [['f:spec']];
  if (type.collection === '/nodes') return [['f:spec']];
  if (type.collection === '/pods') return [['f:spec'], ['f:metadata', 'f:ownerReferences']];
  return [['f:spec'], ['f:metadata', 'f:labels']];
}
