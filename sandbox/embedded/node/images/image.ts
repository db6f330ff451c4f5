import type { Duplex } from 'node:stream';
import type { Clock } from '../../clock.ts';
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
  /** Programs by the path or name a command calls them: `sh`, `nginx`, `start-notebook.py`. Lookup follows PATH. */
  programs: Record<string, Program>;
  /** Files of the image's root, written before the container starts. */
  files?: Record<
    string,
    string | { content: string; mode?: number } | { directory: true; mode?: number; owner?: number }
  >;
}

/** https://github.com/opencontainers/image-spec/blob/main/config.md, as far as the kubelet reads it. */
export interface ImageConfig {
  entrypoint: string[];
  cmd: string[];
  env: Record<string, string>;
  workingDir: string;
  /** Numeric uid; 0 is root. */
  user: number;
  exposedPorts: number[];
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

export interface Terminal {
  columns: number;
  rows: number;
  onResize(listener: () => void): void;
}

/** One process inside a container, as its program sees it. */
export interface ContainerProcess {
  pid: number;
  argv: string[];
  env: Record<string, string>;
  cwd: string;
  uid: number;
  gid: number;
  stdin: AsyncIterable<Uint8Array>;
  /** Resolves when the bytes are taken, so that a slow reader slows the program down. */
  stdout: { write(data: string | Uint8Array): Promise<void> };
  stderr: { write(data: string | Uint8Array): Promise<void> };
  tty?: Terminal;
  container: Container;
  /** Handles a signal instead of dying by it (SIGKILL excepted). */
  onSignal(signal: Signal, handler: () => void): void;
  /** Aborted when the process must end; its exit code is then 128 + the signal's number. */
  killed: AbortSignal;
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
  /** Starts another process here: an exec, a child of a shell. Resolves with its exit code; 127 when there is no such program. */
  start(options: StartOptions): StartedProcess;
  /** Living processes, main one first, for `ps` and `kill`. */
  processes(): { pid: number; argv: string[]; uid: number; startedAt: Date }[];
  signal(pid: number, signal: Signal): boolean;
  /** CPU and memory the pod is accounted for; `milliseconds` of one core. */
  use(cpuMilliseconds: number): void;
}

export interface StartOptions {
  argv: string[];
  env?: Record<string, string>;
  cwd?: string;
  uid?: number;
  stdin?: AsyncIterable<Uint8Array>;
  stdout: (data: Uint8Array) => void | Promise<void>;
  stderr: (data: Uint8Array) => void | Promise<void>;
  tty?: Terminal;
}

export interface StartedProcess {
  pid: number;
  exit: Promise<number>;
  signal(signal: Signal): void;
}

/** The pod's network: its own address, the cluster's DNS and Services. */
export interface ContainerNetwork {
  /** Listens on a port of the pod. `host` 127.0.0.1 is reachable from inside the pod (and by port-forward) alone. */
  listen(
    port: number,
    onConnection: (socket: Duplex) => void,
    host?: '0.0.0.0' | '127.0.0.1',
  ): Promise<{ close(): void }>;
  /** Connects to a name or address as a container would; rejects with code ENOTFOUND, ECONNREFUSED or ETIMEDOUT. */
  connect(host: string, port: number): Promise<Duplex>;
  /** Addresses of a name, through the pod's /etc/resolv.conf search list; rejects with ENOTFOUND. */
  resolve(name: string): Promise<{ name: string; addresses: string[] }>;
}
