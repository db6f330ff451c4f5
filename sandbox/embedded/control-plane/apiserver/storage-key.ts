import type { ResourceCall } from './call.ts';

/** Where etcd keeps what is not simply under its plural (k8s.io/kubernetes, pkg/kubeapiserver/default_storage_factory_builder.go). */
const places: Record<string, string> = {
  '/services': 'services/specs',
  '/endpoints': 'services/endpoints',
  '/nodes': 'minions',
  'networking.k8s.io/ingresses': 'ingress',
  '/replicationcontrollers': 'controllers',
};
/** Groups that name themselves in their keys. */
const spelledOut = /^(apiextensions|apiregistration)\.k8s\.io$/;

function storageKey({ type, info }: ResourceCall): string {
  const { group, resource, definition } = type;
  const place = places[`${group}/${resource}`] ?? resource;
  const folder = definition || spelledOut.test(group) ? `${group}/${place}` : place;
  return ['/registry', folder, info.namespace, info.name].filter(Boolean).join('/');
}

/** The storage's words for an update that means an object of another uid. */
export function otherUid(call: ResourceCall, wanted: string, found: string): string {
  return `StorageError: invalid object, Code: 4, Key: ${storageKey(call)}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${wanted}, UID in object meta: ${found}`;
}
