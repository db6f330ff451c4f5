import type { Duplex } from 'node:stream';
import type { Clock } from '../../clock.ts';
import type { DnsReply } from '../network/dns-records.ts';
import type { FileSystem } from './file-system.ts';

/** A stand-in: the program of ours that plays a container image. Nothing is pulled, no process of the machine is started. */
export interface Image {
  /** Matches the repository, without tag, after `docker.io/library/` is taken off: `busybox`, `quay.io/jupyter/minimal-notebook`. */
  match: RegExp;
  /** Tags that exist; any other cannot be pulled. */
  tags: RegExp;
  /** Canonical names, for the one-slip rule (`nginxx` cannot be pulled). */
  names: string[];
  config: ImageConfig;
  /** What its programs cost; see {@link ImageLoad}. */
  load?: ImageLoad;
  /** Programs by the path they are installed at: `/bin/sh`, `/usr/sbin/nginx`. Lookup follows PATH. */
  programs: Record<string, Program>;
  /** Files of the image's root, written before the container starts. */
  files?: Record<string, ImageFile>;
}

/** What a program would use on a real machine, declared: an answered request's milliseconds of one core, and bytes at rest. */
export interface ImageLoad {
  request?: number;
  memory?: number;
}

type ImageFile =
  | string
  | { content: string; mode?: number; owner?: number; group?: number }
  | { directory: true; mode?: number; owner?: number; group?: number }
  | { link: string };

/** https://github.com/opencontainers/image-spec/blob/main/config.md, as far as the kubelet reads it. */
export interface ImageConfig {
  entrypoint: string[];
  cmd: string[];
  env: Record<string, string>;
  workingDir: string;
  /** Numeric uid; 0 is root. */
  user: number;
  /** Primary group; 0 where the image says nothing. */
  group?: number;
  exposedPorts: number[];
  /** The signal that asks the main process to end, where it is not SIGTERM. */
  stopSignal?: Signal;
}

/** Runs until it ends or is told to; resolves with the exit code. */
export type Program = (process: ContainerProcess) => Promise<number>;

export type Signal =
  | 'SIGTERM'
  | 'SIGINT'
  | 'SIGKILL'
  | 'SIGHUP'
  | 'SIGQUIT'
  | 'SIGWINCH'
  | 'SIGUSR1'
  | 'SIGUSR2'
  | 'SIGPIPE';

/** The size of a terminal at the other end. */
export interface TerminalSize {
  columns: number;
  rows: number;
  onResize(listener: () => void): void;
}

/** A process's terminal: echo, line editing and Ctrl-C are its own business until a program asks for raw keys. */
export interface Terminal extends TerminalSize {
  /** Raw: keys arrive one by one, unechoed, Ctrl-C is a byte. */
  setRaw(raw: boolean): void;
  /** The process group that Ctrl-C goes to. */
  foreground: number;
}

/** Bytes that come in. Shared by the processes that inherit it; what one does not want it puts back. */
export interface Input extends AsyncIterable<Uint8Array> {
  /** The next bytes, undefined at the end. The signal gives up waiting, and takes nothing. */
  read(signal?: AbortSignal): Promise<Uint8Array | undefined>;
  unread(data: Uint8Array): void;
  /** Nobody reads any more: who writes gets SIGPIPE. */
  close?(): void;
}

export interface Output {
  /** Resolves when the bytes are taken, so that a slow reader slows the program down. */
  write(data: string | Uint8Array, signal?: AbortSignal): Promise<void>;
  /** One more process may write; the returned function takes that back. The reader sees the end after the last. */
  hold?(): () => void;
}

/** One process inside a container, as its program sees it. */
export interface ContainerProcess {
  pid: number;
  parent: number;
  group: number;
  argv: string[];
  env: Record<string, string>;
  cwd: string;
  uid: number;
  gid: number;
  groups: number[];
  /** The container's files with this process's rights. */
  fs: FileSystem;
  stdin: Input;
  stdout: Output;
  stderr: Output;
  tty?: Terminal;
  container: Container;
  /** Handles a signal instead of dying by it (SIGKILL excepted); undefined restores the default. */
  onSignal(signal: Signal, handler: (() => void) | undefined): void;
  /** Aborted when the process must end; its exit code is then 128 + the signal's number. */
  killed: AbortSignal;
  /** Becomes another program, as exec(3): same pid, same place in the tree. Resolves with its exit code. */
  exec(options: SpawnOptions): Promise<number>;
  /** Looks a command up along PATH. */
  find(name: string, path?: string): FoundProgram;
  /** Starts a child, with this process's environment and streams where none are given. */
  spawn(options: SpawnOptions): StartedProcess;
  /** Waits by the cluster's clock; throws when the process is killed meanwhile. */
  sleep(milliseconds: number): Promise<void>;
  /** To be awaited in every loop: lets others run and keeps a busy process within its share. */
  breathe(): Promise<void>;
  /** Awaits what is no work of its own: a child, an answer. */
  idle<T>(promise: Promise<T>): Promise<T>;
  /** Uses one core for so many milliseconds; longer where the container is at its limit. Throws when the process is killed meanwhile. */
  compute(milliseconds: number): Promise<void>;
  /** Memory it has from now on beside what its image rests on, in bytes; more than the container may have ends it (OOMKilled). */
  hold(bytes: number): void;
}

