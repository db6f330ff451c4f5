import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import type { ResourceCall } from '../call.ts';
import { applyDefaults, decodeObject } from '../engine.ts';
import type { ResourceType } from '../resource-type.ts';
import { scaleOf, writeReplicas } from '../subresources/scale.ts';

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

/** A write as those who may change or refuse it see it (k8s.io/apiserver, pkg/admission). */
export interface Attributes {
  call: ResourceCall;
  operation: Operation;
  /** In the stored form; absent on DELETE. */
  object?: KubeObject;
  /** In the stored form; absent on CREATE. */
  old?: KubeObject;
  dryRun: boolean;
  /** What the object is, where it is none of the resource's own: an Eviction, PodExecOptions. */
  kind?: Kind;
}

export interface Kind {
  group: string;
  version: string;
  kind: string;
}

/** A resource in the version a rule asked for. */
export interface Face {
  type: ResourceType;
  kind: Kind;
}

/** The version the request was made in. */
export function ownFace({ call, kind }: Attributes): Face {
  const { type, info } = call;
  if (kind) return { type, kind };
  return { type, kind: kindOf(type, info.subresource) };
}

function kindOf(type: ResourceType, subresource: string): Kind {
  const { group, version, kind } = type;
  const part = type.fact.subresources?.find((one) => one.name === subresource);
  if (!part) return { group, version, kind };
  return { group: part.group ?? group, version: part.version ?? version, kind: part.kind };
}

/** The same objects in other groups and versions: what `matchPolicy: Equivalent` looks through. */
export function otherFaces(attributes: Attributes): Face[] {
  const { type, services, info } = attributes.call;
  const faces: Face[] = [];
  for (const other of services.types.all()) {
    if (other === type || other.collection !== type.collection) continue;
    faces.push({ type: other, kind: attributes.kind ?? kindOf(other, info.subresource) });
  }
  return faces;
}

/** What stands in an AdmissionReview for a stored object. */
export function shownAs(attributes: Attributes, face: Face, stored: KubeObject | undefined): KubeObject | undefined {
  if (!stored || attributes.kind) return stored;
  const { call } = attributes;
  if (call.info.subresource === 'scale') return scaleOf(face.type, stored);
  // A custom object is in the request's version already.
  if (face.type === call.type && face.type.definition) return stored;
  return face.type.conversion ? face.type.conversion.fromStored(stored) : stored;
}

/** The way back of {@link shownAs}, for what was changed on the way: read as a client's object would be. */
export function takenBack(attributes: Attributes, face: Face, shown: Loose): KubeObject {
  const { call, object } = attributes;
  if (attributes.kind || !object) return shown;
  if (call.info.subresource === 'scale') {
    const next = structuredClone(object);
    writeReplicas(face.type, next, shown.spec?.replicas ?? 0);
    return next;
  }
  const lenient = { ...call, type: face.type, query: new URLSearchParams('fieldValidation=Ignore') };
  const decoded = decodeObject(lenient, shown, undefined, face.type);
  applyDefaults(face.type, decoded);
  const { conversion, definition } = face.type;
  const stored = definition
    ? { ...decoded, apiVersion: call.type.apiVersion }
    : conversion
      ? conversion.toStored(decoded)
      : decoded;
  face.type.strategy.defaults?.(stored);
  return stored;
}

/** The name of the namespace it is in; of a Namespace its own. */
export function namespaceOf({ call, object, old }: Attributes): string {
  if (call.type.collection !== '/namespaces') return call.info.namespace;
  return call.info.name || (object ?? old)?.metadata.name || '';
}

export function nameOf({ call, object, old, kind }: Attributes): string {
  if (kind) return call.info.name;
  return call.info.name || (object ?? old)?.metadata.name || '';
}

const optionKinds: Record<Operation, string> = {
  CREATE: 'CreateOptions',
  UPDATE: 'UpdateOptions',
  DELETE: 'DeleteOptions',
  CONNECT: '',
};

/** The options of the request as the AdmissionReview carries them. */
function optionsOf({ call, operation, dryRun }: Attributes): Loose {
  if (operation === 'CONNECT') return null;
  const { query, info } = call;
  const patch = info.verb === 'patch';
  const options: Loose = {
    kind: patch ? 'PatchOptions' : optionKinds[operation],
    apiVersion: 'meta.k8s.io/v1',
  };
  if (dryRun) options.dryRun = ['All'];
  const force = query.get('force');
  if (patch && force !== null) options.force = force === 'true';
  for (const name of ['fieldManager', 'fieldValidation', 'propagationPolicy']) {
    const value = query.get(name);
    if (value) options[name] = value;
  }
  return options;
}

/** `request` of a review and of expressions, without the objects. https://kubernetes.io/docs/reference/config-api/apiserver-admission.v1/ */
export function requestOf(attributes: Attributes, face: Face): Loose {
  const { call, operation, dryRun } = attributes;
  const { user, info } = call;
  const own = ownFace(attributes);
  const resource = ({ type }: Face) => ({ group: type.group, version: type.version, resource: type.resource });
  const name = nameOf(attributes);
  const namespace = namespaceOf(attributes);
  return {
    kind: face.kind,
    resource: resource(face),
    ...(info.subresource && { subResource: info.subresource }),
    requestKind: own.kind,
    requestResource: resource(own),
    ...(info.subresource && { requestSubResource: info.subresource }),
    ...(name && { name }),
    ...(namespace && { namespace }),
    operation,
    userInfo: {
      username: user.name,
      ...(user.uid && { uid: user.uid }),
      groups: user.groups,
      ...(user.extra && { extra: user.extra }),
    },
    dryRun,
    options: optionsOf(attributes),
  };
}
