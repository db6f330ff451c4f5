import { generateKeyPairSync } from 'node:crypto';
import * as acme from 'acme-client';
import { exportJWK, FlattenedSign, generateKeyPair, type JWK } from 'jose';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type AcmeServer, openAcmeServer } from './acme-server.ts';

const HOST = 'https://acme.atelier-internet.svc.cluster.local';
let server: AcmeServer;
beforeAll(async () => {
  server = await openAcmeServer();
});
afterAll(() => server.close());
// Ten accounts an address in three hours are all there are.
beforeEach(() => void server.clock.skip(3 * 3_600_000));

/** Somebody who signs what they like. */
class Signer {
  nonce: string | undefined;
  kid: string | undefined;
  readonly key: CryptoKey;
  readonly jwk: JWK;
  private constructor(key: CryptoKey, jwk: JWK) {
    this.key = key;
    this.jwk = jwk;
  }

  static async make(): Promise<Signer> {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    return new Signer(privateKey, await exportJWK(publicKey));
  }

  async sign(path: string, payload: unknown, header: Record<string, unknown> = {}): Promise<string> {
    const nonce = this.nonce ?? (await server.fetch('/production/acme/new-nonce')).headers.get('replay-nonce');
    this.nonce = undefined;
    const who = this.kid ? { kid: this.kid } : { jwk: this.jwk };
    const signed = await new FlattenedSign(Buffer.from(payload === undefined ? '' : JSON.stringify(payload)))
      .setProtectedHeader({ alg: 'ES256', nonce, url: HOST + path, ...who, ...header })
      .sign(this.key);
    return JSON.stringify(signed);
  }

  async post(path: string, payload: unknown, header: Record<string, unknown> = {}) {
    return post(path, await this.sign(path, payload, header));
  }

  async register(): Promise<this> {
    const answer = await this.post('/production/acme/new-acct', { termsOfServiceAgreed: true });
    this.kid = answer.headers.get('location') ?? undefined;
    return this;
  }
}

async function post(path: string, body: string, type = 'application/jose+json') {
  const answer = await server.fetch(path, { method: 'POST', body, headers: { 'content-type': type } });
  return { ...answer, json: answer.body.startsWith('{') ? JSON.parse(answer.body) : undefined };
}

const problem = (type: string, detail: string, status = 400) => ({
  type: `urn:ietf:params:acme:error:${type}`,
  detail,
  status,
});
const ordering = (...names: string[]) => ({ identifiers: names.map((value) => ({ type: 'dns', value })) });

test('directories, nonces, and what is not there', async () => {
  const { body, headers } = await server.fetch('/production/directory');
  expect(Object.keys(JSON.parse(body)).sort()).toEqual([
    'keyChange',
    'meta',
    'newAccount',
    'newNonce',
    'newOrder',
    'renewalInfo',
    'revokeCert',
  ]);
  expect(headers.get('content-type')).toBe('application/json');
  const nonce = await server.fetch('/staging/acme/new-nonce', { method: 'HEAD' });
  expect([nonce.status, nonce.headers.get('cache-control')]).toEqual([200, 'no-store']);
  expect(nonce.headers.get('link')).toBe(`<${HOST}/staging/directory>;rel="index"`);
  expect((await server.fetch('/production/acme/new-nonce')).status).toBe(204);
  expect((await server.fetch('/nowhere')).status).toBe(404);
  const wrong = await server.fetch('/production/acme/new-order');
  expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST']);
  expect(JSON.parse(wrong.body)).toEqual(problem('malformed', 'Method not allowed', 405));
});

