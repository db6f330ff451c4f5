import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { Clock, Timer } from '../../clock.ts';
import type { Source } from './services.ts';

export interface MachinePortsOptions {
  services: Source;
  clock: Clock;
  /** A node's address, whose node ports the machine's loopback stands for. */
  nodeAddress: () => string;
  connect(host: string, port: number, client: string): Promise<Duplex>;
  event(about: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void;
  /** Makes a listener; another one in tests. */
  listen?: (server: Server, address: string, port: number) => void;
}

export interface MachinePorts {
  /** Resolves when what has been asked for so far is open, or refused. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** One port of the machine that leads to a Service. */
interface Opening {
  /** `ADDRESS:PORT` of the machine. */
  key: string;
  address: string;
  port: number;
  /** Where it leads, in the cluster. */
  host: string;
  kind: 'node port' | 'load balancer';
}

interface Held {
  opening: Opening;
  service: KubeObject;
  server: Server | undefined;
  sockets: Set<Socket>;
  retry: Timer | undefined;
  told: string;
  closed: boolean;
}

const loopback = '127.0.0.1';
/** Milliseconds until a busy port is tried again. */
const retryAfter = 10_000;
/** Where a port is opened that this user may not open; nothing of ours listens on 8080. */
const instead = (port: number): number => ({ 80: 8880, 443: 8443 })[port] ?? port + 8000;

/**
 * Opens on this machine's loopback, and nowhere else, what Services publish: each load balancer's address with its
 * ports, and each node port on 127.0.0.1. They come and go with their Services.
 */
export function openMachinePorts(options: MachinePortsOptions): MachinePorts {
  const { services, clock, connect, event } = options;
  const listen = options.listen ?? ((server, address, port) => server.listen({ host: address, port, exclusive: true }));
  /** By Service and by what it opens. */
  const held = new Map<string, Map<string, Held>>();
  const opening = new Set<Promise<void>>();
  let ended = false;

  const stop = services.on((now, before) => {
    const service = (now ?? before)!;
    const name = `${service.metadata.namespace}/${service.metadata.name}`;
    const wanted = new Map(
      (now && !ended ? openingsOf(now, options.nodeAddress()) : []).map((each) => [each.key, each]),
    );
    const own = held.get(name) ?? new Map<string, Held>();
    for (const [key, each] of own) {
      each.service = service;
      if (wanted.delete(key)) continue;
      own.delete(key);
      shut(each);
    }
    for (const [key, each] of wanted) {
      const created: Held = {
        opening: each,
        service,
        server: undefined,
        sockets: new Set(),
        retry: undefined,
        told: '',
        closed: false,
      };
      own.set(key, created);
      begin(created);
    }
    if (own.size > 0) held.set(name, own);
    else held.delete(name);
  });

  function begin(each: Held): void {
    const done = tryOpen(each).finally(() => opening.delete(done));
    opening.add(done);
  }

  async function tryOpen(each: Held): Promise<void> {
    const { address, port, kind } = each.opening;
    let fault = await start(each, port);
    if (fault === 'EACCES') {
      const other = instead(port);
      fault = await start(each, other);
      if (!fault) {
        say(
          each,
          'PortNotPermitted',
          `port ${port} of ${address} may not be opened by this user: from outside Atelier's shell it answers at ${address}:${other}; on Linux "sudo sysctl net.ipv4.ip_unprivileged_port_start=80" permits it, then delete and make the Service again`,
        );
      }
    }
    if (!fault || each.closed) return;
    const busy =
      kind === 'node port'
        ? `node port ${port} cannot be opened on ${address}: something else on this machine has it; inside the cluster and in Atelier's shell it answers; end what listens there, or choose another nodePort`
        : `port ${port} of the load balancer ${address} cannot be opened: something else on this machine has it; inside the cluster and in Atelier's shell it answers; end what listens there, or change spec.ports[].port`;
    const other = `port ${port} of ${address} cannot be opened on this machine (${fault}); inside the cluster and in Atelier's shell it answers`;
    say(each, fault === 'EADDRINUSE' ? 'PortBusy' : 'PortNotOpened', fault === 'EADDRINUSE' ? busy : other);
    each.retry = clock.after(retryAfter, () => begin(each));
  }

  /** Tells each trouble once. */
  function say(each: Held, reason: string, message: string): void {
    if (each.told === message) return;
    each.told = message;
    event(each.service, 'Warning', reason, message);
  }

  /** Resolves with the error's code, or nothing. */
  function start(each: Held, port: number): Promise<string | undefined> {
    // What came in pieces goes on in pieces: held back for an acknowledgement, each answer would take 40 ms.
    const options = { allowHalfOpen: true, pauseOnConnect: true, noDelay: true };
    const server = createServer(options, (socket) => void join(each, socket));
    return new Promise((resolve) => {
      server.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? 'EIO'));
      server.once('listening', () => {
        each.told = '';
        if (each.closed) server.close();
        else each.server = server;
        resolve(undefined);
      });
      listen(server, each.opening.address, port);
    });
  }

  async function join(each: Held, socket: Socket): Promise<void> {
    const { host, port } = each.opening;
    each.sockets.add(socket);
    socket.on('close', () => each.sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    try {
      const inner = await connect(host, port, socket.remoteAddress ?? loopback);
      if (socket.destroyed) return void inner.destroy();
      inner.on('error', () => socket.destroy());
      socket.on('close', () => inner.destroy());
      inner.on('close', () => {
        if (!socket.writableEnded) socket.destroy();
      });
      socket.pipe(inner);
      inner.pipe(socket);
    } catch (error) {
      // The machine has shaken hands already: what the cluster refuses is reset, what it drops has been silent till now.
      if ((error as NodeJS.ErrnoException).code === 'ETIMEDOUT') socket.destroy();
      else socket.resetAndDestroy();
    }
  }

  function shut(each: Held): void {
    each.closed = true;
    each.retry?.cancel();
    each.server?.close();
    for (const socket of each.sockets) socket.destroy();
  }

  return {
    async settled() {
      while (opening.size > 0) await Promise.all(opening);
    },
    async close() {
      ended = true;
      stop();
      for (const own of held.values()) for (const each of own.values()) shut(each);
      held.clear();
      await Promise.all(opening);
    },
  };
}

function openingsOf(service: KubeObject, nodeAddress: string): Opening[] {
  const { spec, status, metadata } = service;
  if (metadata.deletionTimestamp || (spec.type !== 'NodePort' && spec.type !== 'LoadBalancer')) return [];
  const found: Opening[] = [];
  const addresses = (status?.loadBalancer?.ingress ?? [])
    .map(({ ip }: Loose) => ip)
    .filter((ip: unknown) => typeof ip === 'string' && ip.startsWith('127.'));
  for (const { port, nodePort, protocol } of spec.ports ?? []) {
    if (protocol !== 'TCP') continue;
    for (const address of addresses) {
      found.push({ key: `${address}:${port}`, address, port, host: address, kind: 'load balancer' });
    }
    if (nodePort) {
      const key = `${loopback}:${nodePort}`;
      found.push({ key, address: loopback, port: nodePort, host: nodeAddress, kind: 'node port' });
    }
  }
  return found;
}
