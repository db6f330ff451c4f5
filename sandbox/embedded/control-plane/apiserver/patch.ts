import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { jsonFault } from './body.ts';
import type { ResourceCall } from './call.ts';
import { decodeObject, patchObject } from './engine.ts';
import { badRequest, notFound, unsupportedMediaType } from './errors.ts';
import { present, viewOf } from './read.ts';
import type { Reply } from './reply.ts';
import { createObject, updateObject } from './write.ts';
import { readYaml } from './yaml.ts';

export const patchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
];

/** https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-apply */
export async function patch(call: ResourceCall): Promise<Reply> {
  const { services, type, info } = call;
  const kinds = type.definition ? patchTypes.filter((one) => !one.includes('strategic')) : patchTypes;
  if (!kinds.includes(call.contentType)) throw unsupportedMediaType(kinds);
  const body = readPatch(call);
  const entry = services.store.get(type.collection, info.namespace, info.name);
  if (!entry) {
    if (call.contentType !== 'application/apply-patch+yaml' || info.subresource) throw notFound(type, info.name);
    const created = patchObject(type, call.contentType, {} as KubeObject, body);
    return createObject(call, decodeObject(call, created, undefined));
  }
  const current = viewOf(type, entry).object as KubeObject;
  const patched = patchObject(type, call.contentType, current, body);
  const content = await updateObject(call, entry, decodeObject(call, patched, undefined));
  return { code: 200, ...present(call, content) };
}

/** Throws 400 as the real decoder does. */
export function readPatch(call: ResourceCall): Loose {
  const { body } = call;
  if ('value' in body) return structuredClone(body.value);
  const text = body.bytes.toString('utf8');
  if (call.contentType.endsWith('+yaml')) {
    try {
      return readYaml(text);
    } catch (error) {
      throw badRequest(`error decoding YAML: ${(error as Error).message.split('\n')[0]}`);
    }
  }
  const fault = jsonFault(text);
  if (fault) throw badRequest(fault);
  return JSON.parse(text);
}
