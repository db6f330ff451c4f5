import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from '../../../../sandbox/provision/connection.ts';
import { openWholeCluster, type WholeCluster } from '../embedded/whole-cluster.ts';

let whole: WholeCluster;
beforeAll(async () => {
  whole = await openWholeCluster(1);
});
afterAll(() => whole.close());

test('a namespace goes without waiting for programs that ignore the signal to end', async () => {
  const connection = await connect(whole.kubeconfig);
  const began = performance.now();
  await whole.kubectl('create', 'namespace', 'lab');
  await whole.kubectl('-n', 'lab', 'run', 'deaf', '--image=atelier.dev/utilities:1', '--', 'sleep', 'infinity');
  await whole.kubectl('-n', 'lab', 'wait', 'pod/deaf', '--for=condition=Ready', '--timeout=20s');
  await connection.removeNamespace('lab');
  // Half a minute is what such a pod is given otherwise.
  expect(performance.now() - began).toBeLessThan(20_000);
  expect(await connection.namespaces('lab')).toEqual([]);
}, 30_000);
