import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Gvr, KubeObject, Loose } from '../../../../../../../kubernetes/object.ts';
import { compareVersions } from '../../../../../../../sandbox/embedded/control-plane/apiserver/custom/versions.ts';
import { collect, openTestCluster, type TestCluster } from '../../test-cluster.ts';

const crds: Gvr = { group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions' };
const at = (version: string, resource = 'cups'): Gvr => ({ group: 'tea.test', version, resource });

let setup: TestCluster;
beforeAll(async () => {
  setup = await openTestCluster();
});
afterAll(() => setup.close());

const version = (name: string, properties: Loose, more: Loose = {}): Loose => ({
  name,
  served: true,
  storage: false,
  schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } } },
  ...more,
});

const definition = (plural: string, versions: Loose[], conversion?: Loose): KubeObject => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.tea.test` },
  spec: {
    group: 'tea.test',
    scope: 'Namespaced',
    names: { plural, kind: plural === 'cups' ? 'Cup' : 'Pot' },
    versions,
    ...(conversion && { conversion }),
  },
});

const cup = (apiVersion: string, kind: string, name: string, spec: Loose): KubeObject => ({
  apiVersion: `tea.test/${apiVersion}`,
  kind,
  metadata: { name, namespace: 'default' },
  spec,
});

const refusal = (promise: Promise<unknown>): Promise<string> => promise.then(String, (error) => error.status.message);

test('versions are ordered as Kubernetes orders them', () => {
  const names = ['foo1', 'v1alpha1', 'v2', 'v10', 'v1beta2', 'v11alpha2', 'v1', 'v3beta1', 'foo10'];
  expect(names.sort(compareVersions)).toEqual([
    'v10',
    'v2',
    'v1',
    'v3beta1',
    'v1beta2',
    'v11alpha2',
    'v1alpha1',
    'foo1',
    'foo10',
  ]);
});

test('without a webhook versions differ by name and schema alone; what was stored stays until it is written', async () => {
  const { client, transport } = setup;
  const old = version('v1', { size: { type: 'integer' }, lid: { type: 'boolean' } }, { storage: true });
  const made = await client.create(crds, definition('cups', [old]));
  await client.create(at('v1'), cup('v1', 'Cup', 'one', { size: 1, lid: true }));
  const next = version(
    'v2',
    { size: { type: 'integer' }, colour: { type: 'string', default: 'white' } },
    { storage: true },
  );
  const deprecated = { ...old, storage: false, deprecated: true };
  const changed = await client.update(crds, { ...made, spec: { ...made.spec, versions: [deprecated, next] } });
  expect(changed.status.storedVersions).toEqual(['v1', 'v2']);
  expect((await client.get(at('v2'), 'one', 'default')).spec).toEqual({ size: 1, colour: 'white' });
  expect((await client.get(at('v1'), 'one', 'default')).spec).toEqual({ size: 1, lid: true });
  await client.create(at('v1'), cup('v1', 'Cup', 'two', { size: 2 }));
  const list = await client.list(at('v2'), { namespace: 'default' });
  expect(list.items.map((one: Loose) => [one.apiVersion, one.spec.size])).toEqual([
    ['tea.test/v2', 1],
    ['tea.test/v2', 2],
  ]);
  const { body } = await transport.request({ method: 'GET', path: '/apis/tea.test' });
  expect([body.preferredVersion.version, body.versions.map((one: Loose) => one.version)]).toEqual(['v2', ['v2', 'v1']]);
  expect(await refusal(client.update(crds, { ...changed, spec: { ...changed.spec, versions: [next] } }))).toContain(
    'status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage version, and must remain',
  );
});

test('a change of a definition ends its watches; its defaults are seen in what is stored', async () => {
  const { client, transport } = setup;
  const now = await client.get(crds, 'cups.tea.test');
  const versions = structuredClone(now.spec.versions);
  versions[1].schema.openAPIV3Schema.properties.spec.properties.handle = { type: 'string', default: 'left' };
  const change = { ...now, spec: { ...now.spec, versions } };
  const events = await collect(transport, '/apis/tea.test/v2/cups?watch=true', (seen) => {
    if (seen.length === 2) void client.update(crds, change);
    return false;
  });
  expect(events.map(({ type }) => type)).toEqual(['ADDED', 'ADDED']);
  expect((await client.get(at('v2'), 'one', 'default')).spec).toMatchObject({ handle: 'left' });
});

test('a webhook converts what is read, listed, watched and written', async () => {
  const { client, cluster, transport } = setup;
  const asked: string[] = [];
  const server = createServer({ ...cluster.pki.server }, async (request, response) => {
    let text = '';
    for await (const part of request) text += part;
    const { request: review } = JSON.parse(text);
    asked.push(`${review.desiredAPIVersion} x${review.objects.length}`);
    const convertedObjects = review.objects.map((object: Loose) => {
      const { litres, millilitres, ...rest } = object.spec;
      const spec = review.desiredAPIVersion.endsWith('v2')
        ? { ...rest, millilitres: litres * 1000 }
        : { ...rest, litres: millilitres / 1000 };
      return { ...object, apiVersion: review.desiredAPIVersion, spec };
    });
    response.end(
      JSON.stringify({
        kind: 'ConversionReview',
        apiVersion: 'apiextensions.k8s.io/v1',
        response: { uid: review.uid, result: { status: 'Success' }, convertedObjects },
      }),
    );
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/convert`;
  const clientConfig = { url, caBundle: Buffer.from(cluster.pki.ca.cert).toString('base64') };
  const versions = [
    version('v1', { litres: { type: 'number' } }, { storage: true }),
    version('v2', { millilitres: { type: 'integer', maximum: 5000 } }),
  ];
  const conversion = { strategy: 'Webhook', webhook: { conversionReviewVersions: ['v1'], clientConfig } };
  await client.create(crds, definition('pots', versions, conversion));
  const pots = (name: string) => at(name, 'pots');
  await client.create(pots('v1'), cup('v1', 'Pot', 'a', { litres: 2 }));
  expect((await client.get(pots('v2'), 'a', 'default')).spec).toEqual({ millilitres: 2000 });
  const made = await client.create(pots('v2'), cup('v2', 'Pot', 'b', { millilitres: 500 }));
  expect([made.apiVersion, made.spec]).toEqual(['tea.test/v2', { millilitres: 500 }]);
  expect((await client.get(pots('v1'), 'b', 'default')).spec).toEqual({ litres: 0.5 });
  expect(await refusal(client.patch(pots('v2'), 'b', 'default', 'merge', { spec: { millilitres: 9000 } }))).toContain(
    'spec.millilitres: Invalid value: 9000: spec.millilitres in body should be less than or equal to 5000',
  );
  const events = await collect(transport, '/apis/tea.test/v2/namespaces/default/pots?watch=true', (seen) => {
    if (seen.length === 2) void client.patch(pots('v1'), 'a', 'default', 'merge', { spec: { litres: 3 } });
    return seen.length === 3;
  });
  expect(events.map(({ type, object }) => `${type} ${object.spec.millilitres}`)).toEqual([
    'ADDED 2000',
    'ADDED 500',
    'MODIFIED 3000',
  ]);
  expect(asked).toContain('tea.test/v2 x1');
  await new Promise((closed) => {
    server.close(closed);
    server.closeAllConnections();
  });
  await client.patch(pots('v1'), 'a', 'default', 'merge', { spec: { litres: 4 } });
  expect(await refusal(client.get(pots('v2'), 'a', 'default'))).toMatch(
    /conversion webhook for tea\.test\/v1, Kind=Pot failed: Post "https:\/\/127\.0\.0\.1:\d+\/convert\?timeout=30s": dial tcp/,
  );
});
