import type { IncomingMessage } from 'node:http';
import { calculateJwkThumbprint, FlattenedSign, importJWK, type JWK } from 'jose';
import { callHttp } from '../http/client.ts';
import type { ContainerProcess } from '../image.ts';

/** A refusal of the ACME server, as it words it. */
export class AcmeRefusal extends Error {
  readonly type: string;
  constructor(problem: { type?: string; detail?: string }) {
    super(problem.detail ?? problem.type ?? 'unknown');
    this.type = (problem.type ?? '').replace('urn:ietf:params:acme:error:', '');
  }
}

interface Directory {
  newNonce: string;
  newAccount: string;
  newOrder: string;
  revokeCert: string;
  renewalInfo?: string;
  meta?: { termsOfService?: string };
}

export interface AcmeOrder {
  url: string;
  status: string;
  authorizations: string[];
  finalize: string;
  certificate?: string;
  error?: { type?: string; detail?: string };
}

export interface AcmeAuthorization {
  url: string;
  status: string;
  identifier: { type: string; value: string };
  wildcard?: boolean;
  challenges: { type: string; url: string; token: string; status: string; error?: { type: string; detail: string } }[];
}

interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  text: string;
}

/** An ACME client in a container: asks over the pod's network, trusts what the container trusts. RFC 8555. */
export class AcmeClient {
  readonly #process: ContainerProcess;
  readonly #server: string;
  #directory: Directory | undefined;
  #nonce: string | undefined;
  readonly key: JWK;
  account: string | undefined;

  constructor(process: ContainerProcess, options: { server: string; key: JWK; account?: string | undefined }) {
    this.#process = process;
    this.#server = options.server;
    this.key = options.key;
    this.account = options.account;
  }

