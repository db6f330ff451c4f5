import { copyOf, type Loose } from '../../../../kubernetes/object.ts';
import { pruneCustom } from '../schema/custom.ts';
import { syntaxFault } from '../schema/json-fault.ts';
import { BadMessage, decodeProtobuf } from '../schema/protobuf.ts';
import { type Call, type ResourceCall, warn } from './call.ts';
import { depthFault } from './depth.ts';
import { badRequest, unsupportedMediaType } from './errors.ts';
import { isUnserved } from './unserved-kinds.ts';
import { readYaml as parseYamlText } from './yaml.ts';

const jsonTypes = ['', 'application/json'];
const accepted = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];

/** A request's body as a value of its own, free to be changed, and its JSON text where there is one. */
export interface ParsedBody {
  value: Loose;
  text?: string;
}

/** Undefined for no body. Throws 415, or 400 as the real decoder says it; `kind` is what should be in it. */
export function parseBody(call: Call, kind: string): ParsedBody | undefined {
  const { body, contentType } = call;
  if ('value' in body) return body.value === undefined ? undefined : { value: copyOf(body.value) };
  if (body.bytes.length === 0) return undefined;
  if (contentType === 'application/vnd.kubernetes.protobuf') return { value: readProtobuf(body.bytes, kind) };
  const text = body.bytes.toString('utf8');
  if (contentType === 'application/yaml') return { value: readYaml(text, kind) };
  if (!jsonTypes.includes(contentType)) throw unsupportedMediaType(accepted);
  return { value: readJson(text, kind), text };
}

function readProtobuf(bytes: Buffer, kind: string): Loose {
  try {
    return decodeProtobuf(bytes);
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof BadMessage) {
      const { apiVersion, kind: sent } = error;
      const version = apiVersion.split('/').at(-1);
      throw badRequest(`${sent} in version "${version}" cannot be handled as a ${kind}: ${message}`);
    }
    const shown = bytes.length > 30 ? `${bytes.toString('hex', 0, 30)} ...` : bytes.toString('hex');
    throw badRequest(`the object provided is unrecognized (must be of type ${kind}): ${message} (${shown})`);
  }
}

function readYaml(text: string, kind: string): Loose {
  try {
    return parseYamlText(text);
  } catch (error) {
    const why = `yaml: ${(error as Error).message}`;
    throw badRequest(`the object provided is unrecognized (must be of type ${kind}): ${why} (${summary(text)})`);
  }
}

function readJson(text: string, kind: string): Loose {
  const value = tryJson(text);
  if (value?.value === null) return {};
  if (value !== undefined && typeof value.value === 'object' && value.value !== null && !Array.isArray(value.value))
    return value.value;
  const why = value ? wrongShape(value.value) : jsonFault(text);
  throw badRequest(
    `the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; json parse error: ${why} (${summary(text)})`,
  );
}

function wrongShape(value: Loose): string {
  const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  return `json: cannot unmarshal ${kind} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`;
}

/** Undefined for what is no JSON, or too deep. */
export function tryJson(text: string): { value: Loose } | undefined {
  if (depthFault(text)) return undefined;
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** The fault in Go's words; '' when there is none. */
export const jsonFault = (text: string): string => depthFault(text) || syntaxFault(text);

function summary(text: string): string {
  if (text === '') return '<empty>';
  const start = text.startsWith('{') ? text.slice(0, 30) : Buffer.from(text).subarray(0, 30).toString('hex');
  return Buffer.byteLength(text) > 30 ? `${start} ...` : start;
}

/** The package of the types that Go's API server works with. */
export function internalGroup(apiVersion: string): string {
  const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : 'core';
  return group.split('.')[0] ?? group;
}

/** The object of a create or update, with its kind checked against the path's. Throws 400. */
export function readObject(call: ResourceCall, kind = call.type.kind, apiVersion = call.type.apiVersion): ParsedBody {
  const parsed = parseBody(call, kind);
  if (!parsed) {
    const protobuf = call.contentType === 'application/vnd.kubernetes.protobuf';
    const why = protobuf ? 'empty data' : "couldn't get version/kind; json parse error: unexpected end of JSON input";
    throw badRequest(`the object provided is unrecognized (must be of type ${kind}): ${why} (<empty>)`);
  }
  const { value } = parsed;
  if (!value || typeof value !== 'object' || Array.isArray(value))
    throw badRequest(`the object provided is unrecognized (must be of type ${kind})`);
  const unsaid = typeof value.apiVersion !== 'string' || value.apiVersion === '';
  // Of built-in kinds the path says enough.
  if (unsaid && call.type.definition && kind === call.type.kind)
    throw badRequest(`the API version in the data () does not match the expected API version (${apiVersion})`);
  if (unsaid) value.apiVersion = apiVersion;
  if (typeof value.kind !== 'string' || value.kind === '') value.kind = kind;
  if (value.apiVersion !== apiVersion && value.kind === kind) {
    if (call.type.definition && kind === call.type.kind) tellUnknown(call, value);
    else if (!call.services.types.findKind(value.apiVersion, kind) && !isUnserved(value.apiVersion, kind))
      throw badRequest(
        `${kind} in version "${value.apiVersion.split('/').at(-1)}" cannot be handled as a ${kind}: no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(value.apiVersion)} in scheme "pkg/runtime/scheme.go:111"`,
      );
    throw badRequest(
      `the API version in the data (${value.apiVersion}) does not match the expected API version (${apiVersion})`,
    );
  }
  if (value.kind !== kind) {
    const version = value.apiVersion.split('/').at(-1);
    throw badRequest(
      `${value.kind} in version "${version}" cannot be handled as a ${kind}: converting (${version}.${value.kind}) to (${internalGroup(apiVersion)}.${kind}): unknown conversion`,
    );
  }
  if (value.metadata === undefined || value.metadata === null) value.metadata = {};
  return parsed;
}

/** A custom resource is read by the schema of the version it says, if there is one, before anybody asks which was wanted. */
function tellUnknown(call: ResourceCall, value: Loose): void {
  const { type, services, query } = call;
  if (value.apiVersion.split('/')[0] !== type.group || query.get('fieldValidation') === 'Ignore') return;
  const { schema = {} } = services.types.findKind(value.apiVersion, type.kind) ?? {};
  const unknown = pruneCustom(value, schema);
  if (unknown.length > 0 && query.get('fieldValidation') === 'Strict') {
    const version = value.apiVersion.split('/')[1];
    const why = `strict decoding error: ${unknown.join(', ')}`;
    throw badRequest(`${type.kind} in version "${version}" cannot be handled as a ${type.kind}: ${why}`);
  }
  for (const fault of unknown) warn(call, fault);
}
