import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions, Agent as TlsAgent } from 'node:https';
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
  const { door, maxSockets = 32 } = options;
  const kept = { keepAlive: true, maxSockets, scheduling: 'lifo', timeout: idle } as const;
  const requests = door ? new Agent(kept) : new TlsAgent({ ...tls, ...kept });
  const watches = door ? new Agent({ keepAlive: false }) : new TlsAgent({ ...tls, keepAlive: false });
  const send = door ? httpRequest : httpsRequest;
  const headers: Record<string, string | string[]> = {
    accept: 'application/json',
    'user-agent': options.userAgent ?? 'atelier',
  };
  if (credentials.token) headers.authorization = `Bearer ${credentials.token}`;
  if (options.impersonate) {
    headers['impersonate-user'] = options.impersonate.user;
    if (options.impersonate.groups) headers['impersonate-group'] = options.impersonate.groups;
  }
  const prefix = base.pathname === '/' ? '' : base.pathname;

  function optionsOf(request: ApiRequest, agent: Agent): RequestOptions {
    const { method } = request;
    const path = prefix + request.path;
    if (door) return { agent, socketPath: door, method, path };
    return { agent, host: base.hostname.replace(/^\[|\]$/g, ''), port: base.port || 443, method, path };
  }

  return {
    request: (request) =>
      new Promise((resolve, reject) => {
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
        const outgoing = send({ ...optionsOf(request, watches), headers }, (response) => {
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