  async directory(): Promise<Directory> {
    if (this.#directory) return this.#directory;
    const answer = await this.#ask('GET', this.#server);
    try {
      if (answer.status !== 200) throw new Error();
      this.#directory = JSON.parse(answer.text) as Directory;
    } catch {
      throw Object.assign(new Error(), { python: `acme.errors.ClientError: <Response [${answer.status}]>` });
    }
    return this.#directory;
  }

  /** Rejects with an AcmeRefusal. */
  async register(contact: string[]): Promise<string> {
    const { newAccount } = await this.directory();
    const answer = await this.#post(newAccount, { termsOfServiceAgreed: true, contact });
    this.account = String(answer.headers.location);
    return this.account;
  }

  async deactivate(): Promise<void> {
    await this.directory();
    await this.#post(this.account!, { status: 'deactivated' });
  }

  async order(names: string[]): Promise<AcmeOrder> {
    const { newOrder } = await this.directory();
    const answer = await this.#post(newOrder, { identifiers: names.map((value) => ({ type: 'dns', value })) });
    return { ...JSON.parse(answer.text), url: String(answer.headers.location) };
  }

  async authorization(url: string): Promise<AcmeAuthorization> {
    return { ...JSON.parse((await this.#post(url)).text), url };
  }

  async answer(challenge: string): Promise<void> {
    await this.#post(challenge, {});
  }

  async finalize(order: AcmeOrder, csr: Buffer): Promise<AcmeOrder> {
    const answer = await this.#post(order.finalize, { csr: csr.toString('base64url') });
    return { ...JSON.parse(answer.text), url: order.url };
  }

  async orderAt(url: string): Promise<AcmeOrder> {
    return { ...JSON.parse((await this.#post(url)).text), url };
  }

  async certificate(url: string): Promise<string> {
    return (await this.#post(url)).text;
  }

  async revoke(der: Buffer, reason: number): Promise<void> {
    const { revokeCert } = await this.directory();
    await this.#post(revokeCert, { certificate: der.toString('base64url'), reason });
  }

  async keyAuthorization(token: string): Promise<string> {
    return `${token}.${await calculateJwkThumbprint(this.key)}`;
  }

  async #post(url: string, payload?: object): Promise<Answer> {
    for (let attempt = 0; ; attempt += 1) {
      const { newNonce } = await this.directory();
      const nonce = this.#nonce ?? String((await this.#ask('HEAD', newNonce)).headers['replay-nonce']);
      this.#nonce = undefined;
      const { d: _, ...open } = this.key;
      const signed = await new FlattenedSign(Buffer.from(payload ? JSON.stringify(payload) : ''))
        .setProtectedHeader({ alg: 'ES256', nonce, url, ...(this.account ? { kid: this.account } : { jwk: open }) })
        .sign(await importJWK(this.key, 'ES256'));
      const answer = await this.#ask('POST', url, JSON.stringify(signed));
      if (answer.status < 400) return answer;
      const problem = problemOf(answer);
      if (problem.type !== 'badNonce' || attempt > 4) throw problem;
    }
  }

  async #ask(method: string, url: string, body?: string): Promise<Answer> {
    const target = new URL(url);
    const headers: Record<string, string> = { 'User-Agent': 'CertbotACMEClient/5.8.0 (certbot; simulated by Atelier)' };
    if (body !== undefined)
      Object.assign(headers, {
        'Content-Type': 'application/jose+json',
        'Content-Length': String(Buffer.byteLength(body)),
      });
    try {
      const answer = await callHttp(this.#process, { url: target, method, headers, body, timeout: 45_000 });
      const chunks: Buffer[] = [];
      for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
      const nonce = answer.headers['replay-nonce'];
      if (typeof nonce === 'string') this.#nonce = method === 'HEAD' ? undefined : nonce;
      return { status: answer.statusCode ?? 0, headers: answer.headers, text: Buffer.concat(chunks).toString() };
    } catch (error) {
      throw this.#process.killed.aborted ? error : networkError(error as NodeJS.ErrnoException, target);
    }
  }
}

function problemOf({ text, status }: Answer): AcmeRefusal {
  try {
    return new AcmeRefusal(JSON.parse(text));
  } catch {
    return new AcmeRefusal({ detail: `<Response [${status}]>` });
  }
}

/** What the library requests says, which certbot asks with. */
function networkError(error: NodeJS.ErrnoException, url: URL): Error {
  const { hostname: host } = url;
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  const sort = url.protocol === 'https:' ? 'HTTPSConnection' : 'HTTPConnection';
  const pool = `${sort}Pool(host='${host}', port=${port}): Max retries exceeded with url: ${url.pathname}`;
  const failed = (why: string) => `${sort}(host='${host}', port=${port}): ${why}`;
  const { code = '', message } = error;
  let python: string;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    const errno = code === 'ENOTFOUND' ? '[Errno -2] Name or service not known' : '[Errno -3] Try again';
    python = `requests.exceptions.ConnectionError: ${pool} (Caused by NameResolutionError("${failed(`Failed to resolve '${host}' (${errno})`)}"))`;
  } else if (code === 'ECONNREFUSED') {
    python = `requests.exceptions.ConnectionError: ${pool} (Caused by NewConnectionError("${failed('Failed to establish a new connection: [Errno 111] Connection refused')}"))`;
  } else if (/CERT|SELF_SIGNED|UNABLE_TO|ALTNAME|UNSPECIFIED/.test(code)) {
    const why =
      code === 'ERR_TLS_CERT_ALTNAME_INVALID'
        ? `Hostname mismatch, certificate is not valid for '${host}'.`
        : code === 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'
          ? 'unable to get local issuer certificate'
          : (message.split(';')[0] ?? message);
    python = `requests.exceptions.SSLError: ${pool} (Caused by SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: ${why} (_ssl.c:1028)')))`;
  } else if (code === 'ETIMEDOUT') {
    python = `requests.exceptions.ConnectTimeout: ${pool} (Caused by ConnectTimeoutError(${failed(`Connection to ${host} timed out. (connect timeout=45)`)}))`;
  } else {
    python = `requests.exceptions.ConnectionError: ('Connection aborted.', ${JSON.stringify(message)})`;
  }
  return Object.assign(new Error(python), { python });
}
