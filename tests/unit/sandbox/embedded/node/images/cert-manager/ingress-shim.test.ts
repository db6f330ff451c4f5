import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Gvr, Loose } from '../../../../../../../kubernetes/object.ts';
import { certificates, type Installed, openInstalled } from './installed.ts';

const ingresses: Gvr = { group: 'networking.k8s.io', version: 'v1', resource: 'ingresses' };

let whole: Installed;
beforeAll(async () => {
  whole = await openInstalled();
  await whole.apply({
    apiVersion: 'cert-manager.io/v1',
    kind: 'ClusterIssuer',
    metadata: { name: 'own' },
    spec: { selfSigned: {} },
  });
});
afterAll(() => whole?.close());

const quick = { 'cert-manager.io/private-key-algorithm': 'ECDSA' };

function ingress(name: string, annotations: Record<string, string>, tls: Loose[], labels?: Loose): Loose {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name, namespace: 'default', annotations: { ...quick, ...annotations }, ...(labels && { labels }) },
    spec: {
      ingressClassName: 'traefik',
      tls,
      rules: [
        {
          host: `${name}.test`,
          http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name, port: { number: 80 } } } }] },
        },
      ],
    },
  };
}

const block = (secretName: string, ...hosts: string[]): Loose => ({ secretName, hosts });
const own = { 'cert-manager.io/cluster-issuer': 'own' };

describe('an annotated Ingress', () => {
  it('gets a Certificate for each Secret it names, follows its edits, and loses those it needs no more', async () => {
    await whole.apply(
      ingress('shop', own, [block('shop-tls', 'shop.test', 'shop.test'), block('api-tls', 'api.test')], { a: 'b' }),
    );
    const made = await whole.ready(certificates, 'shop-tls');
    await whole.ready(certificates, 'api-tls');
    expect(made.spec).toEqual({
      dnsNames: ['shop.test'],
      secretName: 'shop-tls',
      issuerRef: { name: 'own', kind: 'ClusterIssuer', group: 'cert-manager.io' },
      usages: ['digital signature', 'key encipherment'],
      privateKey: { algorithm: 'ECDSA' },
    });
    expect(made.metadata.labels).toEqual({ a: 'b' });
    expect(made.metadata.ownerReferences?.[0]).toMatchObject({ kind: 'Ingress', name: 'shop', controller: true });
    await whole.client.patch(ingresses, 'shop', 'default', 'merge', {
      spec: { tls: [block('shop-tls', 'shop.test', 'www.shop.test')] },
    });
    await whole.until(certificates, 'shop-tls', (one) => one.spec.dnsNames.length === 2 && one.status?.revision === 2);
    await expect.poll(() => whole.kubectl('get', 'certificates', '-o', 'name')).not.toContain('api-tls');
    await expect
      .poll(() => whole.events('shop'))
      .toEqual([
        'Normal CreateCertificate Successfully created Certificate "shop-tls"',
        'Normal CreateCertificate Successfully created Certificate "api-tls"',
        'Normal UpdateCertificate Successfully updated Certificate "shop-tls"',
        'Normal DeleteCertificate Successfully deleted unrequired Certificate "api-tls"',
      ]);
  });

  it('says the rest of the Certificate by annotations', async () => {
    const annotations = {
      ...own,
      'cert-manager.io/common-name': 'full.test',
      'cert-manager.io/duration': '36h',
      'cert-manager.io/renew-before': '90m',
      'cert-manager.io/usages': 'server auth, client auth',
      'cert-manager.io/revision-history-limit': '3',
      'cert-manager.io/subject-organizations': 'One,"Two, Three"',
      'cert-manager.io/alt-names': 'also.test',
      'cert-manager.io/private-key-size': '384',
      'cert-manager.io/secret-template': '{"labels":{"team":"a"}}',
      'acme.cert-manager.io/http01-ingress-ingressclassname': 'other',
    };
    await whole.apply(ingress('full', annotations, [block('full-tls', 'full.test', '10.0.0.1')]));
    const { spec, metadata } = await whole.ready(certificates, 'full-tls');
    expect(spec).toMatchObject({
      commonName: 'full.test',
      duration: '36h0m0s',
      renewBefore: '1h30m0s',
      dnsNames: ['full.test', 'also.test'],
      ipAddresses: ['10.0.0.1'],
      usages: ['server auth', 'client auth'],
      revisionHistoryLimit: 3,
      subject: { organizations: ['One', 'Two, Three'] },
      privateKey: { algorithm: 'ECDSA', size: 384 },
      secretTemplate: { labels: { team: 'a' } },
    });
    expect(metadata.annotations).toEqual({ 'acme.cert-manager.io/http01-override-ingress-ingressclassname': 'other' });
  });

  it.each([
    [
      'twice',
      own,
      [block('t', 'a.test'), block('t', 'b.test')],
      'spec.tls[0].secretName: Invalid value: "t": this secret name must only appear in a single TLS entry but is also used in spec.tls[1].secretName',
    ],
    ['hostless', own, [{ secretName: 'h' }], 'Skipped a TLS block: spec.tls[0].hosts: Required value'],
    [
      'torn',
      { ...own, 'cert-manager.io/issuer': 'x' },
      [block('x', 'x.test')],
      'Could not determine issuer for ingress due to bad annotations: both "cert-manager.io/issuer" and "cert-manager.io/cluster-issuer" may not be set',
    ],
    [
      'nameless',
      { 'kubernetes.io/tls-acme': 'true' },
      [block('n', 'n.test')],
      'Could not determine issuer for ingress due to bad annotations: failed to determine issuer name to be used for ingress resource',
    ],
  ])('that is wrong is told so: %s', async (name, annotations, tls, message) => {
    await whole.apply(ingress(name, annotations, tls));
    await expect.poll(() => whole.events(name)).toEqual([`Warning BadConfig ${message}`]);
  });

  it('with the annotation of old gets nothing; a Certificate of somebody else stays as it is', async () => {
    await whole.apply(
      ingress('old', { 'certmanager.k8s.io/cluster-issuer': 'own' }, [block('old-tls', 'old.test')]),
      {
        apiVersion: 'cert-manager.io/v1',
        kind: 'Certificate',
        metadata: { name: 'mine-tls', namespace: 'default' },
        spec: { secretName: 'mine-tls', dnsNames: ['mine.test'], issuerRef: { name: 'own', kind: 'ClusterIssuer' } },
      },
      ingress('mine', own, [block('mine-tls', 'other.test')]),
      ingress('last', own, [block('last-tls', 'last.test')]),
    );
    await whole.ready(certificates, 'last-tls');
    const mine = await whole.client.get(certificates, 'mine-tls', 'default');
    expect(mine.spec.dnsNames).toEqual(['mine.test']);
    expect(await whole.kubectl('get', 'certificate', 'old-tls')).toContain('not found');
    await expect
      .poll(() => whole.kubectl('logs', '-n', 'cert-manager', 'deploy/cert-manager'))
      .toContain('certificate resource has no owner. refusing to update non-owned certificate resource for object');
  });
});
