import type { Duplex } from 'node:stream';
import type { KubeObject } from '../../../../../kubernetes/object.ts';
import type { Clock } from '../../../clock.ts';
import { isBelow } from '../../../domain.ts';
import type { ZoneNames } from '../dns-records.ts';
import type { Network } from '../network.ts';
import type { ServiceTable } from '../services.ts';

/** What the front door has to know of a cluster. */
export interface DoorCluster {
  zone: ZoneNames;
  network: Pick<Network, 'connect' | 'has'>;
  services: Pick<ServiceTable, 'at' | 'isNode'>;
}

/** Why a host cannot be reached, with all that a page tells about it. */
export type Fault =
  | { reason: 'no-host' | 'wrong-scheme' }
  | { reason: 'unknown-domain'; host: string; domains: string[] }
  | { reason: 'starting' | 'dns-trouble' | 'no-such-name'; host: string; domain: string }
  | { reason: 'no-address'; host: string; domain: string; alias?: string }
  | { reason: 'inside' | 'nowhere'; host: string; address: string }
  | { reason: 'no-port'; host: string; address: string; port: number; service: string; ports: number[] }
  | { reason: 'refused' | 'silent' | 'broken'; host: string; address: string; port: number; service?: string };

export class HostFault extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.reason);
    this.fault = fault;
  }
}

/** An address of a cluster that a host leads to. */
export interface Target {
  host: string;
  domain: string;
  address: string;
  port: number;
  /** Connects to it as a client on this machine. Rejects with {@link HostFault}. */
  connect(): Promise<Duplex>;
}

/** All hosts of all clusters of this process. */
export interface Hosts {
  /** From now on, hosts below the domain are this cluster's, which is about to be there. */
  expect(name: string, domain: string): void;
  ready(name: string, cluster: DoorCluster): void;
  leave(name: string): void;
  /** Asks the host's own zone. Rejects with {@link HostFault}. */
  find(host: string | undefined, port: number): Promise<Target>;
}

interface Entry {
  name: string;
  domain: string;
  cluster: Promise<DoorCluster>;
  ready(cluster: DoorCluster): void;
}

/** Who comes through the front door, as a cluster sees it. */
const machine = '127.0.0.1';
/** Milliseconds that a cluster which is starting, or an address that is silent, is waited for. */
const patience = 20_000;

export function createHosts(clock: Clock): Hosts {
  const entries = new Map<string, Entry>();

  /** Settles as the promise does, or with the fault once patience ends. */
  function inTime<T>(promise: Promise<T>, fault: Fault, late?: (value: T) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      let over = false;
      const timer = clock.after(patience, () => {
        over = true;
        reject(new HostFault(fault));
      });
      promise.then(
        (value) => {
          timer.cancel();
          if (over) late?.(value);
          else resolve(value);
        },
        (error) => {
          timer.cancel();
          reject(error);
        },
      );
    });
  }

  async function find(host: string | undefined, port: number): Promise<Target> {
    if (host === undefined) throw new HostFault({ reason: 'no-host' });
    const fitting = [...entries.values()].filter(({ domain }) => isBelow(host, domain));
    const entry = fitting.sort((a, b) => b.domain.length - a.domain.length)[0];
    if (!entry) {
      const domains = [...entries.values()].map(({ domain }) => domain).sort();
      throw new HostFault({ reason: 'unknown-domain', host, domains });
    }
    const { domain } = entry;
    const cluster = await inTime(entry.cluster, { reason: 'starting', host, domain });
    const addresses = ask(cluster.zone, host);
    const judged = addresses.map((address) => ({ address, fault: faultOf(cluster, host, address, port) }));
    const good = judged.find(({ fault }) => fault === undefined);
    if (!good) throw new HostFault(judged[0]!.fault!);
    const { address } = good;
    return { host, domain, address, port, connect: () => connect(cluster, host, address, port) };
  }

  async function connect(cluster: DoorCluster, host: string, address: string, port: number): Promise<Duplex> {
    const service = outerServices(cluster, address).find((each) => publishes(each, port));
    const told = { host, address, port, ...(service && { service: nameOf(service) }) };
    try {
      const opening = cluster.network.connect(address, port, machine);
      return await inTime(opening, { reason: 'silent', ...told }, (socket) => void socket.destroy());
    } catch (error) {
      if (error instanceof HostFault) throw error;
      const { code } = error as NodeJS.ErrnoException;
      throw new HostFault({ reason: code === 'ETIMEDOUT' ? 'silent' : 'refused', ...told });
    }
  }

  return {
    expect(name, domain) {
      let ready: (cluster: DoorCluster) => void = () => {};
      const cluster = new Promise<DoorCluster>((resolve) => {
        ready = resolve;
      });
      entries.set(name, { name, domain, cluster, ready });
    },
    ready: (name, cluster) => entries.get(name)?.ready(cluster),
    leave: (name) => void entries.delete(name),
    find,
  };
}

/** The addresses a zone gives for a host, as anybody on the Internet would hear them. */
function ask(zone: ZoneNames, host: string): string[] {
  const { domain } = zone;
  const reply = (() => {
    try {
      return zone.lookup(host, 'A');
    } catch {
      throw new HostFault({ reason: 'dns-trouble', host, domain });
    }
  })();
  if (reply.status === 'NXDOMAIN') throw new HostFault({ reason: 'no-such-name', host, domain });
  if (reply.status !== 'NOERROR') throw new HostFault({ reason: 'dns-trouble', host, domain });
  const addresses = reply.answers.filter(({ type }) => type === 'A').map(({ data }) => data);
  const alias = reply.answers.findLast(({ type }) => type === 'CNAME')?.data.replace(/\.$/, '');
  if (addresses.length === 0) throw new HostFault({ reason: 'no-address', host, domain, ...(alias && { alias }) });
  return addresses;
}

/** What keeps an address from being one that is reached from outside, as far as it can be told without trying. */
function faultOf(cluster: DoorCluster, host: string, address: string, port: number): Fault | undefined {
  const outer = outerServices(cluster, address);
  if (outer.some((service) => publishes(service, port))) return undefined;
  const service = outer[0];
  if (service) {
    const ports = outer.flatMap(({ spec }) => spec.ports.map((entry: { port: number }) => entry.port));
    return { reason: 'no-port', host, address, port, service: nameOf(service), ports };
  }
  if (cluster.services.isNode(address)) return undefined;
  return { reason: cluster.network.has(address) ? 'inside' : 'nowhere', host, address };
}

/** Services whose external or load balancer's address this is. */
function outerServices({ services }: DoorCluster, address: string): KubeObject[] {
  return services.at(address).filter(({ spec }) => spec?.clusterIP !== address);
}

function publishes({ spec }: KubeObject, port: number): boolean {
  return (spec?.ports ?? []).some(
    (entry: { port: number; protocol?: string }) => entry.port === port && (entry.protocol ?? 'TCP') === 'TCP',
  );
}

const nameOf = ({ metadata }: KubeObject): string => `${metadata.namespace}/${metadata.name}`;

/** The host that a `Host` header or a server name means: small letters, no port, no last dot; undefined where it is none. */
export function plainHost(text: string | undefined): string | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9_.-]{1,254}?)\.?(?::\d{0,5})?$/i.exec(text ?? '');
  return match?.[1]?.toLowerCase();
}
