import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Gvr, KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { openWholeCluster, running, type WholeCluster } from '../../whole-cluster.ts';

/**
 * The judges of these tests are https://kubernetes.io/docs/concepts/storage/storage-classes/,
 * https://kubernetes.io/docs/concepts/storage/persistent-volumes/ and the API's own documentation of its fields
 * (k8s.io/api, storage/v1 and core/v1); their sentences are quoted.
 */

const core = (resource: string): Gvr => ({ group: '', version: 'v1', resource });
const pods = core('pods');
const claims = core('persistentvolumeclaims');
const volumes = core('persistentvolumes');

let whole: WholeCluster;
beforeAll(async () => {
  whole = await openWholeCluster();
});
afterAll(() => whole.close());

const claim = (name: string, more: Loose = {}): Promise<KubeObject> =>
  whole.client.create(claims, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace: 'default' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...more },
  });
const user = (name: string, claimName: string): Promise<KubeObject> =>
  whole.client.create(pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'c', image: 'nginx:1.27', volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName } }],
    },
  });
const bound = ({ status }: KubeObject): boolean => status?.phase === 'Bound';

it('a claim without a class gets the default one, whose volume waits for a pod and holds its data', async () => {
  // "As an administrator, you can specify a default StorageClass that applies to any PVCs that don't request a specific
  // class."
  const made = await claim('data');
  expect(made.spec.storageClassName).toBe('standard');
  // "VolumeBindingWaitForFirstConsumer indicates that PersistentVolumeClaims should not be provisioned and bound until the
  // first Pod is created that references the PeristentVolumeClaim."
  await expect
    .poll(() => whole.events('data'))
    .toContain('Normal WaitForFirstConsumer waiting for first consumer to be created before binding');
  expect((await whole.client.get(claims, 'data', 'default')).status).toEqual({ phase: 'Pending' });
  expect((await whole.client.list(volumes)).items).toEqual([]);

  // "A PersistentVolume (PV) is a piece of storage in the cluster that has been provisioned by an administrator or
  // dynamically provisioned using Storage Classes."
  await user('first', 'data');
  const { spec, status } = await whole.until(claims, 'data', bound);
  expect(status).toMatchObject({ capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'] });
  expect(spec.volumeName).toBe(`pvc-${made.metadata.uid}`);
  // "The volume provisioning and binding will occur during Pod scheduing": where that pod is, the volume is.
  const volume = await whole.until(volumes, spec.volumeName, bound);
  const [term] = volume.spec.nodeAffinity.required.nodeSelectorTerms;
  expect(term.matchExpressions).toEqual([{ key: 'kubernetes.io/hostname', operator: 'In', values: ['node-1'] }]);
  expect(volume.spec).toMatchObject({ storageClassName: 'standard', capacity: { storage: '1Gi' } });

  // "PVs are volume plugins like Volumes, but have a lifecycle independent of any individual Pod that uses the PV."
  await whole.until(pods, 'first', running);
  await whole.kubectl('exec', 'first', '--', 'sh', '-c', 'echo kept > /data/note');
  await whole.client.delete(pods, 'first', 'default');
  await user('second', 'data');
  await whole.until(pods, 'second', running);
  expect(await whole.kubectl('exec', 'second', '--', 'cat', '/data/note')).toBe('kept\n');
});

it('a volume goes with its claim, unless its class says otherwise', async () => {
  // "reclaimPolicy controls the reclaimPolicy for dynamically provisioned PersistentVolumes of this storage class.
  // Defaults to Delete."
  const classes = { group: 'storage.k8s.io', version: 'v1', resource: 'storageclasses' };
  const own = { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', provisioner: 'atelier.dev/folder' };
  const plain = await whole.client.create(classes, { ...own, metadata: { name: 'plain' } });
  expect(plain.reclaimPolicy).toBe('Delete');
  await whole.client.create(classes, { ...own, metadata: { name: 'kept' }, reclaimPolicy: 'Retain' });
  // "VolumeBindingImmediate indicates that PersistentVolumeClaims should be immediately provisioned and bound. This is the
  // default mode."
  const names: string[] = [];
  for (const name of ['plain', 'kept']) {
    await claim(name, { storageClassName: name });
    const { spec } = await whole.until(claims, name, bound);
    names.push(spec.volumeName);
  }
  const policies = await Promise.all(names.map((name) => whole.client.get(volumes, name)));
  expect(policies.map(({ spec }) => spec.persistentVolumeReclaimPolicy)).toEqual(['Delete', 'Retain']);

  // "PersistentVolumeReclaimDelete means the volume will be deleted from Kubernetes on release from its claim."
  // "PersistentVolumeReclaimRetain means the volume will be left in its current phase (Released) for manual reclamation by
  // the administrator."
  for (const name of ['plain', 'kept']) await whole.client.delete(claims, name, 'default');
  await whole.until(volumes, names[1]!, ({ status }) => status?.phase === 'Released');
  await expect
    .poll(async () => (await whole.client.list(volumes)).items.map(({ metadata }) => metadata.name))
    .not.toContain(names[0]);
  expect((await whole.client.get(volumes, names[1]!)).spec.claimRef.name).toBe('kept');
});
