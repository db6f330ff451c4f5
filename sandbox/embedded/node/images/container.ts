import type { Clock } from '../../clock.ts';
import type { CpuMeter } from '../usage/cpu-meter.ts';
import { MemoryMeter } from '../usage/memory-meter.ts';
import { createMemoryVolume, MemoryTree } from './file-system/memory.ts';
import { createProcVolume } from './file-system/proc.ts';
import { createFileSystem } from './file-system/root.ts';
import type { FileSystem, Volume } from './file-system.ts';
import type {
  Container,
  ContainerNetwork,
  FoundProgram,
  Image,
  ImageConfig,
  ImageLoad,
  ProcessRow,
  Program,
  Signal,
  SpawnOptions,
  StartedProcess,
  StartOptions,
} from './image.ts';
import { findProgram, imageLayer } from './process/layer.ts';
import { Process, type ProcessHost } from './process/process.ts';
import { BytesInput, FunctionOutput, IterableInput } from './process/streams.ts';
import { TerminalDevice } from './process/terminal-device.ts';

export interface ContainerOptions {
  pod: Container['pod'];
  name: string;
  /** The reference as the Pod spells it. */
  reference: string;
  /** From resolveImage. */
  image: Image;
  /** Of the Pod; over the image's. */
  env?: Record<string, string>;
  workingDir?: string;
  /** `securityContext.runAsUser`; else the image's. */
  user?: number;
  group?: number;
  /** Supplemental groups, fsGroup among them. */
  groups?: number[];
  /** `securityContext.readOnlyRootFilesystem`. */
  readOnlyRoot?: boolean;
  volumes?: { path: string; volume: Volume }[];
  /** Contents of /etc/hosts and /etc/resolv.conf. */
  hosts?: string;
  resolvConf?: string;
  /** Authorities its TLS clients trust: PEM. */
  trusted?: string;
  /** Declared and probed ports, for an image that nobody plays. */
  ports?: number[];
  /** The Pod's restartPolicy is not Always, or it is an init container. */
  terminates?: boolean;
  /** Those of them that are probed by gRPC. */
  grpcPorts?: number[];
  limits?: { cpu?: number; memory?: number };
  network: ContainerNetwork;
  clock: Clock;
  /** Bytes the node has: what a container without a limit may use. */
  nodeMemory?: number;
  /** Starts before this one. */
  attempt?: number;
  /** What it may use; without one it uses what it likes. */
  cpu?: CpuMeter;
}

export interface RunningContainer extends Container {
  /** A signal from the node (`docker kill`): SIGKILL ends even the main process, and everything with it. */
  signalFromNode(pid: number, signal: Signal): void;
  /** Ends every process at once, exit code 137. */
  kill(): void;
  readonly memory: MemoryMeter;
  /** Bytes of files it wrote over its image. */
  written(): number;
  /** It was killed for using more memory than it may. */
  readonly outOfMemory: boolean;
  /** What /dev/termination-log holds. https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/ */
  terminationMessage(path?: string): string;
}

/** What a program of which nothing is declared rests on: bytes. */
const RESTING = 2 << 20;
/** What a new process costs, a program's start and a subshell's: milliseconds of one core. */
const START = 1.5;
const FORK = 0.5;

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * A container that is created, not yet running: its first `start` is the main process (PID 1). Ask `startError` before;
 * `start` itself resolves with 127 (no such program) or 126 (not executable).
 */
export function createContainer(options: ContainerOptions): RunningContainer {
  return new ContainerTable(options);
}

/** What a container runs: the Pod's `command` takes the place of ENTRYPOINT and of CMD, `args` that of CMD alone. */
export function mainCommand(config: ImageConfig, command?: string[], args?: string[]): string[] {
  if (command && command.length > 0) return [...command, ...(args ?? [])];
  return [...config.entrypoint, ...(args && args.length > 0 ? args : config.cmd)];
}

class ContainerTable implements RunningContainer, ProcessHost {
  readonly pod: Container['pod'];
  readonly name: string;
  readonly image: string;
  readonly imageConfig: ImageConfig;
  readonly fs: FileSystem;
  readonly network: ContainerNetwork;
  readonly clock: Clock;
  readonly ports: number[];
  readonly grpcPorts: number[];
  readonly terminates: boolean;
  readonly limits: { cpu?: number; memory?: number };
  readonly load: ImageLoad;
  readonly attempt: number;
  readonly memory: MemoryMeter;
  outOfMemory = false;
  readonly container = this as Container;
  private readonly options: ContainerOptions;
  private readonly env: Record<string, string>;
  private readonly table = new Map<number, Process>();
  private nextPid = 1;

