import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Duplex } from 'node:stream';
import { type Fault, HostFault, type Hosts, plainHost, type Target } from './hosts.ts';
import { faultPage, type Page } from './pages.ts';

/** What clients may take. */
export interface Limits {
  /** At each listener; one more is closed at once. */
  connections: number;
  /** Bytes of a request's headers. */
  headers: number;
  /** Milliseconds for the headers of a request, or for a ClientHello. */
  greeting: number;
  /** Milliseconds between requests. */
  idle: number;
}

export const usualLimits: Limits = { connections: 1000, headers: 65_536, greeting: 15_000, idle: 75_000 };

export interface HttpDoorOptions {
  hosts: Hosts;
  limits: Limits;
}

/** Passes each request on to the cluster that its host belongs to, as it is; nothing is added, and nothing kept back. */
export function createHttpDoor({ hosts, limits }: HttpDoorOptions): Server {
  /** Connections onward of a connection: as many as a client beside the load balancer would have. */
  const onwards = new WeakMap<Duplex, Agent>();
  const server = createServer({
    maxHeaderSize: limits.headers,
    headersTimeout: limits.greeting,
    // How long a body takes is between client and server.
    requestTimeout: 0,
    keepAliveTimeout: limits.idle,
    connectionsCheckingInterval: Math.min(limits.greeting, 5_000),
    // Who offers HTTP/2 in passing is answered in HTTP/1.1.
    shouldUpgradeCallback: ({ headers }) => !/\bh2c\b/i.test(headers.upgrade ?? ''),
  });
  server.maxConnections = limits.connections;

  function agentOf(socket: Duplex): Agent {
    const known = onwards.get(socket);
    if (known) return known;
    const agent = new Agent({ keepAlive: true });
    agent.createConnection = (options, done) => {
      const { target } = options as unknown as Onward;
      target.connect().then(
        (connection) => done?.(null, connection),
        (error) => done?.(error, undefined as never),
      );
      return undefined;
    };
    onwards.set(socket, agent);
    socket.once('close', () => agent.destroy());
    return agent;
  }

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let target: Target;
    try {
      target = await hosts.find(hostOf(request), 80);
    } catch (error) {
      return answer(response, faultOf(error), request);
    }
    // Whoever asked may be gone by now.
    if (response.destroyed) return;
    const onward = httpRequest({ ...wayTo(target, request), agent: agentOf(request.socket) } as RequestOptions);
    onward.on('continue', () => response.writeContinue());
    onward.on('response', (reply) => {
      response.sendDate = false;
      response.writeHead(reply.statusCode ?? 502, reply.statusMessage, reply.rawHeaders);
      // Small first pieces of something long must not wait for the next.
      response.flushHeaders();
      reply.on('aborted', () => response.destroy());
      reply.on('error', () => response.destroy());
      reply.on('end', () => {
        if (reply.rawTrailers.length > 0) response.addTrailers(reply.trailers as Record<string, string>);
        response.end();
      });
      reply.pipe(response, { end: false });
    });
    onward.on('error', (error) => {
      // A client that finds its own connection closed tries again; one that was told of a fault does not.
      if (response.headersSent || (onward.reusedSocket && !(error instanceof HostFault))) request.socket.destroy();
      else answer(response, faultOf(error, target), request);
    });
    response.on('close', () => {
      if (!response.writableFinished) onward.destroy();
    });
    onward.flushHeaders();
    request.pipe(onward);
  }

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    let target: Target | undefined;
    let inner: Duplex;
    try {
      target = await hosts.find(hostOf(request), 80);
      inner = await target.connect();
    } catch (error) {
      return void socket.end(rawPage(faultPage(faultOf(error, target), request.headers)));
    }
    if (socket.destroyed) return void inner.destroy();
    inner.on('error', () => socket.destroy());
    const onward = httpRequest({ ...wayTo(target, request), createConnection: () => inner as never } as RequestOptions);
    onward.on('upgrade', (reply, connection, rest) => {
      socket.write(rawHead(reply));
      if (rest.length > 0) socket.write(rest);
      if (head.length > 0) connection.write(head);
      join(socket, connection);
    });
    onward.on('response', (reply) => {
      // Refused: the answer, and the end of the connection instead of the framing it came in.
      socket.write(rawHead(reply, ['connection', 'transfer-encoding', 'keep-alive'], 'Connection: close\r\n'));
      reply.pipe(socket);
    });
    const broken = () => {
      if (!socket.writableEnded) socket.end(rawPage(faultPage(faultOf(undefined, target), request.headers)));
    };
    onward.on('error', broken);
    socket.on('close', () => onward.destroy());
    onward.end();
  }

  server.on('request', (request, response) => void pass(request, response));
  server.on('checkContinue', (request, response) => void pass(request, response));
  server.on('upgrade', (request, socket, head) => void upgrade(request, socket, head));
  return server;
}

