import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject, Loose } from '../../../../../../../kubernetes/object.ts';
import { certificates, type Installed, openInstalled, requests, secrets } from './installed.ts';

let whole: Installed;
beforeAll(async () => {
  whole = await openInstalled();
  await whole.apply(
    issuer('selfsigned', { selfSigned: {} }),
    certificate('authority', {
      isCA: true,
      commonName: 'the authority',
      secretName: 'authority',
      privateKey: { algorithm: 'ECDSA' },
      issuerRef: { name: 'selfsigned' },
    }),
    issuer('ca', { ca: { secretName: 'authority' } }),
  );
  await whole.ready(certificates, 'authority');
});
afterAll(() => whole?.close());

function issuer(name: string, spec: Loose): Loose {
  return { apiVersion: 'cert-manager.io/v1', kind: 'Issuer', metadata: { name, namespace: 'default' }, spec };
}

function certificate(name: string, spec: Loose, metadata: Loose = {}): Loose {
  return {
    apiVersion: 'cert-manager.io/v1',
    kind: 'Certificate',
    metadata: { name, namespace: 'default', ...metadata },
    spec: { secretName: name, issuerRef: { name: 'ca' }, ...spec },
  };
}

const read = (secret: KubeObject, key: string): string => Buffer.from(secret.data[key], 'base64').toString('utf8');
const secretOf = (name: string): Promise<KubeObject> => whole.client.get(secrets, name, 'default');
const quick = { algorithm: 'ECDSA' };

const deny = (request: string): Promise<KubeObject> =>
  whole.client.patch(
    requests,
    request,
    'default',
    'merge',
    {
      status: {
        conditions: [
          { type: 'Denied', status: 'True', reason: 'Policy', message: 'not in this house' },
          { type: 'Ready', status: 'False', reason: 'Denied', message: 'denied' },
        ],
      },
    },
    { subresource: 'status' },
  );

