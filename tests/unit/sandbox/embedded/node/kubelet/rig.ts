import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { type Client, createClient, type Transport } from '../../../../../../sandbox/embedded/client/client.ts';
import { createInformer } from '../../../../../../sandbox/embedded/client/informer.ts';
import { createClock, type SkippableClock } from '../../../../../../sandbox/embedded/clock.ts';
import { resolveImage } from '../../../../../../sandbox/embedded/node/images/registry.ts';
import { resources } from '../../../../../../sandbox/embedded/node/kubelet/configuration.ts';
import { createKubelet, type Kubelet } from '../../../../../../sandbox/embedded/node/kubelet/kubelet.ts';
import { watchCluster } from '../../../../../../sandbox/embedded/node/kubelet/watched.ts';
import { createNetwork, type Network } from '../../../../../../sandbox/embedded/node/network/network.ts';
import { createServiceTable, type ServiceTable } from '../../../../../../sandbox/embedded/node/network/services.ts';
import { createMemoryApi, type MemoryApi } from '../../memory-api.ts';

export interface Rig {
  api: MemoryApi;
  client: Client;
  clock: SkippableClock;
  kubelet: Kubelet;
  network: Network;
  services: ServiceTable;
  log: string[];
  /** Makes a pod that is scheduled to the node. */
  run(name: string, spec: Loose, metadata?: Loose): Promise<KubeObject>;
  pod(name: string): Loose;
  /** State of a container, as its status shows it. */
  state(pod: string, container?: string): Loose;
  /** `TYPE REASON MESSAGE` of every event about the object, with `xN` where it came more than once. */
  events(name: string): string[];
  until(condition: () => unknown): Promise<void>;
  /** Resolves once a running container has written this. */
  says(pod: string, text: string, container?: string): Promise<void>;
  /** Asks for the pod's deletion, as the API server notes it. */
  remove(name: string, seconds: number): Promise<void>;
  /** Ends the kubelet and begins another one over the same API, as after a crash. */
  restart(): Promise<void>;
  stop(): void;
}

/** A kubelet over an API in memory, with the real images. */
export async function startRig(): Promise<Rig> {
  const api = createMemoryApi();
  const clock = createClock();
  const log: string[] = [];
  const directory = mkdtempSync(join(tmpdir(), 'kubelet-'));
  const transport: Transport = {
    ...api,
    request: (request) =>
      request.path.endsWith('/token')
        ? Promise.resolve({ code: 201, body: { metadata: {}, status: { token: 'TOKEN' } } })
        : api.request(request),
  };
  const client = createClient(transport);
  let stop: () => void = () => {};
  const rig = {} as Rig;

  async function start(): Promise<void> {
    const abort = new AbortController();
    const { signal } = abort;
    const informer = (resource: (typeof resources)['services']) => createInformer({ client, resource, clock, signal });
    const services = createServiceTable({
      services: informer(resources.services),
      slices: informer(resources.slices),
      nodeAt: (address) => (address === '10.99.0.1' ? 'node-1' : undefined),
      clock,
    });
    const network = createNetwork({
      services,
      clusterDomain: 'cluster.local',
      clock,
      nodeAddress: () => '10.99.0.1',
      apiServer: { host: '127.0.0.1', port: 1 },
    });
    const kubelet = createKubelet({
      client,
      clock,
      network,
      services,
      watched: watchCluster({ client, clock, signal, log: (message) => void log.push(message) }),
      resolve: resolveImage,
      directory,
      node: {
        name: 'node-1',
        address: '10.99.0.1',
        port: 10_250,
        version: 'v1.35.2',
        capacity: { cpu: '4', memory: '8Gi', pods: '110' },
        podCidr: '10.244.0.0/24',
      },
      clusterDomain: 'cluster.local',
      present: ['busybox:1.36', 'nginx:1.27'],
      newId: (() => {
        let next = 0;
        return () => String(++next).padStart(64, '0');
      })(),
      signal,
      log: (message) => void log.push(message),
    });
    await kubelet.start();
    Object.assign(rig, { kubelet, network, services });
    stop = () => {
      abort.abort();
      kubelet.close();
      services.close();
    };
  }

  const pod = (name: string) => api.objects('pods').find((object) => object.metadata.name === name);
  Object.assign(rig, {
    api,
    client,
    clock,
    log,
    pod,
    state(name: string, container = 'c') {
      const status = pod(name)?.status ?? {};
      return [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])].find(
        (entry: Loose) => entry.name === container,
      )?.state;
    },
    events: (name: string) =>
      api
        .objects('events')
        .filter((event) => event.involvedObject.name === name)
        .map(({ type, reason, message, count }) => `${type} ${reason} ${message}${count > 1 ? ` x${count}` : ''}`),
    until: api.until,
    async says(name: string, text: string, container = 'c') {
      const heard = new AbortController();
      let all = '';
      const log = rig.kubelet.pod('default', name)?.record(container)?.log;
      await log?.read({ follow: true, signal: heard.signal }, (data) => {
        all += data;
        if (all.includes(text)) heard.abort();
      });
    },
    run: (name: string, spec: Loose, metadata: Loose = {}) =>
      client.create(resources.pods, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace: 'default', ...metadata },
        spec: { nodeName: 'node-1', restartPolicy: 'Always', ...spec },
      }),
    async remove(name: string, seconds: number) {
      await client.patch(resources.pods, name, 'default', 'merge', {
        metadata: {
          finalizers: ['test/hold'],
          deletionTimestamp: new Date().toISOString(),
          deletionGracePeriodSeconds: seconds,
        },
      });
    },
    async restart() {
      stop();
      await start();
    },
    stop() {
      stop();
      rmSync(directory, { recursive: true, force: true });
    },
  } satisfies Partial<Rig>);
  await start();
  return rig;
}

/** A container named `c` that runs a line of shell. */
export function shell(line: string, more: Loose = {}): Loose {
  return { name: 'c', image: 'busybox:1.36', command: ['sh', '-c', line], ...more };
}