export interface FoundProgram {
  found: 'program' | 'script' | 'missing' | 'forbidden' | 'directory';
  path: string;
}

export interface SpawnOptions {
  argv: string[];
  /** Runs this instead of a file: a subshell, a worker. */
  run?: Program;
  env?: Record<string, string>;
  cwd?: string;
  stdin?: Input;
  stdout?: Output;
  stderr?: Output;
  /** The process group to join, or one of its own, so that Ctrl-C passes it by. */
  group?: number | 'own';
}

/** What the kubelet gives a running container, shared by its main process and everything exec'd into it. */
export interface Container {
  pod: {
    name: string;
    namespace: string;
    uid: string;
    hostname: string;
    ip: string;
    node: string;
    labels: Record<string, string>;
  };
  name: string;
  image: string;
  imageConfig: ImageConfig;
  fs: FileSystem;
  network: ContainerNetwork;
  clock: Clock;
  /** Ports that are declared or probed; a generic container listens on them. */
  ports: number[];
  grpcPorts: number[];
  /** Whether it is meant to end by itself, as in a Job: a generic container then does. */
  terminates: boolean;
  /** Cores and bytes the container may use, where limited; for `nproc`, `free` and the like. */
  limits: { cpu?: number; memory?: number };
  /** Starts another process here: an exec. Resolves with its exit code; 127 when there is no such program. */
  start(options: StartOptions): StartedProcess;
  /** Why this command cannot be started, in the container runtime's words (`exec: "foo": executable file not found in $PATH`); undefined when it can. */
  startError(argv0: string, options?: { env?: Record<string, string>; cwd?: string }): string | undefined;
  /** Living processes, main one first, for `ps` and `kill`. */
  processes(): ProcessRow[];
  /** A signal from inside: as the kernel has it, PID 1 gets only what it handles. False when there is no such process. */
  signal(pid: number, signal: Signal): boolean;
  load: ImageLoad;
  /** How often it was started before, as `restartCount` says. */
  attempt: number;
  /** Takes milliseconds of one core from what the container may use; resolves when it has them, undefined when that is now. */
  spend(cpuMilliseconds: number): Promise<void> | undefined;
}

export interface ProcessRow {
  pid: number;
  parent: number;
  argv: string[];
  uid: number;
  startedAt: Date;
  env: Record<string, string>;
  cwd: string;
  stdin: Input;
  stdout: Output;
  stderr: Output;
}

export interface StartOptions {
  argv: string[];
  /** Added to the container's environment. */
  env?: Record<string, string>;
  cwd?: string;
  uid?: number;
  stdin?: AsyncIterable<Uint8Array>;
  stdout: (data: Uint8Array) => void | Promise<void>;
  stderr: (data: Uint8Array) => void | Promise<void>;
  tty?: TerminalSize;
}

export interface StartedProcess {
  pid: number;
  exit: Promise<number>;
  /** From outside, as the kubelet or a parent sends it. */
  signal(signal: Signal): void;
}

/** The pod's network: its own address, the cluster's DNS and Services. */
export interface ContainerNetwork {
  /** Listens on a port of the pod. `host` 127.0.0.1 is reachable from inside the pod (and by port-forward) alone. Rejects with code EADDRINUSE when it is taken. */
  listen(
    port: number,
    onConnection: (socket: Duplex) => void,
    host?: '0.0.0.0' | '127.0.0.1',
  ): Promise<{ close(): void }>;
  /** Connects to a name or address as a container would; rejects with code ENOTFOUND, ECONNREFUSED or ETIMEDOUT. */
  connect(host: string, port: number): Promise<Duplex>;
  /** Addresses of a name, through the pod's /etc/resolv.conf search list; rejects with ENOTFOUND, or EAI_AGAIN when no server answers. */
  resolve(name: string): Promise<{ name: string; addresses: string[] }>;
  /** One DNS question about a full name, to the pod's own name server or another; rejects with ETIMEDOUT when it does not answer. */
  query(name: string, type: string, server?: string): Promise<DnsReply>;
}
