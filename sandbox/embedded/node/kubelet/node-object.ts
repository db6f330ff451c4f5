import { randomUUID } from 'node:crypto';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { ApiError, type Client } from '../../client/client.ts';
import type { Clock, Timer } from '../../clock.ts';
import { kubeletAnnotation } from '../../machine-annotations.ts';
import { resources } from './configuration.ts';
import { timestamp } from './runtime.ts';
import { timings } from './stages/timings.ts';

export interface NodeOptions {
  name: string;
  /** InternalIP. */
  address: string;
  /** Where the kubelet's server listens. */
  port: number;
  version: string;
  capacity: { cpu: string; memory: string; pods: string };
  podCidr: string;
  labels?: Record<string, string>;
  images: () => { names: string[]; sizeBytes: number }[];
}

/** What a node found when it said that it is there. */
export interface Registration {
  created: boolean;
  /** It was, before. */
  ready: boolean;
  /** The id of this boot, where the Node told of another. */
  rebooted?: string;
}

/** Says that the node is there, and goes on saying so. */
export class NodeRegistration {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #options: NodeOptions;
  readonly #log: (message: string) => void;
  readonly #timers = new Set<Timer>();
  #uid = '';
  /** Containers end with this process: each of its lives is a boot of the machine. */
  readonly #boot = randomUUID();
  /** Shown with the next report. */
  memoryPressure = false;
  #stopped = false;

  constructor(client: Client, clock: Clock, options: NodeOptions, log: (message: string) => void) {
    this.#client = client;
    this.#clock = clock;
    this.#options = options;
    this.#log = log;
  }

  /** Makes the Node or takes over the one that is there. Rejects when the API refuses. */
  async register(): Promise<Registration> {
    const { name, port, podCidr } = this.#options;
    this.stop();
    this.#stopped = false;
    const spec = { podCIDR: podCidr, podCIDRs: [podCidr] };
    const metadata = {
      name,
      labels: this.labels,
      annotations: {
        [kubeletAnnotation]: `127.0.0.1:${port}`,
        'node.alpha.kubernetes.io/ttl': '0',
        'volumes.kubernetes.io/controller-managed-attach-detach': 'true',
      },
    };
    let node: KubeObject;
    const outcome: Registration = { created: true, ready: false };
    try {
      node = await this.#client.create(resources.nodes, {
        apiVersion: 'v1',
        kind: 'Node',
        metadata,
        spec,
        status: this.#status([]),
      });
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 409) throw error;
      outcome.created = false;
      node = await this.#client.patch(resources.nodes, name, undefined, 'strategic', { metadata });
      // One that was made by hand.
      if (!node.spec?.podCIDR) node = await this.#client.patch(resources.nodes, name, undefined, 'strategic', { spec });
    }
    this.#uid = node.metadata.uid ?? '';
    if (!outcome.created) {
      const { conditions = [], nodeInfo } = node.status ?? {};
      outcome.ready = conditions.some((one: Loose) => one.type === 'Ready' && one.status === 'True');
      if (nodeInfo?.bootID && nodeInfo.bootID !== this.#boot) outcome.rebooted = this.#boot;
    }
    await this.report(node.status?.conditions ?? []);
    await this.#renew();
    this.#every(timings.lease, () => this.#renew());
    this.#every(timings.nodeStatus, () => this.report());
    return outcome;
  }

  get labels(): Record<string, string> {
    const { name, labels } = this.#options;
    return {
      'beta.kubernetes.io/arch': 'amd64',
      'beta.kubernetes.io/os': 'linux',
      'kubernetes.io/arch': 'amd64',
      'kubernetes.io/hostname': name,
      'kubernetes.io/os': 'linux',
      ...labels,
    };
  }

  /** Writes the node's status. */
  async report(before?: Loose[]): Promise<void> {
    if (this.#stopped) return;
    const { name } = this.#options;
    const shown = before ?? (await this.#client.get(resources.nodes, name)).status?.conditions ?? [];
    await this.#client.patch(
      resources.nodes,
      name,
      undefined,
      'strategic',
      { status: this.#status(shown) },
      { subresource: 'status' },
    );
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  #every(milliseconds: number, run: () => Promise<void>): void {
    if (this.#stopped) return;
    const timer = this.#clock.after(milliseconds, () => {
      this.#timers.delete(timer);
      run()
        .catch((error) => this.#log(`node ${this.#options.name}: ${error instanceof Error ? error.message : error}`))
        .finally(() => this.#every(milliseconds, run));
    });
    this.#timers.add(timer);
  }

  /** https://kubernetes.io/docs/concepts/architecture/leases/#node-heart-beats */
  async #renew(): Promise<void> {
    if (this.#stopped) return;
    const { name } = this.#options;
    const spec = {
      holderIdentity: name,
      leaseDurationSeconds: 40,
      renewTime: this.#clock.now().toISOString().replace('Z', '000Z'),
    };
    const namespace = 'kube-node-lease';
    try {
      await this.#client.patch(resources.leases, name, namespace, 'merge', { spec });
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 404) throw error;
      const ownerReferences = [{ apiVersion: 'v1', kind: 'Node', name, uid: this.#uid }];
      await this.#client
        .create(resources.leases, {
          apiVersion: 'coordination.k8s.io/v1',
          kind: 'Lease',
          metadata: { name, namespace, ownerReferences },
          spec,
        })
        .catch((refusal) => {
          // Its namespace may be a moment away; the next beat tries again.
          if (!(refusal instanceof ApiError)) throw refusal;
        });
    }
  }

  #status(before: Loose[]): Loose {
    const { address, name, port, version, capacity, images } = this.#options;
    const now = timestamp(this.#clock.now());
    // Invented, and not twice the same in a cluster.
    const machine = (Number(/\d+$/.exec(name)?.[0] ?? 1) - 1).toString(16).padStart(12, '0');
    const condition = (type: string, status: string, reason: string, message: string) => {
      const old = before.find((candidate) => candidate.type === type);
      return {
        type,
        status,
        lastHeartbeatTime: now,
        lastTransitionTime: old?.status === status ? old.lastTransitionTime : now,
        reason,
        message,
      };
    };
    const amounts = { ...capacity, 'ephemeral-storage': '104857600Ki', 'hugepages-1Gi': '0', 'hugepages-2Mi': '0' };
    return {
      addresses: [
        { type: 'InternalIP', address },
        { type: 'Hostname', address: name },
      ],
      capacity: amounts,
      allocatable: amounts,
      conditions: [
        this.memoryPressure
          ? condition(
              'MemoryPressure',
              'True',
              'KubeletHasInsufficientMemory',
              'kubelet has insufficient memory available',
            )
          : condition(
              'MemoryPressure',
              'False',
              'KubeletHasSufficientMemory',
              'kubelet has sufficient memory available',
            ),
        condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
        condition('PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
        condition('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'),
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: port } },
      images: images(),
      nodeInfo: {
        architecture: 'amd64',
        bootID: this.#boot,
        containerRuntimeVersion: 'containerd://2.1.4',
        kernelVersion: '6.12.0-atelier',
        kubeProxyVersion: '',
        kubeletVersion: version,
        machineID: `00000000000040008000${machine}`,
        operatingSystem: 'linux',
        osImage: 'Atelier (simulated)',
        systemUUID: `00000000-0000-4000-8000-${machine}`,
      },
    };
  }
}
