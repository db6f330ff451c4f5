import { afterEach, describe, expect, test, vi } from 'vitest';
import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { limitsOf, nextStep } from '../../../../../../sandbox/embedded/control-plane/controllers/daemon-rollout.ts';
import { reclaim } from '../../../../../../sandbox/embedded/control-plane/controllers/volume-reclaim.ts';
import { addNode, type Loops, startLoops, template } from './loops.ts';

const of = (group: string, resource: string) => ({ group, version: 'v1', resource });
let loops: Loops;
afterEach(() => loops?.stop());

describe('a DaemonSet', () => {
  const set = (rollingUpdate: Loose) =>
    ({ spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate } } }) as unknown as KubeObject;
  const pod = (name: string, hash: string) =>
    ({ metadata: { name, labels: { 'controller-revision-hash': hash } } }) as unknown as KubeObject;
  const sick = new Set(['sick', 'fresh-sick']);
  const step = (rollingUpdate: Loose, nodes: Record<string, KubeObject[]>, wanted = Object.keys(nodes)) => {
    const { doomed, surging } = nextStep({
      set: set(rollingUpdate),
      hash: 'new',
      pods: new Map(Object.entries(nodes)),
      wanted: new Set(wanted),
      isAvailable: ({ metadata }) => !sick.has(metadata.name!),
    });
    return { doomed: doomed.map(({ metadata }) => metadata.name), surging };
  };

  test('replaces broken pods at once and others as many as may be missing', () => {
    const nodes = { a: [pod('old-a', 'old')], b: [pod('old-b', 'old')], c: [pod('sick', 'old')] };
    expect(step({ maxUnavailable: 1 }, nodes)).toEqual({ doomed: ['sick'], surging: [] });
    expect(step({ maxUnavailable: '50%' }, nodes).doomed).toEqual(['sick', 'old-a']);
    expect(step({ maxUnavailable: 1 }, { ...nodes, c: [] }).doomed).toEqual([]);
  });

  test('surges: new pods beside old ones, which go when the new ones are available', () => {
    const nodes = { a: [pod('old-a', 'old')], b: [pod('old-b', 'old')] };
    const surge = { maxSurge: 1, maxUnavailable: 0 };
    expect(step(surge, nodes)).toEqual({ doomed: [], surging: ['a'] });
    expect(step(surge, { ...nodes, a: [pod('old-a', 'old'), pod('fresh-sick', 'new')] })).toEqual({
      doomed: [],
      surging: [],
    });
    expect(step(surge, { ...nodes, a: [pod('old-a', 'old'), pod('fresh', 'new')] })).toEqual({
      doomed: ['old-a'],
      surging: ['b'],
    });
    // Off a node that is no longer wanted only once another has taken over.
    expect(step(surge, nodes, ['b']).doomed).toEqual(['old-a']);
    expect(step(surge, { a: [pod('old-a', 'old')], b: [] }, ['b']).doomed).toEqual([]);
  });

  test('neither surge nor gap is one gap', () => {
    expect(limitsOf(set({ maxSurge: 0, maxUnavailable: 0 }), 3)).toEqual({ surge: 0, unavailable: 1 });
  });
});

test('a ReplicationController keeps its pods, adopts and lets go', async () => {
  loops = startLoops();
  await addNode(loops.client);
  const controllers = of('', 'replicationcontrollers');
  await loops.client.create(controllers, {
    apiVersion: 'v1',
    kind: 'ReplicationController',
    metadata: { name: 'old', namespace: 'a' },
    spec: { replicas: 2, selector: { app: 'x' }, template: template('x') },
  });
  await vi.waitFor(() =>
    expect(loops.one('replicationcontrollers', 'old').status).toMatchObject({ readyReplicas: 2, availableReplicas: 2 }),
  );
  const [name] = loops.names('pods');
  await loops.client.patch(of('', 'pods'), name!, 'a', 'merge', { metadata: { labels: { app: 'y' } } });
  await vi.waitFor(() => {
    expect(loops.names('pods')).toHaveLength(3);
    expect(loops.one('pods', name!).metadata.ownerReferences ?? []).toEqual([]);
  });
  expect(loops.one('replicationcontrollers', 'old').status.terminatingReplicas).toBeUndefined();
});

