import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Loose } from '../../../../../../kubernetes/object.ts';
import type { ApiRequest } from '../../../../../../sandbox/embedded/client/client.ts';
import {
  collect,
  configMap,
  configMaps,
  deployments,
  namespace,
  namespaces,
  openTestCluster,
  type TestCluster,
} from '../test-cluster.ts';

let setup: TestCluster;
beforeAll(async () => {
  setup = await openTestCluster();
});
afterAll(() => setup.close());

const base = '/api/v1/namespaces/default/configmaps';
const send = (request: ApiRequest) => setup.transport.request(request);
const status = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error) => error.status,
  );

describe('create', () => {
  test('gives uid, time and version, and refuses the same name again', async () => {
    const { client } = setup;
    const made = await client.create(configMaps, configMap('one', { a: '1' }));
    expect(made.metadata).toMatchObject({
      name: 'one',
      uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      resourceVersion: expect.any(String),
    });
    expect(made.metadata.managedFields?.[0]).toMatchObject({ manager: 'vitest', operation: 'Update' });
    expect(await status(client.create(configMaps, configMap('one')))).toMatchObject({
      code: 409,
      reason: 'AlreadyExists',
      message: 'configmaps "one" already exists',
    });
  });

  test('makes names from generateName, five letters without vowels', async () => {
    const object = configMap('', {}, { generateName: 'web-' });
    delete object.metadata.name;
    const made = await setup.client.create(configMaps, object);
    expect(made.metadata.name).toMatch(/^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  });

  test('in a namespace that is not there, or is another than the path says', async () => {
    const lost = { ...configMap('x'), metadata: { name: 'x', namespace: 'nowhere' } };
    expect(await status(setup.client.create(configMaps, lost))).toMatchObject({
      code: 404,
      message: 'namespaces "nowhere" not found',
    });
    const { code, body } = await send({ method: 'POST', path: base, body: lost });
    expect([code, body.message]).toEqual([
      400,
      'the namespace of the provided object does not match the namespace sent on the request',
    ]);
  });

  test('says what is wrong with a name', async () => {
    expect(await status(setup.client.create(configMaps, configMap('Not_good')))).toMatchObject({
      code: 422,
      message: expect.stringContaining(
        'ConfigMap "Not_good" is invalid: metadata.name: Invalid value: "Not_good": a lowercase RFC 1123 subdomain',
      ),
    });
  });

  test('drops, warns of or refuses unknown fields', async () => {
    const body = { ...configMap('strict'), datta: {} };
    const strict = await send({ method: 'POST', path: `${base}?fieldValidation=Strict`, body });
    expect(strict.body).toMatchObject({
      code: 400,
      message:
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "datta"',
    });
    const dry = await send({ method: 'POST', path: `${base}?dryRun=All`, body });
    expect(dry.code).toBe(201);
    expect(dry.body.datta).toBeUndefined();
    expect((await send({ method: 'GET', path: `${base}/strict` })).code).toBe(404);
  });

  test('refuses what is no JSON, another kind, another version and too much', async () => {
    const message = async (body: Loose) => (await send({ method: 'POST', path: base, body })).body.message;
    expect(await message({ kind: 'Pod', apiVersion: 'v1' })).toContain(
      'Pod in version "v1" cannot be handled as a ConfigMap',
    );
    expect(await message({ kind: 'ConfigMap', apiVersion: 'v2' })).toBe(
      'ConfigMap in version "v2" cannot be handled as a ConfigMap: no kind "ConfigMap" is registered for version "v2" in scheme "pkg/runtime/scheme.go:111"',
    );
    const large = await send({ method: 'POST', path: base, body: configMap('large', { a: 'x'.repeat(4_000_000) }) });
    expect(large.body).toMatchObject({ code: 413, reason: 'RequestEntityTooLarge' });
    expect((await send({ method: 'POST', path: base, contentType: 'text/plain', body: {} })).code).toBe(415);
  });
});

describe('update', () => {
  test('a stale version conflicts, none wins, the same changes nothing', async () => {
    const { client } = setup;
    const first = await client.create(configMaps, configMap('two', { a: '1' }));
    const second = await client.update(configMaps, { ...first, data: { a: '2' } });
    expect(await status(client.update(configMaps, { ...first, data: { a: '3' } }))).toMatchObject({
      code: 409,
      reason: 'Conflict',
      message:
        'Operation cannot be fulfilled on configmaps "two": the object has been modified; please apply your changes to the latest version and try again',
    });
    const same = await client.update(configMaps, second);
    expect(same.metadata.resourceVersion).toBe(second.metadata.resourceVersion);
    const forced = await client.update(configMaps, configMap('two', { a: '4' }));
    expect(forced.data).toEqual({ a: '4' });
    expect(forced.metadata.uid).toBe(first.metadata.uid);
  });

  test('generation moves with the spec; status is written apart', async () => {
    const { client } = setup;
    const template = { metadata: { labels: { app: 'd' } }, spec: { containers: [{ name: 'c', image: 'nginx:1.27' }] } };
    const made = await client.create(deployments, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'd', namespace: 'default' },
      spec: { selector: { matchLabels: { app: 'd' } }, template },
      status: { replicas: 9 },
    });
    expect([made.metadata.generation, made.status?.replicas]).toEqual([1, undefined]);
    const counted = await client.update(
      deployments,
      { ...made, spec: { ...made.spec, replicas: 7 }, status: { replicas: 1, updatedReplicas: 1 } },
      'status',
    );
    expect([counted.metadata.generation, counted.spec.replicas, counted.status.replicas]).toEqual([1, 1, 1]);
    const scaled = await client.patch(
      deployments,
      'd',
      'default',
      'merge',
      { spec: { replicas: 2 } },
      { subresource: 'scale' },
    );
    expect(scaled).toMatchObject({ kind: 'Scale', spec: { replicas: 2 }, status: { replicas: 1, selector: 'app=d' } });
    const now = await client.get(deployments, 'd', 'default');
    expect([now.metadata.generation, now.status.replicas]).toEqual([2, 1]);
  });

  test('four kinds of patch, and a conflict of appliers', async () => {
    const { client } = setup;
    await client.create(configMaps, configMap('three', { a: '1', b: '1' }));
    await client.patch(configMaps, 'three', 'default', 'merge', { data: { a: null } });
    await client.patch(configMaps, 'three', 'default', 'json', [{ op: 'add', path: '/data/c', value: '3' }]);
    const strategic = await client.patch(configMaps, 'three', 'default', 'strategic', {
      metadata: { labels: { x: 'y' } },
    });
    expect([strategic.data, strategic.metadata.labels]).toEqual([{ b: '1', c: '3' }, { x: 'y' }]);
    const applied = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'three' }, data: { b: '2' } };
    const options = { fieldManager: 'me' };
    expect(await status(client.patch(configMaps, 'three', 'default', 'apply', applied, options))).toMatchObject({
      code: 409,
      reason: 'Conflict',
      message: 'Apply failed with 1 conflict: conflict with "vitest" using v1: .data.b',
    });
    const won = await client.patch(configMaps, 'three', 'default', 'apply', applied, { ...options, force: true });
    expect(won.data).toEqual({ b: '2', c: '3' });
    const failing = [{ op: 'test', path: '/data/b', value: 'no' }];
    expect(await status(client.patch(configMaps, 'three', 'default', 'json', failing))).toMatchObject({ code: 422 });
    const born = await client.patch(
      configMaps,
      'born',
      'default',
      'apply',
      { ...applied, metadata: { name: 'born' } },
      options,
    );
    expect(born.metadata.managedFields?.map((entry) => entry.operation)).toEqual(['Apply']);
  });
});