  constructor(options: ContainerOptions) {
    this.options = options;
    this.pod = options.pod;
    this.name = options.name;
    this.image = options.reference;
    this.imageConfig = options.image.config;
    this.network = options.network;
    this.clock = options.clock;
    this.ports = options.ports ?? [];
    this.grpcPorts = options.grpcPorts ?? [];
    this.terminates = options.terminates ?? false;
    this.limits = options.limits ?? {};
    this.load = options.image.load ?? {};
    this.attempt = options.attempt ?? 0;
    const { memory: limit = options.nodeMemory } = this.limits;
    this.memory = new MemoryMeter({
      resting: this.load.memory ?? RESTING,
      ...(limit && { limit }),
      exceeded: () => {
        this.outOfMemory = true;
        this.kill();
      },
    });
    this.fs = createFileSystem(imageLayer(options.image, options.trusted), { readOnly: options.readOnlyRoot ?? false });
    this.env = { PATH, HOSTNAME: options.pod.hostname, ...options.image.config.env, ...options.env };
    this.mountAll();
    this.env.HOME ??= homeOf(this.fs, this.user());
  }

  private user(): number {
    return this.options.user ?? this.imageConfig.user;
  }

  private mountAll(): void {
    const { hosts, resolvConf, pod } = this.options;
    this.fs.mount('/proc', createProcVolume(this, this.clock.now()));
    this.fs.mount('/dev', devices());
    const file = (path: string, content: string, mode = 0o644) =>
      this.fs.mount(path, { ...createMemoryVolume({ source: '/dev/vda1' }), fs: MemoryTree.ofFile(content, mode) });
    file(
      '/etc/hosts',
      hosts ?? `127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n${pod.ip}\t${pod.hostname}\n`,
    );
    file('/etc/hostname', `${pod.hostname}\n`);
    if (resolvConf !== undefined) file('/etc/resolv.conf', resolvConf);
    file('/dev/termination-log', '', 0o666);
    for (const { path, volume } of this.options.volumes ?? []) this.fs.mount(path, volume);
    const folder = this.options.workingDir ?? this.imageConfig.workingDir;
    const owner = { uid: this.user(), gid: this.options.group ?? this.imageConfig.group ?? 0 };
    if (!this.fs.access(folder, 'r') && !this.options.readOnlyRoot)
      this.fs.makeDirectory(folder, { recursive: true, ...owner });
  }

  startError(argv0: string, where: { env?: Record<string, string>; cwd?: string } = {}): string | undefined {
    const env = { ...this.env, ...where.env };
    const cwd = where.cwd ?? this.options.workingDir ?? this.imageConfig.workingDir;
    const who = { uid: this.user(), gid: this.options.group ?? this.imageConfig.group ?? 0 };
    const lookup = findProgram(this.options.image, this.fs.as(who), argv0, cwd, env.PATH ?? PATH);
    if (lookup.found === 'program') return undefined;
    if (lookup.found === 'script') return lookup.interpreter ? undefined : `exec ${argv0}: exec format error`;
    if (lookup.found === 'forbidden') return `exec: "${argv0}": permission denied`;
    if (lookup.found === 'directory') return `exec: "${argv0}": is a directory`;
    return argv0.includes('/')
      ? `exec: "${argv0}": stat ${argv0}: no such file or directory`
      : `exec: "${argv0}": executable file not found in $PATH`;
  }

  start(options: StartOptions): StartedProcess {
    const uid = options.uid ?? this.user();
    const env: Record<string, string> = { ...this.env, ...(options.tty ? { TERM: 'xterm' } : {}), ...options.env };
    if (uid !== this.user() && !options.env?.HOME) env.HOME = homeOf(this.fs, uid);
    const terminal = options.tty
      ? new TerminalDevice(options.tty, options.stdin, options.stdout, (group, signal) =>
          this.signalGroup(group, signal),
        )
      : undefined;
    const stdout = terminal ?? new FunctionOutput(options.stdout);
    const pid = this.nextPid++;
    const process = new Process(this, {
      pid,
      parent: 0,
      group: pid,
      argv: options.argv,
      env,
      cwd: options.cwd ?? this.options.workingDir ?? this.imageConfig.workingDir,
      uid,
      gid: this.options.group ?? this.imageConfig.group ?? 0,
      groups: this.options.groups ?? [],
      stdin: terminal ?? (options.stdin ? new IterableInput(options.stdin) : new BytesInput()),
      stdout,
      stderr: terminal ?? new FunctionOutput(options.stderr),
      tty: terminal,
    });
    if (terminal) terminal.foreground = pid;
    return this.launch(process, undefined);
  }

