import type { KubeObject } from '../../../../../kubernetes/object.ts';
import type { ResourceCall } from '../call.ts';
import { admitNamespace } from './namespace-lifecycle.ts';

/** Mutating first, then validating; throws the refusal. Returns the object to store. */
export function admitCreate(call: ResourceCall, object: KubeObject, _dryRun: boolean): KubeObject {
  admitNamespace(call, object);
  return object;
}

export function admitUpdate(_call: ResourceCall, object: KubeObject, _old: KubeObject, _dryRun: boolean): KubeObject {
  return object;
}