test('what is signed wrongly is refused, by its fault', async () => {
  const who = await (await Signer.make()).register();
  const path = '/production/acme/new-order';
  const jws = 'Unable to validate JWS :: ';
  const good = await who.sign(path, ordering('a.localhost'));
  expect((await post(path, good, 'application/json')).json).toEqual(
    problem('malformed', `${jws}Invalid Content-Type header on POST. Content-Type must be "application/jose+json"`),
  );
  expect((await post(path, '{')).json).toEqual(problem('malformed', `${jws}Parse error reading JWS`));
  const parts = JSON.parse(good);
  expect((await post(path, JSON.stringify({ ...parts, payload: 'e30' }))).json).toEqual(
    problem('malformed', `${jws}JWS verification error`),
  );
  const ok = await post(path, good);
  expect(ok.status).toBe(201);
  const again = await post(path, good);
  expect(again.json).toEqual(problem('badNonce', 'JWS has an invalid anti-replay nonce'));
  expect(again.headers.get('replay-nonce')).toBeTruthy();
  expect((await who.post(path, {}, { url: `${HOST}/else` })).json.detail).toBe(
    `${jws}JWS header parameter 'url' incorrect. Expected "${HOST}${path}" got "${HOST}/else"`,
  );
  expect((await who.post(path, {}, { kid: `${HOST}/production/acme/acct/999` })).json).toEqual(
    problem('accountDoesNotExist', `${jws}Account "${HOST}/production/acme/acct/999" not found`),
  );
  expect((await who.post(path, {}, { kid: undefined, jwk: who.jwk })).json.detail).toBe(
    `${jws}No Key ID in JWS header`,
  );
  expect((await who.post(path, {}, { jwk: who.jwk })).json.detail).toBe(
    `${jws}jwk and kid header fields are mutually exclusive`,
  );
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const client = await server.client('production', privateKey.export({ type: 'pkcs8', format: 'pem' }) as never);
  await expect(client.createAccount({ termsOfServiceAgreed: true })).rejects.toThrow('key size not supported: 1024');
});

test.each([
  [['mailto:ada@example.com'], 'invalidContact', 'invalid contact domain. Contact emails @example.com are forbidden'],
  [['mailto:ada'], 'invalidContact', 'unable to parse email address'],
  [['mailto:ada@host'], 'invalidContact', 'contact email has invalid domain: Domain name needs at least one dot'],
  [['tel:+33123456789'], 'unsupportedContact', "only contact scheme 'mailto:' is supported"],
])('the contact %j is refused', async (contact, type, detail) => {
  const answer = await (await Signer.make()).post('/production/acme/new-acct', { termsOfServiceAgreed: true, contact });
  expect(answer.json).toEqual(problem(type, `Error creating new account :: ${detail}`));
});

test('accounts: terms, those that are there already, their end', async () => {
  const who = await Signer.make();
  const path = '/production/acme/new-acct';
  expect((await who.post(path, { onlyReturnExisting: true })).json).toEqual(
    problem('accountDoesNotExist', 'No account exists with the provided key'),
  );
  expect((await who.post(path, {})).json).toEqual(problem('malformed', 'must agree to terms of service'));
  const made = await who.post(path, { termsOfServiceAgreed: true, contact: ['mailto:ada@workshop.dev'] });
  expect([made.status, made.json.status, made.json.contact]).toEqual([201, 'valid', ['mailto:ada@workshop.dev']]);
  const found = await who.post(path, { onlyReturnExisting: true });
  expect([found.status, found.headers.get('location')]).toEqual([200, made.headers.get('location')]);
  who.kid = made.headers.get('location')!;
  const own = new URL(who.kid).pathname;
  expect((await who.post(own, { contact: [] })).json.contact).toBeUndefined();
  expect((await who.post(own, { status: 'deactivated' })).json.status).toBe('deactivated');
  expect((await who.post(own, undefined)).json).toEqual(
    problem('unauthorized', 'Unable to validate JWS :: Account is not valid, has status "deactivated"', 403),
  );
  who.kid = undefined;
  expect((await who.post(path, { onlyReturnExisting: true })).json.detail).toBe(
    'An account with the provided public key exists but is deactivated',
  );
});

test.each([
  [
    ['www.example.com'],
    'Cannot issue for "www.example.com": The ACME server refuses to issue a certificate for this domain name, because it is forbidden by policy',
  ],
  [
    ['jupyter.svc.cluster.local'],
    'Cannot issue for "jupyter.svc.cluster.local": Domain name does not end with a valid public suffix (TLD)',
  ],
  [['*.*.learner.localhost'], 'Cannot issue for "*.*.learner.localhost": Domain name has more than one wildcard'],
  [
    ['a.*.learner.localhost'],
    'Cannot issue for "a.*.learner.localhost": Domain name contains an invalid wildcard. A wildcard is only permitted before the first dot in a domain name',
  ],
  [['*.localhost'], 'Cannot issue for "*.localhost": Domain name is a wildcard for an ICANN TLD'],
  [['under_score.localhost'], 'Cannot issue for "under_score.localhost": Domain name contains an invalid character'],
  [['localhost'], 'Cannot issue for "localhost": Domain name needs at least one dot'],
  [['127.0.0.1'], 'Cannot issue for "127.0.0.1": Identifier type is DNS but value is an IP address'],
  [
    ['a..localhost', 'b'],
    'Cannot issue for "a..localhost": Domain name can not have two dots in a row (and 1 more problems. Refer to sub-problems for more information.)',
  ],
])('no certificate for %j', async (names, detail) => {
  const who = await (await Signer.make()).register();
  const { json, status } = await who.post('/production/acme/new-order', ordering(...names));
  expect(status).toBe(400);
  expect([json.type, json.detail]).toEqual([
    'urn:ietf:params:acme:error:rejectedIdentifier',
    `Invalid identifiers requested :: ${detail}`,
  ]);
  if (names.length > 1) expect(json.subproblems).toHaveLength(2);
});

