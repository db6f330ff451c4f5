import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Loose } from '../../../../../../kubernetes/object.ts';
import { writeYaml } from '../../../../../../sandbox/embedded/control-plane/apiserver/yaml.ts';
import { openTestCluster, type TestCluster } from '../test-cluster.ts';

let setup: TestCluster;
beforeAll(async () => {
  setup = await openTestCluster();
  for (const name of ['a', 'b', 'c'])
    await ask('/api/v1/namespaces/default/configmaps', 'POST', {
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: { name },
    });
});
afterAll(() => setup.close());

const ask = async (path: string, method: 'GET' | 'POST' | 'DELETE' = 'GET', body?: Loose): Promise<Loose> =>
  setup.transport.request({ method, path, body });

const hashes = async (groupVersion: string): Promise<Loose> =>
  Object.fromEntries(
    (await ask(`/apis/${groupVersion}`)).body.resources.map((one: Loose) => [one.name, one.storageVersionHash]),
  );

test('what is stored has the hash of the version it is stored in', async () => {
  expect(await hashes('apps/v1')).toMatchObject({ deployments: '8aSe+NMegvE=', 'deployments/status': undefined });
  expect(await hashes('autoscaling/v1')).toMatchObject({ horizontalpodautoscalers: 'qwQve8ut294=' });
  expect(await hashes('events.k8s.io/v1')).toEqual({ events: 'r2yiGXH7wu8=' });
  expect(await hashes('authentication.k8s.io/v1')).toMatchObject({ tokenreviews: undefined });
});

test('a group that nobody knows has no Status; a version of a known one has', async () => {
  expect((await ask('/apis/nothing/v1')).body).toBe('404 page not found\n');
  expect((await ask('/apis/autoscaling/v9')).body).toMatchObject({ kind: 'Status', reason: 'NotFound' });
});

const token = (value: Loose): string => Buffer.from(JSON.stringify(value)).toString('base64url');

test('a continue token says where a list goes on, within a namespace or over all', async () => {
  const v = 'meta.k8s.io/v1';
  for (const [path, start] of [
    ['/api/v1/namespaces/default/configmaps', 'b\0'],
    ['/api/v1/configmaps', 'default/b\0'],
  ] as const) {
    const { body } = await ask(`${path}?limit=500&continue=${token({ v, rv: -1, start })}`);
    expect(body.items[0].metadata.name).toBe('c');
  }
  const { metadata } = (await ask('/api/v1/namespaces/default/configmaps?limit=1')).body;
  expect(JSON.parse(Buffer.from(metadata.continue, 'base64url').toString())).toEqual({
    v,
    rv: Number(metadata.resourceVersion),
    start: 'a\0',
  });
  for (const [value, why] of [
    [{ v: 'v2', rv: 1, start: 'a' }, 'server does not recognize this encoded version v2'],
    [{ v, start: 'a' }, 'incorrect encoded start resourceVersion (version meta.k8s.io/v1)'],
    [{ v, rv: 1 }, 'encoded start key empty (version meta.k8s.io/v1)'],
    [{ v, rv: 1, start: '../x' }, '../x'],
  ] as const)
    expect((await ask(`/api/v1/configmaps?continue=${token(value)}`)).body.message).toBe(
      `invalid continue token: continue key is not valid: ${why}`,
    );
});

test('some kinds come back from their deletion, others leave a Status', async () => {
  const space = '/api/v1/namespaces/default';
  await ask(`${space}/serviceaccounts`, 'POST', {
    kind: 'ServiceAccount',
    apiVersion: 'v1',
    metadata: { name: 'robot' },
  });
  expect((await ask(`${space}/serviceaccounts/robot`, 'DELETE')).body).toMatchObject({ kind: 'ServiceAccount' });
  expect((await ask(`${space}/configmaps/a`, 'DELETE')).body).toMatchObject({ kind: 'Status', status: 'Success' });
});

test('YAML is as Go writes it', () => {
  const value = { b: [{ y: '2026-01-01T00:00:00Z' }], a10: 'yes', a9: 'one\ntwo\n', A: 1 };
  expect(writeYaml(value)).toBe('A: 1\na9: |\n  one\n  two\na10: "yes"\nb:\n- "y": "2026-01-01T00:00:00Z"\n');
  expect(writeYaml({ z: 1, x2: 1, 'x-1': 1, x10: 1, '.': 1, 'f:a': 1 })).toBe(
    '.: 1\nf:a: 1\nx-1: 1\nx2: 1\nx10: 1\nz: 1\n',
  );
});
