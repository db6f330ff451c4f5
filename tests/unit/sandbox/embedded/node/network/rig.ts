import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { createClock, type SkippableClock } from '../../../../../../sandbox/embedded/clock.ts';
import {
  createNetwork,
  type Network,
  type NetworkOptions,
  type PodNetwork,
} from '../../../../../../sandbox/embedded/node/network/network.ts';
import { createPolicies } from '../../../../../../sandbox/embedded/node/network/policies.ts';
import {
  createServiceTable,
  type ServiceTable,
  type Source,
} from '../../../../../../sandbox/embedded/node/network/services.ts';

interface Collection extends Source {
  synced: Promise<void>;
  put(object: Loose): void;
  remove(name: string, namespace?: string): void;
}

/** A collection that tests fill by hand. */
function collection(): Collection {
  const held = new Map<string, KubeObject>();
  const handlers: ((now: KubeObject | undefined, before: KubeObject | undefined) => void)[] = [];
  const change = (key: string, now: KubeObject | undefined) => {
    const before = held.get(key);
    if (now) held.set(key, now);
    else held.delete(key);
    for (const handler of handlers) handler(now, before);
  };
  return {
    synced: Promise.resolve(),
    list: (namespace) => [...held.values()].filter((object) => !namespace || object.metadata.namespace === namespace),
    get: (name, namespace) => held.get(`${namespace ?? ''}/${name}`),
    on(handler) {
      for (const object of held.values()) handler(object, undefined);
      handlers.push(handler);
      return () => {};
    },
    put: (object) => change(`${object.metadata.namespace ?? ''}/${object.metadata.name}`, object as KubeObject),
    remove: (name, namespace = 'default') => change(`${namespace}/${name}`, undefined),
  };
}

export interface NetworkRig {
  clock: SkippableClock;
  network: Network;
  table: ServiceTable;
  services: Collection;
  slices: Collection;
  policies: Collection;
  namespaces: Collection;
  /** A pod of a namespace, its labels and named ports given; every one of `listens` says its name to who connects. */
  pod(name: string, ip: string, more?: PodOptions): Promise<PodNetwork>;
  service(name: string, spec?: Loose, namespace?: string, status?: Loose): void;
  endpoints(service: string, ports: Loose[], endpoints: Loose[], namespace?: string): void;
  policy(spec: Loose, namespace?: string): void;
}

interface PodOptions {
  namespace?: string;
  labels?: Record<string, string>;
  listens?: number[];
  node?: string;
  spec?: Loose;
}

const nodes: Record<string, string> = { '10.99.0.1': 'node-1', '10.99.0.2': 'node-2' };

export function createRig(options: Pick<NetworkOptions, 'neighbours' | 'zone'> = {}): NetworkRig {
  const clock = createClock();
  const [services, slices, policies, namespaces] = [collection(), collection(), collection(), collection()];
  const table = createServiceTable({ services, slices, nodeAt: (address) => nodes[address], clock });
  const network = createNetwork({
    services: table,
    clusterDomain: 'cluster.local',
    clock,
    nodeAddress: () => '10.99.0.1',
    policies: createPolicies({ policies, namespaces: () => namespaces }),
    apiServer: { host: '127.0.0.1', port: 1 },
    ...options,
  });
  for (const name of ['default', 'other', 'kube-system']) {
    namespaces.put({ metadata: { name, labels: { 'kubernetes.io/metadata.name': name } } });
  }
  let count = 0;
  return {
    clock,
    network,
    table,
    services,
    slices,
    policies,
    namespaces,
    async pod(name, ip, { namespace = 'default', labels = {}, listens = [], node = 'node-1', spec = {} } = {}) {
      const object: Loose = {
        metadata: { name, namespace, labels },
        spec: { nodeName: node, containers: [], ...spec },
      };
      const own = network.addPod({
        namespace,
        hostname: name,
        ip: network.allocate('10.244.0.0/16', ip),
        object: () => object as KubeObject,
        search: [`${namespace}.svc.cluster.local`, 'svc.cluster.local', 'cluster.local'],
        dots: 5,
      });
      for (const port of listens) await own.listen(port, (socket) => socket.end(name));
      return own;
    },
    service(name, spec = {}, namespace = 'default', status = {}) {
      const ports = [{ port: 80, targetPort: 80, protocol: 'TCP' }];
      services.put({
        kind: 'Service',
        metadata: { name, namespace },
        spec: { type: 'ClusterIP', ports, ...spec },
        status,
      });
    },
    endpoints(service, ports, endpoints, namespace = 'default') {
      const labels = { 'kubernetes.io/service-name': service };
      slices.put({ metadata: { name: `${service}-x`, namespace, labels }, ports, endpoints });
    },
    policy(spec, namespace = 'default') {
      count += 1;
      policies.put({ metadata: { name: `policy-${count}`, namespace }, spec });
    },
  };
}

export const ready = (address: string, more: Loose = {}): Loose => ({
  addresses: [address],
  conditions: { ready: true },
  ...more,
});

/** What the other side says before it ends. */
export const said = async (socket: Promise<Duplex>): Promise<string> => text(await socket);

/** The code of the refusal, `connected` else. */
export const outcome = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'connected',
    (error) => error.code,
  );
