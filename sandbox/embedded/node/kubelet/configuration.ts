import type { Gvr, KubeObject } from '../../../../kubernetes/object.ts';
import { ApiError, type Client } from '../../client/client.ts';
import type { Source } from '../network/services.ts';

export const resources = {
  pods: { group: '', version: 'v1', resource: 'pods' },
  nodes: { group: '', version: 'v1', resource: 'nodes' },
  leases: { group: 'coordination.k8s.io', version: 'v1', resource: 'leases' },
  services: { group: '', version: 'v1', resource: 'services' },
  slices: { group: 'discovery.k8s.io', version: 'v1', resource: 'endpointslices' },
  policies: { group: 'networking.k8s.io', version: 'v1', resource: 'networkpolicies' },
  namespaces: { group: '', version: 'v1', resource: 'namespaces' },
  configmaps: { group: '', version: 'v1', resource: 'configmaps' },
  secrets: { group: '', version: 'v1', resource: 'secrets' },
  claims: { group: '', version: 'v1', resource: 'persistentvolumeclaims' },
  volumes: { group: '', version: 'v1', resource: 'persistentvolumes' },
  accounts: { group: '', version: 'v1', resource: 'serviceaccounts' },
} satisfies Record<string, Gvr>;

/** ConfigMaps and Secrets as pods use them: from the watch, and asked for when it does not know them yet. */
export interface Configuration {
  get(kind: 'configmap' | 'secret', name: string, namespace: string): Promise<KubeObject | undefined>;
}

export function createConfiguration(client: Client, watched: { configmap: Source; secret: Source }): Configuration {
  return {
    async get(kind, name, namespace) {
      const known = watched[kind].get(name, namespace);
      if (known) return known;
      try {
        return await client.get(kind === 'configmap' ? resources.configmaps : resources.secrets, name, namespace);
      } catch (error) {
        if (error instanceof ApiError && (error.code === 404 || error.code === 403)) return undefined;
        throw error;
      }
    },
  };
}
