import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, watch } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { UserError } from '../server/user-error.ts';
import { type ClusterPlace, readPlace } from '../sessions/cluster-place.ts';
import { ROOT } from './project.ts';

/** The embedded cluster, as processes of its own: all that is known of it is a kubeconfig. */
export interface ClusterProcess {
  kubeconfig: string;
  /** Where it meets the world, once its node's process says so; asked at each use, for it may be started again. */
  place(): ClusterPlace | undefined;
  /** Resolves when `place` is known; false where it is not in time. */
  placed(): Promise<boolean>;
  /** PEM file of the authority that its certificates come from. */
  authority: string;
  /** Why it does not answer now, or undefined. */
  trouble(): string | undefined;
  stop(): Promise<void>;
}

/** Milliseconds between the end of a cluster that nobody stopped and its next start. */
const RESTART_PAUSE = 300;
/** Milliseconds it has to end by itself. */
const STOP_PATIENCE = 5_000;
/** Milliseconds its node's process has to say where it meets the world, before the site goes on without. */
const PLACE_PATIENCE = 10_000;
const MAIN = path.join(ROOT, 'sandbox/embedded/main.ts');

export interface ClusterOptions {
  home: string;
  name: string;
  onTrouble(error: Error): void;
  /** How many nodes; three unless told. */
  nodes?: number;
  /** Of the hosts of its Ingresses; `NAME.localhost` unless told. */
  domain?: string;
  /** Where those hosts answer, as `--ingress-ports` takes it; that they do is a condition of the first start then. */
  ingress?: { ports: string | undefined };
}

/** What the cluster's process says over its channel. */
interface Said {
  type: string;
  kubeconfig?: string;
  /** Why its hosts do not answer. */
  trouble?: string;
}

/** Resolves with true when something in the folder makes it so, with false when patience ends. */
function placed(folder: string, known: () => boolean): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (value: boolean) => {
      watcher.close();
      clearTimeout(timer);
      resolve(value);
    };
    const look = () => {
      if (known()) settle(true);
    };
    const watcher = watch(folder, look);
    const timer = setTimeout(() => settle(false), PLACE_PATIENCE);
    look();
  });
}

/** Starts it and waits until its API answers. Rejects with its own last words; started again whenever it ends by itself. */
export async function startCluster(options: ClusterOptions): Promise<ClusterProcess> {
  let stopping = false;
  let everReady = false;
  let trouble: string | undefined;
  let child: ChildProcess;
  let exited: Promise<void>;

  async function launch(): Promise<string> {
    // The IPC channel tells it when this process is gone, however it ended.
    const size = options.nodes ? ['--nodes', String(options.nodes)] : [];
    const domain = options.domain ? ['--domain', options.domain] : [];
    const ports = options.ingress?.ports ? ['--ingress-ports', options.ingress.ports] : [];
    const words = ['--home', options.home, '--name', options.name, ...size, ...domain, ...ports];
    child = spawn(process.execPath, [...process.execArgv, MAIN, ...words], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
    });
    let last = '';
    createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
      last = line.replace(/^atelier: /, '');
    });
    const started = child;
    exited = new Promise((resolve) => started.once('exit', () => resolve()));
    return new Promise((resolve, reject) => {
      started.on('message', ({ type, kubeconfig, trouble: fault }: Said) => {
        if (type !== 'ready' || !kubeconfig) return;
        if (fault && !everReady && options.ingress) {
          last = `${fault}.`;
          started.kill('SIGTERM');
          return;
        }
        if (fault) options.onTrouble(new Error(`${fault}.`));
        resolve(kubeconfig);
      });
      started.stdout?.resume();
      started.once('error', reject);
      started.once('exit', (code) => {
        reject(new UserError(last || `the embedded cluster ended with ${code} before it was ready.`));
        if (!stopping) revive();
      });
    });
  }

  function revive(): void {
    if (!everReady) return;
    trouble = 'the embedded cluster has ended and is being started again';
    options.onTrouble(new Error(trouble));
    setTimeout(() => {
      if (stopping) return;
      launch().then(
        () => {
          trouble = undefined;
        },
        // Its exit has asked for the next try already.
        options.onTrouble,
      );
    }, RESTART_PAUSE);
  }

  const folder = path.join(options.home, 'clusters', options.name);
  function place(): ClusterPlace | undefined {
    try {
      return readPlace(readFileSync(path.join(folder, 'proxy.json'), 'utf8'));
    } catch {
      return undefined;
    }
  }

  const kubeconfig = await launch();
  everReady = true;
  return {
    kubeconfig,
    place,
    placed: () => placed(folder, () => place() !== undefined),
    authority: path.join(options.home, 'workshop-ca', 'root.crt'),
    trouble: () => trouble,
    async stop() {
      stopping = true;
      child.kill('SIGTERM');
      const force = setTimeout(() => child.kill('SIGKILL'), STOP_PATIENCE);
      await exited;
      clearTimeout(force);
    },
  };
}
