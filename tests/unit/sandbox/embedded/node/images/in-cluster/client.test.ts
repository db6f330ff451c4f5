import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { KubeObject, Loose } from '../../../../../../../kubernetes/object.ts';
import { type Client, createClient } from '../../../../../../../sandbox/embedded/client/client.ts';
import { createHttpsTransport } from '../../../../../../../sandbox/embedded/client/https-transport.ts';
import { createInformer } from '../../../../../../../sandbox/embedded/client/informer.ts';
import { createClock } from '../../../../../../../sandbox/embedded/clock.ts';
import { type Cluster, createCluster } from '../../../../../../../sandbox/embedded/control-plane/main.ts';
import { createContainer } from '../../../../../../../sandbox/embedded/node/images/container.ts';
import type { ContainerProcess, Image } from '../../../../../../../sandbox/embedded/node/images/image.ts';
import { inClusterClient } from '../../../../../../../sandbox/embedded/node/images/in-cluster/client.ts';
import { failure } from '../../../../../../../sandbox/embedded/node/network/connection.ts';
import { outward } from '../../../../../../../sandbox/embedded/node/network/network.ts';
import { TestNetwork } from '../harness.ts';

const services = { group: '', version: 'v1', resource: 'services' };
const configMaps = { group: '', version: 'v1', resource: 'configmaps' };
const accounts = { group: '', version: 'v1', resource: 'serviceaccounts' };
const mounted = '/var/run/secrets/kubernetes.io/serviceaccount';
const options = { userAgent: 'test/1.0 (linux/amd64)' };

let directory: string;
let cluster: Cluster;
let admin: Client;
const undo: (() => unknown)[] = [];

async function open(port?: number): Promise<void> {
  cluster = await createCluster({ directory, name: 'test', controllers: false, ...(port && { port }) });
  const { key, cert } = cluster.pki.admin;
  admin = createClient(createHttpsTransport({ server: cluster.url, ca: cluster.pki.ca.cert, key, cert }));
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'atelier-in-cluster-'));
  await open();
});
afterEach(async () => {
  for (const one of undo.splice(0).toReversed()) await one();
  admin.close();
  await cluster.close();
  rmSync(directory, { recursive: true, force: true });
});

const object = (kind: string, name: string, more: Loose = {}): KubeObject => ({
  apiVersion: kind.includes('Role') ? 'rbac.authorization.k8s.io/v1' : 'v1',
  kind,
  metadata: { name, ...(!kind.startsWith('Cluster') && { namespace: 'default' }) },
  ...more,
});

async function tokenOf(name: string): Promise<string> {
  const asked = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } };
  return (await admin.createSubresource(accounts, name, 'default', 'token', asked)).status.token;
}

/** A process in a pod with this ServiceAccount; `down` makes its network say no. */
async function podOf(name: string, env: Record<string, string> = {}, down: { code?: string } = {}) {
  await admin.create(accounts, object('ServiceAccount', name));
  const started = Promise.withResolvers<ContainerProcess>();
  const image: Image = {
    match: /./,
    tags: /./,
    names: [],
    config: {
      entrypoint: ['/main'],
      cmd: [],
      env: { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443', ...env },
      workingDir: '/',
      user: 0,
      exposedPorts: [],
    },
    programs: {
      '/main': (process) => {
        started.resolve(process);
        return new Promise((resolve) => process.onSignal('SIGTERM', () => resolve(0)));
      },
    },
    files: {
      [`/run/secrets/kubernetes.io/serviceaccount/token`]: await tokenOf(name),
      [`/run/secrets/kubernetes.io/serviceaccount/ca.crt`]: cluster.pki.ca.cert,
    },
  };
  const container = createContainer({
    pod: { name: 'p', namespace: 'default', uid: 'u', hostname: 'p', ip: '10.244.0.5', node: 'node-1', labels: {} },
    name: 'main',
    reference: 'test:1',
    image,
    network: {
      ...new TestNetwork().pod('10.244.0.5'),
      connect: (host, port) => {
        expect([host, port]).toEqual(['10.96.0.1', 443]);
        return down.code ? Promise.reject(failure(down.code, 'no')) : outward('127.0.0.1', cluster.port);
      },
    },
    clock: createClock(),
  });
  container.start({ argv: ['/main'], stdout: () => undefined, stderr: () => undefined });
  undo.push(() => container.kill());
  return started.promise;
}

async function allow(name: string, verbs: string[], resources: string[]): Promise<void> {
  const rbac = (resource: string) => ({ group: 'rbac.authorization.k8s.io', version: 'v1', resource });
  await admin.create(
    rbac('clusterroles'),
    object('ClusterRole', name, { rules: [{ apiGroups: [''], resources, verbs }] }),
  );
  await admin.create(
    rbac('clusterrolebindings'),
    object('ClusterRoleBinding', name, {
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace: 'default' }],
    }),
  );
}

