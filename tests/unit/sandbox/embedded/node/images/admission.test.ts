import 'reflect-metadata';
import { SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Gvr, KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { openWholeCluster, type WholeCluster } from '../../whole-cluster.ts';

const core = (resource: string): Gvr => ({ group: '', version: 'v1', resource });
const webhooks = (sort: string): Gvr => ({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  resource: `${sort}webhookconfigurations`,
});

/** A certificate that is its own authority. */
async function selfSigned(name: string): Promise<{ cert: string; key: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=hook',
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(Date.now() - 3_600_000),
    notAfter: new Date(Date.now() + 3_600_000),
    extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: name }])],
  });
  const bytes = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return {
    cert: `${certificate.toString('pem')}\n`,
    key: `-----BEGIN PRIVATE KEY-----\n${bytes.replace(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`,
  };
}

let whole: WholeCluster;
let caBundle: string;
beforeAll(async () => {
  whole = await openWholeCluster();
  const { cert, key } = await selfSigned('hook.default.svc');
  caBundle = Buffer.from(cert).toString('base64');
  const make = (resource: Gvr, object: Loose): Promise<KubeObject> =>
    whole.client.create(resource, {
      apiVersion: 'v1',
      ...object,
      metadata: { namespace: 'default', ...object.metadata },
    });
  await make(core('secrets'), {
    kind: 'Secret',
    metadata: { name: 'hook-tls' },
    type: 'kubernetes.io/tls',
    stringData: { 'tls.crt': cert, 'tls.key': key },
  });
  const env = { LABELS: 'seen=yes', REQUIRE_LABELS: 'team', DENY: 'bad-*', WARN: 'webhooks are watching' };
  await make(core('pods'), {
    kind: 'Pod',
    metadata: { name: 'hook', labels: { app: 'hook' } },
    spec: {
      containers: [
        {
          name: 'hook',
          image: 'atelier.dev/admission:1',
          env: Object.entries(env).map(([name, value]) => ({ name, value })),
          volumeMounts: [{ name: 'tls', mountPath: '/tls' }],
          readinessProbe: { httpGet: { path: '/', port: 8443, scheme: 'HTTPS' }, periodSeconds: 1 },
        },
      ],
      volumes: [{ name: 'tls', secret: { secretName: 'hook-tls' } }],
    },
  });
  await make(core('services'), {
    kind: 'Service',
    metadata: { name: 'hook' },
    spec: { selector: { app: 'hook' }, ports: [{ port: 443, targetPort: 8443 }] },
  });
  const slices: Gvr = { group: 'discovery.k8s.io', version: 'v1', resource: 'endpointslices' };
  await whole.until(core('pods'), 'hook', ({ status }) =>
    status?.conditions?.some((one: Loose) => one.type === 'Ready' && one.status === 'True'),
  );
  for (;;) {
    const { items } = await whole.client.list(slices, {
      namespace: 'default',
      labelSelector: 'kubernetes.io/service-name=hook',
    });
    if (items.some(({ endpoints }) => endpoints?.some((one: Loose) => one.conditions?.ready))) break;
    await new Promise((resolve) => setImmediate(resolve));
  }
}, 30_000);
afterAll(() => whole.close());

async function register(sort: 'validating' | 'mutating', path: string, more: Loose = {}): Promise<void> {
  await whole.client.create(webhooks(sort), {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: sort === 'mutating' ? 'MutatingWebhookConfiguration' : 'ValidatingWebhookConfiguration',
    metadata: { name: `hook${path.replace('/', '-')}` },
    webhooks: [
      {
        name: 'hook.atelier.dev',
        clientConfig: { service: { namespace: 'default', name: 'hook', path }, caBundle },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        ...more,
      },
    ],
  });
}

const kubectl = (...words: string[]): Promise<string> => whole.kubectl(...words);

test('a Service’s pod changes, refuses and warns, over TLS that its Secret made', async () => {
  await register('mutating', '/mutate');
  await register('validating', '/validate');
  expect(await kubectl('create', 'configmap', 'bad-one')).toContain(
    'admission webhook "hook.atelier.dev" denied the request: the name bad-one is not allowed',
  );
  expect(await kubectl('create', 'configmap', 'plain')).toContain('denied the request: missing labels: team');
  const labelled: KubeObject = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'good', namespace: 'default', labels: { team: 'a' } },
  };
  expect((await whole.client.create(core('configmaps'), labelled)).metadata.labels).toEqual({ team: 'a', seen: 'yes' });
  expect(await kubectl('create', 'configmap', 'warned', '--dry-run=server')).toContain(
    'Warning: webhooks are watching',
  );
  const log = await kubectl('logs', 'hook');
  expect(log).toContain('CREATE configmaps default/good: changed\n');
  expect(log).toContain('CREATE configmaps default/plain: denied: missing labels: team\n');
  for (const [sort, name] of [
    ['mutating', 'hook-mutate'],
    ['validating', 'hook-validate'],
  ] as const)
    await whole.client.delete(webhooks(sort), name);
});

test('its certificate must be for the Service’s name, and its authority known', async () => {
  const post = 'failed calling webhook "hook.atelier.dev": failed to call webhook: Post';
  const alias: Loose = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'alias', namespace: 'default' },
    spec: { selector: { app: 'nobody' }, ports: [{ port: 443 }] },
  };
  await whole.client.create(core('services'), alias);
  await register('validating', '/validate', { clientConfig: { service: { namespace: 'default', name: 'hook' } } });
  expect(await kubectl('create', 'configmap', 'x')).toContain(
    `${post} "https://hook.default.svc:443/?timeout=10s": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
  );
  await whole.client.delete(webhooks('validating'), 'hook-validate');
  await register('validating', '/validate', {
    clientConfig: { service: { namespace: 'default', name: 'alias' }, caBundle },
  });
  expect(await kubectl('create', 'configmap', 'x')).toMatch(
    /"https:\/\/alias\.default\.svc:443\/\?timeout=10s": dial tcp 10\.96\.\d+\.\d+:443: connect: connection refused/,
  );
  await whole.client.patch(core('services'), 'alias', 'default', 'merge', {
    spec: { selector: { app: 'hook' }, ports: [{ port: 443, targetPort: 8443 }] },
  });
  let text = '';
  while (!text.includes('x509')) text = await kubectl('create', 'configmap', 'x');
  expect(text).toContain('certificate is valid for hook.default.svc, not alias.default.svc');
});
