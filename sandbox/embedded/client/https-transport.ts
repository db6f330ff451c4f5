import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions, Agent as TlsAgent } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import type { Loose } from '../../../kubernetes/object.ts';
import { ApiError, type ApiRequest, asStatus, type Transport, type WatchEvent } from './client.ts';
import type { Credentials } from './kubeconfig.ts';

export interface HttpsTransportOptions {
  /** Connections for requests; watches have their own. */
  maxSockets?: number;
  /** Sent as Impersonate-User: the credentials must have that right. */
  impersonate?: { user: string; groups?: string[] };
  userAgent?: string;
  /** Path of a socket where the server is spoken to without TLS, in place of its address. */
  door?: string;
  /** Asked before each request, in place of the credentials' token: one that is renewed. */
  token?: () => string;
  /** Opens a connection to the server, which TLS is then spoken over; the machine's own network unless given. */
  connect?: () => Promise<Duplex>;
}

/** Milliseconds until a connection that nobody uses is closed. */
const idle = 20_000;

/** JSON over TLS with kept-alive connections. Rejects with the socket's error when the server cannot be reached. */
export function createHttpsTransport(credentials: Credentials, options: HttpsTransportOptions = {}): Transport {
  const base = new URL(credentials.server);
  const tls = {
    ...(credentials.ca && { ca: credentials.ca }),
    ...(credentials.cert && { cert: credentials.cert }),
    ...(credentials.key && { key: credentials.key }),
  };
  const { door, maxSockets = 32, token = () => credentials.token } = options;
  const kept = { keepAlive: true, maxSockets, scheduling: 'lifo', timeout: idle } as const;
  const requests = door ? new Agent(kept) : new TlsAgent({ ...tls, ...kept });
  const watches = door ? new Agent({ keepAlive: false }) : new TlsAgent({ ...tls, keepAlive: false });
  const host = base.hostname.replace(/^\[|\]$/g, '');
  if (options.connect) for (const agent of [requests, watches]) goThrough(agent, options.connect, tls, host);
  const send = door ? httpRequest : httpsRequest;
  const common: Record<string, string | string[]> = {
    accept: 'application/json',
    'user-agent': options.userAgent ?? 'atelier',
  };
  if (options.impersonate) {
    common['impersonate-user'] = options.impersonate.user;
    if (options.impersonate.groups) common['impersonate-group'] = options.impersonate.groups;
  }
  const headersNow = () => {
    const bearer = token();
    return bearer ? { ...common, authorization: `Bearer ${bearer}` } : common;
  };
  const prefix = base.pathname === '/' ? '' : base.pathname;

  function optionsOf(request: ApiRequest, agent: Agent): RequestOptions {
    const { method } = request;
    const path = prefix + request.path;
    if (door) return { agent, socketPath: door, method, path };
    return { agent, host, port: base.port || 443, method, path };
  }

  return {
    request: (request) =>
      new Promise((resolve, reject) => {
        const headers = headersNow();
        const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
        const outgoing = send(
          {
            ...optionsOf(request, requests),
            headers: body
              ? { ...headers, 'content-type': request.contentType ?? 'application/json', 'content-length': body.length }
              : headers,
          },
          (response) => {
            collect(response).then((text) => resolve({ code: response.statusCode ?? 0, body: decode(text) }), reject);
          },
        );
        outgoing.on('error', reject);
        outgoing.end(body);
      }),

    stream: (request, onLine, signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return resolve();
        const outgoing = send({ ...optionsOf(request, watches), headers: headersNow() }, (response) => {
          if (response.statusCode !== 200) {
            const code = response.statusCode ?? 0;
            collect(response).then((text) => reject(new ApiError(asStatus(code, decode(text)))), reject);
            return;
          }
          const feed = lines((line) => onLine(JSON.parse(line) as WatchEvent));
          response.on('data', (chunk: Buffer) => {
            try {
              feed(chunk);
            } catch (error) {
              outgoing.destroy();
              reject(error);
            }
          });
          // A broken connection ends a watch like a timeout does: the reader goes on from the last resourceVersion.
          response.on('error', () => resolve());
          response.on('close', () => resolve());
        });
        const abort = () => outgoing.destroy();
        signal.addEventListener('abort', abort, { once: true });
        outgoing.on('error', (error) => (signal.aborted ? resolve() : reject(error)));
        outgoing.on('close', () => signal.removeEventListener('abort', abort));
        outgoing.end();
      }),

    close() {
      requests.destroy();
      watches.destroy();
    },
  };
}

/** Makes an agent open its connections by `connect`, and speak TLS over them. */
function goThrough(agent: Agent, connect: () => Promise<Duplex>, tls: object, host: string): void {
  agent.createConnection = (_, opened) => {
    connect().then(
      (socket) => {
        const secured = tlsConnect({ socket, ...tls, host, ...(isIP(host) === 0 && { servername: host }) });
        secured.once('secureConnect', () => {
          secured.off('error', opened as never);
          opened?.(null, secured);
        });
        secured.once('error', opened as never);
      },
      (error) => opened?.(error, undefined as never),
    );
    return undefined;
  };
}

function collect(response: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    response.on('error', reject);
  });
}

function decode(text: string): Loose {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Cuts a byte stream at newlines, without decoding a character that is split between two chunks. */
export function lines(onLine: (line: string) => void): (chunk: Buffer) => void {
  let rest: Buffer[] = [];
  return (chunk) => {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      rest.push(chunk.subarray(start, end));
      const line = rest.length === 1 ? rest[0]!.toString('utf8') : Buffer.concat(rest).toString('utf8');
      rest = [];
      start = end + 1;
      if (line) onLine(line);
    }
    if (start < chunk.length) rest.push(chunk.subarray(start));
  };
}