  spawn(parent: Process, options: SpawnOptions): StartedProcess {
    const pid = this.nextPid++;
    const process = new Process(this, {
      pid,
      parent: parent.pid,
      group: options.group === 'own' ? pid : (options.group ?? parent.group),
      argv: options.argv,
      env: options.env ?? parent.env,
      cwd: options.cwd ?? parent.cwd,
      uid: parent.uid,
      gid: parent.gid,
      groups: parent.groups,
      stdin: options.stdin ?? parent.stdin,
      stdout: options.stdout ?? parent.stdout,
      stderr: options.stderr ?? parent.stderr,
      tty: parent.tty,
    });
    return this.launch(process, options.run);
  }

  private launch(process: Process, run: Program | undefined): StartedProcess {
    this.table.set(process.pid, process);
    const program = run ?? this.program(process);
    if (program) process.run(program, this.spend(run ? FORK : START));
    return { pid: process.pid, exit: process.exit, signal: (signal) => process.deliver(signal, 'outside') };
  }

  /** The program a command names; a script's interpreter takes its place in argv. Without one the process ends: 127 or 126. */
  program(process: Process, depth = 0): Program | undefined {
    const name = process.argv[0] ?? '';
    const lookup = findProgram(this.options.image, process.fs, name, process.cwd, process.env.PATH ?? PATH);
    if (lookup.found === 'program') return lookup.run;
    if (lookup.found === 'script' && depth < 4) {
      process.argv = [...(lookup.interpreter ?? ['/bin/sh']), lookup.path, ...process.argv.slice(1)];
      return this.program(process, depth + 1);
    }
    process.finish(lookup.found === 'missing' ? 127 : 126);
    return undefined;
  }

  find(process: Process, name: string, path: string): FoundProgram {
    const { found, path: place } = findProgram(this.options.image, process.fs, name, process.cwd, path);
    return { found, path: place };
  }

  ended(process: Process): void {
    this.table.delete(process.pid);
    this.memory.set(process, 0);
    for (const other of this.table.values()) if (other.parent === process.pid) other.parent = process.pid === 1 ? 0 : 1;
    if (process.pid === 1) this.kill();
  }

  processes(): ProcessRow[] {
    return [...this.table.values()];
  }

  signal(pid: number, signal: Signal): boolean {
    const process = this.table.get(pid);
    process?.deliver(signal, 'inside');
    return process !== undefined;
  }

  signalFromNode(pid: number, signal: Signal): void {
    this.table.get(pid)?.deliver(signal, 'outside');
  }

  private signalGroup(group: number, signal: Signal): void {
    for (const process of [...this.table.values()]) if (process.group === group) process.deliver(signal, 'inside');
  }

  kill(): void {
    for (const process of [...this.table.values()]) process.deliver('SIGKILL', 'outside');
  }

  written(): number {
    const root = this.fs.mounts().find(({ path }) => path === '/')?.volume.fs;
    return root instanceof MemoryTree ? root.written() : 0;
  }

  terminationMessage(path = '/dev/termination-log'): string {
    try {
      return Buffer.from(this.fs.read(path)).subarray(0, 4096).toString();
    } catch {
      return '';
    }
  }

  spend(cpuMilliseconds: number): Promise<void> | undefined {
    return this.options.cpu?.spend(cpuMilliseconds);
  }
}

function homeOf(fs: FileSystem, uid: number): string {
  try {
    const rows = Buffer.from(fs.read('/etc/passwd')).toString().split('\n');
    return rows.map((row) => row.split(':')).find((row) => row[2] === String(uid))?.[5] ?? '/';
  } catch {
    return '/';
  }
}

/** /dev, as a runtime makes it. */
function devices(): Volume {
  const tree = new MemoryTree();
  for (const name of ['null', 'zero', 'full', 'random', 'urandom', 'tty']) tree.device(`/${name}`, name);
  for (const [index, name] of ['stdin', 'stdout', 'stderr'].entries())
    tree.link(`/proc/self/fd/${index}`, `/${name}`, { symbolic: true });
  tree.link('/proc/self/fd', '/fd', { symbolic: true });
  tree.makeDirectory('/shm', { mode: 0o1777 });
  tree.makeDirectory('/pts');
  return { kind: 'memory', readOnly: false, source: 'tmpfs', fs: tree };
}
