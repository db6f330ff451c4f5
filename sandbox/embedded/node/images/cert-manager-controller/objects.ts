import type { Gvr, KubeObject, Loose, OwnerReference } from '../../../../../kubernetes/object.ts';

export const certificates: Gvr = { group: 'cert-manager.io', version: 'v1', resource: 'certificates' };
export const requests: Gvr = { group: 'cert-manager.io', version: 'v1', resource: 'certificaterequests' };
export const issuers: Gvr = { group: 'cert-manager.io', version: 'v1', resource: 'issuers' };
export const clusterIssuers: Gvr = { group: 'cert-manager.io', version: 'v1', resource: 'clusterissuers' };
export const orders: Gvr = { group: 'acme.cert-manager.io', version: 'v1', resource: 'orders' };
export const challenges: Gvr = { group: 'acme.cert-manager.io', version: 'v1', resource: 'challenges' };
export const secrets: Gvr = { group: '', version: 'v1', resource: 'secrets' };
export const pods: Gvr = { group: '', version: 'v1', resource: 'pods' };
export const services: Gvr = { group: '', version: 'v1', resource: 'services' };
export const ingresses: Gvr = { group: 'networking.k8s.io', version: 'v1', resource: 'ingresses' };
export const leases: Gvr = { group: 'coordination.k8s.io', version: 'v1', resource: 'leases' };

/** Annotations and labels of cert-manager. */
export const key = {
  name: 'cert-manager.io/certificate-name',
  revision: 'cert-manager.io/certificate-revision',
  privateKey: 'cert-manager.io/private-key-secret-name',
  nextPrivateKey: 'cert-manager.io/next-private-key',
  ours: 'controller.cert-manager.io/fao',
  issuerName: 'cert-manager.io/issuer-name',
  issuerKind: 'cert-manager.io/issuer-kind',
  issuerGroup: 'cert-manager.io/issuer-group',
  commonName: 'cert-manager.io/common-name',
  temporary: 'cert-manager.io/issue-temporary-certificate',
} as const;

/** On what answers an HTTP-01 challenge. */
export const solverLabel = 'acme.cert-manager.io/http01-solver';

export const keyOf = (object: KubeObject): string => `${object.metadata.namespace ?? ''}/${object.metadata.name}`;

/** Namespace and name. */
export function split(key: string): [namespace: string, name: string] {
  const at = key.indexOf('/');
  return [key.slice(0, at), key.slice(at + 1)];
}

/** Bytes of one key of a Secret; undefined when there are none. */
export function dataOf(secret: KubeObject | undefined, name: string): Buffer | undefined {
  const text = secret?.data?.[name];
  return text ? Buffer.from(text, 'base64') : undefined;
}

export const base64 = (text: string): string => Buffer.from(text).toString('base64');
export const unbase64 = (text: string): string => Buffer.from(text, 'base64').toString('utf8');

export function conditionOf(object: KubeObject, type: string): Loose {
  return object.status?.conditions?.find((condition: Loose) => condition.type === type);
}

export const isTrue = (object: KubeObject, type: string): boolean => conditionOf(object, type)?.status === 'True';

export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  return controllerOf(object)?.uid === owner.metadata.uid;
}

export const controllerOf = (object: KubeObject): OwnerReference | undefined =>
  object.metadata.ownerReferences?.find((reference) => reference.controller);

export function controllerReference(owner: KubeObject): OwnerReference {
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: owner.metadata.name ?? '',
    uid: owner.metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  };
}

export const issuerKind = (reference: Loose): string => reference?.kind || 'Issuer';
export const issuerGroup = (reference: Loose): string => reference?.group || 'cert-manager.io';

/** Whether the Secret was made for this issuer, by its annotations; those that say nothing fit the default. */
export function issuerMatches(secret: KubeObject, reference: Loose): boolean {
  const annotations = secret.metadata.annotations ?? {};
  const [name, kind, group] = [annotations[key.issuerName], annotations[key.issuerKind], annotations[key.issuerGroup]];
  const says = name !== undefined || kind !== undefined || group !== undefined;
  if (says && (name ?? '') !== reference.name) return false;
  return (kind || 'Issuer') === issuerKind(reference) && (group || 'cert-manager.io') === issuerGroup(reference);
}

const final = ['valid', 'invalid', 'expired', 'errored'];
/** States of orders and challenges that do not change any more. */
export const isFinal = (state: string | undefined): boolean => final.includes(state ?? '');
export const isFailure = (state: string | undefined): boolean => isFinal(state) && state !== 'valid';

/** As Go prints a string with %q. */
export const quote = (text: string): string => JSON.stringify(text);

/** Equal as JSON, whatever the order of their fields. */
export function same(one: Loose, other: Loose): boolean {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null)
    return (one ?? undefined) === (other ?? undefined);
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].every((name) => same(one[name], other[name]));
}