describe('delete', () => {
  test('waits for finalizers and preconditions', async () => {
    const { client } = setup;
    const made = await client.create(configMaps, configMap('four', {}, { finalizers: ['example.com/hold'] }));
    expect(
      await status(client.delete(configMaps, 'four', 'default', { preconditions: { uid: 'other' } })),
    ).toMatchObject({ code: 409 });
    const going = await client.delete(configMaps, 'four', 'default');
    expect(going.metadata.deletionTimestamp).toBeDefined();
    expect(await status(client.create(configMaps, configMap('four')))).toMatchObject({
      message: 'object is being deleted: configmaps "four" already exists',
    });
    await client.patch(configMaps, 'four', 'default', 'merge', { metadata: { finalizers: null } });
    expect(await status(client.get(configMaps, 'four', 'default'))).toMatchObject({
      message: 'configmaps "four" not found',
    });
    expect(made.metadata.uid).toBeDefined();
  });

  test('a namespace goes in two steps and takes nothing in meanwhile', async () => {
    const { client } = setup;
    await client.create(namespaces, namespace('leaving'));
    const going = await client.delete(namespaces, 'leaving');
    expect(going.status.phase).toBe('Terminating');
    const late = { ...configMap('late'), metadata: { name: 'late', namespace: 'leaving' } };
    expect(await status(client.create(configMaps, late))).toMatchObject({
      code: 403,
      message:
        'configmaps "late" is forbidden: unable to create new content in namespace leaving because it is being terminated',
    });
    await client.update(namespaces, { ...going, spec: {} }, 'finalize');
    expect(await status(client.get(namespaces, 'leaving'))).toMatchObject({ code: 404 });
    expect(await status(client.delete(namespaces, 'default'))).toMatchObject({ code: 403 });
  });

  test('a collection by selector', async () => {
    const { client } = setup;
    await client.create(configMaps, configMap('five', {}, { labels: { gone: 'yes' } }));
    await client.create(configMaps, configMap('six', {}, { labels: { gone: 'no' } }));
    await send({ method: 'DELETE', path: `${base}?labelSelector=gone%3Dyes` });
    const left = await client.list(configMaps, { namespace: 'default', labelSelector: 'gone' });
    expect(left.items.map((item) => item.metadata.name)).toEqual(['six']);
  });
});

