import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import type { ContainerProcess } from '../image.ts';
import { TRUSTED } from '../process/layer.ts';

export interface Call {
  url: URL;
  method: string;
  headers: Record<string, string>;
  body?: Buffer | string | undefined;
  /** Milliseconds for the whole exchange. */
  timeout?: number | undefined;
  insecure?: boolean;
  /** Certificates in PEM, where the usual ones will not do. */
  tls?: Certificates | undefined;
}

export interface Certificates {
  ca?: string | undefined;
  cert?: string | undefined;
  key?: string | undefined;
  /** The name on the server's certificate, where the URL has another. */
  serverName?: string | undefined;
}

/** Thrown when the time is over. */
export class CallTimeout extends Error {}

/** One HTTP request over the pod's network; rejects with the network's code (ENOTFOUND, ECONNREFUSED, ETIMEDOUT). */
export async function callHttp(process: ContainerProcess, call: Call): Promise<IncomingMessage> {
  const { url } = call;
  const secure = url.protocol === 'https:';
  const port = Number(url.port || (secure ? 443 : 80));
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const exchange = (async () => {
    const raw = await process.container.network.connect(host, port);
    const socket = secure ? await handshake(raw, host, trusting(process, call)) : raw;
    const close = () => raw.destroy();
    process.killed.addEventListener('abort', close, { once: true });
    raw.once('close', () => process.killed.removeEventListener('abort', close));
    return new Promise<IncomingMessage>((resolve, reject) => {
      const request = httpRequest({
        createConnection: () => socket as never,
        method: call.method,
        path: url.pathname + url.search,
        headers: { Host: url.host, ...call.headers, Connection: 'close' },
        setHost: false,
      });
      request.on('response', resolve);
      request.on('error', reject);
      request.end(call.body);
    });
  })();
  if (call.timeout === undefined) return process.idle(exchange);
  const { timeout } = call;
  return process.idle(
    new Promise((resolve, reject) => {
      const timer = process.container.clock.after(timeout, () => reject(new CallTimeout()));
      exchange.then(resolve, reject).finally(() => timer.cancel());
    }),
  );
}

/** Without authorities of its own, a call trusts those of its container. */
function trusting(process: ContainerProcess, call: Call): Call {
  if (call.insecure || call.tls?.ca !== undefined) return call;
  return { ...call, tls: { ...call.tls, ca: trustedBy(process) } };
}

/** PEM of the authorities a process trusts: the image's file, or what `SSL_CERT_FILE` names; empty where there is none. */
export function trustedBy({ env, fs }: ContainerProcess): string {
  try {
    return Buffer.from(fs.read(env.SSL_CERT_FILE || TRUSTED)).toString();
  } catch {
    return '';
  }
}

function handshake(raw: Duplex, host: string, { insecure = false, tls = {} }: Call): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const name = tls.serverName ?? host;
    const { ca, cert, key } = tls;
    const socket = tlsConnect({
      socket: raw,
      // What an address is checked against, when no name is sent.
      host: name,
      rejectUnauthorized: !insecure,
      // As curl and Go have it: whoever is trusted need not have signed itself.
      allowPartialTrustChain: true,
      ...(/[a-z]/i.test(name) && { servername: name }),
      // None at all means none: Node's own list is not the container's.
      ...(ca !== undefined && { ca: ca || [] }),
      ...(cert && { cert }),
      ...(key && { key }),
    });
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
  });
}
