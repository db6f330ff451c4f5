import { afterAll, beforeAll, expect, test } from 'vitest';
import { createClient } from '../../../../../../sandbox/embedded/client/client.ts';
import { createHttpsTransport } from '../../../../../../sandbox/embedded/client/https-transport.ts';
import { configMaps, namespaces, openTestCluster, type TestCluster } from '../test-cluster.ts';

let a: TestCluster;
let b: TestCluster;
beforeAll(async () => {
  [a, b] = await Promise.all([openTestCluster(), openTestCluster()]);
});
afterAll(() => Promise.all([a.close(), b.close()]));

test('two clusters of one process share no object, no revision, no watch', async () => {
  const seen: string[] = [];
  const ending = new AbortController();
  const watching = b.client.watch(configMaps, { signal: ending.signal, resourceVersion: '0' }, (event) => {
    seen.push(String(event.object.metadata?.name));
  });
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'secret-of-a', namespace: 'default' } };
  const before = (await b.client.list(namespaces)).metadata.resourceVersion;
  await a.client.create(configMaps, object);
  await b.client.create(configMaps, { ...object, metadata: { name: 'of-b', namespace: 'default' } });
  await expect(b.client.get(configMaps, 'secret-of-a', 'default')).rejects.toMatchObject({ code: 404 });
  expect(Number((await b.client.list(namespaces)).metadata.resourceVersion)).toBe(Number(before) + 1);
  while (!seen.includes('of-b')) await new Promise(setImmediate);
  expect(seen).not.toContain('secret-of-a');
  ending.abort();
  await watching;
});

test('one cluster’s credentials are worth nothing at the other, and neither takes the other for itself', async () => {
  const accounts = { group: '', version: 'v1', resource: 'serviceaccounts' };
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'me', namespace: 'default' } };
  await a.client.create(accounts, account);
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
  const { status } = await a.client.createSubresource(accounts, 'me', 'default', 'token', request);
  const token = status.token as string;
  await expect(a.withToken(token).list(namespaces)).rejects.toMatchObject({ code: 403 });
  await expect(b.withToken(token).list(namespaces)).rejects.toMatchObject({ code: 401 });
  const { pki, url } = b.cluster;
  const stranger = (ca: string) =>
    createClient(createHttpsTransport({ server: url, ca, ...a.cluster.pki.admin })).list(namespaces);
  await expect(stranger(pki.ca.cert)).rejects.toMatchObject({ code: 401 });
  await expect(stranger(a.cluster.pki.ca.cert)).rejects.toThrow(/certificate/);
});
