import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { UserError } from '../server/user-error.ts';
import { ROOT } from './project.ts';

/** The embedded cluster, as processes of its own: all that is known of it is a kubeconfig. */
export interface ClusterProcess {
  kubeconfig: string;
  /** Where its HTTP proxy listens, once it does. */
  proxy(): string | undefined;
  /** Why it does not answer now, or undefined. */
  trouble(): string | undefined;
  stop(): Promise<void>;
}

/** Milliseconds between the end of a cluster that nobody stopped and its next start. */
const RESTART_PAUSE = 300;
/** Milliseconds it has to end by itself. */
const STOP_PATIENCE = 5_000;
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
        if (!fault || everReady || !options.ingress) return resolve(kubeconfig);
        last = `${fault}.`;
        started.kill('SIGTERM');
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

  const kubeconfig = await launch();
  everReady = true;
  return {
    kubeconfig,
    proxy() {
      try {
        const file = path.join(options.home, 'clusters', options.name, 'proxy.json');
        return (JSON.parse(readFileSync(file, 'utf8')) as { url: string }).url;
      } catch {
        return undefined;
      }
    },
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
