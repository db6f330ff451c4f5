import { quantityValue } from '../../../../kubernetes/quantity.ts';
import { createRecorder } from '../../client/recorder.ts';
import { type ControllerContext, createController, keyOf, splitKey, timestamp } from './context.ts';
import { claims as claimResource, storageClasses, volumes as volumeResource } from './resources.ts';
import { writeStatus } from './status.ts';
import { folderProvisioner } from './volumes.ts';

/** Gives bound claims the size they ask for by now. https://kubernetes.io/docs/concepts/storage/persistent-volumes/#expanding-persistent-volumes-claims */
export function startVolumeExpansion(context: ControllerContext): void {
  const { clock, log } = context;
  const controller = createController(context, 'expand-controller', 'volume_expand');
  const { client, recorder } = controller;
  // What an external resizer would do beside the provisioner.
  const resizer = createRecorder({ client, clock, component: `external-resizer ${folderProvisioner}`, log });
  const claims = context.informer(claimResource);
  const volumes = context.informer(volumeResource);
  const classes = context.informer(storageClasses);
  const queue = controller.queue(sync, { spacing: 20 });
  claims.on((now) => {
    if (now && isTooSmall(now.status?.capacity?.storage, now.spec.resources?.requests?.storage)) queue.add(keyOf(now));
  });

  async function sync(key: string): Promise<void> {
    await Promise.all([claims.synced, volumes.synced, classes.synced]);
    const [namespace, name] = splitKey(key);
    let claim = claims.get(name, namespace);
    const wanted = claim?.spec.resources?.requests?.storage;
    if (claim?.status?.phase !== 'Bound' || !isTooSmall(claim.status.capacity?.storage, wanted)) return;
    const volume = volumes.get(claim.spec.volumeName);
    if (!volume || volume.spec.claimRef?.uid !== claim.metadata.uid) return;
    const message = 'waiting for an external controller to expand this PVC';
    void recorder.event(claim, 'Normal', 'ExternalExpanding', message);
    const provisioner = classes.get(claim.spec.storageClassName ?? '')?.provisioner;
    if (provisioner !== folderProvisioner) return;
    const { name: volumeName } = volume.metadata;
    void resizer.event(claim, 'Normal', 'Resizing', `External resizer is resizing volume ${volumeName}`);
    const now = timestamp(clock);
    const condition = { type: 'Resizing', status: 'True', lastProbeTime: null, lastTransitionTime: now };
    const status = {
      ...claim.status,
      allocatedResources: { storage: wanted },
      allocatedResourceStatuses: { storage: 'ControllerResizeInProgress' },
      conditions: [...(claim.status.conditions ?? []), condition],
    };
    claim = await writeStatus(client, claims, claimResource, claim, status);
    if (!claim) return;
    if (isTooSmall(volume.spec.capacity?.storage, wanted)) {
      const spec = { ...volume.spec, capacity: { ...volume.spec.capacity, storage: wanted } };
      volumes.observe(await client.update(volumeResource, { ...volume, spec }));
    }
    const { allocatedResourceStatuses: _, conditions, ...rest } = claim.status;
    const left = (conditions ?? []).filter((held: { type: string }) => held.type !== 'Resizing');
    await writeStatus(client, claims, claimResource, claim, {
      ...rest,
      capacity: { ...rest.capacity, storage: wanted },
      ...(left.length > 0 && { conditions: left }),
    });
    void resizer.event(claim, 'Normal', 'VolumeResizeSuccessful', 'Resize volume succeeded');
  }
}

function isTooSmall(held: string | undefined, wanted: string | undefined): boolean {
  return held !== undefined && wanted !== undefined && quantityValue(held) < quantityValue(wanted);
}
