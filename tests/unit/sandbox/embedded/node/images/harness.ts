import { connect, createServer, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { createClock } from '../../../../../../sandbox/embedded/clock.ts';
import {
  type ContainerOptions,
  createContainer,
  type RunningContainer,
} from '../../../../../../sandbox/embedded/node/images/container.ts';
import type { ContainerNetwork, Image, TerminalSize } from '../../../../../../sandbox/embedded/node/images/image.ts';
import { resolveImage } from '../../../../../../sandbox/embedded/node/images/registry.ts';

function imageOf(reference: string): Image {
  const resolved = resolveImage(reference);
  if ('pullError' in resolved) throw new Error(resolved.pullError);
  return resolved.image;
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** Pods on one loopback: real sockets, names by a table. */
export class TestNetwork {
  readonly listeners = new Map<string, Server>();
  readonly names = new Map<string, string>();
  /** TXT records. */
  readonly texts = new Map<string, string[]>();

  pod(ip: string): ContainerNetwork {
    return {
      listen: async (port, onConnection) => {
        const key = `${ip}:${port}`;
        if (this.listeners.has(key)) throw failure('EADDRINUSE');
        const server = createServer({ allowHalfOpen: true }, onConnection);
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        this.listeners.set(key, server);
        return {
          close: () => {
            this.listeners.delete(key);
            server.close();
          },
        };
      },
      query: async (name, type) => {
        // A Service's short name is none of the DNS: who asks without a search list must say it whole.
        const service = /^([^.]+)\.default\.svc\.cluster\.local$/.exec(name)?.[1];
        const known = service ?? (name.includes('.') ? name : '');
        const address = type === 'A' ? this.names.get(known) : undefined;
        const texts = type === 'TXT' ? (this.texts.get(name) ?? []) : [];
        const data = address ? [address] : texts.map((text) => `"${text}"`);
        const sort = address ? ('A' as const) : ('TXT' as const);
        const answers = data.map((one) => ({ name, type: sort, ttl: 30, data: one }));
        const status = this.names.has(known) || this.texts.has(name) ? 'NOERROR' : 'NXDOMAIN';
        return { status, authoritative: true, answers, authority: [], additional: [] };
      },
      connect: async (host, port) => {
        const target =
          host === 'localhost' || host === '127.0.0.1' ? ip : /^[\d.]+$/.test(host) ? host : this.names.get(host);
        if (!target) throw failure('ENOTFOUND');
        const socket = await this.socket(target, port);
        return socket;
      },
      resolve: async (name) => {
        const address = this.names.get(name);
        if (!address) throw failure('ENOTFOUND');
        return { name: `${name}.default.svc.cluster.local`, addresses: [address] };
      },
    };
  }

  /** The machine's port of a pod's port. */
  port(ip: string, port: number): number {
    const server = this.listeners.get(`${ip}:${port}`);
    if (!server) throw failure('ECONNREFUSED');
    return (server.address() as { port: number }).port;
  }

  private async socket(ip: string, port: number): Promise<Duplex> {
    const socket = connect(this.port(ip, port), '127.0.0.1');
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return socket;
  }
}

export function container(reference: string, options: Partial<ContainerOptions> = {}): RunningContainer {
  return createContainer({
    pod: {
      name: 'web-0',
      namespace: 'default',
      uid: '00000000-0000-0000-0000-000000000000',
      hostname: 'web-0',
      ip: '10.244.0.5',
      node: 'node-1',
      labels: {},
    },
    name: 'main',
    reference,
    image: imageOf(reference),
    network: new TestNetwork().pod('10.244.0.5'),
    clock: createClock(),
    ...options,
  });
}

export interface Result {
  stdout: string;
  stderr: string;
  code: number;
}

/** Starts the container's main process, which only waits; tests exec beside it. */
export function idle(reference = 'busybox:1.36', options: Partial<ContainerOptions> = {}): RunningContainer {
  const running = container(reference, options);
  running.start({ argv: ['sleep', 'infinity'], stdout: () => undefined, stderr: () => undefined });
  return running;
}

export async function run(
  target: RunningContainer,
  argv: string[],
  options: { stdin?: string | Uint8Array; env?: Record<string, string>; uid?: number } = {},
): Promise<Result> {
  const [out, err]: [Uint8Array[], Uint8Array[]] = [[], []];
  const { stdin, ...rest } = options;
  const started = target.start({
    argv,
    ...rest,
    ...(stdin === undefined ? {} : { stdin: once(stdin) }),
    stdout: (data) => void out.push(data),
    stderr: (data) => void err.push(data),
  });
  const code = await started.exit;
  return { stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString(), code };
}

export function sh(target: RunningContainer, script: string, stdin?: string): Promise<Result> {
  return run(target, ['sh', '-c', script], stdin === undefined ? {} : { stdin });
}

async function* once(data: string | Uint8Array): AsyncGenerator<Uint8Array> {
  yield typeof data === 'string' ? Buffer.from(data) : data;
}

/** Someone at a terminal: types, and waits for what appears. */
export class Typist {
  screen = '';
  readonly exit: Promise<number>;
  private readonly keys: Uint8Array[] = [];
  private wakeKeys: (() => void) | undefined;
  private readonly waiting = new Set<() => void>();
  private closed = false;
  private seen = 0;

  constructor(target: RunningContainer, argv: string[], size: Partial<TerminalSize> = {}) {
    const started = target.start({
      argv,
      stdin: this.input(),
      stdout: (data) => {
        this.screen += Buffer.from(data).toString();
        for (const wake of this.waiting) wake();
      },
      stderr: () => undefined,
      tty: { columns: 80, rows: 24, onResize: () => undefined, ...size },
    });
    this.exit = started.exit;
  }

  private async *input(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const next = this.keys.shift();
      if (next) yield next;
      else if (this.closed) return;
      else
        await new Promise<void>((resolve) => {
          this.wakeKeys = resolve;
        });
    }
  }

  type(text: string): void {
    this.keys.push(Buffer.from(text));
    this.wakeKeys?.();
  }

  /** Resolves once the text appears after what was last waited for. */
  sees(text: string): Promise<void> {
    return this.asks(new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')));
  }

  /** The same, of whatever fits. */
  async asks(pattern: RegExp): Promise<void> {
    for (;;) {
      const found = pattern.exec(this.screen.slice(this.seen));
      if (found) {
        this.seen += found.index + found[0].length;
        return;
      }
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.waiting.delete(wake);
          resolve();
        };
        this.waiting.add(wake);
      });
    }
  }
}
