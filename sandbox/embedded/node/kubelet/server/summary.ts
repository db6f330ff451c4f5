import type { Loose } from '../../../../../kubernetes/object.ts';
import type { Clock } from '../../../clock.ts';
import { amount } from '../downward.ts';
import type { Kubelet } from '../kubelet.ts';
import type { PodWorker } from '../pod-worker.ts';
import { timestamp } from '../runtime.ts';

/** What an idle program is said to hold, in bytes. */
const resting = 6 << 20;

/** Resource use as `/stats/summary` tells it. CPU is what programs were charged with since the last look. */
export function createSummary(clock: Clock): (kubelet: Kubelet) => Loose {
  const before = new Map<string, { used: number; at: number }>();
  return (kubelet) => {
    const time = timestamp(clock.now());
    const at = clock.monotonic();
    const workers = kubelet.pods();
    const alive = new Set(workers.map((worker) => worker.uid));
    for (const uid of before.keys()) if (!alive.has(uid)) before.delete(uid);
    const pods = workers.filter((worker) => worker.network).map((worker) => podUse(worker, at, time, before));
    const sum = (field: (pod: Loose) => number) => pods.reduce((total, pod) => total + field(pod), 0);
    return {
      node: {
        nodeName: kubelet.node,
        cpu: { time, usageNanoCores: 20_000_000 + sum((pod) => pod.cpu.usageNanoCores) },
        memory: { time, workingSetBytes: (200 << 20) + sum((pod) => pod.memory.workingSetBytes) },
      },
      pods,
    };
  };
}

function podUse(worker: PodWorker, at: number, time: string, before: Map<string, { used: number; at: number }>): Loose {
  const last = before.get(worker.uid);
  // Kept for half a minute, so that several who look share one measure.
  if (!last || at - last.at > 30_000) before.set(worker.uid, { used: worker.used, at });
  const cores = last && at > last.at ? (worker.used - last.used) / (at - last.at) : 0;
  const running = worker.records.filter((record) => record.instance);
  const { name, namespace, uid } = worker.pod.metadata;
  const containers = running.map((record) => {
    const limit = record.spec.resources?.limits?.memory;
    const memory = limit ? Math.min(resting, amount(limit)) : resting;
    return {
      name: record.name,
      startTime: record.instance?.startedDate,
      cpu: { time, usageNanoCores: Math.round((cores / running.length) * 1e9) },
      memory: { time, workingSetBytes: memory },
    };
  });
  return {
    podRef: { name, namespace, uid },
    startTime: worker.pod.status?.startTime,
    containers,
    cpu: { time, usageNanoCores: Math.round(cores * 1e9) },
    memory: {
      time,
      workingSetBytes: containers.reduce((total, container) => total + container.memory.workingSetBytes, 0),
    },
  };
}
