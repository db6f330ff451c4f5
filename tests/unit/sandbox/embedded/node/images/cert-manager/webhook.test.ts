import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Gvr, KubeObject, Loose } from '../../../../../../../kubernetes/object.ts';
import { openWholeCluster, type WholeCluster } from '../../../whole-cluster.ts';
import { secrets } from './installed.ts';

const chart = new URL('../../../../../../../manifests/charts/cert-manager', import.meta.url).pathname;
const space = 'learner-cert-manager';
const settings = ['replicaCount=0', 'crds.enabled=true', 'startupapicheck.extraArgs={-v,--interval=200ms}'];
const hooks = (resource: string): Gvr => ({ group: 'admissionregistration.k8s.io', version: 'v1', resource });
const validating = hooks('validatingwebhookconfigurations');
const deployments: Gvr = { group: 'apps', version: 'v1', resource: 'deployments' };
const jobs: Gvr = { group: 'batch', version: 'v1', resource: 'jobs' };
const crds: Gvr = { group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions' };

const render = async (...set: string[]): Promise<string> =>
  (
    await promisify(execFile)(process.env.ATELIER_HELM ?? 'helm', [
      ...['template', 'cert-manager', chart, '-n', space],
      ...set.map((one) => `--set=${one}`),
    ])
  ).stdout;

let whole: WholeCluster;
beforeAll(async () => {
  whole = await openWholeCluster();
  await whole.kubectl('create', 'namespace', space);
});
afterAll(() => whole.close());

const issuer = (spec: Loose): string =>
  JSON.stringify({ apiVersion: 'cert-manager.io/v1', kind: 'Issuer', metadata: { name: 'own' }, spec });
const caOf = (configuration: KubeObject): string => configuration.webhooks?.[0]?.clientConfig.caBundle ?? '';
const stored = async (): Promise<string> =>
  (await whole.client.get(secrets, 'cert-manager-webhook-ca', space)).data['ca.crt'];

test('without its kinds, and before its webhook answers, cert-manager takes nothing', async () => {
  expect(await whole.give(issuer({ selfSigned: {} }))).toMatch(
    /no matches for kind "Issuer" in version "cert-manager.io\/v1"\nensure CRDs are installed first/,
  );
  await whole.give(await render(...settings, 'webhook.replicaCount=0', 'cainjector.replicaCount=0'));
  await whole.until(crds, 'issuers.cert-manager.io', ({ status }) =>
    status?.conditions?.some((one: Loose) => one.type === 'Established' && one.status === 'True'),
  );
  expect(await whole.give(issuer({ selfSigned: {} }))).toContain(
    'Internal error occurred: failed calling webhook "webhook.cert-manager.io": failed to call webhook: Post "https://cert-manager-webhook.learner-cert-manager.svc:443/validate?timeout=30s": ',
  );
});

test('the webhook makes itself an authority, cainjector tells the API of it, and the start-up check has seen both', async () => {
  await whole.give(await render(...settings));
  const job = await whole.until(jobs, 'cert-manager-startupapicheck', ({ status }) => status?.succeeded === 1);
  expect(job.status.failed ?? 0).toBe(0);
  const log = await whole.kubectl('logs', '-n', space, 'job/cert-manager-startupapicheck');
  expect(log).toMatch(/The cert-manager API is ready\n$/);
  expect(caOf(await whole.client.get(validating, 'cert-manager-webhook'))).toBe(await stored());
  const authority = new X509Certificate(Buffer.from(await stored(), 'base64'));
  expect([authority.subject, authority.ca]).toEqual(['CN=cert-manager-webhook-ca', true]);
  const said = await whole.kubectl('logs', '-n', space, 'deployment/cert-manager-webhook');
  expect(said).toMatch(/\] "Will regenerate CA" logger="cert-manager" reason="CA secret not found"\n/);
  expect(said).toMatch(/"Serving certificate generated successfully"/);
});

