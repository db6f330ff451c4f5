import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { FieldError } from '../resources/strategy.ts';
import type { ResourceCall } from './call.ts';
import { badRequest, unsupportedMediaType } from './errors.ts';
import type { ResourceType } from './resource-type.ts';

/** Bytes of `application/vnd.kubernetes.protobuf` as the JSON they stand for. */
export function decodeProtobuf(_bytes: Buffer): Loose {
  throw unsupportedMediaType(['application/json', 'application/yaml']);
}

/** Reads a client's object as the Go types would; fieldValidation decides what unknown fields do. */
export function decodeObject(_call: ResourceCall, value: Loose, _text: string | undefined): KubeObject {
  return value;
}

export function applyDefaults(_type: ResourceType, _object: KubeObject): void {}

export function validateObject(_type: ResourceType, _object: KubeObject, _old?: KubeObject): FieldError[] {
  return [];
}

export function patchObject(_type: ResourceType, contentType: string, current: KubeObject, patch: Loose): KubeObject {
  if (contentType === 'application/json-patch+json') throw badRequest('json patch comes later');
  return merge(structuredClone(current), patch);
}

function merge(target: Loose, patch: Loose): Loose {
  if (patch === null || typeof patch !== 'object' || Array.isArray(patch)) return patch;
  const out: Loose = target && typeof target === 'object' && !Array.isArray(target) ? target : {};
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$')) continue;
    if (value === null) delete out[key];
    else out[key] = merge(out[key], value);
  }
  return out;
}
