import type { KubeObject } from '../../../../kubernetes/object.ts';
import type { Client } from '../../client/client.ts';
import { createRecorder } from '../../client/recorder.ts';
import type { Clock, Timer } from '../../clock.ts';
import type { Network } from '../network/network.ts';
import type { ServiceTable } from '../network/services.ts';
import { CpuMeter } from '../usage/cpu-meter.ts';
import { admit } from './admission.ts';
import { amount } from './downward.ts';
import { watchUse } from './eviction.ts';
import { Images, type Resolve } from './images.ts';
import { mounts } from './mounting.ts';
import type { NodeContext } from './node-context.ts';
import { NodeRegistration } from './node-object.ts';
import { PodWorker } from './pod-worker.ts';
import { Tokens } from './tokens.ts';
import type { Watched } from './watched.ts';

export interface KubeletOptions {
  client: Client;
  clock: Clock;
  network: Network;
  services: ServiceTable;
  watched: Watched;
  resolve: Resolve;
  /** The cluster's folder on this machine. */
  directory: string;
  /** What belongs to this node alone; the cluster's, unless told. */
  ownDirectory?: string;
  node: {
    name: string;
    address: string;
    port: number;
    version: string;
    capacity: { cpu: string; memory: string; pods: string };
    /** What addresses of pods begin with: `10.244.0.0/24`. */
    podCidr: string;
    labels?: Record<string, string>;
  };
  clusterDomain: string;
  /** Authorities that containers trust: PEM. */
  trusted?: string;
  /** References of images that need no pull. */
  present: string[];
  imagesFile?: string;
  newId: () => string;
  signal: AbortSignal;
  log: (message: string) => void;
}

/** The kubelet of one node of one cluster. */
export interface Kubelet {
  readonly node: string;
  readonly capacity: { cpu: string; memory: string; pods: string };
  /** What the node's own programs use: cores, bytes. */
  readonly own: { cores: number; memory: number };
  /** Of all its containers. */
  readonly cpu: CpuMeter;
  pod(namespace: string, name: string): PodWorker | undefined;
  pods(): PodWorker[];
  tokens: Tokens;
  /** Takes the node's pods up; resolves when it knows them. */
  start(): Promise<void>;
  /** Makes the Node anew, or takes over the one that is there. */
  register(): Promise<void>;
  /** Its Node was deleted: says nothing until it is registered again. */
  forget(): void;
  close(): void;
}

