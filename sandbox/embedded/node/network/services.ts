import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { Clock } from '../../clock.ts';
import { inRange } from './ranges.ts';

interface Target {
  address: string;
  port: number;
  /** The endpoint sees the node's address in place of the client's. */
  masked?: boolean;
}

/** What a connection to a Service's address meets: `dropped` is never answered. `undefined`: nothing has that address and port. */
type Route = Target | 'refused' | 'dropped' | undefined;

/** Who connects. */
interface Client {
  address: string;
  /** The node it is on; the node that is asked, where it is on none. */
  node?: string | undefined;
}

/** What an informer of package client offers, as far as it is needed here. */
export interface Source {
  list(namespace?: string): KubeObject[];
  get(name: string, namespace?: string): KubeObject | undefined;
  on(handler: (now: KubeObject | undefined, before: KubeObject | undefined) => void): () => void;
}

export interface EndpointAddress {
  address: string;
  hostname?: string;
  ready: boolean;
  ports: { name?: string; port?: number }[];
}

/** Services and their endpoints, looked up as kube-proxy and the cluster's DNS do. */
export interface ServiceTable {
  get(namespace: string, name: string): KubeObject | undefined;
  /** The Services of a namespace, or all. */
  list(namespace?: string): KubeObject[];
  /** By ClusterIP, external or load balancer's address, or node port when `address` is a node's. */
  route(address: string, port: number, client: Client): Route;
  /** An endpoint of a Service's port, by the Service's port number or name. */
  pick(service: KubeObject, port: Loose, client: Client): Route;
  endpoints(namespace: string, name: string): EndpointAddress[];
  isServiceAddress(address: string): boolean;
  /** Every Service that has this address, whichever of its kinds. */
  at(address: string): KubeObject[];
  /** Whether an address is a node's. */
  isNode(address: string): boolean;
  nodeAt(address: string): string | undefined;
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

  function pick(service: KubeObject, port: Loose, client: Client, near = false): Route {
    const key = keyOf(service);
    const wanted = port.name ?? '';
    const ready: Target[] = [];
    const leaving: Target[] = [];
    for (const slice of slicesOf.get(key)?.values() ?? []) {
      const number = (slice.ports ?? []).find((entry: Loose) => (entry.name ?? '') === wanted)?.port;
      if (!number) continue;
      for (const endpoint of slice.endpoints ?? []) {
        if (near && endpoint.nodeName !== client.node) continue;
        const conditions = endpoint.conditions ?? {};
        const list = conditions.ready !== false ? ready : leaving;
        if (list === leaving && !(conditions.serving && conditions.terminating)) continue;
        for (const address of (endpoint.addresses ?? []).slice(0, 1)) list.push({ address, port: number });
      }
    }
    // Endpoints that are going away serve only while there is no other.
    const targets = ready.length ? ready : leaving;
    // A policy of Local never leads to another node: with endpoints there alone, nothing answers.
    if (targets.length === 0) return near && pick(service, port, client) !== 'refused' ? 'dropped' : 'refused';
    const sticky = service.spec?.sessionAffinity === 'ClientIP';
    const memory = `${key} ${wanted} ${client.address}`;
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
    at: (address) =>
      [...(byAddress.get(address) ?? [])].flatMap((key) => {
        const [namespace, name] = key.split('/') as [string, string];
        return get(namespace, name) ?? [];
      }),
    isNode: (address) => options.nodeAt(address) !== undefined,
    nodeAt: options.nodeAt,
    route(address, port, client) {
      for (const key of byAddress.get(address) ?? []) {
        const [namespace, name] = key.split('/') as [string, string];
        const service = get(namespace, name);
        const found = service?.spec?.ports?.find((entry: Loose) => entry.port === port && entry.protocol !== 'UDP');
        if (!service || !found) continue;
        const { clusterIP, externalTrafficPolicy, internalTrafficPolicy } = service.spec;
        if (address === clusterIP) return pick(service, found, client, internalTrafficPolicy === 'Local');
        if (!admits(service, client.address)) return 'dropped';
        return masked(pick(service, found, client), externalTrafficPolicy);
      }
      const node = options.nodeAt(address);
      if (node === undefined) return undefined;
      for (const service of services.list()) {
        const found = service.spec?.ports?.find((entry: Loose) => entry.nodePort === port && entry.protocol !== 'UDP');
        if (!found) continue;
        const { externalTrafficPolicy } = service.spec;
        const asked = { address: client.address, node };
        return masked(pick(service, found, asked, externalTrafficPolicy === 'Local'), externalTrafficPolicy);
      }
      return 'refused';
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
              ports: slice.ports ?? [],
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

/** Whether a load balancer takes a client's connections. */
function admits({ spec }: KubeObject, client: string): boolean {
  const ranges: string[] = spec.type === 'LoadBalancer' ? (spec.loadBalancerSourceRanges ?? []) : [];
  return ranges.length === 0 || ranges.some((range) => inRange(client, range.trim()));
}

/** https://kubernetes.io/docs/tutorials/services/source-ip/ */
function masked(route: Route, policy: string | undefined): Route {
  return typeof route === 'object' ? { ...route, masked: policy !== 'Local' } : route;
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
