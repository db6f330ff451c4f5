import { copyOf, type KubeObject } from '../../../../kubernetes/object.ts';
import { resizedPod } from '../resources/pod-parts.ts';
import type { ResourceCall } from './call.ts';

/** Which part of an update counts: the object without its status, its status alone, or what the subresource is about. */
export function resetForSubresource(call: ResourceCall, object: KubeObject, old: KubeObject): KubeObject {
  const { type, info } = call;
  const { metadata } = object;
  if (info.subresource === 'status' || info.subresource === 'approval') {
    const { status } = object;
    const keepsMetadata = type.collection === '/nodes' || type.collection === '/pods';
    const { annotations, finalizers, managedFields, labels } = metadata;
    const next: KubeObject = { ...old, metadata: { ...old.metadata } };
    if (managedFields) next.metadata.managedFields = managedFields;
    if (!type.definition) {
      set(next.metadata, 'annotations', annotations);
      set(next.metadata, 'finalizers', finalizers);
      if (keepsMetadata) set(next.metadata, 'labels', labels);
    }
    if (info.subresource === 'approval') next.status = { ...old.status };
    if (info.subresource === 'approval') set(next.status, 'conditions', status?.conditions);
    else set(next, 'status', status);
    return next;
  }
  if (info.subresource === 'ephemeralcontainers') {
    const spec = copyOf(old.spec);
    set(spec, 'ephemeralContainers', object.spec?.ephemeralContainers);
    const { managedFields } = metadata;
    return { ...old, metadata: { ...old.metadata, ...(managedFields && { managedFields }) }, spec };
  }
  if (info.subresource === 'resize') return resizedPod(object, old);
  if (info.subresource === 'finalize') {
    return { ...old, metadata: { ...old.metadata }, spec: object.spec ?? {} };
  }
  if (type.hasStatus) set(object, 'status', old.status);
  // Who holds back a namespace is changed by /finalize alone.
  if (type.collection === '/namespaces') object.spec = old.spec;
  return object;
}

function set<T extends object>(target: T, key: string, value: unknown): void {
  if (value === undefined) Reflect.deleteProperty(target, key);
  else Reflect.set(target, key, value);
}
