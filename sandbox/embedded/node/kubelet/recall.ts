import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { type ContainerRecord, isSidecar, newRecord, type Role } from './records.ts';

/**
 * What is known of a pod's containers when its worker begins. Those of an earlier life of this process ended with it,
 * as with a reboot of the node.
 */
export function recordsOf(pod: KubeObject, final: boolean, now: string): ContainerRecord[] {
  const { initContainers = [], containers = [], ephemeralContainers = [] } = pod.spec;
  const { status = {} } = pod;
  const waiting = initContainers.length ? 'PodInitializing' : 'ContainerCreating';
  const known = (specs: Loose[], role: (spec: Loose) => Role, statuses: Loose[] = []) =>
    specs.map((spec) => {
      const record = newRecord(spec, role(spec), waiting);
      const shown = statuses.find((candidate) => candidate.name === spec.name);
      if (shown?.containerID) recall(record, shown, final, now);
      return record;
    });
  return [
    ...known(initContainers, (spec) => (isSidecar(spec) ? 'sidecar' : 'init'), status.initContainerStatuses),
    ...known(containers, () => 'main', status.containerStatuses),
    ...known(ephemeralContainers, () => 'ephemeral', status.ephemeralContainerStatuses),
  ];
}

function recall(record: ContainerRecord, shown: Loose, final: boolean, now: string): void {
  const { containerID } = shown;
  record.containerID = containerID;
  record.restartCount = shown.restartCount ?? 0;
  record.image = shown.image;
  record.imageID = shown.imageID;
  if (shown.lastState?.terminated) record.last = shown.lastState.terminated;
  const { running, terminated } = shown.state ?? {};
  if (running) {
    const { startedAt } = running;
    record.state = { terminated: { exitCode: 255, reason: 'Unknown', startedAt, finishedAt: now, containerID } };
  } else if (terminated) record.state = { terminated };
  // The pod's own volumes are gone: its preparations are made again.
  if (record.role === 'init' && !final && 'terminated' in record.state) {
    record.last = record.state.terminated;
    record.state = { waiting: { reason: 'PodInitializing' } };
  }
  record.ready = record.role === 'init' && terminated?.exitCode === 0 && final;
}