export function createKubelet(options: KubeletOptions): Kubelet {
  const { client, clock, network, directory, ownDirectory = directory, node, log, signal } = options;
  const { configmaps, secrets, configuration, lane } = options.watched;
  const workers = new Map<string, PodWorker>();
  const byName = new Map<string, PodWorker>();
  const tokens = new Tokens(client, clock, lane);
  const images = new Images({
    resolve: options.resolve,
    clock,
    present: options.present,
    ...(options.imagesFile && { file: options.imagesFile }),
  });
  const recorder = createRecorder({ client, clock, component: 'kubelet', host: node.name, log });
  const allocatable = { ...node.capacity, 'ephemeral-storage': '104857600Ki' };
  const registration = new NodeRegistration(client, clock, { ...node, images: () => images.list() }, log);
  const cpu = new CpuMeter(clock, amount(node.capacity.cpu));
  let renewal: Timer | undefined;

  const context: NodeContext = {
    client,
    clock,
    network: { ...network, addPod: (pod) => network.addPod({ ...pod, node: node.address }) },
    images,
    configuration,
    tokens,
    lane,
    volumes: {
      client,
      clock,
      configuration,
      tokens,
      directory,
      ownDirectory,
      node: node.name,
      hostIP: node.address,
      allocatable,
    },
    services: (namespace) => {
      const own = options.services.list(namespace);
      const master = options.services.get('default', 'kubernetes');
      return master && namespace !== 'default' ? [master, ...own] : own;
    },
    node: node.name,
    hostIP: () => node.address,
    podCidr: node.podCidr,
    clusterDomain: options.clusterDomain,
    trusted: options.trusted ?? '',
    allocatable,
    cpu,
    newId: options.newId,
    admit: (pod) =>
      admit(
        pod,
        [...workers.values()].map((worker) => worker.pod),
        self(),
        allocatable,
      ),
    event(pod, type, reason, message, fieldPath) {
      lane.later(() => recorder.event(pod, type, reason, message, fieldPath ? { fieldPath } : {}));
    },
    log,
    gone(uid) {
      const worker = workers.get(uid);
      workers.delete(uid);
      if (worker && byName.get(nameOf(worker.pod)) === worker) byName.delete(nameOf(worker.pod));
    },
  };

  /** As the API shows it, or as it will. */
  const self = (): KubeObject =>
    options.watched.nodes.get(node.name) ?? {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: node.name, labels: registration.labels },
    };
  const nameOf = (pod: KubeObject) => `${pod.metadata.namespace}/${pod.metadata.name}`;

  const stops: (() => void)[] = [];

  function follow(): void {
    const stopPods = options.watched.pods.on((now, before) => {
      // What was on its way when this node ended must not bring it back to life.
      if (signal.aborted || (now ?? before)?.spec.nodeName !== node.name) return;
      if (!now) {
        if (before) workers.get(before.metadata.uid!)?.remove();
        return;
      }
      const worker = workers.get(now.metadata.uid!);
      if (worker) return worker.update(now);
      const created = new PodWorker(context, now);
      workers.set(now.metadata.uid!, created);
      byName.set(nameOf(now), created);
    });
    const refresh = (kind: 'configMap' | 'secret') => (now: KubeObject | undefined, before: KubeObject | undefined) => {
      if (!now || !before) return;
      for (const worker of workers.values()) {
        if (worker.pod.metadata.namespace === now.metadata.namespace && mounts(worker.pod, kind, now.metadata.name!)) {
          worker.refreshVolumes();
        }
      }
    };
    stops.push(stopPods, configmaps.on(refresh('configMap')), secrets.on(refresh('secret')));
  }

  async function register(): Promise<void> {
    const { created, ready, rebooted } = await registration.register();
    // Events about nodes carry the name in place of a uid, as the real kubelet's do.
    const about = { apiVersion: 'v1', kind: 'Node', metadata: { name: node.name, uid: node.name } };
    const said = [['Starting', 'Starting kubelet.']];
    if (!ready) {
      for (const state of ['HasSufficientMemory', 'HasNoDiskPressure', 'HasSufficientPID']) {
        said.push([`Node${state}`, `Node ${node.name} status is now: Node${state}`]);
      }
      if (created) said.push(['NodeAllocatableEnforced', 'Updated Node Allocatable limit across pods']);
    }
    if (rebooted) said.push(['Rebooted', `Node ${node.name} has been rebooted, boot id: ${rebooted}`]);
    if (!ready) said.push(['NodeReady', `Node ${node.name} status is now: NodeReady`]);
    for (const [reason, message] of said) {
      const type = reason === 'Rebooted' ? 'Warning' : 'Normal';
      lane.later(() => recorder.event(about, type, reason!, message!));
    }
  }

  const own = { cores: 0.06, memory: 420 << 20 };
  const stopEvicting = watchUse({
    clock,
    pods: () => [...workers.values()],
    memory: { capacity: amount(node.capacity.memory), own: own.memory },
    pressed(pressed) {
      registration.memoryPressure = pressed;
      const reason = `NodeHas${pressed ? 'Insufficient' : 'Sufficient'}Memory`;
      const about = { apiVersion: 'v1', kind: 'Node', metadata: { name: node.name, uid: node.name } };
      lane.later(() => recorder.event(about, 'Normal', reason, `Node ${node.name} status is now: ${reason}`));
      lane.later(() => registration.report());
    },
  });

  function renew(): void {
    renewal = clock.after(300_000, () => {
      tokens.renew();
      renew();
    });
  }

  return {
    node: node.name,
    capacity: node.capacity,
    own,
    cpu,
    tokens,
    pod: (namespace, name) => byName.get(`${namespace}/${name}`),
    pods: () => [...workers.values()],
    async start() {
      await register();
      const { pods, volumes } = options.watched;
      await Promise.all([configmaps.synced, secrets.synced, volumes.synced, pods.synced]);
      // Addresses that pods of an earlier life had are theirs again before new ones get any.
      follow();
      renew();
    },
    register,
    forget: () => registration.stop(),
    close() {
      renewal?.cancel();
      stopEvicting();
      registration.stop();
      for (const stop of stops.splice(0)) stop();
      for (const worker of workers.values()) worker.close();
      workers.clear();
      byName.clear();
    },
  };
}
