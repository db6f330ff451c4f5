import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { createRecorder } from '../../client/recorder.ts';
import { selectedNodeAnnotation } from '../scheduler/pod-volumes.ts';
import { alreadyExists, type ControllerContext, createController, isNotFound, keyOf, splitKey } from './context.ts';
import {
  claims as claimResource,
  nodes as nodeResource,
  pods as podResource,
  storageClasses,
  volumes as volumeResource,
} from './resources.ts';
import { writeStatus } from './status.ts';
import { bestVolume, isFor, mismatch } from './volume-match.ts';
import { provisionedBy, reclaim } from './volume-reclaim.ts';

/** An unbound claim is looked at, and told of, so often, in milliseconds. */
const resync = 15_000;

/** Makes folders of the node; its volumes end with their claims. */
export const folderProvisioner = 'atelier.dev/folder';
const folders = '/var/lib/atelier/volumes';

const bindCompleted = 'pv.kubernetes.io/bind-completed';
const boundByController = 'pv.kubernetes.io/bound-by-controller';
const storageProvisioner = 'volume.kubernetes.io/storage-provisioner';
const betaStorageProvisioner = 'volume.beta.kubernetes.io/storage-provisioner';

/** Binds claims to volumes, and makes volumes for the class `standard`. https://kubernetes.io/docs/concepts/storage/persistent-volumes/ */
export function startVolumes(context: ControllerContext): void {
  const { clock } = context;
  const controller = createController(context, 'persistent-volume-binder', 'persistentvolume-controller');
  const { client, recorder } = controller;
  const provisioner = createRecorder({ client, clock, component: folderProvisioner, log: context.log });
  const claims = context.informer(claimResource);
  const volumes = context.informer(volumeResource);
  const classes = context.informer(storageClasses);
  const nodes = context.informer(nodeResource);
  const claimQueue = controller.queue(syncClaim, { spacing: 10 });
  const volumeQueue = controller.queue(syncVolume, { spacing: 10 });
  const pods = context.informer(podResource);

  claims.on((now, before) => {
    const claim = (now ?? before)!;
    claimQueue.add(keyOf(claim));
    if (!now && before?.spec.volumeName) volumeQueue.add(before.spec.volumeName);
  });
  volumes.on((now, before) => {
    const volume = (now ?? before)!;
    volumeQueue.add(volume.metadata.name!);
    const reference = volume.spec.claimRef;
    if (reference) claimQueue.add(`${reference.namespace}/${reference.name}`);
    else if (now) wakePending();
  });
  classes.on(wakePending);

  function wakePending(): void {
    for (const claim of claims.list()) if (claim.status?.phase === 'Pending') claimQueue.add(keyOf(claim));
  }

  const ready = () => Promise.all([claims.synced, volumes.synced, classes.synced, nodes.synced]);

  async function syncClaim(key: string): Promise<void> {
    await ready();
    const [namespace, name] = splitKey(key);
    const claim = claims.get(name, namespace);
    if (!claim) return;
    const wasBound = claim.metadata.annotations?.[bindCompleted] === 'yes';
    if (claim.spec.volumeName) return syncNamed(claim);
    if (wasBound) {
      return lose(
        claim,
        'ClaimLost',
        'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!',
      );
    }
    if (claim.metadata.deletionTimestamp) return;
    const storageClass = classes.get(claim.spec.storageClassName ?? '');
    const selected = claim.metadata.annotations?.[selectedNodeAnnotation];
    const waits = storageClass?.volumeBindingMode === 'WaitForFirstConsumer';
    const node = selected ? nodes.get(selected) : undefined;
    const reserved = volumes.list().find((volume) => isFor(volume, claim) && !mismatch(volume, claim));
    const found = reserved ?? (waits && !selected ? undefined : bestVolume(volumes.list(), claim, node));
    if (found) return bind(claim, found);
    if (waits && !selected) {
      const [reason, message] = awaited(claim);
      void recorder.event(claim, 'Normal', reason, message);
      return pend(claim);
    }
    if (claim.spec.storageClassName) return provision(claim, storageClass, selected);
    await pend(claim);
    const message = 'no persistent volumes available for this claim and no storage class is set';
    void recorder.event(claim, 'Normal', 'FailedBinding', message);
  }

  /** What a claim waits for that is bound with its first pod. */
  function awaited({ metadata: { name, namespace } }: KubeObject): [reason: string, message: string] {
    const uses = (pod: KubeObject) =>
      !pod.spec.nodeName &&
      (pod.spec.volumes ?? []).some((volume: Loose) => volume.persistentVolumeClaim?.claimName === name);
    const waiting = pods.list(namespace).filter(uses);
    if (waiting.length === 0)
      return ['WaitForFirstConsumer', 'waiting for first consumer to be created before binding'];
    const names = waiting.map((pod) => pod.metadata.name).join(',');
    return ['WaitForPodScheduled', `waiting for pod${waiting.length > 1 ? 's' : ''} ${names} to be scheduled`];
  }

  async function syncNamed(claim: KubeObject): Promise<void> {
    const completed = claim.metadata.annotations?.[bindCompleted] === 'yes';
    const volume = volumes.get(claim.spec.volumeName);
    if (!volume) {
      if (!completed) return pend(claim);
      return lose(claim, 'ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!');
    }
    if (volume.spec.claimRef && !isFor(volume, claim)) {
      if (!completed) {
        const message = `volume "${volume.metadata.name}" already bound to a different claim.`;
        void recorder.event(claim, 'Warning', 'FailedBinding', message);
        return pend(claim);
      }
      const message = 'Two claims are bound to the same volume, this one is bound incorrectly';
      return lose(claim, 'ClaimMisbound', message);
    }
    const wrong = !completed && mismatch(volume, claim);
    if (wrong) {
      const message = `Cannot bind to requested volume "${volume.metadata.name}": ${wrong}`;
      void recorder.event(claim, 'Warning', 'VolumeMismatch', message);
      return pend(claim);
    }
    await bind(claim, volume);
  }

  /** Volume first, then claim: a crash in between is finished by the next look. */
  async function bind(claim: KubeObject, volume: KubeObject): Promise<void> {
    let held = volume;
    if (!held.spec.claimRef?.uid) {
      const { name, namespace, uid, resourceVersion } = claim.metadata;
      const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid, resourceVersion };
      const annotations = { ...held.metadata.annotations };
      if (!held.spec.claimRef) annotations[boundByController] = 'yes';
      const metadata = { ...held.metadata, annotations };
      held = await client.update(volumeResource, { ...held, metadata, spec: { ...held.spec, claimRef } });
      volumes.observe(held);
    }
    await setPhase(held, 'Bound');
    let bound = claim;
    const annotations: Record<string, string> = { ...claim.metadata.annotations, [bindCompleted]: 'yes' };
    if (!claim.spec.volumeName) annotations[boundByController] = 'yes';
    if (!claim.spec.volumeName || !isDeepStrictEqual(annotations, claim.metadata.annotations)) {
      const metadata = { ...claim.metadata, annotations };
      const spec = { ...claim.spec, volumeName: held.metadata.name };
      bound = await client.update(claimResource, { ...claim, metadata, spec });
      claims.observe(bound);
    }
    const status: Loose = {
      ...bound.status,
      phase: 'Bound',
      accessModes: held.spec.accessModes,
      capacity: bound.status?.phase === 'Bound' ? bound.status.capacity : held.spec.capacity,
    };
    await writeClaim(bound, status);
  }

  async function pend(claim: KubeObject): Promise<void> {
    claimQueue.addAfter(keyOf(claim), resync);
    await writeClaim(claim, { ...claim.status, phase: 'Pending' });
  }

  async function lose(claim: KubeObject, reason: string, message: string): Promise<void> {
    if (claim.status?.phase === 'Lost') return;
    await writeClaim(claim, { phase: 'Lost' });
    void recorder.event(claim, 'Warning', reason, message);
  }

  async function writeClaim(claim: KubeObject, status: Loose): Promise<void> {
    await writeStatus(client, claims, claimResource, claim, status);
  }

  async function setPhase(volume: KubeObject, phase: string, message?: string): Promise<KubeObject | undefined> {
    const { message: _, ...before } = volume.status ?? {};
    if (before.phase === phase) return volume;
    return writeStatus(client, volumes, volumeResource, volume, { ...before, phase, ...(message && { message }) });
  }

  async function provision(
    claim: KubeObject,
    storageClass: KubeObject | undefined,
    node: string | undefined,
  ): Promise<void> {
    await pend(claim);
    const fresh = claims.get(claim.metadata.name!, claim.metadata.namespace) ?? claim;
    if (!storageClass) {
      const message = `storageclass.storage.k8s.io "${claim.spec.storageClassName}" not found`;
      void recorder.event(fresh, 'Warning', 'ProvisioningFailed', message);
      return;
    }
    const maker: string = storageClass.provisioner;
    if (maker === 'kubernetes.io/no-provisioner') {
      const message = 'no persistent volumes available for this claim and no storage class is set';
      if (!node) void recorder.event(fresh, 'Normal', 'FailedBinding', message);
      return;
    }
    const annotations = { [storageProvisioner]: maker, [betaStorageProvisioner]: maker };
    let marked = fresh;
    if (fresh.metadata.annotations?.[storageProvisioner] !== maker) {
      const metadata = { ...fresh.metadata, annotations: { ...fresh.metadata.annotations, ...annotations } };
      marked = await client.update(claimResource, { ...fresh, metadata });
      claims.observe(marked);
    }
    const waiting = `Waiting for a volume to be created either by the external provisioner '${maker}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
    void recorder.event(marked, 'Normal', 'ExternalProvisioning', waiting);
    if (maker === folderProvisioner) await makeFolder(marked, storageClass, node);
  }

  async function makeFolder(claim: KubeObject, storageClass: KubeObject, node: string | undefined): Promise<void> {
    const { name, namespace, uid, resourceVersion } = claim.metadata;
    const message = `External provisioner is provisioning volume for claim "${namespace}/${name}"`;
    void provisioner.event(claim, 'Normal', 'Provisioning', message);
    const volumeName = `pvc-${uid}`;
    const term = { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] };
    const object: KubeObject = {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: volumeName, annotations: { [provisionedBy]: folderProvisioner } },
      spec: {
        accessModes: claim.spec.accessModes,
        capacity: { storage: claim.spec.resources.requests.storage },
        claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid, resourceVersion },
        hostPath: { path: `${folders}/${volumeName}_${namespace}_${name}`, type: 'DirectoryOrCreate' },
        ...(node && { nodeAffinity: { required: { nodeSelectorTerms: [term] } } }),
        persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
        storageClassName: storageClass.metadata.name,
        volumeMode: claim.spec.volumeMode ?? 'Filesystem',
      },
    };
    try {
      volumes.observe(await client.create(volumeResource, object));
    } catch (error) {
      if (!alreadyExists(error)) throw error;
    }
    void provisioner.event(claim, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${volumeName}`);
  }

  async function syncVolume(name: string): Promise<void> {
    await ready();
    const volume = volumes.get(name);
    if (!volume) return;
    const reference = volume.spec.claimRef;
    if (!reference?.uid) return void (await setPhase(volume, 'Available'));
    let claim = claims.get(reference.name, reference.namespace);
    if (claim?.metadata.uid !== reference.uid) {
      // The claim may be newer than this copy.
      claim = await client.get(claimResource, reference.name, reference.namespace).catch((error) => {
        if (isNotFound(error)) return undefined;
        throw error;
      });
    }
    if (claim?.metadata.uid === reference.uid) return;
    if (volume.status?.phase === 'Failed') return;
    const released = await setPhase(volume, 'Released');
    if (released) await dispose(released);
  }

  async function dispose(volume: KubeObject): Promise<void> {
    const todo = reclaim(volume, folderProvisioner);
    if (todo === 'keep') return;
    if (typeof todo === 'object') {
      const failed = await setPhase(volume, 'Failed', todo.message);
      if (failed) void recorder.event(failed, 'Warning', todo.reason, todo.message);
    } else if (todo === 'delete') {
      await client.delete(volumeResource, volume.metadata.name!).catch((error) => {
        if (!isNotFound(error)) throw error;
      });
    } else {
      void recorder.event(volume, 'Normal', 'VolumeRecycled', 'Volume recycled');
      const { claimRef: _, ...spec } = volume.spec;
      const { [boundByController]: __, ...annotations } = volume.metadata.annotations ?? {};
      const metadata = { ...volume.metadata, annotations };
      volumes.observe(await client.update(volumeResource, { ...volume, metadata, spec }));
    }
  }
}
