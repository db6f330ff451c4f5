import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Loose } from '../../../../../../kubernetes/object.ts';
import { openWholeCluster, running, type WholeCluster } from '../../whole-cluster.ts';

const pods = { group: '', version: 'v1', resource: 'pods' };
const podMetrics = { group: 'metrics.k8s.io', version: 'v1beta1', resource: 'pods' };
const nodeMetrics = { group: 'metrics.k8s.io', version: 'v1beta1', resource: 'nodes' };

let whole: WholeCluster;
beforeAll(async () => {
  whole = await openWholeCluster();
  await whole.kubectl('create', 'serviceaccount', 'default');
  const pod = (name: string, container: Loose) =>
    whole.client.create(pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default', labels: { app: name } },
      spec: { containers: [container], terminationGracePeriodSeconds: 0 },
    });
  // https://kubernetes.io/docs/tasks/configure-pod-container/assign-cpu-resource/: "The `-cpus "2"` argument tells the
  // Container to attempt to use 2 CPUs", and "The CPU throttling occurs because the container is attempting to use more CPU
  // resources than its limit."
  const busy = 'while :; do :; done';
  const limits = { resources: { limits: { cpu: '200m', memory: '64Mi' } } };
  await pod('busy', { name: 'c', image: 'busybox:1.36', command: ['sh', '-c', busy], ...limits });
  await pod('web', { name: 'nginx', image: 'nginx:1.27' });
  await Promise.all(['busy', 'web'].map((name) => whole.until(pods, name, running)));
});
afterAll(() => whole.close());

test('before anything is measured, kubectl says so', async () => {
  expect(await whole.kubectl('top', 'nodes')).toBe('error: metrics not available yet\n');
  expect(await whole.kubectl('get', '--raw', '/apis/metrics.k8s.io/v1beta1/namespaces/default/pods/web')).toContain(
    'podmetrics.metrics.k8s.io "default/web" not found',
  );
});

test('what pods use is what their programs did, no more than the limit lets them', async () => {
  await whole.until(pods, 'busy', running);
  // Real work, which the skip then goes on with.
  await vi.waitFor(async () => expect(await whole.worked('busy')).toBeGreaterThan(0.3), 20_000);
  await whole.skip(45);
  const busy = await whole.client.get(podMetrics, 'busy', 'default');
  expect(busy.containers[0].name).toBe('c');
  expect(Number.parseInt(busy.containers[0].usage.cpu, 10)).toBeGreaterThan(120_000_000);
  expect(Number.parseInt(busy.containers[0].usage.cpu, 10)).toBeLessThan(230_000_000);
  expect(busy.window).toBe('15s');
  expect(Date.parse(busy.timestamp)).toBeLessThanOrEqual(Date.now());
  const node = await whole.client.get(nodeMetrics, 'node-1');
  expect(node.usage.cpu).toMatch(/^\d+[num]?$/);
  expect(await whole.kubectl('top', 'pods', '--sort-by=cpu')).toMatch(
    /^NAME +CPU\(cores\) +MEMORY\(bytes\) +\nbusy +(1[2-9]\d|2[0-3]\d)m +2Mi +\nweb +\dm +6Mi +\n$/,
  );
  expect(await whole.kubectl('top', 'pods', '-l', 'app=web', '--containers')).toMatch(
    /^POD +NAME +CPU\(cores\) +MEMORY\(bytes\) +\nweb +nginx +\dm +6Mi +\n$/,
  );
  expect(await whole.kubectl('top', 'pods', '-A')).toMatch(/^NAMESPACE +NAME +CPU/);
  expect(await whole.kubectl('top', 'nodes')).toMatch(/^NAME .*\nnode-1 +\d+m +\d+% +4\d\dMi +5% +\n$/);
});

test('a pod nobody knows, and one without measure', async () => {
  expect(await whole.kubectl('top', 'pod', 'none')).toBe('Error from server (NotFound): pods "none" not found\n');
});

test('as a table, by selectors, and only for who may', async () => {
  expect(await whole.kubectl('get', 'podmetrics', '-l', 'app=web')).toMatch(
    /^NAME +CPU +MEMORY +WINDOW\nweb +\d+\w? +6Mi +15s\n$/,
  );
  const named = '/apis/metrics.k8s.io/v1beta1/pods?fieldSelector=metadata.name%3Dbusy';
  const list = JSON.parse(await whole.kubectl('get', '--raw', named));
  expect(list.items.map(({ metadata }: Loose) => metadata.name)).toEqual(['busy']);
  expect(list.items[0].metadata.labels).toEqual({ app: 'busy' });
  expect(await whole.kubectl('top', 'pods', '--as=nobody')).toContain(
    'pods.metrics.k8s.io is forbidden: User "nobody" cannot list resource "pods" in API group "metrics.k8s.io" in the namespace "default"',
  );
  await whole.kubectl('create', 'rolebinding', 'reader', '--clusterrole=view', '--user=reader');
  expect(await whole.kubectl('top', 'pods', '--as=reader')).toContain('busy');
  expect(await whole.kubectl('get', 'apiservice', 'v1beta1.metrics.k8s.io')).toMatch(
    /v1beta1\.metrics\.k8s\.io +Local +True/,
  );
});
