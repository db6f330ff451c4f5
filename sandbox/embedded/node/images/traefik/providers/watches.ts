import type { Gvr, KubeObject } from '../../../../../../kubernetes/object.ts';
import type { Client } from '../../../../client/client.ts';
import type { Informer } from '../../../../client/informer.ts';
import type { ContainerProcess } from '../../image.ts';
import { createReflector } from '../../in-cluster/reflector.ts';

interface Watched {
  resource: Gvr;
  type: string;
}

const core = (resource: string, kind: string): Watched => ({
  resource: { group: '', version: 'v1', resource },
  type: `*v1.${kind}`,
});

/** The kinds of Kubernetes itself that providers look at. */
export const kinds = {
  services: core('services', 'Service'),
  secrets: core('secrets', 'Secret'),
  nodes: core('nodes', 'Node'),
  configMaps: core('configmaps', 'ConfigMap'),
  namespaces: core('namespaces', 'Namespace'),
  endpointSlices: {
    resource: { group: 'discovery.k8s.io', version: 'v1', resource: 'endpointslices' },
    type: '*v1.EndpointSlice',
  },
  ingresses: {
    resource: { group: 'networking.k8s.io', version: 'v1', resource: 'ingresses' },
    type: '*v1.Ingress',
  },
  ingressClasses: {
    resource: { group: 'networking.k8s.io', version: 'v1', resource: 'ingressclasses' },
    type: '*v1.IngressClass',
  },
} satisfies Record<string, Watched>;

/** One kind in the namespaces a provider looks at. */
export interface Collection {
  list(): KubeObject[];
  get(name: string, namespace?: string): KubeObject | undefined;
  /** Objects of a Service, by its label. */
  ofService(namespace: string, service: string): KubeObject[];
  informers: Informer[];
}

export interface WatchOptions {
  /** All where it is empty. */
  namespaces?: string[];
  labelSelector?: string;
}

/** What providers follow; two that want the same share one watch. */
export class Watches {
  readonly #process: ContainerProcess;
  readonly #client: Client;
  readonly #informers = new Map<string, Informer>();

  constructor(process: ContainerProcess, client: Client) {
    this.#process = process;
    this.#client = client;
  }

  follow({ resource, type }: Watched, { namespaces = [], labelSelector }: WatchOptions = {}): Collection {
    const informers = (namespaces.length > 0 ? namespaces : [undefined]).map((namespace) => {
      const key = [resource.group, resource.resource, namespace, labelSelector].join('/');
      const known = this.#informers.get(key);
      if (known) return known;
      const made = createReflector(this.#process, {
        client: this.#client,
        resource,
        type,
        ...(namespace && { namespace }),
        ...(labelSelector && { labelSelector }),
      });
      made.index('service', ({ metadata }) => {
        const name = metadata.labels?.['kubernetes.io/service-name'];
        return name && `${metadata.namespace}/${name}`;
      });
      this.#informers.set(key, made);
      return made;
    });
    return {
      informers,
      list: () => informers.flatMap((informer) => informer.list()),
      get: (name, namespace) => informers.map((informer) => informer.get(name, namespace)).find(Boolean),
      ofService: (namespace, service) =>
        informers.flatMap((informer) => informer.by('service', `${namespace}/${service}`)),
    };
  }
}

/** Calls `load` once all collections are there, then after changes: many within a turn are one. */
export function onChange(collections: Collection[], load: () => void): void {
  const informers = new Set(collections.flatMap((collection) => collection.informers));
  Promise.all([...informers].map((informer) => informer.synced)).then(() => {
    let due = false;
    const later = (): void => {
      if (due) return;
      due = true;
      setImmediate(() => {
        due = false;
        load();
      });
    };
    for (const informer of informers)
      informer.on((now, before) => {
        if (now && before && !changed(now, before)) return;
        later();
      });
    later();
  });
}

/** A Node's heartbeat, a lease in an annotation: versions that change nothing here. */
function changed(now: KubeObject, before: KubeObject): boolean {
  if (now.metadata.resourceVersion === before.metadata.resourceVersion) return false;
  if (now.kind === 'Node') return JSON.stringify(now.status?.addresses) !== JSON.stringify(before.status?.addresses);
  if (now.kind === 'ConfigMap') return JSON.stringify(now.data) !== JSON.stringify(before.data);
  return true;
}
