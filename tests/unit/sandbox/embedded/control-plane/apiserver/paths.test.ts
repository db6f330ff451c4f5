import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Gvr, Loose } from '../../../../../../kubernetes/object.ts';
import { openTestCluster, type TestCluster } from '../test-cluster.ts';

let setup: TestCluster;
beforeAll(async () => {
  setup = await openTestCluster();
});
afterAll(() => setup.close());

const get = async (path: string): Promise<Loose> => setup.transport.request({ method: 'GET', path });

test('health tells of each check, and of those left out', async () => {
  const { body } = await get('/readyz?verbose&exclude=etcd&exclude=nonsense');
  const lines = body.trimEnd().split('\n');
  expect(lines.slice(0, 4)).toEqual(['[+]ping ok', '[+]log ok', '[+]etcd excluded: ok', '[+]etcd-readiness ok']);
  expect(lines.slice(-2)).toEqual([
    'warn: some health checks cannot be excluded: no matches for "nonsense"',
    'readyz check passed',
  ]);
  expect([(await get('/livez/poststarthook/rbac/bootstrap-roles')).body, (await get('/livez/none')).code]).toEqual([
    'ok',
    404,
  ]);
});

test('metrics count requests by verb, resource and code', async () => {
  await get('/api/v1/namespaces/default/configmaps/none');
  const { body } = await get('/metrics');
  expect(body).toContain(
    'apiserver_request_total{code="404",component="apiserver",dry_run="",group="",resource="configmaps",scope="resource",subresource="",verb="GET",version="v1"} 1\n',
  );
  expect(body).toMatch(/apiserver_request_duration_seconds_bucket\{.*resource="configmaps".*le="60"\} 1\n/);
});

test('every group version has its APIService, custom ones as long as they are served', async () => {
  const services: Gvr = { group: 'apiregistration.k8s.io', version: 'v1', resource: 'apiservices' };
  const crds: Gvr = { group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions' };
  const names = async () => (await setup.client.list(services)).items.map((one: Loose) => one.metadata.name);
  expect(await names()).toContain('v1.apps');
  await setup.client.create(crds, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'cats.pets.test' },
    spec: {
      group: 'pets.test',
      scope: 'Cluster',
      names: { plural: 'cats', kind: 'Cat' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
    },
  });
  const custom = await setup.client.get(services, 'v1.pets.test');
  expect(custom.spec).toEqual({ group: 'pets.test', groupPriorityMinimum: 1000, version: 'v1', versionPriority: 100 });
  await setup.client.delete(crds, 'cats.pets.test');
  expect(await names()).not.toContain('v1.pets.test');
});

test('an address of a Service has an IPAddress', async () => {
  const addresses: Gvr = { group: 'networking.k8s.io', version: 'v1', resource: 'ipaddresses' };
  const { spec } = await setup.client.get(addresses, '10.96.0.1');
  expect(spec.parentRef).toEqual({ name: 'kubernetes', namespace: 'default', resource: 'services' });
});
