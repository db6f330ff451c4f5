import type { IncomingMessage } from 'node:http';
import { calculateJwkThumbprint, flattenedVerify, importJWK, type JWK } from 'jose';
import { AcmeProblem, malformed, unauthorized } from './problem.ts';
import type { Account, State } from './state.ts';

/** A request that was signed as it should be. https://datatracker.ietf.org/doc/html/rfc8555#section-6.2 */
export interface Signed {
  /** Parsed; undefined for POST-as-GET, which has none. */
  payload: Record<string, unknown> | undefined;
  header: Header;
  /** The key it is signed with. */
  key: JWK;
  thumbprint: string;
  /** Signed for an account, by its URL. */
  account?: Account;
}

interface Header {
  alg: string;
  url: string;
  nonce: string;
  kid?: string;
  jwk?: JWK;
}

/** Three members, each Base64url. */
export interface Flattened {
  protected: string;
  payload: string;
  signature: string;
}

const ALGORITHMS = ['RS256', 'ES256', 'ES384', 'ES512'];
const JOSE = 'application/jose+json';

/** Numbers that are good for one request each. */
export class Nonces {
  readonly #good = new Set<string>();
  readonly #random: () => string;

  constructor(random: () => string) {
    this.#random = random;
  }

  make(): string {
    const nonce = this.#random();
    this.#good.add(nonce);
    // The oldest are given up, as a server with as many clients does.
    if (this.#good.size > 10_000) this.#good.delete(this.#good.values().next().value!);
    return nonce;
  }

  redeem(nonce: unknown): void {
    if (typeof nonce !== 'string' || !this.#good.delete(nonce))
      throw new AcmeProblem('badNonce', 'JWS has an invalid anti-replay nonce');
  }
}

export interface Verification {
  state: State;
  nonces: Nonces;
  /** The URL the request came for. */
  url: string;
  /** What account URLs begin with. */
  accounts: string;
  /** By whom it may be signed. */
  by: 'account' | 'key' | 'either';
}

/** Throws `malformed`, `badNonce`, `unauthorized` and their like, as Let's Encrypt words them. */
export async function verifyRequest(request: IncomingMessage, body: Buffer, wanted: Verification): Promise<Signed> {
  const { headers } = request;
  const type = headers['content-type'];
  if (!type) throw malformed(`No Content-Type header on POST. Content-Type must be "${JOSE}"`);
  if (type.split(';')[0]?.trim() !== JOSE)
    throw malformed(`Invalid Content-Type header on POST. Content-Type must be "${JOSE}"`);
  if (headers['replay-nonce'])
    throw malformed('HTTP requests should NOT contain Replay-Nonce header. Use JWS nonce field');
  if (body.length === 0) throw malformed('No body on POST');
  const jws = parseJws(body.toString());
  const header = headerOf(jws);
  const by = authOf(header);
  if (wanted.by !== 'either' && by !== wanted.by)
    throw malformed(wanted.by === 'account' ? 'No Key ID in JWS header' : 'No embedded JWK in JWS header');
  const account = by === 'account' ? accountOf(header, wanted) : undefined;
  const key = account?.key ?? (header.jwk as JWK);
  const signed = await verifyWith(jws, header, key);
  wanted.nonces.redeem(header.nonce);
  if (!header.url) throw malformed("JWS header parameter 'url' required");
  if (header.url !== wanted.url)
    throw malformed(`JWS header parameter 'url' incorrect. Expected "${wanted.url}" got "${header.url}"`);
  return { ...signed, ...(account && { account }) };
}

/** The request for another key, inside the one that is signed with the old. https://datatracker.ietf.org/doc/html/rfc8555#section-7.3.5 */
export async function verifyKeyChange(inner: unknown, outerUrl: string): Promise<Signed> {
  const jws = parseJws(JSON.stringify(inner));
  const header = headerOf(jws);
  if (authOf(header) !== 'key') throw malformed('No embedded JWK in JWS header');
  const signed = await verifyWith(jws, header, header.jwk as JWK).catch((error) => {
    throw error instanceof AcmeProblem && error.message === 'JWS verification error'
      ? malformed('Inner JWS does not verify with embedded JWK')
      : error;
  });
  if (!header.url) throw malformed("Inner JWS header parameter 'url' required");
  if (header.url !== outerUrl)
    throw malformed(`Outer JWS 'url' value "${outerUrl}" does not match inner JWS 'url' value "${header.url}"`);
  return signed;
}

function parseJws(text: string): Flattened {
  let parsed: Record<string, unknown>;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw malformed('Parse error reading JWS');
  }
  if (!parsed || typeof parsed !== 'object') throw malformed('Parse error reading JWS');
  if (parsed.header !== undefined) {
    throw malformed('JWS "header" field not allowed. All headers must be in "protected" field');
  }
  if (parsed.signatures !== undefined)
    throw malformed('JWS "signatures" field not allowed. Only the "signature" field should contain a signature');
  const { protected: head, payload, signature } = parsed;
  if (typeof head !== 'string' || typeof payload !== 'string') throw malformed('Parse error reading JWS');
  if (typeof signature !== 'string' || signature === '') throw malformed('POST JWS not signed');
  return { protected: head, payload, signature };
}

function headerOf(jws: Flattened): Header {
  try {
    return JSON.parse(Buffer.from(jws.protected, 'base64url').toString()) as Header;
  } catch {
    throw malformed('Parse error reading JWS');
  }
}

function authOf({ jwk, kid }: Header): 'account' | 'key' {
  if (jwk && kid) throw malformed('jwk and kid header fields are mutually exclusive');
  return jwk ? 'key' : 'account';
}

function accountOf({ kid }: Header, { state, accounts }: Verification): Account {
  if (!kid) throw malformed('No Key ID in JWS header');
  if (!kid.startsWith(accounts)) throw malformed(`KeyID header contained an invalid account URL: "${kid}"`);
  const id = kid.slice(accounts.length);
  if (!/^\d+$/.test(id)) throw malformed(`Malformed account ID in KeyID header URL: "${kid}"`);
  const account = state.get('account', id);
  if (!account) throw new AcmeProblem('accountDoesNotExist', `Account "${kid}" not found`);
  if (account.status !== 'valid') throw unauthorized(`Account is not valid, has status "${account.status}"`);
  return account;
}

async function verifyWith(jws: Flattened, header: Header, key: JWK): Promise<Signed> {
  if (!ALGORITHMS.includes(header.alg)) {
    throw new AcmeProblem(
      'badSignatureAlgorithm',
      `JWS signature header contains unsupported algorithm "${header.alg}", expected one of [${ALGORITHMS.join(' ')}]`,
    );
  }
  checkKey(key);
  const expected = algorithmOf(key);
  if (header.alg !== expected)
    throw malformed(
      `JWS signature header algorithm "${header.alg}" does not match expected algorithm "${expected}" for JWK`,
    );
  const imported = await importJWK({ ...key, alg: expected }, expected).catch(() => {
    throw malformed('Invalid JWK in JWS header');
  });
  const { payload } = await flattenedVerify(jws, imported, { algorithms: [expected] }).catch(() => {
    throw malformed('JWS verification error');
  });
  return {
    payload: payload.length === 0 ? undefined : parsePayload(payload),
    header,
    key: publicPart(key),
    thumbprint: await calculateJwkThumbprint(key),
  };
}

function parsePayload(payload: Uint8Array): Record<string, unknown> {
  try {
    const parsed = JSON.parse(Buffer.from(payload).toString());
    if (parsed && typeof parsed === 'object') return parsed;
  } catch {}
  throw malformed('Request payload did not parse as JSON');
}

const CURVES: Record<string, string> = { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' };

function algorithmOf({ kty, crv = '' }: JWK): string {
  return kty === 'RSA' ? 'RS256' : (CURVES[crv] ?? '');
}

function checkKey(key: JWK): void {
  const weak = (detail: string) => new AcmeProblem('badPublicKey', detail);
  if (algorithmOf(key) === '')
    throw weak('JWK contains unsupported key type (expected RSA, or ECDSA P-256, P-384, or P-521)');
  if (key.kty !== 'RSA') return;
  const bits = Buffer.from(key.n ?? '', 'base64url').length * 8;
  if (bits < 2048) throw weak(`invalid request signing key: key size not supported: ${bits}`);
}

function publicPart({ kty, crv, x, y, n, e }: JWK): JWK {
  return (kty === 'RSA' ? { kty, n, e } : { kty, crv, x, y }) as JWK;
}
