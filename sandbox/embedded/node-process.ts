import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock, Skip, Timer } from './clock.ts';
import type { Ingress, IngressPorts } from './ingress-ports.ts';

/** What process 2 needs to play the node of a cluster. */
interface NodeCluster {
  name: string;
  kubeconfig: string;
  directory: string;
  domain: string;
  /** Authorities that containers trust: PEM. */
  trusted: string;
  /** The domain of the hosts of its Ingresses. */
  zone?: string;
  /** Where those answer. */
  ingress?: IngressPorts;
  /** How many nodes; three unless told. */
  nodes?: number;
  /** What was skipped so far; a node that is started again knows of it. */
  skips: readonly Skip[];
}

export interface NodeProcess {
  open(cluster: NodeCluster): void;
  close(name: string): void;
  /** Passes on to the node what the clock of its cluster skips; answers how many timers fired there, 0 when it is gone. */
  skip(name: string, milliseconds: number): Promise<number>;
  /** Resolves when it is gone. */
  stop(): Promise<void>;
}

interface NodeMessage {
  type: string;
  name: string;
  /** With `skipped`. */
  fired?: number;
}

export interface NodeProcessOptions {
  clock: Clock;
  log(message: string): void;
  /** Atelier's, where the workshop's authority is. */
  home?: string;
  /** What the node says of a cluster: `ready`, `failed`, `closed`. */
  onMessage?(message: NodeMessage): void;
  /** The listeners it is to serve. */
  ingress?: Ingress;
  /** Its main module; this installation's by default. */
  main?: string;
}

const longestWait = 5_000;

/** Keeps process 2 alive: when it dies it is started again with all clusters. Without its module nothing is started. */
export function startNodeProcess(options: NodeProcessOptions): NodeProcess {
  const main = options.main ?? fileURLToPath(new URL('./node/main.ts', import.meta.url));
  const clusters = new Map<string, NodeCluster>();
  // Named in the environment, the cache holds for the main module too, and nothing has to be stripped of types anew.
  const cache = getCompileCacheDir();
  const cached = cache && !process.env.NODE_COMPILE_CACHE ? { NODE_COMPILE_CACHE: dirname(cache) } : {};
  let child: ChildProcess | undefined;
  /** Who waits for the answer to a skip, in order. */
  const skipping: ((fired: number) => void)[] = [];
  let restart: Timer | undefined;
  let wait = 100;
  let stopping = false;

  function start(): void {
    restart = undefined;
    const started = fork(main, options.home ? [options.home] : [], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { ...process.env, ...cached },
    });
    child = started;
    started.on('message', (message: NodeMessage) => {
      if (message.type === 'ready') wait = 100;
      if (message.type === 'skipped') return skipping.shift()?.(message.fired ?? 0);
      options.onMessage?.(message);
    });
    started.on('error', (error) => options.log(`node: ${error.message}`));
    started.on('exit', (code, signal) => {
      child = undefined;
      for (const done of skipping.splice(0)) done(0);
      if (stopping) return;
      options.log(`node: ended with ${signal ?? code}; started again in ${wait} ms`);
      restart = options.clock.after(wait, start);
      wait = Math.min(wait * 2, longestWait);
    });
    void options.ingress?.give(started);
    for (const cluster of clusters.values()) started.send({ type: 'open', ...cluster });
  }

  const send = (message: object): void => {
    if (child?.connected) child.send(message);
  };

  if (existsSync(main)) start();
  return {
    open(cluster) {
      clusters.set(cluster.name, cluster);
      send({ type: 'open', ...cluster });
    },
    close(name) {
      if (clusters.delete(name)) send({ type: 'close', name });
    },
    skip(name, milliseconds) {
      const running = child;
      if (!running?.connected) return Promise.resolve(0);
      return new Promise((resolve) => {
        skipping.push(resolve);
        running.send({ type: 'skip', name, milliseconds });
      });
    },
    stop() {
      stopping = true;
      restart?.cancel();
      const running = child;
      if (!running) return Promise.resolve();
      return new Promise((resolve) => {
        // One that does not end by itself is ended.
        const force = setTimeout(() => running.kill('SIGKILL'), 3_000);
        running.once('exit', () => {
          clearTimeout(force);
          resolve();
        });
        running.kill('SIGTERM');
      });
    },
  };
}
