import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { type Client, createClient } from '../../../../../../sandbox/embedded/client/client.ts';
import { createClock, type SkippableClock } from '../../../../../../sandbox/embedded/clock.ts';
import {
  type ControllerContext,
  createContext,
} from '../../../../../../sandbox/embedded/control-plane/controllers/context.ts';
import { startControllers } from '../../../../../../sandbox/embedded/control-plane/controllers/start.ts';
import { createMemoryApi, type MemoryApi } from '../../memory-api.ts';

export interface Loops {
  api: MemoryApi;
  client: Client;
  clock: SkippableClock;
  context: ControllerContext;
  log: string[];
  names(resource: string): string[];
  one(resource: string, name: string): Loose;
  events(): string[];
  stop(): void;
}

export const ready = (clock: SkippableClock): Loose => ({
  phase: 'Running',
  podIP: '10.244.0.9',
  conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: clock.now().toISOString() }],
});

/** Every loop over a store in memory, with one node and, unless told otherwise, pods that become Ready once placed. */
export function startLoops(options: { play?: (pod: Loose) => Loose | undefined; all?: boolean } = {}): Loops {
  const api = createMemoryApi();
  const client = createClient(api);
  const clock = createClock();
  const abort = new AbortController();
  const log: string[] = [];
  const settings = {
    clientFor: () => client,
    clock,
    signal: abort.signal,
    log: (message: string) => void log.push(message),
    caBundle: 'CA',
  };
  if (options.all !== false) startControllers(settings);
  const context = createContext(settings);
  const play = options.play ?? (() => ready(clock));
  const played = new Set<string>();
  context.informer({ group: '', version: 'v1', resource: 'pods' }).on((now) => {
    if (!now?.spec.nodeName || played.has(now.metadata.uid!)) return;
    const status = play(now);
    if (!status) return;
    played.add(now.metadata.uid!);
    queueMicrotask(() => api.setStatus('pods', now.metadata.name!, status));
  });
  return {
    api,
    client,
    clock,
    context,
    log,
    names: (resource) => api.objects(resource).map((object) => object.metadata.name),
    one: (resource, name) => api.objects(resource).find((object) => object.metadata.name === name),
    events: () => api.objects('events').map((event) => `${event.reason}: ${event.message}`),
    stop: () => abort.abort(),
  };
}

export async function addNode(client: Client, extra: Loose = {}): Promise<void> {
  await client.create(
    { group: '', version: 'v1', resource: 'nodes' },
    {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'node-1', labels: { 'kubernetes.io/hostname': 'node-1' } },
      spec: {},
      status: {
        allocatable: { cpu: '4', memory: '8Gi', pods: '110' },
        conditions: [{ type: 'Ready', status: 'True' }],
      },
      ...extra,
    },
  );
}

export const template = (app: string, image = 'nginx:1.27'): Loose => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: 'c', image }] },
});

export function deployment(name: string, replicas: number, spec: Loose = {}): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'a' },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: template(name),
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      ...spec,
    },
  };
}
