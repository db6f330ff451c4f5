import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { gzip } from 'node:zlib';
import type { Body, Call } from './call.ts';
import { allowLargeAnswers, connectionOptions, refuseBadRequests } from './connections.ts';
import { badRequest, tooLarge } from './errors.ts';
import { handle, type Incoming } from './handle.ts';
import type { Reply, WatchSink } from './reply.ts';
import type { Services } from './services.ts';
import { pipeUpgrade, refuseUpgrade } from './streams/upgrade.ts';
import { writeYaml } from './yaml.ts';

export interface ServerOptions {
  services: Services;
  /** PEM texts. */
  tls: { key: string; cert: string; ca: string };
  /** 0 for any. */
  port: number;
  host: string;
}

export interface ApiServer {
  port: number;
  /** Ends watches and connections; resolves when the port is free. */
  close(): Promise<void>;
}

const bodyLimit = 3 * 1024 * 1024;
/** A reader that is this far behind is dropped; it lists again. */
const watchBacklog = 8 * 1024 * 1024;
const gzipFrom = 128 * 1024;

/** Listens. Rejects when the port is taken. */
export async function startServer(options: ServerOptions): Promise<ApiServer> {
  const { services, tls } = options;
  const sockets = new Set<Socket>();
  const server = createServer(
    {
      ...tls,
      ...connectionOptions,
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      keepAlive: true,
    },
    (request, response) => {
      serve(services, request, response).catch((error) => {
        services.log(`${request.method} ${request.url}: ${error instanceof Error ? error.stack : error}`);
        response.destroy();
      });
    },
  ) as unknown as Server;
  refuseBadRequests(server);
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    upgrade(services, request, socket, head).catch((error) => refuseUpgrade(services, socket, error));
  });
  server.on('secureConnection', (socket: Socket) => {
    sockets.add(socket);
    allowLargeAnswers(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function incomingOf(request: IncomingMessage): Incoming {
  const url = request.url ?? '/';
  const mark = url.indexOf('?');
  return {
    method: request.method ?? 'GET',
    path: mark < 0 ? url : url.slice(0, mark),
    query: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)),
    header: (name) => {
      const value = request.headers[name];
      return Array.isArray(value) ? value.join(',') : value;
    },
    headerNames: () => Object.keys(request.headers),
    body: () => readBody(request),
  };
}

/** Answers one request. */
export async function serve(services: Services, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const incoming = incomingOf(request);
  const begun = performance.now();
  const done = services.metrics.begin(incoming.method);
  const [reply, call] = await handle(services, incoming, () => services.authenticator.authenticate(request));
  done(call, reply.code, (performance.now() - begun) / 1000);
  if (call && reply.stream) return reply.stream(request, response);
  if (reply.watch) return streamWatch(reply, response, call);
  await send(reply, incoming, response, call);
}

async function upgrade(services: Services, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  const incoming = incomingOf(request);
  await pipeUpgrade({ services, incoming, request, socket, head });
}

function readBody(request: IncomingMessage): Promise<Body> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > bodyLimit) {
        // The rest is read and thrown away, so that the client gets to the answer.
        chunks.length = 0;
        reject(tooLarge());
        return;
      }
      chunks.push(chunk);
    });
    request.on('end', () => resolve({ bytes: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks) }));
    request.on('error', reject);
    request.on('aborted', () => reject(badRequest('the client went away')));
  });
}

function headersOf(reply: Reply, call: Call | undefined): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {
    'audit-id': randomUUID(),
    'cache-control': 'no-cache, private',
    ...reply.headers,
  };
  if (call && call.warnings.length > 0)
    headers.warning = call.warnings.map((text) => `299 - "${text.replace(/["\\]/g, '\\$&').replace(/\n/g, ' ')}"`);
  return headers;
}

async function send(reply: Reply, incoming: Incoming, response: ServerResponse, call: Call | undefined): Promise<void> {
  const headers = headersOf(reply, call);
  let body: string | Buffer;
  if (reply.code === 204) {
    response.writeHead(204, headers);
    response.end();
    return;
  }
  if (reply.raw !== undefined) {
    body = reply.raw;
    const type = reply.contentType ?? (body.length > 0 && 'text/plain; charset=utf-8');
    if (type) headers['content-type'] = type;
  } else if (call?.accept.format === 'yaml') {
    body = writeYaml(reply.content?.object);
    headers['content-type'] = 'application/yaml';
  } else {
    body = `${reply.content?.json ?? '{}'}\n`;
    headers['content-type'] = reply.contentType ?? 'application/json';
  }
  // A range is one of the text itself.
  if (reply.code !== 206 && body.length > gzipFrom && /\bgzip\b/.test(incoming.header('accept-encoding') ?? '')) {
    body = await new Promise<Buffer>((resolve, reject) => {
      gzip(body, { level: 1 }, (error, packed) => (error ? reject(error) : resolve(packed)));
    });
    headers['content-encoding'] = 'gzip';
    const vary = String(headers.vary ?? '');
    if (!vary.includes('Accept-Encoding')) headers.vary = vary ? `${vary}, Accept-Encoding` : 'Accept-Encoding';
  }
  if (reply.code !== 304) headers['content-length'] = String(Buffer.byteLength(body));
  response.writeHead(reply.code, headers);
  if (incoming.method === 'HEAD') response.end();
  else response.end(body);
}

function streamWatch(reply: Reply, response: ServerResponse, call: Call | undefined): void {
  const headers = headersOf(reply, call);
  const form = call?.accept.as ? `;as=Table;g=meta.k8s.io;v=${call.accept.version ?? 'v1'}` : '';
  headers['content-type'] = call?.accept.as === 'Table' ? `application/json${form}` : 'application/json';
  response.writeHead(200, headers);
  response.flushHeaders();
  let waiting: Buffer[] = [];
  let backlog = watchBacklog;
  let scheduled = false;
  // Events of one turn leave in one write: a burst costs one record, not hundreds.
  const flush = (): void => {
    scheduled = false;
    if (waiting.length === 0 || response.writableEnded || response.destroyed) return;
    response.write(waiting.length === 1 ? waiting[0] : Buffer.concat(waiting));
    waiting = [];
  };
  const sink: WatchSink = {
    send(event) {
      if (response.destroyed || response.writableEnded) return false;
      if (response.writableLength > backlog) {
        response.destroy();
        return false;
      }
      waiting.push(event.line);
      if (!scheduled) {
        scheduled = true;
        process.nextTick(flush);
      }
      return true;
    },
    end() {
      flush();
      if (!response.writableEnded) response.end();
    },
    onClose: (run) => response.on('close', run),
  };
  reply.watch?.(sink);
  // What is there already was asked for, however much it is.
  backlog += waiting.reduce((sum, line) => sum + line.length, 0);
}
