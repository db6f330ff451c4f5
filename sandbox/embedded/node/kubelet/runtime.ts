import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { Clock } from '../../clock.ts';
import { createContainer, mainCommand } from '../images/container.ts';
import type { ResolvedImage } from '../images/registry.ts';
import type { PodNetwork } from '../network/network.ts';
import { CpuMeter } from '../usage/cpu-meter.ts';
import { ContainerLog } from './container-log.ts';
import { amount } from './downward.ts';
import type { EnvironmentFacts } from './environment.ts';
import { ConfigError, environmentOf, expand } from './environment.ts';
import type { ContainerRecord, Instance, StdinSource } from './records.ts';
import type { PodVolumes } from './volumes.ts';

/** What a container of this pod is made with. */
export interface PodContext {
  pod: KubeObject;
  ip: string;
  hostIP: string;
  node: string;
  hostname: string;
  hosts: string;
  resolvConf: string;
  /** Authorities that containers trust: PEM. */
  trusted: string;
  network: PodNetwork;
  volumes: PodVolumes;
  clock: Clock;
  configuration: EnvironmentFacts['configuration'];
  services: () => KubeObject[];
  allocatable: Record<string, string>;
  newId: () => string;
  /** The node's. */
  cpu: CpuMeter;
}

/** The runtime could create the container but not start its program. */
export class StartError extends Error {}

/** Makes the container; rejects with {@link ConfigError}. Its program is not yet running. */
export async function create(context: PodContext, record: ContainerRecord, image: ResolvedImage): Promise<Instance> {
  const { pod, clock } = context;
  const { spec } = record;
  const security = { ...pod.spec.securityContext, ...spec.securityContext };
  const user: number | undefined = security.runAsUser;
  if (security.runAsNonRoot) {
    const identity = `(pod: "${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})", container: ${record.name})`;
    if (user === 0) throw new ConfigError(`container's runAsUser breaks non-root policy ${identity}`);
    if (user === undefined && image.image.config.user === 0) {
      throw new ConfigError(`container has runAsNonRoot and image will run as root ${identity}`);
    }
  }
  const env = await environmentOf({
    pod,
    container: spec,
    configuration: context.configuration,
    services: context.services(),
    ip: context.ip,
    hostIP: context.hostIP,
    node: context.node,
    allocatable: context.allocatable,
  });
  const limits = limitsOf(spec);
  const cpu = new CpuMeter(clock, limits.cpu, context.cpu);
  const container = createContainer({
    pod: {
      name: pod.metadata.name!,
      namespace: pod.metadata.namespace!,
      uid: pod.metadata.uid!,
      hostname: context.hostname,
      ip: context.ip,
      node: context.node,
      labels: pod.metadata.labels ?? {},
    },
    name: record.name,
    reference: spec.image,
    image: image.image,
    env,
    ...(spec.workingDir && { workingDir: spec.workingDir }),
    ...(user !== undefined && { user }),
    ...(security.runAsGroup !== undefined && { group: security.runAsGroup }),
    groups: [...(security.fsGroup !== undefined ? [security.fsGroup] : []), ...(security.supplementalGroups ?? [])],
    readOnlyRoot: security.readOnlyRootFilesystem ?? false,
    volumes: context.volumes.mountsOf(spec, env),
    hosts: context.hosts,
    resolvConf: context.resolvConf,
    trusted: context.trusted,
    ports: portsOf(spec),
    grpcPorts: probesOf(spec).flatMap((probe) => (probe.grpc ? [probe.grpc.port] : [])),
    nodeMemory: amount(context.allocatable.memory ?? '0'),
    limits,
    network: context.network,
    clock,
    cpu,
    attempt: record.containerID ? record.restartCount + 1 : 0,
  });
  const log = new ContainerLog(() => clock.now());
  return {
    id: `containerd://${context.newId()}`,
    container,
    cpu,
    environment: env,
    log,
    startedAt: clock.monotonic(),
    startedDate: timestamp(clock.now()),
    ended: Promise.resolve(),
    attached: new Set(),
  };
}

/** Starts the main process. Throws {@link StartError} in the runtime's words. `onExit` comes after the log is closed. */
export function start(record: ContainerRecord, instance: Instance, clock: Clock, onExit: (code: number) => void): void {
  const { container, log } = instance;
  const { spec } = record;
  const fill = (words: string[] | undefined) => words?.map((word) => expand(word, instance.environment));
  const argv = mainCommand(container.imageConfig, fill(spec.command), fill(spec.args));
  const why = argv.length ? container.startError(argv[0]!) : 'no command specified';
  if (why) {
    throw new StartError(
      argv.length
        ? `failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: ${why}: unknown`
        : `failed to generate container "${instance.id.slice(13)}" spec: failed to generate spec: ${why}`,
    );
  }
  instance.startedAt = clock.monotonic();
  instance.startedDate = timestamp(clock.now());
  if (spec.stdin) instance.stdin = createStdin(Boolean(spec.stdinOnce));
  const write = (stream: 'stdout' | 'stderr') => (data: Uint8Array) => {
    log.write(stream, data);
    if (instance.attached.size === 0) return undefined;
    return Promise.all([...instance.attached].map((attachment) => attachment.write(stream, data))).then(() => {});
  };
  const size = { columns: 80, rows: 24 };
  const listeners: (() => void)[] = [];
  instance.process = container.start({
    argv,
    ...(instance.stdin && { stdin: instance.stdin }),
    stdout: write('stdout'),
    stderr: write(spec.tty ? 'stdout' : 'stderr'),
    ...(spec.tty && {
      tty: {
        get columns() {
          return size.columns;
        },
        get rows() {
          return size.rows;
        },
        onResize: (listener: () => void) => void listeners.push(listener),
      },
    }),
  });
  if (spec.tty) {
    instance.resize = (columns, rows) => {
      size.columns = columns;
      size.rows = rows;
      for (const listener of listeners) listener();
    };
  }
  instance.ended = instance.process.exit.then((code) => {
    log.close();
    for (const attachment of instance.attached) attachment.end();
    instance.attached.clear();
    onExit(code);
  });
}

function createStdin(once: boolean): StdinSource {
  const chunks: Uint8Array[] = [];
  let ended = false;
  let wake: (() => void) | undefined;
  return {
    push(data) {
      if (ended) return;
      chunks.push(data);
      wake?.();
    },
    end() {
      // Without stdinOnce the container's standard input stays open for the next who attaches.
      if (!once) return false;
      ended = true;
      wake?.();
      return true;
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const chunk = chunks.shift();
        if (chunk) yield chunk;
        else if (ended) return;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    },
  };
}

const probesOf = (spec: Loose): Loose[] =>
  [spec.readinessProbe, spec.livenessProbe, spec.startupProbe].filter((probe) => probe !== undefined);

/** Ports a generic container listens on: declared, or probed. */
function portsOf(spec: Loose): number[] {
  const ports = new Set<number>((spec.ports ?? []).map((port: Loose) => port.containerPort));
  for (const probe of probesOf(spec)) {
    const port = probe.httpGet?.port ?? probe.tcpSocket?.port ?? probe.grpc?.port;
    if (typeof port === 'number') ports.add(port);
  }
  return [...ports];
}

/** Cores, and bytes. */
export function limitsOf(spec: Loose): { cpu?: number; memory?: number } {
  const { cpu, memory } = spec.resources?.limits ?? {};
  return { ...(cpu && { cpu: amount(cpu) }), ...(memory && { memory: amount(memory) }) };
}

/** RFC 3339 in whole seconds, as metav1.Time. */
export function timestamp(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
