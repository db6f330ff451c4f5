import { connect as connectSocket, isIPv4 } from 'node:net';
import type { Duplex } from 'node:stream';
import type { KubeObject } from '../../../../kubernetes/object.ts';
import type { Clock } from '../../clock.ts';
import { isBelow } from '../../domain.ts';
import type { IngressPorts } from '../../ingress-ports.ts';
import type { ContainerNetwork } from '../images/image.ts';
import { type Address, Connection, failure } from './connection.ts';
import { createNameServer, type NameServer, notFound } from './dns.ts';
import type { ZoneNames } from './dns-records.ts';
import { dnsAddress, dnsPatience, dnsPod, unknownName } from './name-service.ts';
import { type Neighbours, neighbourPort } from './neighbours.ts';
import type { Party, Policies } from './policies.ts';
import type { ServiceTable } from './services.ts';
import { zoneAddress } from './zone/zone.ts';

/** What the network knows of a pod. */
interface PodAddress {
  namespace: string;
  hostname: string;
  ip: string;
  /** Address of the node it is on. */
  node?: string;
  /** The pod as it is now, where policies are to know it. */
  object?: () => KubeObject;
  /** Names of /etc/hosts beside localhost. */
  hosts?: Record<string, string>;
  search: string[];
  dots: number;
  /** Where names are asked; the cluster's DNS unless told otherwise. */
  nameservers?: string[];
}

export interface PodNetwork extends ContainerNetwork {
  /** A connection from the node, as the kubelet's probes make it: the pod's address only. */
  fromNode(port: number): Promise<Duplex>;
  /** A connection from inside the pod, as port-forward makes it: also to what listens on 127.0.0.1. */
  fromInside(port: number): Promise<Duplex>;
  close(): void;
}

export interface NetworkOptions {
  services: ServiceTable;
  clusterDomain: string;
  clock: Clock;
  /** Of the node that connections come from which no pod makes. */
  nodeAddress: () => string;
  /** Without them everything passes. */
  policies?: Policies;
  /** Other clusters that pods may reach. */
  neighbours?: Neighbours;
  /** The learner's own, to which the cluster's DNS forwards. */
  zone?: ZoneNames;
  /** Where `kubernetes.default` leads. */
  apiServer: { host: string; port: number };
  /** First two numbers of pod addresses. */
  podRange?: string;
  /** The same of ClusterIPs. */
  serviceRange?: string;
  /** The ports at which browsers reach the zone's hosts: those mean the same in here. */
  ingress?: IngressPorts;
}

/** The cluster's network: every pod's listeners by address and port, Services before them, names over both. */
export interface Network {
  readonly names: NameServer;
  /** A free address of a node's range, `10.244.0.0/24`; the one asked for, if it is free. */
  allocate(range: string, wanted?: string): string;
  release(ip: string): void;
  addPod(pod: PodAddress): PodNetwork;
  /** Whether an address is the cluster's: of a pod, a Service, the node. */
  has(address: string): boolean;
  /** Connects from the node, or from a client outside, whom policies know by this address: names of the cluster, Services, pods. */
  connect(host: string, port: number, client?: string): Promise<Duplex>;
}

interface Listener {
  onConnection: (socket: Duplex) => void;
  inside: boolean;
}

/** One pod, or what shares the node's address. */
interface Place {
  ports: Map<number, Listener>;
  object?: (() => KubeObject) | undefined;
}

/** Milliseconds until an address that nobody has is given up. */
const patience = 3000;
/**
 * Milliseconds until a connection that is dropped is given up, with six retries of the first packet.
 * https://docs.kernel.org/networking/ip-sysctl.html (tcp_syn_retries)
 */
export const connectPatience = 131_000;

