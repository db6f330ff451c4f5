import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Gvr, KubeObject, Loose } from '../../../../../../../kubernetes/object.ts';
import { certificates, requests, secrets } from './installed.ts';
import { directory, openWithInternet, type WithInternet } from './internet.ts';

const group = 'acme.cert-manager.io';
const orders: Gvr = { group, version: 'v1', resource: 'orders' };
const challenges: Gvr = { group, version: 'v1', resource: 'challenges' };
const issuers: Gvr = { group: 'cert-manager.io', version: 'v1', resource: 'issuers' };

let whole: WithInternet;
beforeAll(async () => {
  whole = await openWithInternet();
});
afterAll(() => whole?.close());

const ingress = { http01: { ingress: { ingressClassName: 'traefik' } } };
const zone = { dns01: { webhook: { groupName: 'acme.atelier.dev', solverName: 'zone' } } };

function issuer(name: string, spec: Loose): Loose {
  return {
    apiVersion: 'cert-manager.io/v1',
    kind: 'Issuer',
    metadata: { name, namespace: 'default' },
    spec: {
      acme: {
        server: directory,
        email: 'me@learner.localhost',
        privateKeySecretRef: { name: `${name}-key` },
        solvers: [ingress],
        ...spec,
      },
    },
  };
}

function certificate(name: string, issuerName: string, dnsNames: string[], spec: Loose = {}): Loose {
  return {
    apiVersion: 'cert-manager.io/v1',
    kind: 'Certificate',
    metadata: { name, namespace: 'default' },
    spec: { secretName: name, dnsNames, issuerRef: { name: issuerName }, privateKey: { algorithm: 'ECDSA' }, ...spec },
  };
}

const condition = (object: KubeObject, type: string): Loose =>
  object.status?.conditions?.find((one: Loose) => one.type === type);
const chainOf = async (name: string): Promise<X509Certificate[]> => {
  const secret = await whole.client.get(secrets, name, 'default');
  expect(secret.data['ca.crt']).toBeUndefined();
  const pem = Buffer.from(secret.data['tls.crt'], 'base64').toString('utf8');
  return (pem.match(/-----BEGIN[\s\S]+?-----END CERTIFICATE-----/g) ?? []).map((one) => new X509Certificate(one));
};

