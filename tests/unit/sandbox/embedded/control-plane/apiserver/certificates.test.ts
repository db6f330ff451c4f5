import 'reflect-metadata';
import { X509Certificate } from 'node:crypto';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Gvr, KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { createClient } from '../../../../../../sandbox/embedded/client/client.ts';
import { createHttpsTransport } from '../../../../../../sandbox/embedded/client/https-transport.ts';
import { openTestCluster, type TestCluster } from '../test-cluster.ts';

const requests: Gvr = { group: 'certificates.k8s.io', version: 'v1', resource: 'certificatesigningrequests' };
const reviews: Gvr = { group: 'authentication.k8s.io', version: 'v1', resource: 'selfsubjectreviews' };
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

let setup: TestCluster;
beforeAll(async () => {
  setup = await openTestCluster(true);
});
afterAll(() => setup.close());

const refusal = (promise: Promise<unknown>): Promise<string | undefined> =>
  promise.then(
    () => undefined,
    (error) => error.status.message,
  );

async function ask(name: string, subject: string, spec: Loose = {}): Promise<{ key: string; object: KubeObject }> {
  const keys = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair;
  const request = await Pkcs10CertificateRequestGenerator.create({ name: subject, keys, signingAlgorithm: algorithm });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const object: KubeObject = {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name },
    spec: {
      request: Buffer.from(`${request.toString('pem')}\n`).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client',
      usages: ['client auth'],
      ...spec,
    },
  };
  return { key: `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`, object };
}

const decide = (object: KubeObject, type: string): KubeObject => ({
  ...object,
  status: { conditions: [{ type, status: 'True', reason: 'Test', message: 'by a test' }] },
});

async function settled(name: string, what: (status: Loose) => unknown): Promise<Loose> {
  const stop = new AbortController();
  let status: Loose;
  await setup.client.watch(requests, { fieldSelector: `metadata.name=${name}`, signal: stop.signal }, ({ object }) => {
    status = object.status;
    if (status && what(status)) stop.abort();
  });
  return status;
}

test('an approved request becomes a certificate that signs its owner in', async () => {
  const { client, cluster } = setup;
  const { key, object } = await ask('bob', 'CN=bob, O=dev', { expirationSeconds: 3600, username: 'forged' });
  const made = await client.create(requests, object);
  expect([made.spec.username, made.spec.groups]).toEqual([
    'kubernetes-admin',
    ['system:masters', 'system:authenticated'],
  ]);
  await client.update(requests, decide(made, 'Approved'), 'approval');
  const { certificate } = await settled('bob', (status) => status.certificate);
  const cert = Buffer.from(certificate, 'base64').toString('utf8');
  const read = new X509Certificate(cert);
  expect(read.subject).toBe('O=dev\nCN=bob');
  expect(Math.round((read.validToDate.getTime() - read.validFromDate.getTime()) / 1000)).toBe(3600 + 300);
  const transport = createHttpsTransport({ server: cluster.url, ca: cluster.pki.ca.cert, cert, key }, {});
  const me = await createClient(transport).create(reviews, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'SelfSubjectReview',
    metadata: {},
  });
  transport.close();
  expect([me.status.userInfo.username, me.status.userInfo.groups]).toEqual(['bob', ['dev', 'system:authenticated']]);
  expect(await refusal(client.update(requests, decide(await client.get(requests, 'bob'), 'Denied'), 'approval'))).toBe(
    'CertificateSigningRequest.certificates.k8s.io "bob" is invalid: status.conditions: Forbidden: updates may not remove a condition of type "Approved"',
  );
});

test('a kubelet is approved by its rights; a signer says why it will not sign', async () => {
  const { client, as } = setup;
  const kubelet = {
    signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
    usages: ['client auth', 'digital signature'],
  };
  const { object } = await ask('node', 'O=system:nodes, CN=system:node:node-9', kubelet);
  await as('bootstrap', ['system:bootstrappers', 'system:masters']).create(requests, object);
  const status = await settled('node', (one) => one.certificate);
  expect(status.conditions[0].message).toBe('Auto approving kubelet client certificate after SubjectAccessReview.');

  const { object: serving } = await ask('serving', 'CN=bob', { signerName: 'kubernetes.io/kubelet-serving' });
  await client.update(requests, decide(await client.create(requests, serving), 'Approved'), 'approval');
  const failed = await settled('serving', (one) => one.conditions?.length === 2);
  expect(failed.conditions[1]).toMatchObject({
    type: 'Failed',
    reason: 'SignerValidationFailure',
    message: 'subject organization is not system:nodes',
  });
});

test('who may approve is asked of the signer, and nobody becomes a master', async () => {
  const { client, as } = setup;
  const { object: master } = await ask('master', 'CN=eve, O=system:masters');
  expect(await refusal(client.create(requests, master))).toBe(
    'certificatesigningrequests.certificates.k8s.io "master" is forbidden: use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed',
  );
  const rbac = (resource: string): Gvr => ({ group: 'rbac.authorization.k8s.io', version: 'v1', resource });
  const rules = [{ apiGroups: ['certificates.k8s.io'], resources: ['*'], verbs: ['get', 'update'] }];
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  await client.create(rbac('clusterroles'), { apiVersion, kind: 'ClusterRole', metadata: { name: 'approver' }, rules });
  await client.create(rbac('clusterrolebindings'), {
    apiVersion,
    kind: 'ClusterRoleBinding',
    metadata: { name: 'approver' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'approver' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'joe' }],
  });
  const made = await client.create(requests, (await ask('joes', 'CN=joe')).object);
  expect(await refusal(as('joe').update(requests, decide(made, 'Approved'), 'approval'))).toBe(
    'certificatesigningrequests.certificates.k8s.io "joes" is forbidden: user not permitted to approve requests with signerName "kubernetes.io/kube-apiserver-client"',
  );
});

test('old requests are cleared away', async () => {
  const { client, cluster } = setup;
  const { metadata } = await client.create(requests, (await ask('pending', 'CN=late')).object);
  (cluster.clock as unknown as { skip(milliseconds: number): void }).skip(26 * 3_600_000);
  const stop = new AbortController();
  const options = { resourceVersion: metadata.resourceVersion ?? '', fieldSelector: 'metadata.name=pending' };
  await client.watch(requests, { ...options, signal: stop.signal }, ({ type }) => {
    if (type === 'DELETED') stop.abort();
  });
});
