import type { KubeObject } from '../../../../../kubernetes/object.ts';
import type { ResourceCall } from '../call.ts';
import { forbidden, notFound } from '../errors.ts';

/** Nothing is created in a namespace that is not there, or is going. */
export function admitNamespace(call: ResourceCall, object: KubeObject): void {
  const { type, info, services } = call;
  if (!type.namespaced || info.namespace === '') return;
  // Asking for access is no object of the namespace.
  if (type.group === 'authorization.k8s.io') return;
  const namespace = services.store.get('/namespaces', '', info.namespace);
  if (!namespace) throw notFound({ group: '', resource: 'namespaces' }, info.namespace);
  if (namespace.object.status?.phase !== 'Terminating' && !namespace.object.metadata.deletionTimestamp) return;
  const why = `unable to create new content in namespace ${info.namespace} because it is being terminated`;
  const error = forbidden(type, object.metadata.name ?? '', why);
  error.status.details = {
    ...error.status.details,
    causes: [
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${info.namespace} is being terminated`,
        field: 'metadata.namespace',
      },
    ],
  };
  throw error;
}