describe('a StatefulSet', () => {
  const sets = of('apps', 'statefulsets');
  const start = async (spec: Loose) => {
    loops = startLoops();
    await addNode(loops.client);
    await loops.client.create(sets, {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'db', namespace: 'a' },
      spec: {
        replicas: 2,
        serviceName: 'db',
        selector: { matchLabels: { app: 'x' } },
        template: template('x'),
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
        ...spec,
      },
    });
  };

  test('hands the claim of a pod that is scaled away to that pod', async () => {
    const claim = { metadata: { name: 'data' }, spec: { storageClassName: 'none', accessModes: ['ReadWriteOnce'] } };
    await start({
      podManagementPolicy: 'Parallel',
      persistentVolumeClaimRetentionPolicy: { whenScaled: 'Delete', whenDeleted: 'Retain' },
      volumeClaimTemplates: [claim],
    });
    await vi.waitFor(() => expect(loops.names('persistentvolumeclaims')).toEqual(['data-db-0', 'data-db-1']));
    await loops.client.patch(sets, 'db', 'a', 'merge', { spec: { replicas: 1 } });
    await vi.waitFor(() => expect(loops.names('pods')).toEqual(['db-0']));
    await vi.waitFor(() => {
      const left = loops.one('persistentvolumeclaims', 'data-db-1');
      expect(left?.metadata.deletionTimestamp ?? !left).toBeTruthy();
    });
    expect(loops.one('persistentvolumeclaims', 'data-db-0').metadata.ownerReferences ?? []).toEqual([]);
  });

  test('waits until a pod counts as available before the next one comes', async () => {
    await start({ minReadySeconds: 10 });
    await vi.waitFor(() => expect(loops.names('pods')).toEqual(['db-0']));
    loops.clock.skip(11_000);
    await vi.waitFor(() => expect(loops.names('pods')).toEqual(['db-0', 'db-1']));
    await vi.waitFor(() => expect(loops.one('statefulsets', 'db').status.readyReplicas).toBe(2));
    loops.clock.skip(11_000);
    await vi.waitFor(() => expect(loops.one('statefulsets', 'db').status.availableReplicas).toBe(2));
  });
});

test('what becomes of a volume whose claim is gone', () => {
  const volume = (spec: Loose, annotations: Record<string, string> = {}) =>
    ({ metadata: { name: 'v', annotations }, spec }) as unknown as KubeObject;
  const own = 'atelier.dev/folder';
  const remove = { persistentVolumeReclaimPolicy: 'Delete' };
  expect(reclaim(volume({ persistentVolumeReclaimPolicy: 'Retain', hostPath: { path: '/x' } }), own)).toBe('keep');
  expect(reclaim(volume(remove, { 'pv.kubernetes.io/provisioned-by': own }), own)).toBe('delete');
  expect(reclaim(volume(remove, { 'pv.kubernetes.io/provisioned-by': 'other' }), own)).toBe('keep');
  expect(reclaim(volume({ ...remove, hostPath: { path: '/tmp/a' } }), own)).toBe('delete');
  expect(reclaim(volume({ ...remove, hostPath: { path: '/data' } }), own)).toEqual({
    reason: 'VolumeFailedDelete',
    message: 'host_path deleter only supports /tmp/.+ but received provided /data',
  });
  expect(reclaim(volume({ ...remove, nfs: {} }), own)).toMatchObject({
    message: 'error getting deleter volume plugin for volume "v": no deletable volume plugin matched',
  });
  expect(reclaim(volume({ persistentVolumeReclaimPolicy: 'Recycle', hostPath: { path: '/x' } }), own)).toBe('recycle');
});

test('a bound claim grows with its volume, where the class allows it', async () => {
  loops = startLoops();
  const classes = of('storage.k8s.io', 'storageclasses');
  const claims = of('', 'persistentvolumeclaims');
  const metadata = { name: 'standard' };
  await loops.client.create(classes, {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata,
    ...{ provisioner: 'atelier.dev/folder', allowVolumeExpansion: true, volumeBindingMode: 'Immediate' },
  });
  await loops.client.create(claims, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data', namespace: 'a' },
    spec: {
      storageClassName: 'standard',
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
    },
  });
  const claim = () => loops.one('persistentvolumeclaims', 'data');
  await vi.waitFor(() => expect(claim().status).toMatchObject({ phase: 'Bound', capacity: { storage: '1Gi' } }));
  await loops.client.patch(claims, 'data', 'a', 'merge', { spec: { resources: { requests: { storage: '2Gi' } } } });
  await vi.waitFor(() => expect(claim().status.capacity).toEqual({ storage: '2Gi' }));
  expect(loops.one('persistentvolumes', claim().spec.volumeName).spec.capacity).toEqual({ storage: '2Gi' });
  expect(claim().status.conditions).toBeUndefined();
  expect(loops.events()).toContain('ExternalExpanding: waiting for an external controller to expand this PVC');
});
