import type { ResourceCall } from '../call.ts';
import { forbidden } from '../errors.ts';

const namespaces = new Set(['default', 'kube-system', 'kube-public']);
const priorities = new Set(['system-cluster-critical', 'system-node-critical']);

/** What a cluster cannot be without is not deleted. Throws 403. */
export function guardDeletion({ type, info }: ResourceCall): void {
  if (type.collection === '/namespaces' && namespaces.has(info.name)) {
    throw forbidden(type, info.name, 'this namespace may not be deleted');
  }
  if (type.collection === 'scheduling.k8s.io/priorityclasses' && priorities.has(info.name)) {
    throw forbidden(type, info.name, 'this is a system priority class and cannot be deleted');
  }
}
