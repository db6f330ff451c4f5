import { X509Certificate } from 'node:crypto';
import * as acme from 'acme-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AcmeServer, openAcmeServer } from './acme-server.ts';

let server: AcmeServer;
beforeAll(async () => {
  server = await openAcmeServer();
});
afterAll(() => server.close());

/** Puts challenges where the authority looks for them. */
const solver = {
  termsOfServiceAgreed: true,
  skipChallengeVerification: true,
  async challengeCreateFn(authz: acme.Authorization, challenge: { type: string; token: string }, key: string) {
    const { value } = authz.identifier;
    if (challenge.type === 'http-01') server.pages.set(`${value}/.well-known/acme-challenge/${challenge.token}`, key);
    else server.network.texts.set(`_acme-challenge.${value}`, ['other', key]);
  },
  async challengeRemoveFn() {
    server.network.texts.clear();
    server.pages.clear();
  },
};

async function order(client: acme.Client, names: string[], priority = ['http-01', 'dns-01']): Promise<string> {
  const [, csr] = await acme.crypto.createCsr({ commonName: names[0]!, altNames: names });
  return client.auto({ ...solver, csr, email: 'ada@workshop.dev', challengePriority: priority });
}

function chainOf(pem: string): X509Certificate[] {
  return acme.crypto.splitPemChain(pem).map((one) => new X509Certificate(one));
}

test('acme-client gets a certificate by HTTP-01, with its chain up to the workshop’s root', async () => {
  server.host('jupyter.learner.localhost');
  const client = await server.client();
  const [leaf, intermediate, ...rest] = chainOf(await order(client, ['jupyter.learner.localhost']));
  expect(rest).toEqual([]);
  expect(leaf!.checkHost('jupyter.learner.localhost')).toBe('jupyter.learner.localhost');
  expect(leaf!.verify(intermediate!.publicKey)).toBe(true);
  expect(intermediate!.verify(new X509Certificate(server.root).publicKey)).toBe(true);
  expect(leaf!.subject).toBe('CN=jupyter.learner.localhost');
  const days = (leaf!.validToDate.getTime() - leaf!.validFromDate.getTime() + 1000) / 86_400_000;
  expect(days).toBe(90);
});

test('a wildcard is had by DNS-01 alone', async () => {
  const client = await server.client();
  await client.createAccount({ termsOfServiceAgreed: true });
  const made = await client.createOrder({
    identifiers: ['*.learner.localhost', 'learner.localhost'].map((value) => ({ type: 'dns', value })),
  });
  const [bare, wild] = (await client.getAuthorizations(made)).sort((a) => (a.wildcard ? 1 : -1));
  expect(wild).toMatchObject({ wildcard: true, identifier: { value: 'learner.localhost' } });
  expect(wild!.challenges.map(({ type }) => type)).toEqual(['dns-01']);
  expect(bare!.challenges.map(({ type }) => type).sort()).toEqual(['dns-01', 'http-01']);
  const [leaf] = chainOf(await order(client, ['*.learner.localhost'], ['dns-01']));
  expect(leaf!.subjectAltName).toBe('DNS:*.learner.localhost');
});

test('staging signs with a root that nobody trusts', async () => {
  server.host('trial.learner.localhost');
  const [leaf, intermediate] = chainOf(await order(await server.client('staging'), ['trial.learner.localhost']));
  expect(leaf!.issuer).toContain('(STAGING)');
  expect(intermediate!.verify(new X509Certificate(server.staging).publicKey)).toBe(true);
  expect(intermediate!.verify(new X509Certificate(server.root).publicKey)).toBe(false);
});

test('the account’s key is changed, and certificates are revoked by it', async () => {
  server.host('gone.learner.localhost');
  const client = await server.client();
  const pem = await order(client, ['gone.learner.localhost']);
  const next = await acme.crypto.createPrivateEcdsaKey();
  await client.updateAccountKey(next);
  await client.revokeCertificate(pem, { reason: 4 });
  await expect(client.revokeCertificate(pem)).rejects.toThrow('is already revoked');
  const again = await server.client('production', next);
  await again.createAccount({ onlyReturnExisting: true });
  expect(again.getAccountUrl()).toBe(client.getAccountUrl());
});

test('kill -9 in the middle of an order loses nothing', async () => {
  server.host('kept.learner.localhost');
  const key = await acme.crypto.createPrivateEcdsaKey();
  const client = await server.client('production', key);
  await client.createAccount({ termsOfServiceAgreed: true, contact: ['mailto:ada@workshop.dev'] });
  const made = await client.createOrder({ identifiers: [{ type: 'dns', value: 'kept.learner.localhost' }] });
  await server.restart();
  const [authz] = await client.getAuthorizations(made);
  const challenge = authz!.challenges.find(({ type }) => type === 'http-01')!;
  await solver.challengeCreateFn(authz!, challenge, await client.getChallengeKeyAuthorization(challenge));
  await client.completeChallenge(challenge);
  await server.restart();
  expect((await client.waitForValidStatus(challenge)).status).toBe('valid');
  const [, csr] = await acme.crypto.createCsr({ altNames: ['kept.learner.localhost'] });
  const done = await client.finalizeOrder(made, csr);
  await server.restart();
  expect(chainOf(await client.getCertificate(done))[0]!.subjectAltName).toBe('DNS:kept.learner.localhost');
});