test('orders are as they were asked for, and whose they are', async () => {
  const who = await (await Signer.make()).register();
  const path = '/production/acme/new-order';
  expect((await who.post(path, { identifiers: [] })).json.detail).toBe(
    'NewOrder request did not specify any identifiers',
  );
  expect((await who.post(path, { ...ordering('a.localhost'), notAfter: '2030-01-01T00:00:00Z' })).json.detail).toBe(
    'NotBefore and NotAfter are not supported',
  );
  expect((await who.post(path, { identifiers: [{ type: 'email', value: 'a@b.c' }] })).json.type).toContain(
    'unsupportedIdentifier',
  );
  expect((await who.post(path, { ...ordering('a.localhost'), profile: 'eternal' })).json.type).toContain(
    'invalidProfile',
  );
  const made = await who.post(path, ordering('B.learner.localhost', 'a.learner.localhost'));
  expect(made.json.identifiers.map(({ value }: { value: string }) => value)).toEqual([
    'a.learner.localhost',
    'b.learner.localhost',
  ]);
  const same = await who.post(path, ordering('a.learner.localhost', 'b.learner.localhost'));
  expect(same.headers.get('location')).toBe(made.headers.get('location'));
  const { finalize } = made.json;
  const early = await who.post(new URL(finalize).pathname, { csr: 'AAAA' });
  expect(early.json).toEqual(
    problem('orderNotReady', 'Order\'s status ("pending") is not acceptable for finalization', 403),
  );
  const other = await (await Signer.make()).register();
  const theirs = await other.post(new URL(made.json.authorizations[0]).pathname, undefined);
  expect([theirs.status, theirs.json.detail]).toEqual([403, "Account ID doesn't match ID for authorization"]);
  expect((await other.post(new URL(made.headers.get('location')!).pathname, undefined)).status).toBe(404);
});

test('a request for other names than the order’s, or by the account’s key, is refused', async () => {
  const name = 'csr.learner.localhost';
  server.host(name);
  const key = await acme.crypto.createPrivateEcdsaKey();
  const client = await server.client('production', key);
  await client.createAccount({ termsOfServiceAgreed: true });
  const made = await client.createOrder(ordering(name));
  const [authz] = await client.getAuthorizations(made);
  const challenge = authz!.challenges.find(({ type }) => type === 'http-01')!;
  server.pages.set(
    `${name}/.well-known/acme-challenge/${challenge.token}`,
    await client.getChallengeKeyAuthorization(challenge),
  );
  await client.completeChallenge(challenge);
  await client.waitForValidStatus(challenge);
  const finalize = async (names: string[], own?: acme.PrivateKeyBuffer) =>
    client.finalizeOrder(made, (await acme.crypto.createCsr({ altNames: names }, own))[1]);
  await expect(finalize(['other.learner.localhost'])).rejects.toThrow(
    'Error finalizing order :: CSR does not specify same identifiers as Order',
  );
  await expect(finalize([name], key)).rejects.toThrow('certificate public key must be different than account key');
  expect((await finalize([name])).status).toMatch(/valid|processing/);
  // What an account has shown once serves its next order, too.
  const next = await client.createOrder(ordering(name));
  expect(next.status).toBe('ready');
});

