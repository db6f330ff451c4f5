import { X509Certificate } from 'node:crypto';
import * as acme from 'acme-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createClock } from '../../../../../../../sandbox/embedded/clock.ts';
import { Limits, PRODUCTION, STAGING } from '../../../../../../../sandbox/embedded/node/images/acme/limits.ts';
import { Policy } from '../../../../../../../sandbox/embedded/node/images/acme/policy.ts';
import { AcmeProblem } from '../../../../../../../sandbox/embedded/node/images/acme/problem.ts';
import { State } from '../../../../../../../sandbox/embedded/node/images/acme/state.ts';
import { type AcmeServer, openAcmeServer } from './acme-server.ts';

const HOUR = 3_600_000;
const journal = (text = '') => {
  const kept = { text };
  return {
    kept,
    read: () => kept.text,
    append(line: string): void {
      kept.text += line;
    },
    replace(all: string): void {
      kept.text = all;
    },
  };
};

/** What is said, without the moment, and after how many hours it may be tried again. */
function refusal(run: () => void): [text: string, hours: number] | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    const { message, retryAfter, status } = error as AcmeProblem;
    expect(status).toBe(429);
    return [
      message.replace(/after \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/, 'after …'),
      Math.round((retryAfter ?? 0) / 360) / 10,
    ];
  }
}

test('fifty certificates a domain and five an exact set in a week, one after the other free again', () => {
  const clock = createClock();
  const limits = new Limits(PRODUCTION, new State(journal()), clock);
  const spend = (name: 'domain' | 'exact' | 'failed' | 'orders', subject: string, times: number) => {
    for (let done = 0; done < times; done += 1) {
      limits.check(name, subject);
      limits.spend(name, subject);
    }
  };
  const docs = 'see https://letsencrypt.org/docs/rate-limits/#';
  spend('domain', 'learner.localhost', 50);
  expect(refusal(() => limits.check('domain', 'learner.localhost'))).toEqual([
    `too many certificates (50) already issued for "learner.localhost" in the last 168h0m0s, retry after …: ${docs}new-certificates-per-registered-domain`,
    3.4,
  ]);
  expect(refusal(() => limits.check('domain', 'other.localhost'))).toBeUndefined();
  spend('exact', 'a.localhost', 5);
  expect(refusal(() => limits.check('exact', 'a.localhost'))).toEqual([
    `too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s, retry after …: ${docs}new-certificates-per-exact-set-of-identifiers`,
    33.6,
  ]);
  spend('failed', '1 a.localhost', 5);
  expect(refusal(() => limits.check('failed', '1 a.localhost', 'a.localhost'))).toEqual([
    `too many failed authorizations (5) for "a.localhost" in the last 1h0m0s, retry after …: ${docs}authorization-failures-per-identifier-per-account`,
    0.2,
  ]);
  spend('orders', '1', 300);
  expect(refusal(() => limits.check('orders', '1'))?.[0]).toBe(
    `too many new orders (300) from this account in the last 3h0m0s, retry after …: ${docs}new-orders-per-account`,
  );
  clock.skip(34 * HOUR);
  expect(refusal(() => limits.check('exact', 'a.localhost'))).toBeUndefined();
  limits.spend('exact', 'a.localhost');
  expect(refusal(() => limits.check('exact', 'a.localhost'))?.[1]).toBeCloseTo(33.2, 1);
});

test('staging has room for a class, and counts outlive the process', () => {
  const clock = createClock();
  const file = journal();
  const limits = new Limits(STAGING, new State(file), clock);
  for (let done = 0; done < 60; done += 1) limits.spend('exact', 'a.localhost');
  expect(refusal(() => limits.check('exact', 'a.localhost'))).toBeUndefined();
  const strict = new Limits(PRODUCTION, new State(file), clock);
  for (let done = 0; done < 5; done += 1) strict.spend('exact', 'b.localhost');
  // The last line was cut off when the process was killed.
  const again = new Limits(PRODUCTION, new State(journal(`${file.kept.text}["bucket","exact b.localh`)), clock);
  expect(refusal(() => again.check('exact', 'b.localhost'))?.[1]).toBe(33.6);
});

test('a registered domain is the learner’s own', () => {
  expect(new Policy('learner.localhost').registeredDomain('a.b.learner.localhost')).toBe('learner.localhost');
  expect(new Policy().registeredDomain('*.learner.localhost')).toBe('learner.localhost');
  const own = new Policy('ada.workshop.example.org');
  expect(own.registeredDomain('jupyter.ada.workshop.example.org')).toBe('ada.workshop.example.org');
  expect(() => own.check([{ type: 'dns', value: 'jupyter.ada.workshop.example.org' }])).not.toThrow();
  expect(() => new Policy().check([{ type: 'dns', value: 'jupyter.ada.workshop.example.org' }])).toThrow(AcmeProblem);
});