export function createNetwork(options: NetworkOptions): Network {
  const { services, clock, clusterDomain, apiServer, policies, podRange = '10.244', serviceRange = '10.96' } = options;
  const names = createNameServer(services, clusterDomain, dnsAddress, {
    ...(options.neighbours && { neighbours: options.neighbours }),
    ...(options.zone && { learner: options.zone }),
  });
  const pods = new Map<string, Place>();
  const taken = new Set<string>();
  const lasts = new Map<string, number>();
  let lastPort = 32_768;

  const nextPort = () => {
    lastPort = lastPort >= 60_999 ? 32_768 : lastPort + 1;
    return lastPort;
  };

  const after = (milliseconds: number, error: NodeJS.ErrnoException): Promise<never> =>
    new Promise((_, reject) => {
      clock.after(milliseconds, () => reject(error));
    });

  /** `HOST:8443`, as a browser writes it, is port 443 of what the host leads to. */
  function portBehind(host: string, port: number): number {
    const { zone, ingress } = options;
    if (!zone || !ingress || !isBelow(host.toLowerCase().replace(/\.$/, ''), zone.domain)) return port;
    return port === ingress.https ? 443 : port === ingress.http ? 80 : port;
  }

  /** What nobody answers takes its time, as an address without a machine does. */
  const unreachable = (host: string, port: number) =>
    after(patience, failure('EHOSTUNREACH', `connect EHOSTUNREACH ${host}:${port}`));

  const dropped = ({ address, port }: Address) =>
    after(connectPatience, failure('ETIMEDOUT', `connect ETIMEDOUT ${address}:${port}`));

  function open(place: Place, from: string, to: Address, inside: boolean): Promise<Duplex> {
    const listener = place.ports.get(to.port);
    if (!listener || (listener.inside && !inside)) return Promise.reject(refused(to));
    const pair = Connection.pair({ address: from, port: nextPort() }, to);
    // An end nobody listens to must not bring the process down.
    pair.server.on('error', () => {});
    pair.client.on('error', () => {});
    listener.onConnection(pair.server);
    return Promise.resolve(pair.client);
  }

  /** A pod's end of a connection; pods on the node's own network are the node. */
  function party(address: string): Party {
    const pod = pods.get(address)?.object?.();
    return pod ? { address, pod } : { address, node: services.isNode(address) };
  }

  async function permitted(from: Party, to: Party, port: number, protocol: 'TCP' | 'UDP' = 'TCP'): Promise<boolean> {
    if (!policies) return true;
    await policies.pending();
    return policies.permit({ from, to, port, protocol });
  }

  async function toAddress(address: string, port: number, from: Party): Promise<Duplex> {
    const service = services.get('default', 'kubernetes');
    if (
      service?.spec?.clusterIP === address &&
      service.spec.ports?.some((entry: { port: number }) => entry.port === port)
    ) {
      // Policies name the API server by its Service or by where that leads.
      const allowed =
        (await permitted(from, { address }, port)) ||
        (await permitted(from, { address: options.nodeAddress() }, apiServer.port));
      return allowed ? outward(apiServer.host, apiServer.port) : dropped({ address, port });
    }
    const neighbour = options.neighbours?.at(address);
    if (neighbour) {
      if (!(await permitted(from, { address }, port))) return dropped({ address, port });
      if (port !== neighbourPort) throw refused({ address, port });
      return outward(neighbour.api.host, neighbour.api.port);
    }
    const here = pods.get(address);
    const direct = here?.ports.has(port) ? here : undefined;
    const client = { address: from.address, node: from.pod?.spec?.nodeName ?? services.nodeAt(options.nodeAddress()) };
    const route = direct ? undefined : services.route(address, port, client);
    if (route === 'refused') throw refused({ address, port });
    if (route === 'dropped') return dropped({ address, port });
    const target = route ?? { address, port };
    const place = pods.get(target.address);
    if (!(await permitted(from, party(target.address), target.port))) return dropped({ address, port });
    if (!place) return unreachable(address, port);
    // A client outside has no address in the cluster: what lets it in is a node.
    const masked = route?.masked ?? !from.pod;
    return open(place, masked ? options.nodeAddress() : from.address, target, false);
  }

  function addPod(pod: PodAddress): PodNetwork {
    // Pods on the node's own network share its address.
    const shared = pods.get(pod.ip);
    const place: Place = shared ?? { ports: new Map(), object: pod.object };
    const { ports } = place;
    pods.set(pod.ip, place);
    const own = new Map<number, Listener>();
    const server = pod.nameservers ? pod.nameservers[0] : dnsAddress;
    const self = (): Party => party(pod.ip);
    const local = (host: string) =>
      host === 'localhost' ||
      host === '::1' ||
      host === '0.0.0.0' ||
      (host.startsWith('127.') && !(host !== '127.0.0.1' && services.isServiceAddress(host)));

    /** Rejects with ETIMEDOUT when no answer comes. */
    async function asks(nameserver: string | undefined): Promise<void> {
      const { seconds, attempts } = dnsPatience(pod.object?.());
      const silence = () => after(seconds * attempts * 1000, failure('ETIMEDOUT', `query ETIMEOUT ${nameserver}`));
      if (options.zone && nameserver === zoneAddress) {
        if (!(await permitted(self(), { address: zoneAddress }, 53, 'UDP'))) return silence();
        return;
      }
      if (nameserver !== dnsAddress && !services.isNode(nameserver ?? '')) return silence();
      if (!(await permitted(self(), { address: dnsAddress, pod: dnsPod }, 53, 'UDP'))) return silence();
    }

    async function find(name: string): Promise<{ name: string; addresses: string[] }> {
      if (isIPv4(name)) return { name, addresses: [name] };
      if (local(name)) return { name, addresses: ['127.0.0.1'] };
      if (name === pod.hostname) return { name, addresses: [pod.ip] };
      const listed = pod.hosts?.[name];
      if (listed) return { name, addresses: [listed] };
      await asks(server).catch(() => {
        throw failure('EAI_AGAIN', `getaddrinfo EAI_AGAIN ${name}`);
      });
      // What a node asks knows nothing of the cluster.
      if (server !== dnsAddress) throw notFound(name);
      return names.resolve(name, pod.search, pod.dots);
    }

    return {
      listen(port, onConnection, host = '0.0.0.0') {
        if (ports.has(port)) {
          return Promise.reject(failure('EADDRINUSE', `listen EADDRINUSE: address already in use ${host}:${port}`));
        }
        const listener: Listener = { onConnection, inside: host === '127.0.0.1' };
        ports.set(port, listener);
        own.set(port, listener);
        return Promise.resolve({
          close() {
            if (ports.get(port) === listener) ports.delete(port);
          },
        });
      },
      async connect(host, port) {
        if (local(host)) return open(place, '127.0.0.1', { address: '127.0.0.1', port }, true);
        const { addresses } = await find(host);
        const address = addresses.length > 1 ? addresses[nextPort() % addresses.length]! : addresses[0]!;
        if (address === pod.ip) return open(place, pod.ip, { address, port }, false);
        // A name may lead to whoever asks.
        if (address === '127.0.0.1') return open(place, address, { address, port }, true);
        return toAddress(address, portBehind(host, port), self());
      },
      resolve: find,
      async query(name, type, nameserver = server ?? dnsAddress) {
        await asks(nameserver);
        if (options.zone && nameserver === zoneAddress) return options.zone.lookup(name, type);
        return nameserver === dnsAddress ? names.query(name, type) : unknownName;
      },
      fromNode: (port) => open(place, pod.node ?? options.nodeAddress(), { address: pod.ip, port }, false),
      fromInside: (port) => open(place, '127.0.0.1', { address: '127.0.0.1', port }, true),
      close() {
        for (const [port, listener] of own) if (ports.get(port) === listener) ports.delete(port);
        if (ports.size === 0 && pods.get(pod.ip) === place) pods.delete(pod.ip);
      },
    };
  }

  return {
    names,
    has: (address) =>
      address.startsWith(`${podRange}.`) ||
      address.startsWith(`${serviceRange}.`) ||
      services.isNode(address) ||
      services.isServiceAddress(address),
    addPod,
    allocate(range, wanted) {
      const { first, size } = rangeOf(range);
      const place = wanted === undefined ? -1 : numberOf(wanted) - first;
      if (wanted !== undefined && place > 0 && place < size && !taken.has(wanted)) {
        taken.add(wanted);
        return wanted;
      }
      // The first address is the range's own, the second the node's end of it.
      let last = lasts.get(range) ?? 1;
      for (let tried = 0; tried < size; tried += 1) {
        last = last >= size - 2 ? 2 : last + 1;
        const number = first + last;
        const address = [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.');
        if (taken.has(address)) continue;
        lasts.set(range, last);
        taken.add(address);
        return address;
      }
      throw new Error('no pod address left');
    },
    release: (ip) => void taken.delete(ip),
    async connect(host, port, client) {
      const from = client ? { address: client } : { address: options.nodeAddress(), node: true };
      if (isIPv4(host)) return toAddress(host, port, from);
      const found = names.resolve(host, [`svc.${clusterDomain}`, clusterDomain], 5);
      return toAddress(found.addresses[nextPort() % found.addresses.length]!, portBehind(host, port), from);
    },
  };
}

const numberOf = (address: string): number =>
  address.split('.').reduce((number, part) => number * 256 + Number(part), 0);

/** The first address of `10.244.0.0/24` as a number, and how many there are. */
function rangeOf(range: string): { first: number; size: number } {
  const [address = '', bits] = range.split('/');
  return { first: numberOf(address), size: 2 ** (32 - Number(bits)) };
}

function refused(to: Address): NodeJS.ErrnoException {
  return failure('ECONNREFUSED', `connect ECONNREFUSED ${to.address}:${to.port}`);
}

/** A connection of the machine. Rejects with the socket's error. */
export function outward(host: string, port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ host, port, noDelay: true });
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.on('error', () => {});
      resolve(socket);
    });
    socket.once('error', reject);
  });
}
