import { createHash, createHmac, createPublicKey, type KeyObject, sign } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Loose } from '../../../../../../kubernetes/object.ts';
import { CallTimeout, callHttp } from '../../http/client.ts';
import { readBody } from '../../http/server.ts';
import type { ContainerProcess } from '../../image.ts';
import { dialError, requestError } from '../../in-cluster/words.ts';
import { AcmeProblem, authorizationError, type Problem } from './problem.ts';

/** Milliseconds for one exchange, and for a certificate to be made. */
const timeout = 90_000;
/** Milliseconds between two looks at what the server is about: short at first, as ours needs no time to think. */
const soonest = 100;
const poll = 1000;
/** How often a request is sent whose nonce is stale. */
const tries = 3;

export interface AcmeOptions {
  process: ContainerProcess;
  /** Address of the directory. */
  server: string;
  /** RSA, as the real program wants it. */
  key: KeyObject;
  /** PEM of the authorities trusted in place of the container's. */
  ca?: string | undefined;
  insecure?: boolean | undefined;
  /** Told of each request. */
  onRequest?: (method: string, url: URL, status: string) => void;
}

interface Directory {
  newNonce: string;
  newAccount: string;
  newOrder: string;
  meta?: { profiles?: Record<string, string> };
}

export interface Account {
  uri: string;
  contact: string[];
}

export interface AcmeOrder {
  uri: string;
  status: string;
  authorizations: string[];
  finalize: string;
  certificate?: string;
  error?: Problem;
}

export interface Authorization {
  status: string;
  identifier: { type: string; value: string };
  wildcard?: boolean;
  challenges: { type: string; url: string; token: string; status: string; error?: Problem }[];
  error?: Problem;
}

interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  text: string;
}

const base64url = (data: Buffer | string): string => Buffer.from(data).toString('base64url');

/** A client of an ACME server over the pod's network. https://www.rfc-editor.org/rfc/rfc8555 */
export class AcmeClient {
  #options: AcmeOptions;
  #directory: Directory | undefined;
  #nonces: string[] = [];
  #account: string | undefined;
  #jwk: { e: string; kty: string; n: string };

  constructor(options: AcmeOptions) {
    this.#options = options;
    const { e = '', n = '' } = createPublicKey(options.key).export({ format: 'jwk' });
    // The members in this order: their digest is the thumbprint.
    this.#jwk = { e, kty: 'RSA', n };
  }

  /** The account of the key, made when there is none. */
  async register(contact: string[], binding?: { id: string; key: Buffer }): Promise<Account> {
    const { newAccount } = await this.#discover();
    const body: Loose = { termsOfServiceAgreed: true, ...(contact.length > 0 && { contact }) };
    if (binding) body.externalAccountBinding = this.#bind(newAccount, binding);
    const answer = await this.#post(newAccount, body, [200, 201], false);
    const uri = String(answer.headers.location ?? '');
    this.#account = uri;
    return { uri, contact: decode(answer.text).contact ?? [] };
  }

  async updateContact(account: Account, contact: string[]): Promise<Account> {
    const answer = await this.#post(account.uri, { contact }, [200]);
    return { uri: account.uri, contact: decode(answer.text).contact ?? [] };
  }

  async createOrder(identifiers: Loose[], more: { notAfter?: string; profile?: string }): Promise<AcmeOrder> {
    const { newOrder, meta } = await this.#discover();
    if (more.profile && !meta?.profiles) throw new Error('acme: certificate authority does not support profiles');
    if (more.profile && !meta?.profiles?.[more.profile])
      throw new Error(`acme: certificate authority does not advertise a profile with name ${more.profile}`);
    const answer = await this.#post(newOrder, { identifiers, ...more }, [201]);
    return orderOf(String(answer.headers.location ?? ''), answer.text);
  }

