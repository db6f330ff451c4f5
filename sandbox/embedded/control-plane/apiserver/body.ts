import { copyOf, type Loose } from '../../../../kubernetes/object.ts';
import { decodeProtobuf } from '../schema/protobuf.ts';
import type { Call, ResourceCall } from './call.ts';
import { badRequest, unsupportedMediaType } from './errors.ts';
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
    throw badRequest(`the object provided is unrecognized (must be of type ${kind}): ${(error as Error).message}`);
  }
}

function readYaml(text: string, kind: string): Loose {
  try {
    return parseYamlText(text);
  } catch (error) {
    const why = (error as Error).message.split('\n')[0];
    throw badRequest(`the object provided is unrecognized (must be of type ${kind}): yaml: ${why} (${summary(text)})`);
  }
}

function readJson(text: string, kind: string): Loose {
  const value = tryJson(text);
  if (value !== undefined && typeof value.value === 'object' && value.value !== null && !Array.isArray(value.value))
    return value.value;
  const why = value ? 'json: cannot unmarshal into Go value of type struct' : jsonFault(text);
  throw badRequest(
    `the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; json parse error: ${why} (${summary(text)})`,
  );
}

function tryJson(text: string): { value: Loose } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** The fault in Go's words, as far as V8's tell it. */
export function jsonFault(text: string): string {
  try {
    JSON.parse(text);
    return '';
  } catch (error) {
    const message = (error as Error).message;
    const position = /at position (\d+)/.exec(message);
    const character = position ? text[Number(position[1])] : undefined;
    if (character === undefined) {
      const named = /Unexpected token '(.)/u.exec(message);
      if (!named) return 'unexpected end of JSON input';
      return `invalid character '${named[1]}' looking for beginning of value`;
    }
    return `invalid character '${character}' looking for beginning of value`;
  }
}

function summary(text: string): string {
  if (text === '') return '<empty>';
  const start = text.startsWith('{') ? text.slice(0, 30) : Buffer.from(text).subarray(0, 30).toString('hex');
  return Buffer.byteLength(text) > 30 ? `${start} ...` : start;
}

/** The package of the types that Go's API server works with. */
function internalGroup(apiVersion: string): string {
  const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : 'core';
  return group.split('.')[0] ?? group;
}

/** The object of a create or update, with its kind checked against the path's. Throws 400. */
export function readObject(call: ResourceCall, kind = call.type.kind, apiVersion = call.type.apiVersion): ParsedBody {
  const parsed = parseBody(call, kind);
  if (!parsed)
    throw badRequest(
      `the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)`,
    );
  const { value } = parsed;
  if (!value || typeof value !== 'object' || Array.isArray(value))
    throw badRequest(`the object provided is unrecognized (must be of type ${kind})`);
  if (typeof value.apiVersion !== 'string' || value.apiVersion === '') value.apiVersion = apiVersion;
  if (typeof value.kind !== 'string' || value.kind === '') value.kind = kind;
  if (value.apiVersion !== apiVersion)
    throw badRequest(
      `the API version in the data (${value.apiVersion}) does not match the expected API version (${apiVersion})`,
    );
  if (value.kind !== kind) {
    const version = apiVersion.split('/').at(-1);
    throw badRequest(
      `${value.kind} in version "${version}" cannot be handled as a ${kind}: converting (${version}.${value.kind}) to (${internalGroup(apiVersion)}.${kind}): unknown conversion`,
    );
  }
  if (value.metadata === undefined || value.metadata === null) value.metadata = {};
  return parsed;
}
