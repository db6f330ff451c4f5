import { afterAll, beforeAll, expect, test } from 'vitest';
import { readKubeconfig } from '../../../../../../sandbox/embedded/client/kubeconfig.ts';
import { loadAll } from '../../../../../soak/load.ts';
import { openTestCluster, type TestCluster } from '../test-cluster.ts';

let opened: TestCluster;
beforeAll(async () => {
  opened = await openTestCluster();
});
afterAll(() => opened.close());

test('many write at once while many watch: nothing lost, nothing twice, the order of each object kept', async () => {
  const sizes = { namespaces: 10, objects: 120, writes: 3, clients: 30, watches: 60 };
  const report = await loadAll({ credentials: readKubeconfig(opened.kubeconfig), ...sizes });
  expect(report.faults).toEqual([]);
  // Five watches see all namespaces, the others one of ten.
  expect(report).toMatchObject({ writes: 360, shared: 30, events: 5 * 360 + 55 * 36 });
});