describe('list and watch', () => {
  test('pages are of one moment', async () => {
    const { client } = setup;
    await client.create(namespaces, namespace('pages'));
    const make = (name: string) =>
      client.create(configMaps, { ...configMap(name), metadata: { name, namespace: 'pages' } });
    for (const name of ['a', 'b', 'c']) await make(name);
    const path = '/api/v1/namespaces/pages/configmaps?limit=2';
    const first = (await send({ method: 'GET', path })).body;
    expect([first.items.length, first.metadata.remainingItemCount]).toEqual([2, 1]);
    await make('bb');
    await client.delete(configMaps, 'c', 'pages');
    const rest = (await send({ method: 'GET', path: `${path}&continue=${first.metadata.continue}` })).body;
    expect(rest.items.map((item: Loose) => item.metadata.name)).toEqual(['c']);
    expect(rest.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
  });

  test('selectors that cannot be read are told in the parser’s words', async () => {
    const bad = await send({ method: 'GET', path: `${base}?fieldSelector=data.n%3Dx` });
    expect(bad.body).toMatchObject({
      code: 400,
      message: '"data.n" is not a known field selector: only "metadata.name", "metadata.namespace"',
    });
    expect((await send({ method: 'GET', path: `${base}?labelSelector=a+in+(` })).code).toBe(400);
  });

  test('an object that leaves the selection is deleted for its watcher', async () => {
    const { client, transport } = setup;
    await client.create(configMaps, configMap('seven', {}, { labels: { team: 'a' } }));
    const { metadata } = await client.list(configMaps, { namespace: 'default' });
    const events = await collect(
      transport,
      `${base}?watch=true&labelSelector=team%3Da&resourceVersion=${metadata.resourceVersion}`,
      (seen) => seen.at(-1)?.type === 'DELETED',
      async () => {
        await client.patch(configMaps, 'seven', 'default', 'merge', { data: { x: '1' } });
        await client.patch(configMaps, 'seven', 'default', 'merge', { metadata: { labels: { team: 'b' } } });
      },
    );
    expect(events.map((event) => event.type)).toEqual(['MODIFIED', 'DELETED']);
  });

  test('initial events end with a bookmark that says so', async () => {
    const query =
      'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&fieldSelector=metadata.name%3Done';
    const events = await collect(setup.transport, `${base}?${query}`, (seen) => seen.at(-1)?.type === 'BOOKMARK');
    expect(events.map((event) => event.type)).toEqual(['ADDED', 'BOOKMARK']);
    expect(events[1]?.object.metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
  });
});

test('unknown paths, resources and verbs', async () => {
  const get = async (method: ApiRequest['method'], path: string) => (await send({ method, path })).body;
  expect(await get('GET', '/nope')).toBe('404 page not found\n');
  expect(await get('GET', '/apis/nope.test/v1/namespaces/default/toys')).toBe('404 page not found\n');
  expect(await get('GET', '/api/v1/namespaces/default/toys')).toMatchObject({
    code: 404,
    message: 'the server could not find the requested resource',
  });
  expect(await get('PUT', base)).toMatchObject({ code: 405 });
  expect(await get('GET', '/version')).toMatchObject({ major: '1', minor: '35' });
});