const said = (promise: Promise<unknown>): Promise<string> => promise.then(String, (error) => error.message);

test('a program is its pod’s ServiceAccount, and hears what that may not', async () => {
  const client = inClusterClient(await podOf('reader'), options);
  expect(await said(client.list(services))).toBe(
    'services is forbidden: User "system:serviceaccount:default:reader" cannot list resource "services" in API group "" at the cluster scope',
  );
  await allow('reader', ['list'], ['services']);
  expect((await client.list(services)).items.map(({ metadata }) => metadata.name)).toEqual(['kubernetes', 'kube-dns']);
  const watching = client.watch(services, { signal: AbortSignal.timeout(5000) }, () => {});
  expect(await said(watching)).toContain('"system:serviceaccount:default:reader" cannot watch resource "services"');
});

test('what is not mounted, or does not answer, is told in the words of client-go', async () => {
  const bare = await podOf('bare', { KUBERNETES_SERVICE_HOST: '' });
  expect(() => inClusterClient(bare, options)).toThrow(
    /^unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined$/,
  );
  const down: { code?: string } = {};
  const process = await podOf('client', {}, down);
  const client = inClusterClient(process, options);
  const middlewares = { group: 'traefik.io', version: 'v1alpha1', resource: 'middlewares' };
  await allow('client', ['*'], ['*']);
  expect(await said(client.list(middlewares))).toMatch(/^middlewares.traefik.io is forbidden/);
  down.code = 'ECONNREFUSED';
  client.close();
  expect(await said(inClusterClient(process, options).list(services))).toBe(
    'Get "https://10.96.0.1:443/api/v1/services": dial tcp 10.96.0.1:443: connect: connection refused',
  );
  delete down.code;
  process.fs.write(`${mounted}/ca.crt`, Buffer.from(''));
  expect(await said(inClusterClient(process, options).list(services))).toBe(
    'Get "https://10.96.0.1:443/api/v1/services": tls: failed to verify certificate: x509: certificate signed by unknown authority',
  );
  process.fs.remove(`${mounted}/token`);
  expect(() => inClusterClient(process, options)).toThrow(`open ${mounted}/token: no such file or directory`);
});

test('a kind that nobody serves is not found, as client-go says it', async () => {
  const client = inClusterClient(await podOf('kinds'), options);
  const rbac = { group: 'rbac.authorization.k8s.io', version: 'v1', resource: 'clusterrolebindings' };
  await admin.create(
    rbac,
    object('ClusterRoleBinding', 'kinds', {
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', name: 'kinds', namespace: 'default' }],
    }),
  );
  const middlewares = { group: 'traefik.io', version: 'v1alpha1', resource: 'middlewares' };
  expect(await said(client.list(middlewares))).toBe(
    'the server could not find the requested resource (get middlewares.traefik.io)',
  );
  const watching = client.watch(middlewares, { signal: AbortSignal.timeout(5000) }, () => {});
  expect(await said(watching)).toBe('the server could not find the requested resource (get middlewares.traefik.io)');
});

test('a renewed token is used from the next request on', async () => {
  const process = await podOf('first');
  const client = inClusterClient(process, options);
  expect(await said(client.list(services))).toContain('system:serviceaccount:default:first');
  await admin.create(accounts, object('ServiceAccount', 'second'));
  process.fs.write(`${mounted}/token`, Buffer.from(await tokenOf('second')));
  expect(await said(client.list(services))).toContain('system:serviceaccount:default:second');
  process.fs.write(`${mounted}/token`, Buffer.from('nonsense'));
  expect(await said(client.list(services))).toBe('Unauthorized');
});

test('a watch survives a restart of the API, and ends with the process', async () => {
  await allow('watcher', ['get', 'list', 'watch'], ['configmaps']);
  const process = await podOf('watcher');
  const client = inClusterClient(process, options);
  const told: string[] = [];
  const informer = createInformer({
    client,
    resource: configMaps,
    clock: process.container.clock,
    signal: process.killed,
    retry: { first: 10, longest: 50 },
    failed: (error, verb) => told.push(`${verb}: ${(error as Error).message}`),
  });
  await informer.synced;
  const appears = (name: string) =>
    new Promise<void>((resolve) => {
      informer.on((now) => now?.metadata.name === name && resolve());
    });
  const { port } = cluster;
  admin.close();
  await cluster.close();
  await open(port);
  const seen = appears('after');
  await admin.create(configMaps, object('ConfigMap', 'after'));
  await seen;
  expect(told.every((line) => /Get "https:.*configmaps.*": .*(refused|EOF|reset)/.test(line))).toBe(true);
  const watching = client.watch(configMaps, { signal: new AbortController().signal }, () => {});
  process.container.signal(1, 'SIGTERM');
  await watching.catch(() => {});
  expect(process.killed.aborted).toBe(true);
});
