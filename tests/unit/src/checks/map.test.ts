import { expect, test } from 'vitest';
import type { Loose } from '../../../../kubernetes/object.ts';
import { createClusterMap, MAP_RESOURCES, mapObjects } from '../../../../src/checks/map.ts';
import { createFakeCluster, deployment, pod, waiting } from './fake-cluster.ts';

const fresh = () => createFakeCluster([...MAP_RESOURCES]);

function only(resource: (typeof MAP_RESOURCES)[number], item: Loose) {
  const cluster = fresh();
  cluster.set(resource, [item]);
  const [object] = mapObjects(cluster, 'ada');
  return { kind: object?.kind, state: object?.state, tone: object?.tone, detail: object?.detail };
}

const service = (selector: Loose, spec: Loose = {}) => ({
  metadata: { name: 'web', uid: 's' },
  spec: { type: 'ClusterIP', selector, ports: [{ port: 80 }], ...spec },
});

test.each<[string, (typeof MAP_RESOURCES)[number], Loose, object]>([
  ['a running pod', 'pods', pod('a'), { kind: 'Pod', state: 'Running', tone: 'ok', detail: 'nginx:1.27' }],
  [
    'one that cannot pull',
    'pods',
    waiting('a', 'ImagePullBackOff', 'x:1', ''),
    { kind: 'Pod', state: 'ImagePullBackOff', tone: 'bad', detail: 'x:1' },
  ],
  [
    'one that starts',
    'pods',
    pod('a', {
      spec: { nodeName: 'n', containers: [{ image: 'x' }] },
      status: { phase: 'Pending', containerStatuses: [{ state: { waiting: { reason: 'ContainerCreating' } } }] },
    }),
    { kind: 'Pod', state: 'ContainerCreating', tone: 'wait', detail: 'x' },
  ],
  [
    'one no node takes',
    'pods',
    pod('a', {
      status: {
        phase: 'Pending',
        conditions: [{ type: 'PodScheduled', status: 'False', message: '0/1 nodes are available' }],
      },
    }),
    { kind: 'Pod', state: 'Pending', tone: 'bad', detail: '0/1 nodes are available' },
  ],
  [
    'one that failed',
    'pods',
    pod('a', {
      status: { phase: 'Failed', containerStatuses: [{ state: { terminated: { reason: 'Error', exitCode: 3 } } }] },
    }),
    { kind: 'Pod', state: 'Error', tone: 'bad', detail: 'exit code 3' },
  ],
  [
    'one on its way out',
    'pods',
    pod('a', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }),
    { kind: 'Pod', state: 'Terminating', tone: 'wait', detail: undefined },
  ],
  [
    'a deployment',
    'deployments',
    deployment('web', 3, 2),
    { kind: 'Deployment', state: '2/3 ready', tone: 'wait', detail: undefined },
  ],
  [
    'one scaled to nothing',
    'deployments',
    deployment('web', 0, 0),
    { kind: 'Deployment', state: '0/0 ready', tone: 'idle', detail: undefined },
  ],
  [
    'a claim',
    'persistentvolumeclaims',
    { metadata: { uid: 'c', name: 'c' }, spec: { resources: { requests: { storage: '1Gi' } } } },
    { kind: 'PersistentVolumeClaim', state: 'Pending', tone: 'wait', detail: '1Gi' },
  ],
  [
    'a job',
    'jobs',
    { metadata: { uid: 'j', name: 'j' }, spec: { completions: 2 }, status: { active: 1, succeeded: 1 } },
    { kind: 'Job', state: '1/2 done', tone: 'wait', detail: undefined },
  ],
  [
    'a service that calls nobody',
    'services',
    service({ app: 'db' }),
    { kind: 'Service', state: 'ClusterIP', tone: 'bad', detail: '80' },
  ],
  [
    'one without an address',
    'services',
    service({ app: 'db' }, { type: 'LoadBalancer' }),
    { kind: 'Service', state: 'LoadBalancer', tone: 'wait', detail: 'external address pending' },
  ],
])('%s', (_, resource, item, expected) => {
  expect(only(resource, item)).toEqual(expected);
});

test('a service and its pods; past revisions are left out', () => {
  const cluster = fresh();
  cluster.set('pods', [pod('a'), pod('b', { status: { phase: 'Running' } })]);
  cluster.set('services', [service({ app: 'web' })]);
  cluster.set('replicasets', [
    {
      metadata: { uid: 'old', name: 'web-1', ownerReferences: [{ uid: 'd', controller: true }] },
      spec: { replicas: 0 },
      status: { replicas: 0 },
    },
    {
      metadata: { uid: 'new', name: 'web-2', ownerReferences: [{ uid: 'd', controller: true }] },
      spec: { replicas: 1 },
      status: {},
    },
  ]);
  const objects = mapObjects(cluster, 'ada');
  expect(objects.find((object) => object.kind === 'Service')).toMatchObject({
    selects: ['uid-a', 'uid-b'],
    endpoints: 1,
    tone: 'ok',
  });
  expect(objects.filter((object) => object.kind === 'ReplicaSet').map(({ uid, owner }) => [uid, owner])).toEqual([
    ['new', 'd'],
  ]);
});

test('tells what changed, and watches only while somebody looks', () => {
  const cluster = fresh();
  const map = createClusterMap(cluster, 'ada');
  expect(cluster.wanted).toEqual([]);
  const changes: Loose[] = [];
  const stop = map.subscribe((change) => changes.push(change));
  expect(cluster.wanted.length).toBe(1);
  cluster.set('pods', [pod('a'), pod('b')]);
  cluster.set('pods', [pod('a'), pod('b')]);
  cluster.set('pods', [pod('b')]);
  expect(changes.map(({ upsert, remove }) => [upsert.map((object: Loose) => object.name), remove])).toEqual([
    [['a', 'b'], []],
    [[], ['uid-a']],
  ]);
  expect(map.state().objects.map((object) => object.name)).toEqual(['b']);
  stop();
  cluster.set('pods', []);
  expect(changes.length).toBe(2);
});
