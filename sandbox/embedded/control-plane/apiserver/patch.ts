import { copyOf, type KubeObject, type Loose } from '../../../../kubernetes/object.ts';
import { duplicateFields } from '../schema/duplicates.ts';
import { jsonFault, tryJson } from './body.ts';
import { type ResourceCall, warn } from './call.ts';
import { depthFault } from './depth.ts';
import { applyObject, patchObject } from './engine.ts';
import { badRequest, conflict, invalid, notFound, unknownPatch, unsupportedMediaType } from './errors.ts';
import { managedAlready } from './field-managers.ts';
import { checkAccess } from './handle.ts';
import { present, viewOf } from './read.ts';
import type { Reply } from './reply.ts';
import { createObject, retried, updateObject } from './write.ts';
import { doubledKeys, readYaml } from './yaml.ts';

export const applyType = 'application/apply-patch+yaml';
const patchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  applyType,
];

/** https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-apply */
export async function patch(call: ResourceCall): Promise<Reply> {
  checkPatchType(call);
  const body = readPatch(call);
  return retried(call, () => (call.contentType === applyType ? apply(call, copyOf(body)) : lay(call, body)));
}

async function lay(call: ResourceCall, body: Loose): Promise<Reply> {
  const { services, type, info } = call;
  const entry = services.store.get(type.collection, info.namespace, info.name);
  if (!entry) throw notFound(type, info.name);
  const patched = patchObject(call, viewOf(type, entry).object, body);
  const content = await updateObject(call, entry, patched);
  return { code: 200, ...present(call, content) };
}

async function apply(call: ResourceCall, body: Loose): Promise<Reply> {
  const { services, type, info } = call;
  checkApplied(call, body);
  const entry = services.store.get(type.collection, info.namespace, info.name);
  if (entry) {
    const object = applyObject(call, viewOf(type, entry).object, body);
    const content = await updateObject(call, entry, object, managedAlready);
    return { code: 200, ...present(call, content) };
  }
  if (info.subresource) throw notFound(type, info.name);
  if (body.metadata.uid) {
    const why = `uid mismatch: the provided object specified uid ${body.metadata.uid}, and no existing object was found`;
    throw conflict(type, info.name, why);
  }
  const { group, resource, namespace, name } = info;
  checkAccess(services, call.user, { verb: 'create', group, resource, subresource: '', namespace, name });
  const object: KubeObject = applyObject(call, undefined, body);
  delete object.metadata.resourceVersion;
  return createObject(call, object, managedAlready);
}

/** What an applied object must say, and must not. Throws 400 and 422. */
export function checkApplied(call: ResourceCall, body: Loose): void {
  const { type, info } = call;
  if (!call.query.get('fieldManager')) {
    throw invalid('PatchOptions', 'meta.k8s.io', '', [
      {
        field: 'fieldManager',
        reason: 'FieldValueRequired',
        message: 'Required value: is required for apply patch',
      },
    ]);
  }
  if (body !== null && body !== undefined && (typeof body !== 'object' || Array.isArray(body))) {
    const shape = Array.isArray(body) ? 'array' : typeof body;
    const why = `json: cannot unmarshal ${shape} into Go value of type map[string]interface {}`;
    throw badRequest(`error decoding YAML: error unmarshaling JSON: while decoding JSON: ${why}`);
  }
  const { apiVersion = '', kind = '' } = body ?? {};
  if (apiVersion !== type.apiVersion || kind !== type.kind) {
    if (kind !== type.kind || !call.services.types.findKind(apiVersion, kind))
      throw badRequest(
        `invalid object type: ${apiVersion.includes('/') ? apiVersion : `/${apiVersion}`}, Kind=${kind}`,
      );
    throw badRequest(
      `Incorrect version specified in apply patch. Specified patch version: ${apiVersion}, expected: ${type.apiVersion}`,
    );
  }
  body.metadata ??= {};
  if (body.metadata.managedFields?.length) throw badRequest('metadata.managedFields must be nil');
  body.metadata.name ??= info.name;
  if (body.metadata.name !== info.name)
    throw badRequest(
      `the name of the object (${body.metadata.name}) does not match the name on the URL (${info.name})`,
    );
}

function checkPatchType(call: ResourceCall): void {
  const { type, contentType, query } = call;
  const kinds = type.definition ? patchTypes.filter((one) => !one.includes('strategic')) : patchTypes;
  if (!patchTypes.includes(contentType)) throw unknownPatch();
  if (!kinds.includes(contentType)) throw unsupportedMediaType(kinds);
  if (query.get('force') === null || contentType === applyType) return;
  throw invalid('PatchOptions', 'meta.k8s.io', '', [
    {
      field: 'force',
      reason: 'FieldValueForbidden',
      message: 'Forbidden: may not be specified for non-apply patch',
    },
  ]);
}

/** Throws 400 as the real decoder does. */
export function readPatch(call: ResourceCall): Loose {
  const { body } = call;
  if ('value' in body) return copyOf(body.value);
  const text = body.bytes.toString('utf8');
  if (call.contentType === applyType) {
    return readApplied(call, text);
  }
  const fault = jsonFault(text);
  if (fault) throw badRequest(call.contentType.includes('strategic') ? fault : `error decoding patch: ${fault}`);
  return JSON.parse(text);
}

/** JSON or YAML; what stands twice in it is told or refused, as the client wants it. */
function readApplied(call: ResourceCall, text: string): Loose {
  const refuse = (why: string, how = ''): Error =>
    badRequest(`error ${how}decoding YAML: error converting YAML to JSON: yaml: ${why}`);
  const json = tryJson(text);
  if (!json && text.startsWith('{') && depthFault(text)) throw refuse('exceeded max depth of 10000');
  let value = json?.value;
  let doubled: string | undefined;
  try {
    if (!json) value = readYaml(text, { uniqueKeys: false });
    if (!json || duplicateFields(text).length > 0) doubled = doubledKeys(text);
  } catch (error) {
    throw refuse((error as Error).message);
  }
  const validation = call.query.get('fieldValidation') || 'Warn';
  if (doubled && validation === 'Strict') throw refuse(doubled, 'strict ');
  if (doubled && validation === 'Warn') warn(call, `error converting YAML to JSON: yaml: ${doubled}`);
  return value;
}