describe('over HTTP-01', () => {
  it('a certificate whose chain leads to the authority: account, order, challenge, solver, and nothing left of them', async () => {
    await whole.expose('web.learner.localhost');
    await whole.apply(issuer('letsencrypt', {}), certificate('web', 'letsencrypt', ['web.learner.localhost']));
    await whole.ready(certificates, 'web');
    const [leaf, intermediate, ...more] = await chainOf('web');
    const root = new X509Certificate(whole.root);
    expect(more).toEqual([]);
    expect(leaf?.verify(intermediate!.publicKey) && intermediate?.verify(root.publicKey)).toBe(true);
    expect(leaf?.checkHost('web.learner.localhost')).toBe('web.learner.localhost');
    const made = await whole.client.get(issuers, 'letsencrypt', 'default');
    expect(made.status.acme).toMatchObject({ lastRegisteredEmail: 'me@learner.localhost' });
    expect(condition(made, 'Ready')).toMatchObject({
      reason: 'ACMEAccountRegistered',
      message: 'The ACME account was registered with the ACME server',
    });
    const key = await whole.client.get(secrets, 'letsencrypt-key', 'default');
    expect(Buffer.from(key.data['tls.key'], 'base64').toString()).toMatch(/^-----BEGIN RSA PRIVATE KEY-----/);
    const [order] = (await whole.client.list(orders, { namespace: 'default' })).items;
    expect(order?.status.state).toBe('valid');
    expect(order?.metadata.name).toMatch(/^web-1-\d+$/);
    await expect.poll(() => whole.kubectl('get', 'challenges,pods,ingresses')).toContain('No resources found');
    const told = await whole.kubectl(
      'get',
      'events',
      '-o',
      'jsonpath={range .items[*]}{.involvedObject.kind} {.reason} {.message}{"\\n"}{end}',
    );
    for (const line of [
      /^Order Created Created Challenge resource "web-1-\d+-\d+" for domain "web\.learner\.localhost"$/m,
      /^Order Complete Order completed successfully$/m,
      /^Challenge Started Challenge scheduled for processing$/m,
      /^Challenge Presented Presented challenge using HTTP-01 challenge mechanism$/m,
      /^Challenge DomainVerified Domain "web\.learner\.localhost" verified with "HTTP-01" validation$/m,
    ])
      expect(told).toMatch(line);
  });

  it('the self check says what it met: no such name, a refused connection, another page', async () => {
    await whole.apply(certificate('lost', 'letsencrypt', ['lost.learner.localhost']));
    const lost = await whole.until(challenges, await challengeOf('lost'), (one) => one.status?.reason);
    const url = `http://lost.learner.localhost/.well-known/acme-challenge/${lost.spec.token}`;
    expect(lost.status.reason).toBe(
      `Waiting for HTTP-01 challenge propagation: failed to perform self check GET request '${url}': Get "${url}": dial tcp: lookup lost.learner.localhost on 10.96.0.10:53: no such host`,
    );
    const solver = await whole.kubectl(
      'get',
      'ingress',
      '-o',
      'jsonpath={.items[0].metadata.generateName} {.items[0].spec.ingressClassName} {.items[0].spec.rules[0].host} {.items[0].spec.rules[0].http.paths[0].pathType}',
    );
    expect(solver).toBe('cm-acme-http-solver- traefik lost.learner.localhost Exact');
    // The name comes, and leads to somebody who knows nothing of it.
    await whole.apply(
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'page', namespace: 'default', labels: { app: 'page' } },
        spec: { containers: [{ name: 'nginx', image: 'nginx:1.27' }] },
      },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'page', namespace: 'default' },
        spec: { selector: { app: 'page' }, ports: [{ port: 80 }] },
      },
    );
    const service = await whole.client.get({ group: '', version: 'v1', resource: 'services' }, 'page', 'default');
    whole.machines.zone.change({
      create: [{ name: 'lost.learner.localhost', type: 'A', ttl: 1, targets: [service.spec.clusterIP] }],
    });
    await whole.until(challenges, lost.metadata.name ?? '', (one) =>
      one.status?.reason?.endsWith("wrong status code '404', expected '200'"),
    );
    await whole.client.delete(certificates, 'lost', 'default');
    await expect.poll(() => whole.kubectl('get', 'challenges', '-o', 'name')).not.toContain('lost');
  });

  it('cannot do a wildcard: the Order says that no solver can', async () => {
    await whole.apply(certificate('any', 'letsencrypt', ['*.learner.localhost']));
    const request = await whole.until(requests, 'any-1', (one) =>
      /^Waiting on certificate issuance from order default\/any-1-\d+: "pending"$/.test(
        condition(one, 'Ready')?.message,
      ),
    );
    const solver =
      'Warning Solver Failed to determine a valid solver configuration for the set of domains on the Order: no configured challenge solvers can be used for this challenge';
    const name = /order default\/(\S+):/.exec(condition(request, 'Ready').message)?.[1] ?? '';
    await expect.poll(() => whole.events(name)).toContain(solver);
    await whole.client.delete(certificates, 'any', 'default');
  });
});

it('over DNS-01 in the zone: a wildcard, and its record goes afterwards', async () => {
  await whole.apply(
    issuer('by-name', { solvers: [ingress, { ...zone, selector: { dnsZones: ['learner.localhost'] } }] }),
    certificate('wildcard', 'by-name', ['*.learner.localhost', 'learner.localhost']),
  );
  await whole.ready(certificates, 'wildcard');
  const [leaf] = await chainOf('wildcard');
  expect(leaf?.checkHost('anything.learner.localhost')).toBe('*.learner.localhost');
  await expect.poll(() => whole.machines.zone.list().filter(({ type }) => type === 'TXT')).toEqual([]);
});