interface Onward extends RequestOptions {
  target: Target;
}

function wayTo(target: Target, request: IncomingMessage): Onward {
  const { method = 'GET', url = '/', rawHeaders, headers } = request;
  const empty = headers['content-length'] === undefined && headers['transfer-encoding'] === undefined;
  // Node would announce a body of unknown length.
  const more = empty && !['GET', 'HEAD', 'OPTIONS', 'TRACE', 'DELETE'].includes(method) ? ['Content-Length', '0'] : [];
  return {
    target,
    // Not resolved: what tells the connections of an agent apart.
    host: `${target.domain}/${target.address}`,
    port: target.port,
    method,
    path: url,
    headers: [...rawHeaders, ...more],
    setDefaultHeaders: false,
  };
}

/** The one host a request is for: that of its target where it has one, else that of its header. */
function hostOf({ url = '', rawHeaders, headers }: IncomingMessage): string | undefined {
  const named = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host');
  if (named.length > 1) return undefined;
  const absolute = /^https?:\/\/([^/?#]*)/i.exec(url);
  return plainHost(absolute ? absolute[1] : headers.host);
}

function faultOf(error: unknown, target?: Target): Fault {
  if (error instanceof HostFault) return error.fault;
  if (!target) return { reason: 'no-host' };
  const { host, address, port } = target;
  return { reason: 'broken', host, address, port };
}

/** Writes the page about a fault. */
export function answer(response: ServerResponse, fault: Fault, { headers, method }: IncomingMessage): void {
  if (response.destroyed) return;
  const page = faultPage(fault, headers);
  response.writeHead(page.status, page.headers);
  response.end(method === 'HEAD' ? undefined : page.body);
}

/** A page as the whole of an answer, after which the connection ends. */
export function rawPage({ status, headers, body }: Page): string {
  const lines = Object.entries({ ...headers, connection: 'close' }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} Unreachable\r\n${lines.join('')}\r\n${body}`;
}

function rawHead(reply: IncomingMessage, without: string[] = [], more = ''): Buffer {
  let text = `HTTP/${reply.httpVersion} ${reply.statusCode} ${reply.statusMessage}\r\n`;
  for (let at = 0; at < reply.rawHeaders.length; at += 2) {
    const [name = '', value = ''] = reply.rawHeaders.slice(at, at + 2);
    if (!without.includes(name.toLowerCase())) text += `${name}: ${value}\r\n`;
  }
  return Buffer.from(`${text}${more}\r\n`, 'latin1');
}

/** Makes one connection of two. */
export function join(outer: Duplex, inner: Duplex): void {
  outer.on('error', () => outer.destroy());
  inner.on('error', () => outer.destroy());
  outer.on('close', () => inner.destroy());
  inner.on('close', () => {
    if (!outer.writableEnded) outer.destroy();
  });
  outer.pipe(inner);
  inner.pipe(outer);
}
