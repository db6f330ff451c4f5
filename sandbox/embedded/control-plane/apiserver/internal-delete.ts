import type { Entry } from '../store/entry.ts';
import type { ResourceCall } from './call.ts';
import { deleteEntry } from './delete.ts';
import type { ResourceType } from './resource-type.ts';
import type { Services } from './services.ts';

/** Deletes an object on the server's own account; finalizers hold it as ever. A fault is logged. */
export function deleteInternally(services: Services, type: ResourceType, entry: Entry): void {
  const call: ResourceCall = {
    services,
    type,
    method: 'DELETE',
    info: {
      isResource: true,
      path: '',
      verb: 'delete',
      group: type.group,
      version: type.version,
      namespace: entry.namespace,
      resource: type.resource,
      subresource: '',
      name: entry.name,
      rest: '',
    },
    query: new URLSearchParams(),
    user: { name: 'system:apiserver', groups: ['system:masters'] },
    accept: { format: 'json' },
    contentType: '',
    body: { value: undefined },
    userAgent: 'apiserver',
    warnings: [],
    header: () => undefined,
    headerNames: () => [],
  };
  deleteEntry(call, entry, {}).catch((error) => services.log(`delete ${entry.name}: ${error}`));
}
