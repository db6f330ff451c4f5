import { connect as connectSocket, isIPv4 } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../clock.ts';
import type { ContainerNetwork } from '../images/image.ts';
import { type Address, Connection, failure } from './connection.ts';
import { createNameServer, type NameServer } from './dns.ts';
import type { ServiceTable } from './services.ts';

/** What the network knows of a pod. */
interface PodAddress {
  namespace: string;
  hostname: string;
  ip: string;
  /** Address of the node it is on. */
  node?: string;
  /** Names of /etc/hosts beside localhost. */
  hosts?: Record<string, string>;
  search: string[];
  dots: number;
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
  /** From where connections of the outside seem to come: a node's. */
  nodeAddress: () => string;
  /** Name of the node that has this address. */
  nodeAt?: (address: string) => string | undefined;
  /** Where `kubernetes.default` leads. */
  apiServer: { host: string; port: number };
  /** First two numbers of pod addresses. */
  podRange?: string;
  /** The same of ClusterIPs. */
  serviceRange?: string;
  /** Names and addresses outside the cluster that it reaches all the same: the load balancer's hosts. */
  outside?: (host: string, port: number) => Promise<Duplex> | undefined;
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
  /** Connects from the node, or from a client outside: names of the cluster, Services, pods. */
  connect(host: string, port: number, client?: string): Promise<Duplex>;
}

interface Listener {
  onConnection: (socket: Duplex) => void;
  inside: boolean;
}

type Ports = Map<number, Listener>;

const patience = 3000;

export function createNetwork(options: NetworkOptions): Network {
  const { services, clock, clusterDomain, apiServer, podRange = '10.244', serviceRange = '10.96' } = options;
  const names = createNameServer(services, clusterDomain);
  const pods = new Map<string, Ports>();
  const taken = new Set<string>();
  const lasts = new Map<string, number>();
  let lastPort = 32_768;

  const nextPort = () => {
    lastPort = lastPort >= 60_999 ? 32_768 : lastPort + 1;
    return lastPort;
  };

  /** What nobody answers takes its time, as an address without a machine does. */
  function unreachable(host: string, port: number): Promise<never> {
    return new Promise((_, reject) => {
      clock.after(patience, () => reject(failure('EHOSTUNREACH', `connect EHOSTUNREACH ${host}:${port}`)));
    });
  }

  function open(ports: Ports, from: string, to: Address, inside: boolean): Promise<Duplex> {
    const listener = ports.get(to.port);
    if (!listener || (listener.inside && !inside)) return Promise.reject(refused(to));
    const pair = Connection.pair({ address: from, port: nextPort() }, to);
    // An end nobody listens to must not bring the process down.
    pair.server.on('error', () => {});
    pair.client.on('error', () => {});
    listener.onConnection(pair.server);
    return Promise.resolve(pair.client);
  }

  function toAddress(address: string, port: number, from: string): Promise<Duplex> {
    const service = services.get('default', 'kubernetes');
    if (
      service?.spec?.clusterIP === address &&
      service.spec.ports?.some((entry: { port: number }) => entry.port === port)
    ) {
      return outward(apiServer.host, apiServer.port);
    }
    const here = pods.get(address);
    if (here?.has(port)) return open(here, from, { address, port }, false);
    const route = services.route(address, port, from);
    if (route === 'refused') return Promise.reject(refused({ address, port }));
    const target = route ?? { address, port };
    const ports = pods.get(target.address);
    if (ports) return open(ports, from, target, false);
    return options.outside?.(address, port) ?? unreachable(address, port);
  }

  function addPod(pod: PodAddress): PodNetwork {
    // Pods on the node's own network share its address.
    const ports: Ports = pods.get(pod.ip) ?? new Map();
    pods.set(pod.ip, ports);
    const own = new Map<number, Listener>();
    const local = (host: string) =>
      host === 'localhost' || host.startsWith('127.') || host === '::1' || host === '0.0.0.0';

    function find(name: string): { name: string; addresses: string[] } {
      if (isIPv4(name)) return { name, addresses: [name] };
      if (local(name)) return { name, addresses: ['127.0.0.1'] };
      if (name === pod.hostname) return { name, addresses: [pod.ip] };
      const listed = pod.hosts?.[name];
      if (listed) return { name, addresses: [listed] };
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
        if (local(host)) return open(ports, '127.0.0.1', { address: '127.0.0.1', port }, true);
        let addresses: string[];
        try {
          addresses = find(host).addresses;
        } catch (error) {
          const outside = options.outside?.(host, port);
          if (outside) return outside;
          throw error;
        }
        const address = addresses.length > 1 ? addresses[nextPort() % addresses.length]! : addresses[0]!;
        if (address === pod.ip) return open(ports, pod.ip, { address, port }, false);
        return toAddress(address, port, pod.ip);
      },
      async resolve(name) {
        return find(name);
      },
      fromNode: (port) => open(ports, pod.node ?? options.nodeAddress(), { address: pod.ip, port }, false),
      fromInside: (port) => open(ports, '127.0.0.1', { address: '127.0.0.1', port }, true),
      close() {
        for (const [port, listener] of own) if (ports.get(port) === listener) ports.delete(port);
        if (ports.size === 0 && pods.get(pod.ip) === ports) pods.delete(pod.ip);
      },
    };
  }

  return {
    names,
    has: (address) =>
      address.startsWith(`${podRange}.`) ||
      address.startsWith(`${serviceRange}.`) ||
      address === options.nodeAddress() ||
      options.nodeAt?.(address) !== undefined ||
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
    async connect(host, port, client = options.nodeAddress()) {
      if (isIPv4(host)) return toAddress(host, port, client);
      const found = names.resolve(host, [`svc.${clusterDomain}`, clusterDomain], 5);
      return toAddress(found.addresses[nextPort() % found.addresses.length]!, port, client);
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
    const socket = connectSocket({ host, port });
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.on('error', () => {});
      resolve(socket);
    });
    socket.once('error', reject);
  });
}
