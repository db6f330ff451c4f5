import type { IncomingMessage } from 'node:http';
import { type Agent, request } from 'node:https';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { Clock, Timer } from '../../clock.ts';
import { isRun } from '../../machine-annotations.ts';
import type { Store } from '../store/store.ts';

/** What is used: nano-cores and bytes. */
export interface Usage {
  cpu: number;
  memory: number;
}

export interface Measure {
  /** When it was measured, RFC 3339. */
  timestamp: string;
  /** Milliseconds over which CPU was counted. */
  window: number;
}

export interface NodeMeasure extends Measure {
  usage: Usage;
}

export interface PodMeasure extends Measure {
  uid: string;
  containers: { name: string; usage: Usage }[];
}

/** What kubelets told at the last look. Plays what metrics-server does in other clusters. */
export interface MetricsCollector {
  node(name: string): NodeMeasure | undefined;
  pod(namespace: string, name: string): PodMeasure | undefined;
  /** Resolves when no look is under way. */
  settled(): Promise<void>;
  close(): void;
}

export interface CollectorOptions {
  store: Store;
  clock: Clock;
  agent: Agent;
  log(message: string): void;
}

/** Every so many milliseconds; https://github.com/kubernetes-sigs/metrics-server says 15 s. */
const resolution = 15_000;
/** Real milliseconds until a kubelet that does not answer is given up. */
const patience = 5000;
/** A container is counted over at least so long. */
const least = 10_000;

const kubelet = 'atelier.dev/kubelet';

/** Asks the kubelets from time to time, by the cluster's clock, until it is closed. */
export function createMetricsCollector(options: CollectorOptions): MetricsCollector {
  const { store, clock, agent } = options;
  let nodes = new Map<string, NodeMeasure>();
  let pods = new Map<string, PodMeasure>();
  let looking: Promise<void> | undefined;
  let lookedAt = clock.monotonic();
  let timer: Timer;
  let failed = '';

  async function look(): Promise<void> {
    const now = clock.monotonic();
    const window = Math.max(least, Math.min(now - lookedAt, resolution));
    lookedAt = now;
    const addresses = store
      .list('/nodes')
      .filter(({ object }) => isRun(object))
      .map(({ object }) => addressOf(object))
      .filter((address) => address !== undefined);
    if (addresses.length === 0) return;
    const freshNodes = new Map<string, NodeMeasure>();
    const freshPods = new Map<string, PodMeasure>();
    await Promise.all(
      addresses.map(async (address) => {
        try {
          read(await summaryOf(agent, address), window, freshNodes, freshPods);
          failed = '';
        } catch (error) {
          const text = `metrics: ${address.host}:${address.port}: ${error instanceof Error ? error.message : error}`;
          if (failed !== text) options.log(text);
          failed = text;
        }
      }),
    );
    nodes = freshNodes;
    pods = freshPods;
  }

  function tick(): void {
    timer = clock.after(resolution, tick);
    looking ??= look().finally(() => {
      looking = undefined;
    });
  }
  timer = clock.after(2000, tick);

  return {
    node: (name) => nodes.get(name),
    pod: (namespace, name) => pods.get(`${namespace}/${name}`),
    settled: () => looking ?? Promise.resolve(),
    close: () => timer.cancel(),
  };
}

function read(summary: Loose, window: number, nodes: Map<string, NodeMeasure>, pods: Map<string, PodMeasure>): void {
  const { node } = summary;
  const measured = (use: Loose): Usage => ({ cpu: use.cpu.usageNanoCores, memory: use.memory.workingSetBytes });
  const known = (use: Loose): boolean => use.cpu.usageNanoCores !== undefined;
  if (known(node)) nodes.set(node.nodeName, { timestamp: node.cpu.time, window, usage: measured(node) });
  for (const { podRef, containers } of summary.pods) {
    // As metrics-server has it: all of a pod's containers, or nothing of it.
    if (containers.length === 0 || !containers.every(known)) continue;
    pods.set(`${podRef.namespace}/${podRef.name}`, {
      uid: podRef.uid,
      timestamp: containers[0].cpu.time,
      window,
      containers: containers.map((one: Loose) => ({ name: one.name, usage: measured(one) })),
    });
  }
}

function addressOf(node: KubeObject): { host: string; port: number } | undefined {
  const match = /^(.+):(\d+)$/.exec(node.metadata.annotations?.[kubelet] ?? '');
  return match ? { host: match[1] ?? '', port: Number(match[2]) } : undefined;
}

/** Rejects when the kubelet does not answer, or not with a summary. */
function summaryOf(agent: Agent, address: { host: string; port: number }): Promise<Loose> {
  return new Promise((resolve, reject) => {
    const path = '/stats/summary';
    const asked = request({ ...address, path, agent, signal: AbortSignal.timeout(patience) }, (answer) => {
      textOf(answer)
        .then((text) => {
          if (answer.statusCode !== 200) throw new Error(`request failed, status: "${answer.statusCode}"`);
          return JSON.parse(text);
        })
        .then(resolve, reject);
    });
    asked.on('error', reject);
    asked.end();
  });
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