async function failing(name: string): Promise<{ type: string; detail: string; tried: number }> {
  const client = await server.client();
  await client.createAccount({ termsOfServiceAgreed: true });
  const made = await client.createOrder(ordering(name));
  const [authz] = await client.getAuthorizations(made);
  const challenge = authz!.challenges.find(({ type }) => type === (name.startsWith('*') ? 'dns-01' : 'http-01'))!;
  await client.completeChallenge(challenge);
  await client.waitForValidStatus(challenge).catch(() => undefined);
  const [settled] = await client.getAuthorizations(made);
  expect([settled!.status, (await client.getOrder(made)).status]).toEqual(['invalid', 'invalid']);
  const [told] = settled!.challenges as never as {
    error: { type: string; detail: string };
    validationRecord?: unknown[];
  }[];
  const { error, validationRecord = [] } = told!;
  return { type: error.type.replace(/.*:/, ''), detail: error.detail, tried: validationRecord.length };
}

test('HTTP-01 fails in the authority’s words', async () => {
  const where = '/.well-known/acme-challenge/';
  const none = 'none.learner.localhost';
  expect(await failing(none)).toEqual({
    type: 'dns',
    detail: `DNS problem: NXDOMAIN looking up A for ${none} - check that a DNS record exists for this domain; DNS problem: NXDOMAIN looking up AAAA for ${none} - check that a DNS record exists for this domain`,
    tried: 0,
  });
  server.host('empty.learner.localhost');
  const empty = await failing('empty.learner.localhost');
  expect(empty.type).toBe('unauthorized');
  expect(empty.detail).toMatch(
    new RegExp(`^127\\.64\\.0\\.2: Invalid response from http://empty\\.learner\\.localhost${where}[\\w-]+: 404$`),
  );
  server.network.names.set('closed.learner.localhost', '127.64.0.9');
  const closed = await failing('closed.learner.localhost');
  expect([closed.type, closed.detail.replace(/(challenge\/)[\w-]+/, '$1TOKEN')]).toEqual([
    'connection',
    `127.64.0.9: Fetching http://closed.learner.localhost${where}TOKEN: Connection refused`,
  ]);
  server.host('wrong.learner.localhost');
  server.pages.get = (url) =>
    url.startsWith('wrong') ? 'something else\n' : Map.prototype.get.call(server.pages, url);
  expect((await failing('wrong.learner.localhost')).detail).toMatch(
    /^The key authorization file from the server did not match this challenge\. Expected "[\w-]+\.[\w-]+" \(got "something else"\)$/,
  );
  server.host('loop.learner.localhost');
  server.pages.get = (url) => ({ status: 302, location: `http://${url}` });
  const loop = await failing('loop.learner.localhost');
  expect([loop.type, loop.detail.endsWith('Redirect loop detected')]).toEqual(['connection', true]);
  server.host('away.learner.localhost');
  server.pages.get = () => ({ status: 301, location: 'http://away.learner.localhost:8080/' });
  expect((await failing('away.learner.localhost')).detail).toMatch(
    /Invalid port in redirect target\. Only ports 80 and 443 are supported, not 8080$/,
  );
  Reflect.deleteProperty(server.pages, 'get');
});

test('HTTP-01 follows redirects to where the answer is', async () => {
  server.host('from.learner.localhost', 'to.learner.localhost');
  const client = await server.client();
  await client.createAccount({ termsOfServiceAgreed: true });
  const [authz] = await client.getAuthorizations(await client.createOrder(ordering('from.learner.localhost')));
  const challenge = authz!.challenges.find(({ type }) => type === 'http-01')!;
  server.pages.set(`from.learner.localhost/.well-known/acme-challenge/${challenge.token}`, {
    status: 301,
    location: 'http://to.learner.localhost/elsewhere',
  });
  server.pages.set('to.learner.localhost/elsewhere', `${await client.getChallengeKeyAuthorization(challenge)}\n`);
  await client.completeChallenge(challenge);
  expect((await client.waitForValidStatus(challenge)).status).toBe('valid');
});

test('DNS-01 fails in the authority’s words', async () => {
  expect((await failing('*.unset.localhost')).detail).toBe(
    'DNS problem: NXDOMAIN looking up TXT for _acme-challenge.unset.localhost - check that a DNS record exists for this domain',
  );
  server.network.texts.set('_acme-challenge.wrong.localhost', ['one', 'two']);
  expect(await failing('*.wrong.localhost')).toEqual({
    type: 'unauthorized',
    detail: 'Incorrect TXT record "one" (and 1 more) found at _acme-challenge.wrong.localhost',
    tried: 0,
  });
  server.network.texts.set('_acme-challenge.bare.localhost', []);
  expect((await failing('*.bare.localhost')).detail).toBe('No TXT record found at _acme-challenge.bare.localhost');
});
