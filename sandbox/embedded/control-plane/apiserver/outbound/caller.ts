import type { ClientRequest, OutgoingHttpHeaders } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { Loose } from '../../../../../kubernetes/object.ts';
import type { Services } from '../services.ts';
import { textOf } from '../streams/pipe.ts';
import { dial, openService } from './service-road.ts';
import { tlsText } from './tls-text.ts';

/** Whom to call: `clientConfig` of a webhook. https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#contacting-the-webhook */
export interface ClientConfig {
  url?: string;
  service?: { namespace: string; name: string; path?: string; port?: number };
  /** Base64 of PEM. */
  caBundle?: string;
  /** Whoever answers is believed: `insecureSkipTLSVerify` of an APIService. */
  insecure?: boolean;
  /** We show who we are: an APIService's server believes what this certificate says of users. */
  frontProxy?: boolean;
}

export interface Answer {
  code: number;
  text: string;
}

/** Where a call goes, as errors name it. */
interface Place {
  /** With the port, where it was told. */
  host: string;
  name: string;
  port: number;
  path: string;
}

/** Throws an Error for a URL that is none. */
function placeOf({ url, service }: ClientConfig): Place {
  if (url) {
    const { host, hostname, port, pathname } = new URL(url);
    return { host, name: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 443), path: pathname };
  }
  if (!service) throw new Error('webhook configuration must have either service or URL');
  const name = `${service.name}.${service.namespace}.svc`;
  const port = service.port ?? 443;
  const path = service.path ?? '/';
  return { host: `${name}:${port}`, name, port, path: path.startsWith('/') ? path : `/${path}` };
}

const mostAgents = 64;
const mostIdle = 4;

/** Calls programs outside of this process, over TLS that is verified; connections are kept for the next call. */
export class Caller {
  readonly #services: () => Services;
  readonly #agents = new Map<string, Agent>();

  constructor(services: () => Services) {
    this.#services = services;
  }

  /**
   * POSTs JSON; the answer's code is not judged. Rejects with an Error in the words of Go's client:
   * `Post "https://…?timeout=10s": dial tcp …: connect: connection refused`.
   */
  async post(config: ClientConfig, body: Loose, seconds: number): Promise<Answer> {
    const place = placeOf(config);
    const path = `${place.path}?timeout=${seconds}s`;
    const shown = `https://${place.host}${path}`;
    const limit = AbortSignal.timeout(seconds * 1000);
    const text = JSON.stringify(body);
    try {
      return await this.#send(config, place, { method: 'POST', path, signal: limit }, text, true);
    } catch (error) {
      const why = limit.aborted ? 'context deadline exceeded' : tlsText(error, place.name);
      throw new Error(`Post ${JSON.stringify(shown)}: ${why}`);
    }
  }

  /** GETs a path; the answer's code is not judged. Rejects with what Go's client says after the address. */
  async get(config: ClientConfig, path: string, seconds: number): Promise<Answer> {
    const place = placeOf(config);
    const limit = AbortSignal.timeout(seconds * 1000);
    try {
      return await this.#send(config, place, { method: 'GET', path, signal: limit }, '', true);
    } catch (error) {
      throw new Error(limit.aborted ? 'context deadline exceeded' : tlsText(error, place.name));
    }
  }

  /** Begins a request whose body and answer are the caller's business. */
  open(config: ClientConfig, options: { method: string; path: string; headers: OutgoingHttpHeaders }): ClientRequest {
    const place = placeOf(config);
    return httpsRequest({
      ...options,
      headers: { ...options.headers, host: place.host },
      host: place.name,
      port: place.port,
      agent: this.#agentFor(config, place),
    });
  }

  #send(config: ClientConfig, place: Place, options: RequestOptions, text: string, again: boolean): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const outgoing = httpsRequest({
        ...options,
        host: place.name,
        port: place.port,
        agent: this.#agentFor(config, place),
        headers: {
          host: place.host,
          accept: 'application/json, */*',
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(text),
          'user-agent': options.method === 'GET' ? 'kube-aggregator' : 'kube-apiserver-admission',
        },
      });
      outgoing.on('response', async (answer) => {
        const text = await textOf(answer);
        if (!answer.complete && options.signal?.aborted) reject(new Error('context deadline exceeded'));
        else resolve({ code: answer.statusCode ?? 500, text });
      });
      outgoing.on('error', (error: NodeJS.ErrnoException) => {
        // The other end may have closed a kept connection just now.
        const stale = again && outgoing.reusedSocket && error.code === 'ECONNRESET';
        if (stale) this.#send(config, place, options, text, false).then(resolve, reject);
        else reject(error);
      });
      outgoing.end(text);
    });
  }

  #agentFor(config: ClientConfig, { name, port }: Place): Agent {
    const key = JSON.stringify([config.url, config.service, config.caBundle, config.insecure]);
    const known = this.#agents.get(key);
    if (known) return known;
    const agent = new Agent({ keepAlive: true, maxFreeSockets: mostIdle });
    const { service } = config;
    const open = (): Promise<Duplex> =>
      service ? openService(this.#services(), { ...service, port }) : dial(name, port);
    const ca = config.caBundle ? Buffer.from(config.caBundle, 'base64').toString('utf8') : undefined;
    agent.createConnection = ((_options: unknown, done: (error: Error | null, socket?: Duplex) => void) => {
      const pair = config.frontProxy ? this.#services().frontProxy : undefined;
      secure(open, name, { ...(ca && { ca }), ...pair, rejectUnauthorized: !config.insecure }).then(
        (socket) => done(null, socket),
        (error) => done(error),
      );
    }) as typeof agent.createConnection;
    if (this.#agents.size >= mostAgents) this.close();
    this.#agents.set(key, agent);
    return agent;
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }
}

/** TLS on a connection, with the name that its certificate must have. */
async function secure(open: () => Promise<Duplex>, name: string, options: ConnectionOptions): Promise<Duplex> {
  const socket = await open();
  return new Promise((resolve, reject) => {
    const tls = connectTls({
      socket,
      ...(isIP(name) ? { host: name } : { servername: name }),
      ...options,
      ALPNProtocols: ['http/1.1'],
    });
    tls.once('secureConnect', () => {
      tls.off('error', reject);
      resolve(tls);
    });
    tls.once('error', reject);
    tls.once('close', () => reject(new Error('EOF')));
  });
}