describe('a Certificate', () => {
  it('is issued by an authority that is itself a Certificate, and tells it in events', async () => {
    await whole.apply(certificate('web', { dnsNames: ['web.example.test'], commonName: 'web' }));
    const issued = await whole.ready(certificates, 'web');
    expect(issued.status).toMatchObject({ revision: 1 });
    const secret = await secretOf('web');
    const leaf = new X509Certificate(read(secret, 'tls.crt'));
    const root = new X509Certificate(read(secret, 'ca.crt'));
    expect(leaf.verify(root.publicKey) && leaf.checkIssued(root)).toBe(true);
    expect(leaf.checkHost('web.example.test')).toBe('web.example.test');
    expect(read(secret, 'tls.key')).toMatch(/^-----BEGIN RSA PRIVATE KEY-----/);
    expect(secret.type).toBe('kubernetes.io/tls');
    expect(secret.metadata.annotations).toMatchObject({
      'cert-manager.io/alt-names': 'web.example.test',
      'cert-manager.io/common-name': 'web',
      'cert-manager.io/certificate-name': 'web',
      'cert-manager.io/issuer-kind': '',
    });
    expect(secret.metadata.labels).toEqual({ 'controller.cert-manager.io/fao': 'true' });
    await expect.poll(() => whole.events('web')).toHaveLength(4);
    const events = await whole.events('web');
    expect(events.map((event) => event.replace(/web-[a-z0-9]{5}"/, 'web-…"'))).toEqual([
      'Normal Issuing Issuing certificate as Secret does not exist',
      'Normal Generated Stored new private key in temporary Secret resource "web-…"',
      'Normal Requested Created new CertificateRequest resource "web-1"',
      'Normal Issuing The certificate has been successfully issued',
    ]);
    const request = await whole.client.get(requests, 'web-1', 'default');
    expect(request.status?.conditions.map((one: Loose) => `${one.type} ${one.reason}`)).toEqual([
      'Approved cert-manager.io',
      'Ready Issued',
    ]);
    expect(await whole.kubectl('get', 'secrets', '-l', 'cert-manager.io/next-private-key')).toContain('No resources');
  });

  it.each([
    ['rsa', { algorithm: 'RSA', size: 3072, encoding: 'PKCS8' }, 'PRIVATE KEY'],
    ['ec', { algorithm: 'ECDSA', size: 384 }, 'EC PRIVATE KEY'],
    ['ed', { algorithm: 'Ed25519' }, 'PRIVATE KEY'],
  ])('has the key it asks for: %s', async (name, privateKey, label) => {
    await whole.apply(certificate(name, { privateKey, dnsNames: [`${name}.test`] }));
    await whole.ready(certificates, name);
    expect(read(await secretOf(name), 'tls.key')).toMatch(new RegExp(`^-----BEGIN ${label}-----`));
  });

  it('has every name, the subject and the usages it asks for', async () => {
    const spec = {
      privateKey: quick,
      ipAddresses: ['10.1.2.3', '2001:db8:0:0::1'],
      uris: ['spiffe://cluster/ns/a'],
      emailAddresses: ['who@example.test'],
      subject: { organizations: ['Alpha', 'Ünder'], countries: ['FR'] },
      usages: ['client auth', 'digital signature'],
      duration: '48h',
    };
    await whole.apply(certificate('full', spec));
    const { status } = await whole.ready(certificates, 'full');
    expect(Date.parse(status.notAfter) - Date.parse(status.notBefore)).toBe(48 * 3_600_000);
    expect(Date.parse(status.notAfter) - Date.parse(status.renewalTime)).toBe(16 * 3_600_000);
    const leaf = new X509Certificate(read(await secretOf('full'), 'tls.crt'));
    expect(leaf.subject).toContain('C=FR');
    expect(leaf.subject).toContain('O=Alpha');
    expect(leaf.subjectAltName).toContain('URI:spiffe://cluster/ns/a');
    expect(leaf.subjectAltName).toContain('IP Address:2001:DB8:0:0:0:0:0:1');
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    // Nothing is asked for again: what was issued is what the spec says.
    expect((await whole.client.get(certificates, 'full', 'default')).status?.revision).toBe(1);
  });

  it('is issued again when its spec changes, when its Secret goes, and with the same key where it may not rotate', async () => {
    await whole.apply(
      certificate('again', { dnsNames: ['a.test'], privateKey: { ...quick, rotationPolicy: 'Never' } }),
    );
    await whole.ready(certificates, 'again');
    const key = read(await secretOf('again'), 'tls.key');
    await whole.client.patch(certificates, 'again', 'default', 'merge', { spec: { dnsNames: ['a.test', 'b.test'] } });
    await whole.until(certificates, 'again', (one) => one.status?.revision === 2);
    const secret = await secretOf('again');
    expect(read(secret, 'tls.key')).toBe(key);
    expect(secret.metadata.annotations?.['cert-manager.io/alt-names']).toBe('a.test,b.test');
    await whole.client.delete(secrets, 'again', 'default');
    await whole.until(certificates, 'again', (one) => one.status?.revision === 3);
    expect(read(await secretOf('again'), 'tls.key')).not.toBe(key);
    const events = await whole.events('again');
    expect(events).toContain(
      'Normal Issuing Fields on existing CertificateRequest resource not up to date: [spec.dnsNames]',
    );
    expect(events).toContain('Normal Reused Reusing private key stored in existing Secret resource "again"');
    await whole.until(requests, 'again-3', () => true);
    await expect.poll(() => whole.kubectl('get', 'cr', '-o', 'name')).not.toContain('again-2');
  });

  it('keeps the labels of its template on the Secret, and leaves those of others', async () => {
    await whole.apply(
      certificate('labelled', { dnsNames: ['l.test'], privateKey: quick, secretTemplate: { labels: { team: 'a' } } }),
    );
    await whole.ready(certificates, 'labelled');
    await whole.kubectl('label', 'secret', 'labelled', 'mine=1');
    await whole.client.patch(certificates, 'labelled', 'default', 'merge', {
      spec: { secretTemplate: { labels: { team: null, crew: 'b' } } },
    });
    const secret = await whole.until(secrets, 'labelled', (one) => one.metadata.labels?.crew === 'b');
    expect(secret.metadata.labels).toEqual({ 'controller.cert-manager.io/fao': 'true', crew: 'b', mine: '1' });
    expect((await whole.client.get(certificates, 'labelled', 'default')).status?.revision).toBe(1);
  });

  it('waits for an issuer that is not there, and is issued when it comes', async () => {
    await whole.apply(certificate('early', { dnsNames: ['e.test'], privateKey: quick, issuerRef: { name: 'late' } }));
    const request = await whole.until(requests, 'early-1', (one) =>
      one.status?.conditions?.some((condition: Loose) => condition.reason === 'Pending'),
    );
    expect(request.status?.conditions.at(-1).message).toBe(
      'Referenced "Issuer" not found: issuer.cert-manager.io "late" not found',
    );
    await whole.apply(issuer('late', { selfSigned: {} }));
    await whole.ready(certificates, 'early');
  });
});

describe('by the clock', () => {
  it('a certificate is renewed when a skip passes its renewal, once, with a new key', async () => {
    await whole.apply(
      certificate('short', { dnsNames: ['s.test'], privateKey: quick, duration: '1h', renewBefore: '57m' }),
    );
    await whole.ready(certificates, 'short');
    const before = read(await secretOf('short'), 'tls.key');
    await whole.skip(60);
    expect((await whole.client.get(certificates, 'short', 'default')).status?.revision).toBe(1);
    await whole.skip(130);
    const renewed = await whole.until(certificates, 'short', (one) => one.status?.revision === 2);
    expect(Math.abs(Date.parse(renewed.status.notBefore) - Date.now())).toBeLessThan(20_000);
    expect(read(await secretOf('short'), 'tls.key')).not.toBe(before);
    const told = (await whole.events('short')).find((event) => event.includes('Renewing'));
    expect(told).toMatch(/^Normal Issuing Renewing certificate as renewal was scheduled at \d{4}-.* \+0000 UTC$/);
    await whole.ready(certificates, 'short');
    expect((await whole.client.get(certificates, 'short', 'default')).status?.revision).toBe(2);
  });

  it('a failure is tried again when the wait for it is over', async () => {
    await whole.apply(
      certificate('refused', { dnsNames: ['r.test'], privateKey: quick, issuerRef: { name: 'nobody' } }),
    );
    await whole.until(requests, 'refused-1', (one) => one.status?.conditions?.length === 2);
    await deny('refused-1');
    const failed = await whole.until(certificates, 'refused', (one) => one.status?.failedIssuanceAttempts === 1);
    expect(failed.status.conditions.find((one: Loose) => one.type === 'Issuing')).toMatchObject({
      status: 'False',
      reason: 'Policy',
      message: 'The certificate request has failed to complete and will be retried: not in this house',
    });
    await whole.skip(590);
    expect(
      (await whole.client.get(certificates, 'refused', 'default')).status?.conditions?.some(
        (one: Loose) => one.type === 'Issuing' && one.status === 'True',
      ),
    ).toBe(false);
    await whole.skip(20);
    // As in the real one, the request that was denied may be met once more before it is replaced.
    await whole.until(
      certificates,
      'refused',
      ({ status }) =>
        status?.failedIssuanceAttempts > 1 ||
        status?.conditions?.some((condition: Loose) => condition.type === 'Issuing' && condition.status === 'True'),
    );
  });
});

it('a CA issuer says what is wrong with its Secret', async () => {
  await whole.apply(
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'junk', namespace: 'default' },
      stringData: { 'tls.crt': 'x' },
    },
    issuer('junk', { ca: { secretName: 'junk' } }),
    issuer('leaf', { ca: { secretName: 'web' } }),
  );
  const ready = (name: string) =>
    whole.until(
      { group: 'cert-manager.io', version: 'v1', resource: 'issuers' },
      name,
      (one) => one.status?.conditions,
    );
  expect((await ready('junk')).status.conditions[0]).toMatchObject({
    status: 'False',
    reason: 'ErrGetKeyPair',
    message: 'Error getting keypair for CA issuer: error decoding certificate PEM block: no valid certificates found',
  });
  expect((await ready('leaf')).status.conditions[0]).toMatchObject({
    reason: 'ErrInvalidKeyPair',
    message: 'Error getting keypair for CA issuer: certificate is not a CA',
  });
});
