import type { Loose } from '../../../../../kubernetes/object.ts';
import type { Clock } from '../../../clock.ts';
import type { CpuMeter } from '../../usage/cpu-meter.ts';
import { amount } from '../downward.ts';
import type { Kubelet } from '../kubelet.ts';
import type { PodWorker } from '../pod-worker.ts';
import type { Instance } from '../records.ts';
import { timestamp } from '../runtime.ts';

interface Use {
  time: string;
  cpu: Loose;
  memory: Loose;
}

/** Resource use as `/stats/summary` tells it. https://kubernetes.io/docs/reference/instrumentation/node-metrics/#summary-api-source */
export function summaryOf(kubelet: Kubelet, clock: Clock): Loose {
  const time = timestamp(clock.now());
  const { own } = kubelet;
  const pods = kubelet
    .pods()
    .filter((worker) => worker.network)
    .map((worker) => podUse(worker, time));
  const busy = cpuUse(kubelet.cpu, time, own.cores);
  const memory = pods.reduce((total, pod) => total + pod.memory.workingSetBytes, own.memory);
  const uptime = clock.monotonic() - kubelet.cpu.startedAt;
  return {
    node: {
      nodeName: kubelet.node,
      startTime: timestamp(new Date(clock.now().getTime() - Math.min(uptime, performance.now()))),
      cpu: {
        ...busy,
        usageCoreNanoSeconds: busy.usageCoreNanoSeconds + Math.round(own.cores * uptime * 1e6),
      },
      memory: memoryUse(memory, time, amount(kubelet.capacity.memory)),
    },
    pods,
  };
}

function podUse(worker: PodWorker, time: string): Loose {
  const { name, namespace, uid } = worker.pod.metadata;
  const containers = worker.records.flatMap((record) =>
    record.instance ? [{ name: record.name, ...containerUse(record.instance, time) }] : [],
  );
  const sum = (field: (container: Loose) => number | undefined) =>
    containers.reduce((total, container) => total + (field(container) ?? 0), 0);
  return {
    podRef: { name, namespace, uid },
    startTime: worker.pod.status?.startTime,
    containers,
    cpu: {
      time,
      usageNanoCores: sum((one) => one.cpu.usageNanoCores),
      usageCoreNanoSeconds: sum((one) => one.cpu.usageCoreNanoSeconds),
    },
    memory: { time, ...sizes(sum((one) => one.memory.workingSetBytes)) },
    ...storageUse(worker, time),
  };
}

/** What the pod wrote on the node's disk. */
function storageUse(worker: PodWorker, time: string): Loose {
  const { containers, emptyDirs } = worker.storage();
  const used = [...containers.values(), ...emptyDirs.values()].reduce((total, bytes) => total + bytes, 0);
  return {
    'ephemeral-storage': { time, usedBytes: used },
    volume: [...emptyDirs].map(([name, usedBytes]) => ({ time, usedBytes, name })),
  };
}

function containerUse(instance: Instance, time: string): Use & { startTime: string } {
  const { limits, memory } = instance.container;
  return {
    time,
    startTime: instance.startedDate,
    cpu: cpuUse(instance.cpu, time),
    memory: memoryUse(memory.used, time, limits.memory),
  };
}

/** Without a rate while the container is too young to have one. */
function cpuUse(
  meter: CpuMeter,
  time: string,
  more = 0,
): { time: string; usageNanoCores?: number; usageCoreNanoSeconds: number } {
  const rate = meter.rate();
  return {
    time,
    ...(rate !== undefined && { usageNanoCores: Math.round((rate + more) * 1e9) }),
    usageCoreNanoSeconds: Math.round(meter.total() * 1e6),
  };
}

function memoryUse(bytes: number, time: string, limit?: number): Loose {
  return { time, ...(limit && { availableBytes: Math.max(0, limit - bytes) }), ...sizes(bytes) };
}

const sizes = (bytes: number) => ({ usageBytes: bytes, workingSetBytes: bytes, rssBytes: Math.round(bytes * 0.8) });