  async order(uri: string): Promise<AcmeOrder> {
    return orderOf(uri, (await this.#post(uri, undefined, [200])).text);
  }

  async authorization(uri: string): Promise<Authorization> {
    return decode((await this.#post(uri, undefined, [200])).text);
  }

  /** Says that a challenge is ready; answers with its status. */
  async accept(uri: string): Promise<string> {
    return decode((await this.#post(uri, {}, [200, 202])).text).status ?? 'pending';
  }

  /** Resolves once the authorization is valid; rejects with how it failed. */
  async waitForAuthorization(uri: string, within: number): Promise<Authorization> {
    const { clock } = this.#options.process.container;
    const until = clock.monotonic() + within;
    for (let pause = soonest; ; pause = Math.min(poll, pause * 2)) {
      const authorization = await this.authorization(uri);
      if (authorization.status === 'valid') return authorization;
      if (authorization.status === 'invalid') throw authorizationError(authorization);
      if (clock.monotonic() > until) throw new Error('context deadline exceeded');
      await this.#options.process.sleep(pause);
    }
  }

  /** Has the order's certificate made; answers with its chain in PEM. */
  async finalize(order: { uri: string; finalize: string }, request: Buffer): Promise<string> {
    const answer = await this.#post(order.finalize, { csr: base64url(request) }, [200]);
    const { clock } = this.#options.process.container;
    const until = clock.monotonic() + timeout;
    let current = orderOf(order.uri, answer.text);
    for (let pause = soonest; current.status !== 'valid'; pause = Math.min(poll, pause * 2)) {
      if (current.status === 'invalid')
        throw new Error(
          `acme: order ${order.uri} status: invalid${current.error ? `; problem: ${new AcmeProblem(current.error).message}` : ''}`,
        );
      if (clock.monotonic() > until) throw new Error('context deadline exceeded');
      await this.#options.process.sleep(pause);
      current = await this.order(order.uri);
    }
    return this.certificate(current.certificate ?? '');
  }

  async certificate(uri: string): Promise<string> {
    return (await this.#post(uri, undefined, [200])).text;
  }

  /** What a token is answered with. */
  keyAuthorization(token: string): string {
    const thumbprint = createHash('sha256').update(JSON.stringify(this.#jwk)).digest('base64url');
    return `${token}.${thumbprint}`;
  }

  /** What is set as TXT at `_acme-challenge`. */
  dnsRecord(token: string): string {
    return createHash('sha256').update(this.keyAuthorization(token)).digest('base64url');
  }

  async #discover(): Promise<Directory> {
    if (this.#directory) return this.#directory;
    const answer = await this.#send('GET', this.#options.server);
    if (answer.status !== 200) throw problemOf(answer);
    const directory = decode(answer.text) as Directory;
    if (!directory.newOrder) throw new Error('acme: server does not support the RFC 8555 version of ACME protocol');
    this.#directory = directory;
    return directory;
  }

  /** Signed; no body means POST-as-GET. */
  async #post(url: string, body: Loose, wanted: number[], known = true): Promise<Answer> {
    await this.#discover();
    if (known && !this.#account) {
      const { newAccount } = await this.#discover();
      const found = await this.#post(newAccount, { onlyReturnExisting: true }, [200], false);
      this.#account = String(found.headers.location ?? '');
    }
    for (let attempt = 1; ; attempt += 1) {
      const answer = await this.#send('POST', url, await this.#sign(url, body, known));
      if (wanted.includes(answer.status)) return answer;
      const problem = problemOf(answer);
      if (!problem.type.toLowerCase().endsWith(':badnonce') || attempt >= tries) throw problem;
      this.#nonces = [];
    }
  }

  async #sign(url: string, body: Loose, known: boolean): Promise<string> {
    const nonce = this.#nonces.pop() ?? (await this.#newNonce());
    const identity = known ? { kid: this.#account } : { jwk: this.#jwk };
    const header = base64url(JSON.stringify({ alg: 'RS256', nonce, url, ...identity }));
    const payload = body === undefined ? '' : base64url(JSON.stringify(body));
    const signature = base64url(sign('sha256', Buffer.from(`${header}.${payload}`), this.#options.key));
    return JSON.stringify({ protected: header, payload, signature });
  }

  /** An account with the authority's customer, proven by the key they gave out. */
  #bind(url: string, { id, key }: { id: string; key: Buffer }): Loose {
    const header = base64url(JSON.stringify({ alg: 'HS256', kid: id, url }));
    const payload = base64url(JSON.stringify(this.#jwk));
    const signature = createHmac('sha256', key).update(`${header}.${payload}`).digest('base64url');
    return { protected: header, payload, signature };
  }

  async #newNonce(): Promise<string> {
    const { newNonce } = await this.#discover();
    const answer = await this.#send('HEAD', newNonce);
    const nonce = this.#nonces.pop();
    if (nonce) return nonce;
    throw answer.status >= 400 ? problemOf(answer) : new Error('acme: nonce not found');
  }

  async #send(method: string, address: string, body?: string): Promise<Answer> {
    const { process, ca, insecure = false, onRequest } = this.#options;
    let url: URL;
    try {
      url = new URL(address);
    } catch {
      throw new Error(
        `${method.charAt(0)}${method.slice(1).toLowerCase()} ${JSON.stringify(address)}: unsupported protocol scheme ""`,
      );
    }
    let response: IncomingMessage;
    try {
      response = await callHttp(process, {
        url,
        method,
        headers: {
          'User-Agent': 'cert-manager-clusterissuers/v1.21.2 (linux/amd64) cert-manager',
          ...(body && { 'Content-Type': 'application/jose+json', 'Content-Length': String(Buffer.byteLength(body)) }),
        },
        body,
        timeout,
        insecure,
        ...(ca && { tls: { ca } }),
      });
    } catch (error) {
      onRequest?.(method, url, '999');
      if (process.killed.aborted) throw error;
      const port = url.port || (url.protocol === 'https:' ? '443' : '80');
      const why =
        error instanceof CallTimeout
          ? 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
          : dialError(`${url.hostname}:${port}`, error as NodeJS.ErrnoException);
      throw requestError(method, address, why);
    }
    onRequest?.(method, url, String(response.statusCode));
    const nonce = response.headers['replay-nonce'];
    if (typeof nonce === 'string') this.#nonces.push(nonce);
    const text = (await readBody(response)).toString('utf8');
    return { status: response.statusCode ?? 0, headers: response.headers, text };
  }
}

function decode(text: string): Loose {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`acme: invalid response: ${(error as Error).message}`);
  }
}

function orderOf(uri: string, text: string): AcmeOrder {
  return { authorizations: [], finalize: '', ...decode(text), uri };
}

function problemOf({ status, text, headers }: Answer): AcmeProblem {
  let said: Loose = {};
  try {
    said = JSON.parse(text);
  } catch {
    said = { detail: text || `${status}` };
  }
  return new AcmeProblem({ status, ...said }, headers['retry-after']);
}
