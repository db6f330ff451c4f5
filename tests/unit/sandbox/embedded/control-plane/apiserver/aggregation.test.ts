import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Gvr, KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { openTestCluster, type TestCluster } from '../test-cluster.ts';

const apiServices: Gvr = { group: 'apiregistration.k8s.io', version: 'v1', resource: 'apiservices' };
const services: Gvr = { group: '', version: 'v1', resource: 'services' };

let setup: TestCluster;
let server: Server;
const asked: { url: string; headers: Loose; by: string | undefined }[] = [];

beforeAll(async () => {
  setup = await openTestCluster();
  const { pki } = setup.cluster;
  server = createServer({ ...pki.server, ca: pki.ca.cert, requestCert: true }, (request, response) => {
    const by = (request.socket as TLSSocket).getPeerCertificate().subject?.CN as string | undefined;
    asked.push({ url: request.url ?? '', headers: request.headers, by });
    response.setHeader('content-type', 'application/json');
    if (request.url?.split('?')[0] === '/apis/toys.example/v1') {
      const resources = [
        { name: 'toys', singularName: 'toy', namespaced: true, kind: 'Toy', verbs: ['get', 'list'] },
        { name: 'toys/status', singularName: '', namespaced: true, kind: 'Toy', verbs: ['get'] },
      ];
      response.end(
        JSON.stringify({ kind: 'APIResourceList', apiVersion: 'v1', groupVersion: 'toys.example/v1', resources }),
      );
    } else response.end(JSON.stringify({ kind: 'ToyList', apiVersion: 'toys.example/v1', metadata: {}, items: [] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  await setup.close();
  server.closeAllConnections();
  server.close();
});

const get = (path: string): Promise<Loose> => setup.transport.request({ method: 'GET', path });

/** The condition of the APIService, once it has this reason. */
async function until(reason: string): Promise<Loose> {
  const stop = new AbortController();
  const found = Promise.withResolvers<Loose>();
  const look = (object: KubeObject): void => {
    const [condition] = object.status?.conditions ?? [];
    if (object.metadata.name === 'v1.toys.example' && condition?.reason === reason) found.resolve(condition);
  };
  const watching = setup.client.watch(apiServices, { signal: stop.signal }, ({ object }) => look(object as KubeObject));
  const condition = await found.promise;
  stop.abort();
  await watching;
  return condition;
}

test('an APIService says why it is not there, then leads to its server', async () => {
  const { port } = server.address() as AddressInfo;
  await setup.client.create(apiServices, {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: 'v1.toys.example' },
    spec: {
      group: 'toys.example',
      version: 'v1',
      groupPriorityMinimum: 1000,
      versionPriority: 15,
      insecureSkipTLSVerify: true,
      service: { namespace: 'default', name: 'toys', port },
    },
  });
  expect(await until('ServiceNotFound')).toMatchObject({
    status: 'False',
    message: 'service/toys in "default" is not present',
  });
  expect(await get('/apis/toys.example/v1')).toEqual({
    code: 503,
    body: expect.stringContaining('service unavailable'),
  });
  expect((await get('/apis/toys.example')).body).toMatchObject({
    kind: 'APIGroup',
    preferredVersion: { version: 'v1' },
  });
  await setup.client.create(services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'toys', namespace: 'default' },
    spec: { type: 'ExternalName', externalName: '127.0.0.1', ports: [{ port }] },
  });
  expect(await until('Passed')).toMatchObject({ status: 'True', message: 'all checks passed' });
  const { body } = await get('/apis/toys.example/v1/namespaces/default/toys?limit=500');
  expect(body).toMatchObject({ kind: 'ToyList' });
  expect(asked.at(-1)).toMatchObject({
    url: '/apis/toys.example/v1/namespaces/default/toys?limit=500',
    by: 'front-proxy',
    headers: { 'x-remote-user': 'kubernetes-admin', 'x-remote-group': 'system:masters, system:authenticated' },
  });
  expect(asked.at(-1)?.headers.authorization).toBeUndefined();
  expect((await get('/apis')).body.groups.map(({ name }: Loose) => name)).toContain('toys.example');
  expect((await get('/openapi/v3')).body.paths['apis/toys.example/v1']).toBeDefined();
});

test('who may not ask is not passed on; a registration is read', async () => {
  const before = asked.length;
  const refused = setup
    .as('somebody')
    .list({ group: 'toys.example', version: 'v1', resource: 'toys' }, { namespace: 'default' });
  await expect(refused).rejects.toMatchObject({ status: { code: 403 } });
  expect(asked.length).toBe(before);
  const wrong = setup.client.create(apiServices, {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: 'wrong' },
    spec: {
      group: 'toys.example',
      version: 'V1',
      versionPriority: 2000,
      groupPriorityMinimum: 1,
      insecureSkipTLSVerify: true,
      caBundle: 'YQ==',
      service: {},
    },
  });
  await expect(wrong).rejects.toMatchObject({
    status: {
      message: expect.stringContaining(
        'metadata.name: Invalid value: "wrong": must be `spec.version+"."+spec.group`: "V1.toys.example"',
      ),
    },
  });
});
