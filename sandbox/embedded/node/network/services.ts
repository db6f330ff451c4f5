import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { Clock } from '../../clock.ts';

interface Target {
  address: string;
  port: number;
}

/** What a connection to a Service's address meets. `undefined`: nothing has that address and port. */
type Route = Target | 'refused' | undefined;

/** What an informer of package client offers, as far as it is needed here. */
export interface Source {
  list(namespace?: string): KubeObject[];
  get(name: string, namespace?: string): KubeObject | undefined;
  on(handler: (now: KubeObject | undefined, before: KubeObject | undefined) => void): () => void;
}

interface EndpointAddress {
  address: string;
  hostname?: string;
  ready: boolean;
  pod?: string;
}

/** Services and their endpoints, looked up as kube-proxy and the cluster's DNS do. */
export interface ServiceTable {
  get(namespace: string, name: string): KubeObject | undefined;
  /** The services of a namespace and those of `default` that give environment variables. */
  list(namespace: string): KubeObject[];
  /** By ClusterIP, external or load balancer's address, or node port when `address` is the node's. */
  route(address: string, port: number, client: string): Route;
  /** An endpoint of a Service's port, by the Service's port number or name. */
  pick(service: KubeObject, port: Loose, client: string): Route;
  endpoints(namespace: string, name: string): EndpointAddress[];
  isServiceAddress(address: string): boolean;
  close(): void;
}

export interface ServiceTableOptions {
  services: Source;
  slices: Source;
  /** Name of the node that has this address. */
  nodeAt: (address: string) => string | undefined;
  clock: Clock;
}

const serviceName = 'kubernetes.io/service-name';

/** https://kubernetes.io/docs/reference/networking/virtual-ips/ */
export function createServiceTable(options: ServiceTableOptions): ServiceTable {
  const { services, slices, clock } = options;
  const byAddress = new Map<string, Set<string>>();
  const slicesOf = new Map<string, Map<string, KubeObject>>();
  const turns = new Map<string, number>();
  const affinity = new Map<string, { address: string; until: number }>();

  const keyOf = (object: KubeObject) => `${object.metadata.namespace}/${object.metadata.name}`;

  const stops = [
    services.on((now, before) => {
      if (before) for (const address of addressesOf(before)) drop(byAddress, address, keyOf(before));
      if (now) {
        for (const address of addressesOf(now)) {
          let names = byAddress.get(address);
          if (!names) {
            names = new Set();
            byAddress.set(address, names);
          }
          names.add(keyOf(now));
        }
      } else if (before) turns.delete(keyOf(before));
    }),
    slices.on((now, before) => {
      const old = before && `${before.metadata.namespace}/${before.metadata.labels?.[serviceName]}`;
      if (old) {
        const held = slicesOf.get(old);
        if (held?.delete(before.metadata.name!) && held.size === 0) slicesOf.delete(old);
      }
      const name = now?.metadata.labels?.[serviceName];
      if (!now || !name) return;
      const key = `${now.metadata.namespace}/${name}`;
      let held = slicesOf.get(key);
      if (!held) {
        held = new Map();
        slicesOf.set(key, held);
      }
      held.set(now.metadata.name!, now);
    }),
  ];

  function get(namespace: string, name: string): KubeObject | undefined {
    return services.get(name, namespace);
  }

  function pick(service: KubeObject, port: Loose, client: string): Route {
    const key = keyOf(service);
    const wanted = port.name ?? '';
    const ready: Target[] = [];
    const leaving: Target[] = [];
    for (const slice of slicesOf.get(key)?.values() ?? []) {
      const number = (slice.ports ?? []).find((entry: Loose) => (entry.name ?? '') === wanted)?.port;
      if (!number) continue;
      for (const endpoint of slice.endpoints ?? []) {
        const conditions = endpoint.conditions ?? {};
        const list = conditions.ready !== false ? ready : leaving;
        if (list === leaving && !(conditions.serving && conditions.terminating)) continue;
        for (const address of (endpoint.addresses ?? []).slice(0, 1)) list.push({ address, port: number });
      }
    }
    // Endpoints that are going away serve only while there is no other.
    const targets = ready.length ? ready : leaving;
    if (targets.length === 0) return 'refused';
    const sticky = service.spec?.sessionAffinity === 'ClientIP';
    const memory = `${key} ${wanted} ${client}`;
    if (sticky) {
      const held = affinity.get(memory);
      const found = held && held.until > clock.monotonic() && targets.find((target) => target.address === held.address);
      if (found) {
        held.until = clock.monotonic() + stickyFor(service);
        return found;
      }
    }
    const turn = (turns.get(key) ?? -1) + 1;
    turns.set(key, turn);
    const target = targets[turn % targets.length]!;
    if (sticky) affinity.set(memory, { address: target.address, until: clock.monotonic() + stickyFor(service) });
    return target;
  }

  return {
    get,
    list: (namespace) => services.list(namespace),
    pick,
    isServiceAddress: (address) => byAddress.has(address),
    route(address, port, client) {
      for (const key of byAddress.get(address) ?? []) {
        const [namespace, name] = key.split('/') as [string, string];
        const service = get(namespace, name);
        const found = service?.spec?.ports?.find((entry: Loose) => entry.port === port && entry.protocol !== 'UDP');
        if (service && found) return pick(service, found, client);
      }
      if (options.nodeAt(address) !== undefined) {
        for (const service of services.list()) {
          const found = service.spec?.ports?.find(
            (entry: Loose) => entry.nodePort === port && entry.protocol !== 'UDP',
          );
          if (found) return pick(service, found, client);
        }
        return 'refused';
      }
      return undefined;
    },
    endpoints(namespace, name) {
      const found: EndpointAddress[] = [];
      for (const slice of slicesOf.get(`${namespace}/${name}`)?.values() ?? []) {
        for (const endpoint of slice.endpoints ?? []) {
          for (const address of endpoint.addresses ?? []) {
            found.push({
              address,
              ready: endpoint.conditions?.ready !== false,
              ...(endpoint.hostname && { hostname: endpoint.hostname }),
              ...(endpoint.targetRef?.kind === 'Pod' && { pod: endpoint.targetRef.name }),
            });
          }
        }
      }
      return found;
    },
    close() {
      for (const stop of stops) stop();
    },
  };
}

function stickyFor(service: KubeObject): number {
  return (service.spec?.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800) * 1000;
}

function addressesOf(service: KubeObject): string[] {
  const { clusterIP, externalIPs } = service.spec ?? {};
  const balancer = (service.status?.loadBalancer?.ingress ?? []).map((entry: Loose) => entry.ip);
  return [clusterIP, ...(externalIPs ?? []), ...balancer].filter((address) => address && address !== 'None');
}

function drop(index: Map<string, Set<string>>, key: string, value: string): void {
  const members = index.get(key);
  if (members?.delete(value) && members.size === 0) index.delete(key);
}