it('an issuer that is given another server has another account there', async () => {
  await whole.apply(issuer('moves', { server: directory.replace('production', 'staging') }));
  const before = await whole.ready(issuers, 'moves');
  await whole.client.patch(issuers, 'moves', 'default', 'merge', { spec: { acme: { server: directory } } });
  const moved = await whole.until(issuers, 'moves', (one) => one.status?.acme?.uri !== before.status.acme.uri);
  expect([before, moved].map((one) => /(staging|production)/.exec(one.status?.acme.uri)?.[0])).toEqual([
    'staging',
    'production',
  ]);
  expect(condition(moved, 'Ready').status).toBe('True');
});

describe('refused by the server', () => {
  it('an account: the address is not one', async () => {
    await whole.apply(issuer('forbidden', { email: 'me@example.com' }));
    const made = await whole.until(issuers, 'forbidden', (one) => condition(one, 'Ready'));
    expect(condition(made, 'Ready')).toMatchObject({ status: 'False', reason: 'ErrRegisterACMEAccount' });
    expect(condition(made, 'Ready').message).toMatch(
      /^Failed to register ACME account: 400 urn:ietf:params:acme:error:invalidContact: .*invalid contact domain\. Contact emails @example\.com are forbidden$/,
    );
  });

  it("an order: the name is nobody's, and the Certificate waits an hour", async () => {
    await whole.apply(certificate('foreign', 'letsencrypt', ['www.example.com']));
    const failed = await whole.until(certificates, 'foreign', (one) => one.status?.lastFailureTime);
    expect(condition(failed, 'Issuing')).toMatchObject({ status: 'False', reason: 'Failed' });
    expect(condition(failed, 'Issuing').message).toMatch(
      /^The certificate request has failed to complete and will be retried: Failed to wait for order resource "foreign-1-\d+" to become ready: order is in "errored" state: Failed to create Order: 400 urn:ietf:params:acme:error:rejectedIdentifier: /,
    );
  });

  it('one certificate too many of one name: the limit is told, and the staging server helps', async () => {
    await whole.apply(certificate('often', 'by-name', ['often.learner.localhost']));
    let last = await whole.ready(certificates, 'often');
    for (let issued = 1; issued < 5; issued += 1) {
      const revision = last.status.revision;
      await whole.client.delete(secrets, 'often', 'default');
      last = await whole.until(certificates, 'often', (one) => one.status?.revision > revision);
    }
    await whole.client.delete(secrets, 'often', 'default');
    const refused = await whole.until(certificates, 'often', (one) => one.status?.failedIssuanceAttempts);
    expect(condition(refused, 'Issuing').message).toMatch(
      /order is in "errored" state: Failed to create Order: 429 urn:ietf:params:acme:error:rateLimited: .*too many certificates \(5\) already issued for this exact set of/,
    );
    await whole.apply(issuer('staging', { server: directory.replace('production', 'staging'), solvers: [zone] }));
    await whole.client.patch(certificates, 'often', 'default', 'merge', { spec: { issuerRef: { name: 'staging' } } });
    const staged = await whole.until(certificates, 'often', (one) => one.status?.revision > last.status.revision);
    expect(staged.status.failedIssuanceAttempts).toBeUndefined();
    expect((await chainOf('often'))[1]?.subject).toContain('(STAGING)');
  });

  it('a server that is not there, in the words of Go', async () => {
    const server = 'https://nowhere.atelier-internet.svc.cluster.local/directory';
    await whole.apply(issuer('nowhere', { server }));
    const made = await whole.until(issuers, 'nowhere', (one) => condition(one, 'Ready'));
    expect(condition(made, 'Ready').message).toBe(
      `Failed to register ACME account: Get "${server}": dial tcp: lookup nowhere.atelier-internet.svc.cluster.local on 10.96.0.10:53: no such host`,
    );
    await expect
      .poll(() => whole.events('nowhere'))
      .toContainEqual(expect.stringMatching(/^Warning ErrInitIssuer Error initializing issuer: Get /));
  });
});

/** The name of the first Challenge of a Certificate, once it is there. */
async function challengeOf(name: string): Promise<string> {
  let found = '';
  await expect
    .poll(async () => {
      const { items } = await whole.client.list(challenges, { namespace: 'default' });
      found = items.find(({ metadata }) => metadata.name?.startsWith(`${name}-1-`))?.metadata.name ?? '';
      return found;
    })
    .not.toBe('');
  return found;
}