test('what the API stores of cert-manager, the webhook has read', async () => {
  expect(await whole.give(issuer({ selfSigned: {}, ca: { secretName: 'x' } }))).toBe(
    'Error from server (Forbidden): error when creating "STDIN": admission webhook "webhook.cert-manager.io" denied the request: spec.selfSigned: Forbidden: may not specify more than one issuer type\n',
  );
  expect(await whole.give(issuer({ selfSigned: {} }))).toBe('issuer.cert-manager.io/own created\n');
  const certificate = (spec: string): string =>
    `{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {name: c}, spec: {secretName: c, issuerRef: {name: own}, ${spec}}}`;
  expect(await whole.give(certificate('dnsNames: [a.b], duration: 90d'))).toContain(
    'denied the request: time: unknown unit "d" in duration "90d"',
  );
  expect(await whole.give(certificate('dnsName: [a.b]'))).toContain(
    'strict decoding error: unknown field "spec.dnsName"',
  );
  expect(await whole.kubectl('explain', 'certificate.spec.renewBefore')).toContain('At least 5m, and less than');
});

test('an authority that is taken away is made anew, and its callers are told', async () => {
  const before = await stored();
  await whole.client.delete(secrets, 'cert-manager-webhook-ca', space);
  await whole.until(validating, 'cert-manager-webhook', (one) => caOf(one) !== before);
  expect(caOf(await whole.client.get(validating, 'cert-manager-webhook'))).toBe(await stored());
  await whole.kubectl('annotate', 'issuer', 'own', 'seen=1');
  expect(await whole.kubectl('get', 'issuer', 'own', '-o', 'jsonpath={.metadata.annotations.seen}')).toBe('1');
});

test('cainjector copies a CA only where it is allowed to, by Secret or by Certificate', async () => {
  const configuration = (name: string, annotation: string): string =>
    `{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: ${name}, annotations: {cert-manager.io/${annotation}}},
      webhooks: [{name: a.example.test, rules: [], admissionReviewVersions: [v1], sideEffects: None, clientConfig: {url: "https://a.example.test"}}]}`;
  const secret = (name: string, annotation: string): string =>
    `{apiVersion: v1, kind: Secret, metadata: {name: ${name}, annotations: {${annotation}}}, stringData: {ca.crt: "the CA of ${name}"}}`;
  await whole.give(configuration('shy', 'inject-ca-from-secret: default/shy'));
  await whole.give(secret('shy', 'a: b'));
  await whole.give(configuration('open', 'inject-ca-from-secret: default/open'));
  await whole.give(secret('open', 'cert-manager.io/allow-direct-injection: "true"'));
  await whole.give(configuration('owned', 'inject-ca-from: default/owner'));
  await whole.give(
    '{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {name: owner}, spec: {secretName: owned, dnsNames: [a.b], issuerRef: {name: own}}}',
  );
  await whole.give(secret('owned', 'cert-manager.io/certificate-name: owner'));
  const text = (one: KubeObject): string => Buffer.from(caOf(one), 'base64').toString();
  expect(text(await whole.until(validating, 'open', caOf))).toBe('the CA of open');
  expect(text(await whole.until(validating, 'owned', caOf))).toBe('the CA of owned');
  expect(caOf(await whole.client.get(validating, 'shy'))).toBe('');
  expect(await whole.kubectl('logs', '-n', space, 'deployment/cert-manager-cainjector')).toMatch(
    /"Secret resource does not allow direct injection - refusing to inject CA" .*kind="validatingwebhookconfiguration" name="shy" secret=\{"name":"shy","namespace":"default"\}/,
  );
});

test('a check that does not wait says what is missing, and fails', async () => {
  await whole.client.patch(deployments, 'cert-manager-webhook', space, 'merge', { spec: { replicas: 0 } });
  await whole.until(deployments, 'cert-manager-webhook', ({ status }) => !status?.readyReplicas && !status?.replicas);
  await whole.kubectl(
    ...['-n', space, 'run', 'once', '--restart=Never', '--image=quay.io/jetstack/cert-manager-startupapicheck:v1.21.2'],
    '--overrides={"spec":{"serviceAccountName":"cert-manager-startupapicheck"}}',
    ...['--', 'check', 'api', '-v'],
  );
  const pods = { group: '', version: 'v1', resource: 'pods' };
  const pod = await whole.until(pods, 'once', ({ status }) => status?.phase === 'Failed');
  expect(pod.status.containerStatuses[0].state.terminated.exitCode).toBe(1);
  expect(await whole.kubectl('-n', space, 'logs', 'once')).toMatch(
    /"error executing command" err="the cert-manager webhook deployment is not ready yet"/,
  );
});
