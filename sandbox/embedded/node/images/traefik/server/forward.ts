import { Agent, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import { createGunzip } from 'node:zlib';
import { createProxyServer } from 'httpxy';
import { failure } from '../../../network/connection.ts';
import type { ContainerProcess } from '../../image.ts';
import { dialError } from '../../in-cluster/words.ts';
import type { ServersTransport } from '../dynamic.ts';
import { type Exchange, type Handler, type Head, reply, writeHead } from './exchange.ts';

/** Milliseconds until a server that does not answer a connection is given up. */
const dialTimeout = 30_000;
/** Connections kept for one server, and for how long nobody must use them: milliseconds. */
const kept = { maxFreeSockets: 200, idle: 90_000 };

interface Pools {
  http: Agent;
  https: TlsAgent;
}

/** Sends requests on to servers over the pod's network, by connections that are kept. */
export interface Forwarder {
  /** What answers requests in the name of one server. */
  to(server: string, options: { passHostHeader: boolean; transport?: ServersTransport | undefined }): Handler;
  close(): void;
}

export function createForwarder(process: ContainerProcess): Forwarder {
  const pools = new Map<string, Pools>();
  const proxy = createProxyServer();
  const under = new WeakMap<object, Exchange>();
  const closing = new WeakSet<Exchange>();
  const bodiless = new WeakSet<object>();

  function poolsOf(transport: ServersTransport = {}): Pools {
    const key = JSON.stringify(transport);
    const known = pools.get(key);
    if (known) return known;
    const { http, https } = { http: new Agent(agentOptions()), https: new TlsAgent(agentOptions()) };
    http.createConnection = ((options: { host: string; port: number }, opened: Opened) => {
      dial(process, options.host, Number(options.port), transport).then((socket) => opened(null, socket), opened);
    }) as never;
    https.createConnection = ((options: { host: string; port: number }, opened: Opened) => {
      const { host, port } = options;
      dial(process, host, Number(port), transport)
        .then((socket) => secured(socket, host, transport))
        .then((socket) => opened(null, socket), opened);
    }) as never;
    const made = { http, https };
    pools.set(key, made);
    return made;
  }

  proxy.on('error', (error, req) => {
    const exchange = under.get(req as object);
    if (exchange) failed(exchange, error as NodeJS.ErrnoException);
  });
  proxy.on('econnreset', (error, req) => {
    const exchange = under.get(req as object);
    if (exchange) failed(exchange, error as NodeJS.ErrnoException);
  });
  // What Node says of the connection is nobody's business: servers keep it unless told otherwise.
  proxy.on('proxyReq', (request, req) => {
    request.removeHeader('connection');
    const exchange = under.get(req as object);
    if (exchange && !request.reusedSocket) exchange.resend = undefined;
    // The library says of a bodiless DELETE or OPTIONS that it has no length; Go says nothing.
    if (bodiless.has(req as object)) request.removeHeader('content-length');
  });
  proxy.on('proxyRes', (answer, req) => {
    const exchange = under.get(req as object);
    if (exchange) answered(exchange, answer);
  });

  function failed(exchange: Exchange, error: NodeJS.ErrnoException): void {
    const { res, log } = exchange;
    if (closing.has(exchange)) return;
    if (res.headersSent || res.destroyed) {
      closing.add(exchange);
      if (!exchange.record.status) exchange.record.status = 499;
      res.destroy();
      return;
    }
    const { resend } = exchange;
    exchange.resend = undefined;
    if (resend && (error.code === 'ECONNRESET' || error.code === 'EPIPE')) {
      resend();
      return;
    }
    if (exchange.retry?.()) return;
    closing.add(exchange);
    const [status, text] = statusOf(error);
    const about = { error: goError(exchange, error) };
    if (isCertificate(error)) log.error(`${status} ${text}`, about);
    else log.debug(`${status} ${text}`, about);
    reply(exchange, status, text);
  }

  return {
    to(server, { passHostHeader, transport }) {
      const target = new URL(server);
      const secure = target.protocol === 'https:';
      const pool = poolsOf(transport);
      const agent = secure ? pool.https : pool.http;
      const options = { target, agent, selfHandleResponse: true, secure: !transport?.insecureSkipVerify };
      return (exchange) => {
        const { req, res, record, upgrade } = exchange;
        record.url = server;
        record.originStarted = performance.now();
        under.set(req, exchange);
        prepare(exchange);
        if (req.headers['content-length'] === undefined && /^(?:DELETE|OPTIONS)$/.test(exchange.method))
          bodiless.add(req);
        if (!passHostHeader) req.headers.host = target.host;
        if (req.httpVersionMajor > 1) req.headers[':authority'] = req.headers.host ?? exchange.authority;
        if (upgrade) {
          upgraded(exchange, upgrade.socket);
          proxy.ws(req as IncomingMessage, upgrade.socket as never, { target, agent }, upgrade.head).catch(() => {});
          return;
        }
        const send = (): void => void proxy.web(req as IncomingMessage, res as ServerResponse, options).catch(() => {});
        // As Go's transport does with what may be asked twice.
        if (/^(?:GET|HEAD|OPTIONS|TRACE)$/.test(exchange.method)) exchange.resend = send;
        send();
      };
    },
    close() {
      for (const { http, https } of pools.values()) {
        http.destroy();
        https.destroy();
      }
    },
  };
}

type Opened = (error: Error | null, socket?: Duplex) => void;

const agentOptions = () => ({
  keepAlive: true,
  maxSockets: Number.POSITIVE_INFINITY,
  maxFreeSockets: kept.maxFreeSockets,
  timeout: kept.idle,
  scheduling: 'lifo' as const,
});

function dial(process: ContainerProcess, host: string, port: number, transport: ServersTransport): Promise<Duplex> {
  const { network, clock } = process.container;
  const name = host.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const timer = clock.after(transport.dialTimeout ?? dialTimeout, () =>
      reject(failure('ETIMEDOUT', `connect ETIMEDOUT ${host}:${port}`)),
    );
    network.connect(name, port).then(
      (socket) => {
        timer.cancel();
        resolve(socket);
      },
      (error) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}

function secured(socket: Duplex, host: string, transport: ServersTransport): Promise<Duplex> {
  const name = transport.serverName || host;
  return new Promise((resolve, reject) => {
    const tls = tlsConnect({
      socket,
      host: name,
      ...(isIP(name) === 0 && { servername: name }),
      rejectUnauthorized: !transport.insecureSkipVerify,
      ...(transport.rootCAs?.length && { ca: transport.rootCAs }),
      ...(transport.certificate && { cert: transport.certificate.cert, key: transport.certificate.key }),
    });
    tls.once('secureConnect', () => resolve(tls));
    tls.once('error', reject);
  });
}

/** Whether TLS was set up wrongly: that is told in the log. */
function isCertificate({ code = '' }: NodeJS.ErrnoException): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO/.test(code) || code === 'EPROTO' || code.startsWith('ERR_SSL');
}

/** As Go's transport does, asks for gzip where the client asked for nothing, and then unpacks it. */
function prepare(exchange: Exchange): void {
  const { headers } = exchange.req;
  if (
    headers['accept-encoding'] !== undefined ||
    headers.range !== undefined ||
    exchange.method === 'HEAD' ||
    exchange.upgrade
  )
    return;
  headers['accept-encoding'] = 'gzip';
  exchange.gzip = true;
}

/** https://doc.traefik.io/traefik/routing/services/#servers-load-balancer: what each failure is to the client. */
function statusOf({ code = '', message }: NodeJS.ErrnoException): [status: number, text: string] {
  if (code === 'ETIMEDOUT' || code === 'EAI_AGAIN') return [504, 'Gateway Timeout'];
  if (code.startsWith('HPE_')) return [500, 'Internal Server Error'];
  if (isCertificate({ code } as NodeJS.ErrnoException)) return [500, 'Internal Server Error'];
  if (code || /socket hang up/.test(message)) return [502, 'Bad Gateway'];
  return [500, 'Internal Server Error'];
}

function goError(exchange: Exchange, error: NodeJS.ErrnoException): string {
  const address = exchange.record.url ? new URL(exchange.record.url).host : '';
  return /^HPE_/.test(error.code ?? '')
    ? 'net/http: HTTP/1.x transport connection broken: malformed HTTP response'
    : dialError(address, error);
}

/** All headers, those that come twice as a list. */
function headersOf({ rawHeaders }: IncomingMessage): Head['headers'] {
  const headers: Head['headers'] = {};
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!.toLowerCase();
    const value = rawHeaders[index + 1]!;
    const before = headers[name];
    headers[name] = before === undefined ? value : typeof before === 'string' ? [before, value] : [...before, value];
  }
  return headers;
}

