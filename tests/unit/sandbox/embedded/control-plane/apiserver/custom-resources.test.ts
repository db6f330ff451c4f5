import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Gvr, KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { openTestCluster, type TestCluster } from '../test-cluster.ts';

const crds: Gvr = { group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions' };
const configMaps: Gvr = { group: '', version: 'v1', resource: 'configmaps' };
const cats: Gvr = { group: 'example.com', version: 'v1', resource: 'cats' };

let setup: TestCluster;
beforeAll(async () => {
  setup = await openTestCluster();
});
afterAll(() => setup.close());

const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error) => error.status,
  );

const definition = (): KubeObject => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'cats.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'cats', kind: 'Cat' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        additionalPrinterColumns: [
          { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
        ],
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                required: ['teeth'],
                properties: { teeth: { type: 'integer', maximum: 32 }, color: { type: 'string', default: 'black' } },
              },
              status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
            },
          },
        },
      },
    ],
  },
});

const cat = (name: string, spec: Loose, metadata: Loose = {}): KubeObject => ({
  apiVersion: 'example.com/v1',
  kind: 'Cat',
  metadata: { name, namespace: 'default', ...metadata },
  spec,
});

test('a definition is served, described, obeyed and taken away', async () => {
  const { client, transport } = setup;
  const made = await client.create(crds, definition());
  const holds = (kind: string) => made.status.conditions.find((one: Loose) => one.type === kind)?.status;
  expect([holds('NamesAccepted'), holds('Established'), made.spec.names.singular]).toEqual(['True', 'True', 'cat']);

  const get = async (path: string) => (await transport.request({ method: 'GET', path })).body;
  expect((await get('/apis/example.com/v1')).resources.map((one: Loose) => one.name)).toEqual(['cats', 'cats/status']);
  expect(Object.keys((await get('/openapi/v3')).paths)).toContain('apis/example.com/v1');
  const document = await get('/openapi/v3/apis/example.com/v1');
  expect(document.components.schemas['com.example.v1.Cat'].properties.spec.properties.teeth).toEqual({
    type: 'integer',
    maximum: 32,
  });

  const tom = await client.create(cats, { ...cat('tom', { teeth: 30, tail: 1 }), status: { forged: true } });
  expect([tom.spec, tom.status, tom.metadata.generation]).toEqual([{ teeth: 30, color: 'black' }, undefined, 1]);
  expect((await refusal(client.create(cats, cat('jerry', { teeth: 33 }))))?.message).toBe(
    'Cat.example.com "jerry" is invalid: spec.teeth: Invalid value: 33: spec.teeth in body should be less than or equal to 32',
  );
  const status = { conditions: [{ type: 'Ready', status: 'True' }] };
  const ready = await client.update(cats, { ...tom, spec: { teeth: 1 }, status }, 'status');
  expect([ready.spec.teeth, ready.metadata.generation, ready.status]).toEqual([30, 1, status]);

  await client.create(cats, cat('held', { teeth: 2 }, { finalizers: ['short'] }));
  const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'map', namespace: 'default' } };
  await client.create(configMaps, map);
  const short = await refusal(
    client.patch(configMaps, 'map', 'default', 'merge', { metadata: { finalizers: ['short'] } }),
  );
  expect(short.details.causes.map((one: Loose) => one.field)).toEqual(Array(2).fill('metadata.finalizers[0]'));
  await client.delete(crds, 'cats.example.com');
  const leaving = await client.get(crds, 'cats.example.com');
  expect(leaving.status.conditions.at(-1)).toMatchObject({ type: 'Terminating', status: 'True' });
  expect((await refusal(client.create(cats, cat('late', { teeth: 2 }))))?.code).toBe(403);
  const from = { resourceVersion: leaving.metadata.resourceVersion ?? '' };
  const gone = new Promise<void>((done) => {
    const stop = new AbortController();
    const options = { fieldSelector: 'metadata.name=cats.example.com', signal: stop.signal, ...from };
    void client.watch(crds, options, (event) => {
      if (event.type !== 'DELETED') return;
      stop.abort();
      done();
    });
  });
  await client.patch(cats, 'held', 'default', 'merge', { metadata: { finalizers: null } });
  await gone;
  expect((await refusal(client.list(cats, { namespace: 'default' })))?.code).toBe(404);
});

test('a definition that is wrong is told all that is wrong', async () => {
  const wrong = definition();
  wrong.metadata.name = 'dogs.example.com';
  wrong.spec.versions[0].schema = undefined;
  const { message } = await refusal(setup.client.create(crds, wrong));
  expect(message).toContain(
    'metadata.name: Invalid value: "dogs.example.com": must be spec.names.plural+"."+spec.group',
  );
  expect(message).toContain('spec.versions[0].schema.openAPIV3Schema: Required value');
});
