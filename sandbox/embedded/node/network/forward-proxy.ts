import { lookup } from 'node:dns/promises';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { isBelow } from '../../domain.ts';
import { notFound } from './dns.ts';
import type { ZoneNames } from './dns-records.ts';
import { type Network, outward } from './network.ts';

export interface ForwardProxy {
  /** `http://127.0.0.1:PORT` */
  url: string;
  close(): Promise<void>;
}

export interface ForwardProxyOptions {
  network: Network;
  clusterDomain: string;
  /**
   * The shell is on the learner's own machine: `localhost` (a forwarded port) and what is beyond the cluster are reached
   * as from there. `no_proxy` cannot name localhost, for that would take HOST.localhost with it.
   */
  passThrough?: boolean;
  /** The learner's own: its hosts are reached as it says, and nowhere else. */
  zone?: ZoneNames;
}

/** Who connects through the proxy, as the cluster sees it. */
const machine = '127.0.0.1';

/**
 * How a shell beside the cluster reaches Services and pods: an HTTP proxy on loopback.
 * Unless told that the machine is the learner's own it never leads to its loopback: what listens there is somebody else's.
 */
export async function createForwardProxy(options: ForwardProxyOptions): Promise<ForwardProxy> {
  const { network, clusterDomain, passThrough = false, zone } = options;

  async function reach(host: string, port: number): Promise<Duplex> {
    if (passThrough && /^localhost\.?$/i.test(host)) {
      return outward('127.0.0.1', port).catch(() => outward('::1', port));
    }
    // A load balancer's address is of the machine's loopback, and the cluster's all the same.
    if (host !== machine && network.has(host)) return network.connect(host, port, machine);
    if (isLoopback(host)) throw new Forbidden(`${host} is this machine, not the cluster`);
    const name = host.toLowerCase().replace(/\.$/, '');
    if (zone && isBelow(name, zone.domain)) {
      const { status } = zone.lookup(name, 'A');
      if (status === 'NXDOMAIN') throw new Unknown(`${name}: no such host (NXDOMAIN in the zone ${zone.domain})`);
      return network.connect(name, port, machine);
    }
    // Hosts of the other clusters of this machine have shells of their own.
    if (zone && name.endsWith('.localhost'))
      throw new Forbidden(`${name} is not below ${zone.domain}, the domain of this shell`);
    if (host.endsWith(`.${clusterDomain}`)) return network.connect(host, port, machine);
    try {
      if (isIP(host) === 0) return await network.connect(host, port, machine);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOTFOUND' || !passThrough) throw error;
    }
    if (!passThrough) throw notFound(host);
    const { address } = await lookup(host);
    if (isLoopback(address)) throw new Forbidden(`${host} is this machine, not the cluster`);
    return outward(address, port);
  }

  const server = createServer((request, response) => {
    void forward(request, response);
  });

  async function forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let url: URL;
    try {
      url = new URL(request.url ?? '');
    } catch {
      response.writeHead(400, { 'content-type': 'text/plain' });
      response.end('This is a proxy: ask it for http://SERVICE.NAMESPACE/, not for a path.\n');
      return;
    }
    let socket: Duplex;
    try {
      socket = await reach(bare(url.hostname), Number(url.port || 80));
    } catch (error) {
      response.writeHead(codeOf(error), { 'content-type': 'text/plain' });
      response.end(`${said(error)}\n`);
      return;
    }
    const onward = httpRequest(
      {
        createConnection: () => socket as never,
        method: request.method ?? 'GET',
        path: url.pathname + url.search,
        headers: [...passed(request.rawHeaders), 'Connection', 'close'],
        setDefaultHeaders: false,
      },
      (answer) => {
        response.sendDate = false;
        response.writeHead(answer.statusCode ?? 502, answer.statusMessage, passed(answer.rawHeaders));
        answer.pipe(response);
      },
    );
    onward.on('error', (error) => {
      if (!response.headersSent) response.writeHead(502, { 'content-type': 'text/plain' });
      response.end(`${said(error)}\n`);
    });
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  }

  async function tunnel(request: IncomingMessage, client: Duplex, head: Buffer): Promise<void> {
    client.on('error', () => client.destroy());
    const match = /^\[?([^\]]+)\]?:(\d+)$/.exec(request.url ?? '');
    try {
      if (!match) throw new Forbidden('CONNECT wants HOST:PORT');
      const socket = await reach(match[1]!, Number(match[2]));
      socket.on('error', () => client.destroy());
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      if (head.length) socket.write(head);
      client.pipe(socket).pipe(client);
      client.on('close', () => socket.destroy());
      socket.on('close', () => client.destroy());
    } catch (error) {
      const body = `${said(error)}\n`;
      const code = codeOf(error);
      client.end(
        `HTTP/1.1 ${code} ${code === 403 ? 'Forbidden' : 'Bad Gateway'}\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
      );
    }
  }

  const tunnels = new Set<Duplex>();
  server.on('connect', (request, client, head) => {
    tunnels.add(client);
    client.on('close', () => tunnels.delete(client));
    void tunnel(request, client, head);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        for (const client of tunnels) client.destroy();
      }),
  };
}

/** What is of this hop alone. https://datatracker.ietf.org/doc/html/rfc9110#section-7.6.1 */
const ofOneHop = new Set(['connection', 'proxy-connection', 'proxy-authorization', 'keep-alive', 'upgrade']);

/** Headers as they came, in name, order and number, without those of one hop. */
function passed(raw: string[]): string[] {
  return raw.filter((_, index) => !ofOneHop.has(raw[index - (index % 2)]!.toLowerCase()));
}

class Forbidden extends Error {}
class Unknown extends Error {}

function codeOf(error: unknown): number {
  return error instanceof Forbidden ? 403 : 502;
}

function said(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOTFOUND') return `proxy: ${message.replace(/^getaddrinfo ENOTFOUND /, '')}: no such host`;
  if (code === 'ECONNREFUSED') return `proxy: ${message.replace('connect ECONNREFUSED ', '')}: connection refused`;
  if (code === 'EHOSTUNREACH') return `proxy: ${message.replace('connect EHOSTUNREACH ', '')}: no route to host`;
  return `proxy: ${message}`;
}

const bare = (host: string) => host.replace(/^\[|\]$/g, '');

function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  return (
    name === 'localhost' ||
    name === '::' ||
    name === '::1' ||
    name === '0.0.0.0' ||
    /^127\./.test(name) ||
    /^(0*:)*(0*:)?ffff:(127\.|7f)/.test(name)
  );
}
