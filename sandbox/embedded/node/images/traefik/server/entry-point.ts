import { createServer, type IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttp2, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { ContainerProcess } from '../../image.ts';
import type { AccessLog } from '../access-log.ts';
import type { EntryPoint } from '../configuration/static.ts';
import type { TlsOptions } from '../dynamic.ts';
import type { Log } from '../log.ts';
import type { Table } from '../routing/build.ts';
import { inNetworks } from './addresses.ts';
import type { CertificateStore } from './certificates.ts';
import { Exchange, replyError } from './exchange.ts';
import { forwardedHeaders } from './forwarded.ts';
import { cleanPath, cleanQuery } from './paths.ts';

/** The first byte of a TLS handshake. */
const handshake = 0x16;
/** ALPN: HTTP/2 before HTTP/1.1, each with its length in front. */
const protocols = Buffer.from('\x02h2\x08http/1.1');

/** What a proxied request costs: milliseconds of one core. */
const cost = 0.15;

export interface EntryPointServer {
  /** From now on requests go by this table. */
  use(table: Table, tlsOptions: Map<string, TlsOptions>): void;
  /** Takes no more connections; resolves when the requests under way are answered, or after `patience` milliseconds. */
  close(patience: number): Promise<void>;
}

export interface EntryPointContext {
  process: ContainerProcess;
  log: Log;
  accessLog: AccessLog | undefined;
  certificates: CertificateStore;
}

/** As Go refuses what is no request. */
function refuse(socket: Duplex, text: string): void {
  socket.end(`HTTP/1.1 ${text}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${text}`);
}

/** Listens on one port: TLS is told by its first byte, HTTP/2 by ALPN. Rejects with EADDRINUSE. */
export async function listenEntryPoint(entry: EntryPoint, context: EntryPointContext): Promise<EntryPointServer> {
  const { process, log, certificates } = context;
  const { name } = entry;
  const sockets = new Set<Duplex>();
  let table: Table | undefined;
  let tlsOptions = new Map<string, TlsOptions>();
  let open = 0;
  let emptied: (() => void) | undefined;
  const trusted = entry.trustedIPs.length > 0 ? inNetworks(entry.trustedIPs) : undefined;
  const forwarded = forwardedHeaders(process.container.pod.hostname, entry.trustAll, trusted);

  function take(
    req: IncomingMessage | Http2ServerRequest,
    res: ServerResponse | Http2ServerResponse,
    secure: boolean,
    upgrade?: { socket: Duplex; head: Buffer },
  ): void {
    req.url = cleanQuery(cleanPath(req.url ?? '/', entry.sanitizePath), entry.encodeSemicolons);
    const exchange = new Exchange(req, res, name, secure, log);
    exchange.upgrade = upgrade;
    open += 1;
    let over = false;
    const ended = (): void => {
      if (over) return;
      over = true;
      open -= 1;
      if (open === 0) emptied?.();
      const { record } = exchange;
      if (!record.status) record.status = res.headersSent ? res.statusCode : 499;
      if (!record.router?.endsWith('@internal') || entry.logsInternals || record.service === 'noop@internal')
        context.accessLog?.(exchange);
    };
    exchange.done = ended;
    res.once('close', ended);
    req.once('error', () => res.destroy());
    const granted = process.container.spend(cost);
    if (granted)
      granted.then(
        () => answer(exchange),
        () => res.destroy(),
      );
    else answer(exchange);
  }

  function answer(exchange: Exchange) {
    if (exchange.res.destroyed) return;
    forwarded(exchange);
    const handler = exchange.secure ? table?.secure : table?.plain;
    if (!handler) return replyError(exchange, 404, '404 page not found');
    try {
      handler(exchange);
    } catch (error) {
      log.error('Recovered from panic', { error: (error as Error).message });
      if (!exchange.res.headersSent) replyError(exchange, 500, 'Internal Server Error');
      else exchange.res.destroy();
    }
  }

  function upgraded(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    const res = new ServerResponse(req);
    res.assignSocket(socket as never);
    res.shouldKeepAlive = false;
    res.once('finish', () => socket.end());
    socket.on('error', () => socket.destroy());
    take(req, res, 'encrypted' in socket, { socket, head });
  }

  const http = createServer({
    keepAliveTimeout: entry.idleTimeout,
    requestTimeout: entry.readTimeout,
    maxHeaderSize: 1 << 20,
    requireHostHeader: false,
    // What else would be upgraded is answered as if it had not asked, as Go does with h2c.
    shouldUpgradeCallback: (req) => req.headers.upgrade?.toLowerCase() === 'websocket',
  });
  http.on('request', (req, res) => {
    if (req.headers.host !== undefined || req.httpVersion === '1.0') take(req, res, 'encrypted' in req.socket);
    else refuse(req.socket, '400 Bad Request: missing required Host header');
  });
  http.on('upgrade', upgraded);
  http.on('clientError', (_, socket) => {
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    refuse(socket, '400 Bad Request');
  });
  // Whoever has asked may close that half of the connection, as `nc` does, and still be answered.
  Object.assign(http, { httpAllowHalfOpen: true });
  const http2 = createHttp2({ settings: { maxConcurrentStreams: 250 } });
  http2.on('request', (req, res) => take(req, res, true));
  http2.on('sessionError', () => {});

  function hold(socket: Duplex): void {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  }

  async function secure(raw: Duplex): Promise<void> {
    const socket = new TLSSocket(raw as never, {
      isServer: true,
      secureContext: await certificates.fallback(tlsOptions.get('default')),
      ALPNProtocols: protocols,
      SNICallback(serverName, done) {
        const options = tlsOptions.get(table?.tlsOptions.get(serverName.toLowerCase()) ?? 'default');
        const found = certificates.find(serverName, options);
        if (found) done(null, found);
        else if (options?.sniStrict) done(new Error('no certificate'));
        else certificates.fallback(options).then((context) => done(null, context), done);
      },
    });
    // TLS over a stream that is no machine's socket does not know who is at the other end.
    const { remoteAddress, remotePort } = raw as { remoteAddress?: string; remotePort?: number };
    Object.defineProperties(socket, { remoteAddress: { value: remoteAddress }, remotePort: { value: remotePort } });
    hold(socket);
    socket.once('secure', () => {
      // As a server of node:tls does; HTTP/2 waits for it.
      Object.assign(socket, { secureConnecting: false });
      if (socket.alpnProtocol === 'h2') http2.emit('connection', socket);
      else http.emit('connection', socket);
    });
    socket.once('_tlsError', () => socket.destroy());
  }

  const listening = await process.container.network.listen(
    entry.port,
    (raw) => {
      hold(raw);
      raw.once('data', (first: Buffer) => {
        raw.pause();
        raw.unshift(first);
        if (first[0] === handshake) secure(raw).catch(() => raw.destroy());
        else {
          http.emit('connection', raw);
          raw.resume();
        }
      });
    },
    entry.host === '127.0.0.1' ? '127.0.0.1' : '0.0.0.0',
  );
  const end = (): void => {
    listening.close();
    for (const socket of sockets) socket.destroy();
  };
  process.killed.addEventListener('abort', end, { once: true });

  return {
    use(next, options) {
      table = next;
      tlsOptions = options;
    },
    async close(patience) {
      listening.close();
      http.closeIdleConnections();
      if (open > 0)
        await new Promise<void>((resolve) => {
          const timer = process.container.clock.after(patience, resolve);
          emptied = () => {
            timer.cancel();
            resolve();
          };
        });
      end();
    },
  };
}
