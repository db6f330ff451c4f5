import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { ContainerProcess } from '../image.ts';

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string | Uint8Array;
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void;

/** An answer with a page of text or HTML. */
export function answer(status: number, body: string | Uint8Array, headers: Record<string, string> = {}): Answer {
  return { status, headers: { 'content-type': 'text/html', ...headers }, body };
}

export function send(response: ServerResponse, { status, headers, body }: Answer): void {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  const none = status === 204 || status === 304;
  response.writeHead(status, none ? headers : { ...headers, 'content-length': length });
  response.end(none || response.req.method === 'HEAD' ? undefined : body);
}

export interface Listening {
  close(): void;
}

export interface ListeningHttp extends Listening {
  /** New connections are served with this certificate. */
  secure(tls: ServerTls): void;
}

/** What an answered request costs where the image declares nothing: milliseconds of one core. */
const REQUEST = 1;

/** PEM texts. */
export interface ServerTls {
  key: string;
  cert: string;
}

/** Speaks HTTP, or HTTPS, on a port of the pod until the process ends. Rejects with EADDRINUSE as listen(2) does. */
export async function listenHttp(
  process: ContainerProcess,
  port: number,
  handler: Handler,
  host?: '0.0.0.0' | '127.0.0.1',
  tls?: ServerTls,
): Promise<ListeningHttp> {
  let secured = tls;
  const sockets = new Set<Duplex>();
  // Made with the first connection: hundreds of idle servers then cost next to nothing.
  let server: Server | TlsServer | undefined;
  const open = (): Server | TlsServer => {
    const answerOne: RequestListener = (request, response) => {
      process
        .compute(process.container.load.request ?? REQUEST)
        .then(() => (response.destroyed ? undefined : handler(request, response)))
        .catch((error: unknown) => {
          if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' });
          response.end(process.killed.aborted ? undefined : `simulated program failed: ${(error as Error).message}\n`);
        });
    };
    server = secured
      ? createTlsServer({ ...secured, keepAliveTimeout: 65_000 }, answerOne)
      : createServer({ keepAliveTimeout: 65_000 }, answerOne);
    // A caller that does not trust the certificate hangs up: that is its business.
    server.on('tlsClientError', () => {});
    // Whoever has asked may close that half of the connection, as `nc` does at the end of its input, and still be answered.
    Object.assign(server, { httpAllowHalfOpen: true });
    return server;
  };
  const listener = await process.container.network.listen(
    port,
    (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => socket.destroy());
      (server ?? open()).emit('connection', socket);
    },
    host,
  );
  const close = () => {
    listener.close();
    for (const socket of sockets) socket.destroy();
    server?.closeAllConnections();
  };
  if (process.killed.aborted) close();
  else process.killed.addEventListener('abort', close, { once: true });
  return {
    close: () => {
      process.killed.removeEventListener('abort', close);
      listener.close();
      server?.closeIdleConnections();
    },
    secure(next) {
      secured = next;
      (server as TlsServer | undefined)?.setSecureContext(next);
    },
  };
}

/** All of a request's body. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
