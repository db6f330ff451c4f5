import type { ChildProcess } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import type { Clock } from './clock.ts';

/** Where the hosts of all clusters of a home answer, on loopback. */
export interface IngressPorts {
  http: number;
  https: number;
}

/** `high`: the first free pair of 8880 and 8443 upward; `low`: 80 and 443. */
export type IngressWish = 'high' | 'low' | IngressPorts;

/** The listeners of a home's pair of ports; whoever runs the node serves them. */
export interface Ingress {
  readonly ports: IngressPorts;
  readonly wish: IngressWish | undefined;
  /** Why nothing answers there, with the remedy; undefined while all is well. */
  trouble(): string | undefined;
  /** Opens the ports and gives them to a process; where they are busy, later. */
  give(process: ChildProcess): Promise<void>;
  close(): void;
}

export interface IngressOptions {
  home: string;
  wish: IngressWish | undefined;
  clock: Clock;
  log(message: string): void;
  /** Makes a listener; another one in tests. */
  listen?: typeof listenOn;
}

/** A message that comes with a listener. */
export interface GivenListener {
  type: 'listener';
  scheme: 'http' | 'https';
}

const low: IngressPorts = { http: 80, https: 443 };
const high: IngressPorts = { http: 8880, https: 8443 };
/** How many pairs are tried: those of more would overlap. */
const pairs = 400;
/** Milliseconds until a busy port is tried again. */
const retryAfter = 5_000;
const loopbacks = ['127.0.0.1', '::1'];

/** Reads `--ingress-ports`. Throws one sentence. */
export function ingressWish(text: string | undefined): IngressWish | undefined {
  if (!text) return undefined;
  if (text === 'high' || text === 'low') return text;
  const [http = 0, https = 0] = /^(\d{1,5}),(\d{1,5})$/.exec(text)?.slice(1).map(Number) ?? [];
  const fault = [http, https].some((port) => port < 1 || port > 65_535 || port === 8080) || http === https;
  if (fault) {
    throw new Error(
      `--ingress-ports ${text} is no pair of ports: give two of 1 to 65535 without 8080, as 8880,8443, or high, or low`,
    );
  }
  return { http, https };
}

/** Chooses the home's pair once, and opens it. A pair that is busy is no error: `trouble` tells. */
export async function openIngress(options: IngressOptions): Promise<Ingress> {
  const { home, wish, clock, log, listen = listenOn } = options;
  const file = join(home, 'ingress-ports.json');
  const candidates = [...candidatesOf(wish, readPorts(file))];
  let ports = candidates[0]!;
  let held: Opened | undefined;
  let trouble: string | undefined;
  let closed = false;
  for (const candidate of candidates) {
    const opened = await openPair(candidate, listen);
    if ('busy' in opened) {
      trouble ??= sentence(opened);
      continue;
    }
    [ports, held, trouble] = [candidate, opened, undefined];
    break;
  }
  if (held) keepPorts(file, ports);

  async function give(process: ChildProcess): Promise<void> {
    if (closed || !process.connected) return;
    const first = held;
    held = undefined;
    const opened = first ?? (await openPair(ports, listen));
    if ('busy' in opened) {
      if (trouble === undefined) log(sentence(opened));
      trouble = sentence(opened);
      clock.after(retryAfter, () => void give(process));
      return;
    }
    trouble = undefined;
    for (const { server, scheme } of opened.listeners) {
      const message: GivenListener = { type: 'listener', scheme };
      // From here on connections wait for the other process.
      if (process.connected && !closed) process.send(message, server, () => void server.close());
      else server.close();
    }
  }

  return {
    get ports() {
      return ports;
    },
    wish,
    trouble: () => trouble,
    give,
    close() {
      closed = true;
      for (const { server } of held?.listeners ?? []) server.close();
    },
  };
}

/** Whether what is asked for is what there is. */
export function suits({ http, https }: IngressPorts, wish: IngressWish | undefined): boolean {
  const isLow = http === low.http && https === low.https;
  if (wish === undefined) return true;
  if (wish === 'low' || wish === 'high') return isLow === (wish === 'low');
  return wish.http === http && wish.https === https;
}

function* candidatesOf(wish: IngressWish | undefined, kept: IngressPorts | undefined): Generator<IngressPorts> {
  if (typeof wish === 'object') return yield wish;
  if (wish === 'low') return yield low;
  if (kept && suits(kept, wish)) {
    yield kept;
    // Without a wish the pair stays: addresses of it stand in what learners made.
    if (wish === undefined) return;
  }
  if (wish === undefined) yield low;
  for (let step = 0; step < pairs; step += 1) yield { http: high.http + step, https: high.https + step };
}

interface Opened {
  listeners: { server: Server; scheme: 'http' | 'https' }[];
}
interface Busy {
  busy: number;
  code: string;
}

async function openPair(ports: IngressPorts, listen: typeof listenOn): Promise<Opened | Busy> {
  const listeners: Opened['listeners'] = [];
  for (const scheme of ['http', 'https'] as const) {
    for (const address of loopbacks) {
      // What comes before the listener is given away is refused, not kept waiting.
      const server = createServer((socket) => socket.destroy());
      const fault = await listen(server, address, ports[scheme]);
      if (!fault) listeners.push({ server, scheme });
      // A machine without IPv6 has no ::1.
      else if (address === '127.0.0.1' || fault === 'EADDRINUSE') {
        for (const each of listeners) each.server.close();
        return { busy: ports[scheme], code: fault };
      }
    }
  }
  return { listeners };
}

/** Resolves with the error's code, or nothing. */
function listenOn(server: Server, address: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    server.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? 'EIO'));
    server.listen({ host: address, port, ipv6Only: address === '::1' }, () => resolve(undefined));
  });
}

function sentence({ busy, code }: Busy): string {
  const why = code === 'EADDRINUSE' ? 'in use by something else' : `not to be opened by this user (${code})`;
  return `Port ${busy} is ${why}: end what listens there, or choose other ports for the hosts of Ingresses with --ingress-ports HTTP,HTTPS`;
}

function readPorts(file: string): IngressPorts | undefined {
  try {
    const { http, https } = JSON.parse(readFileSync(file, 'utf8')) as IngressPorts;
    return ingressWish(`${http},${https}`) as IngressPorts;
  } catch {
    return undefined;
  }
}

function keepPorts(file: string, ports: IngressPorts): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(ports)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
