import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Loose } from '../../../../../../kubernetes/object.ts';
import { openTestCluster, pod, pods, type TestCluster } from '../test-cluster.ts';

let setup: TestCluster;
beforeAll(async () => {
  setup = await openTestCluster();
});
afterAll(() => setup.close());

const patched = (name: string, spec: Loose, subresource: string): Promise<Loose> =>
  setup.client
    .patch(pods, name, 'default', 'strategic', { spec }, { subresource })
    .catch((error: { status: Loose }) => error.status.message);

test('a container is added to a pod that runs, and stays as it is', async () => {
  await setup.client.create(pods, pod('debugged'));
  const add = (container: Loose) =>
    patched('debugged', { ephemeralContainers: [{ image: 'busybox', ...container }] }, 'ephemeralcontainers');
  const made = await add({ name: 'dbg', targetContainerName: 'main' });
  expect([made.spec.ephemeralContainers[0].name, made.metadata.generation]).toEqual(['dbg', 2]);
  expect(await add({ name: 'main' })).toContain('.name: Duplicate value: "main"');
  expect(await add({ name: 'x', targetContainerName: 'none' })).toContain('targetContainerName: Not found: "none"');
  expect(await add({ name: 'x', ports: [{ containerPort: 80 }] })).toContain(
    'ports: Forbidden: cannot be set for an Ephemeral Container',
  );
  expect(await add({ name: 'dbg', image: 'nginx' })).toContain(
    'existing ephemeral containers "dbg" may not be changed',
  );
});

test('resources change in place, within the class of the pod, and nothing else does', async () => {
  const resources = { requests: { cpu: '10m', memory: '16Mi' }, limits: { cpu: '20m', memory: '32Mi' } };
  await setup.client.create(pods, pod('sized', { containers: [{ name: 'main', image: 'nginx:1.27', resources }] }));
  const resize = (container: Loose) => patched('sized', { containers: [{ name: 'main', ...container }] }, 'resize');
  const made = await resize({ image: 'other', resources: { limits: { cpu: '30m' } } });
  expect(made.spec.containers[0]).toMatchObject({
    image: 'nginx:1.27',
    resources: { limits: { cpu: '30m', memory: '32Mi' } },
  });
  expect(await resize({ resources: { limits: { cpu: '10m', memory: '16Mi' } } })).toBe(
    'Pod "sized" is invalid: spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing',
  );
  expect(await resize({ resources: { limits: { cpu: null } } })).toContain(
    'spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed',
  );
  expect(await resize({ name: 'more', image: 'nginx' })).toContain(
    'spec.containers: Forbidden: containers may not be added or removed on resize',
  );
});