let server: AcmeServer;
let client: acme.Client;
beforeAll(async () => {
  server = await openAcmeServer();
  client = await server.client();
  await client.createAccount({ termsOfServiceAgreed: true });
});
afterAll(() => server.close());

/** A certificate for hosts the web server answers for, and its request's key. */
async function issued(name: string, more: Record<string, unknown> = {}): Promise<{ pem: string; key: Buffer }> {
  server.host(name);
  const made = await client.createOrder({ identifiers: [{ type: 'dns', value: name }], ...more } as never);
  const [authz] = await client.getAuthorizations(made);
  if (authz!.status !== 'valid') {
    const challenge = authz!.challenges.find(({ type }) => type === 'http-01')!;
    const path = `${name}/.well-known/acme-challenge/${challenge.token}`;
    server.pages.set(path, await client.getChallengeKeyAuthorization(challenge));
    await client.completeChallenge(challenge);
    await client.waitForValidStatus(challenge);
  }
  const [key, csr] = await acme.crypto.createCsr({ altNames: [name] }, await acme.crypto.createPrivateEcdsaKey());
  return { pem: await client.getCertificate(await client.finalizeOrder(made, csr)), key };
}

test('the sixth of a set is refused, unless it renews one in time; another set is not', async () => {
  const name = 'six.learner.localhost';
  let last = '';
  for (let done = 0; done < 5; done += 1) last = (await issued(name)).pem;
  // acme-client waits as long as it is told to; what it is told is the point here.
  const { acmeSettings } = acme.axios.defaults as never as { acmeSettings: { retryMaxAttempts: number } };
  acmeSettings.retryMaxAttempts = 0;
  await expect(issued(name)).rejects.toThrow(
    /^too many certificates \(5\) already issued for this exact set of identifiers in the last 168h0m0s, retry after /,
  );
  acmeSettings.retryMaxAttempts = 5;
  await issued('seven.learner.localhost');
  const [leaf] = acme.crypto.splitPemChain(last);
  const { serialNumber, raw } = new X509Certificate(leaf!);
  const keyId = raw.subarray(raw.indexOf(Buffer.from('0603551d23', 'hex')) + 11).subarray(0, 20);
  const id = `${keyId.toString('base64url')}.${Buffer.from(serialNumber, 'hex').toString('base64url')}`;
  const info = await server.fetch(`/production/acme/renewal-info/${id}`);
  expect(info.headers.get('retry-after')).toBe('21600');
  const { suggestedWindow } = JSON.parse(info.body);
  const days = (Date.parse(suggestedWindow.start) - Date.now()) / 86_400_000;
  expect(days).toBeGreaterThan(58);
  expect(days).toBeLessThan(60);
  await issued(name, { replaces: id });
  await expect(issued(name, { replaces: id })).rejects.toThrow('which already has a replacement order');
});

test('a short-lived profile', async () => {
  const [leaf] = acme.crypto.splitPemChain((await issued('short.learner.localhost', { profile: 'shortlived' })).pem);
  const { validFromDate, validToDate, subject } = new X509Certificate(leaf!);
  expect((validToDate.getTime() - validFromDate.getTime() + 1000) / HOUR).toBe(160);
  expect(subject ?? '').toBe('');
});

test('whoever has its key may revoke a certificate; a stranger may not', async () => {
  const { pem, key } = await issued('revoked.learner.localhost');
  const stranger = await server.client();
  await stranger.createAccount({ termsOfServiceAgreed: true });
  await expect(stranger.revokeCertificate(pem)).rejects.toThrow(
    'requester does not control all identifiers in cert with serial',
  );
  await expect(client.revokeCertificate(pem, { reason: 6 })).rejects.toThrow('disallowed revocation reason: 6');
  const holder = await server.client('production', key);
  // acme-client signs with an account's key; the certificate's own is given by hand.
  const { api } = holder as never as {
    api: {
      http: {
        signedRequest(url: string, body: object): Promise<{ status: number }>;
        getResourceUrl(name: string): Promise<string>;
      };
    };
  };
  const body = { certificate: Buffer.from(new X509Certificate(pem).raw).toString('base64url') };
  const url = await api.http.getResourceUrl('revokeCert');
  expect((await api.http.signedRequest(url, body)).status).toBe(200);
});