function answered(exchange: Exchange, answer: IncomingMessage): void {
  const { res, record, method } = exchange;
  record.originStatus = answer.statusCode ?? 0;
  const status = answer.statusCode ?? 502;
  const headers = headersOf(answer);
  const unpacks = exchange.gzip && headers['content-encoding'] === 'gzip';
  if (unpacks) {
    delete headers['content-encoding'];
    delete headers['content-length'];
  }
  if (status === 304) delete headers['content-type'];
  writeHead(exchange, { status, headers });
  const length = headers['content-length'];
  const body = unpacks ? answer.pipe(createGunzip()).on('error', () => res.destroy()) : answer;
  if (method === 'HEAD' || length === '0') record.size = 0;
  else if (length !== undefined) record.size = Number(length);
  else
    body.on('data', (chunk: Buffer) => {
      record.size += chunk.length;
    });
  answer.once('end', () => {
    record.originEnded = performance.now();
    if (!unpacks) exchange.done();
  });
  body.pipe(res as ServerResponse);
}

/** What an upgraded connection answers goes past us: its status is read off the first line. */
function upgraded(exchange: Exchange, socket: Duplex): void {
  const write = socket.write.bind(socket);
  socket.write = ((chunk: string | Buffer, ...rest: never[]) => {
    if (!exchange.record.status)
      exchange.record.status = Number(/^HTTP\/1\.\d (\d{3})/.exec(String(chunk).slice(0, 20))?.[1] ?? 0);
    return (write as (...args: unknown[]) => boolean)(chunk, ...rest);
  }) as typeof socket.write;
}
