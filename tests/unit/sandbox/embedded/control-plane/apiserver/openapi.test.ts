import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Loose } from '../../../../../../kubernetes/object.ts';
import { openTestCluster, type TestCluster } from '../test-cluster.ts';

let setup: TestCluster;
beforeAll(async () => {
  setup = await openTestCluster();
});
afterAll(() => setup.close());

interface Answer {
  status: number | undefined;
  headers: IncomingHttpHeaders;
  text: string;
}

function get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
  const { url, pki } = setup.cluster;
  return new Promise((resolve, reject) => {
    const outgoing = request(new URL(path, url), { headers, ca: pki.ca.cert, ...pki.admin }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk) => chunks.push(chunk));
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode, headers: incoming.headers, text: Buffer.concat(chunks).toString() }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

test('who has a document is not sent it again', async () => {
  for (const [path, headers] of [
    ['/openapi/v2', {}],
    ['/openapi/v3/apis/apps/v1', {}],
    ['/apis', { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' }],
  ] as const) {
    const { status, headers: first } = await get(path, headers);
    expect([path, status, first.etag]).toEqual([path, 200, expect.stringMatching(/^"[0-9A-F]{128}"$/)]);
    expect(await get(path, { ...headers, 'if-none-match': first.etag ?? '' })).toMatchObject({ status: 304, text: '' });
    expect((await get(path, { ...headers, 'if-none-match': '"other"' })).status).toBe(200);
  }
});

test('a document with its hash may be kept; another hash leads to it', async () => {
  const { paths } = JSON.parse((await get('/openapi/v3')).text);
  const address = paths['apis/batch/v1'].serverRelativeURL;
  const kept = await get(address);
  expect(kept.headers).toMatchObject({ 'cache-control': 'public, immutable', vary: 'Accept' });
  expect(Date.parse(kept.headers.expires ?? '')).toBeGreaterThan(Date.now() + 300 * 24 * 3600 * 1000);
  expect(await get('/openapi/v3/apis/batch/v1?hash=OLD')).toMatchObject({
    status: 301,
    headers: { location: address },
  });
});

test('of a document a range is sent', async () => {
  const { text } = await get('/openapi/v3');
  const part = (range: string) => get('/openapi/v3', { range });
  expect(await part('bytes=2-6')).toMatchObject({
    status: 206,
    text: text.slice(2, 7),
    headers: { 'content-range': `bytes 2-6/${text.length}` },
  });
  expect((await part('bytes=-5')).text).toBe(text.slice(-5));
  expect((await part(`bytes=${text.length}-`)).status).toBe(416);
  expect((await part('lines=1-2')).status).toBe(200);
});

test('Swagger 2 has every kind, and nothing that it cannot say', async () => {
  const crd = { group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions' };
  const properties = { spec: { type: 'object', nullable: true, properties: { size: { type: 'integer' } } } };
  await setup.client.create(crd, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'cats.pets.test' },
    spec: {
      group: 'pets.test',
      scope: 'Namespaced',
      names: { plural: 'cats', kind: 'Cat' },
      versions: [
        { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties } } },
      ],
    },
  });
  const { definitions, paths, ...head } = JSON.parse((await get('/openapi/v2')).text);
  expect(head).toMatchObject({ swagger: '2.0', info: { title: 'Kubernetes', version: '1.35' } });
  expect(definitions['io.k8s.api.apps.v1.Deployment']).toMatchObject({
    type: 'object',
    properties: { spec: { $ref: '#/definitions/io.k8s.api.apps.v1.DeploymentSpec' } },
    'x-kubernetes-group-version-kind': [{ group: 'apps', kind: 'Deployment', version: 'v1' }],
  });
  expect(definitions['io.k8s.apimachinery.pkg.util.intstr.IntOrString']).toMatchObject({
    type: 'string',
    format: 'int-or-string',
  });
  expect(definitions['test.pets.v1.Cat'].properties.spec).toEqual({});
  const referred = new Set<string>();
  const foreign = new Set<string>();
  const walk = (value: Loose, named = false): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries<Loose>(value)) {
      if (key === '$ref' && typeof inner === 'string') referred.add(inner);
      if (!named && ['oneOf', 'anyOf', 'nullable', 'components', 'content'].includes(key)) foreign.add(key);
      walk(inner, key === 'properties');
    }
  };
  walk({ definitions, paths });
  expect([...foreign]).toEqual([]);
  expect([...referred].filter((one) => !one.startsWith('#/definitions/') || !definitions[one.slice(14)])).toEqual([]);
  const { get: list, post } = paths['/api/v1/namespaces/{namespace}/configmaps'];
  const { $ref } = list.responses[200].schema;
  expect($ref).toBe('#/definitions/io.k8s.api.core.v1.ConfigMapList');
  expect(definitions[$ref.slice(14)].properties.items).toEqual({
    type: 'array',
    items: { $ref: '#/definitions/io.k8s.api.core.v1.ConfigMap' },
  });
  expect(definitions['io.k8s.apimachinery.pkg.api.resource.Quantity'].type).toBe('string');
  expect(post.parameters[0]).toEqual({
    name: 'body',
    in: 'body',
    required: true,
    schema: { $ref: '#/definitions/io.k8s.api.core.v1.ConfigMap' },
  });
  expect(post.parameters.slice(1).every((one: Loose) => one.type === 'string' && !one.schema)).toBe(true);
});
