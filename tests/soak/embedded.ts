import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { childrenOf } from '../bench/processes.ts';
import { TEST_ENVIRONMENT } from '../environment.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const MAIN = path.join(ROOT, 'sandbox/embedded/main.ts');

/** Both processes of an embedded cluster, to be treated badly. */
export class Embedded {
  readonly #child: ChildProcess;
  readonly #gone: Promise<unknown>;
  /** The kubeconfig; undefined when it ended before it was ready. */
  readonly ready: Promise<string | undefined>;
  errors = '';

  constructor(home: string, flags: string[] = [], env: NodeJS.ProcessEnv = {}) {
    const words = ['--disable-warning=ExperimentalWarning', MAIN, '--home', home, ...flags];
    this.#child = spawn(process.execPath, words, {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: ROOT,
      env: { ...process.env, ...TEST_ENVIRONMENT, ...env },
    });
    this.#gone = once(this.#child, 'exit');
    this.#child.stderr?.on('data', (data) => {
      this.errors += data;
    });
    const said = new Promise<string>((resolve) => {
      createInterface({ input: this.#child.stdout! }).on('line', (line) => {
        const [, kubeconfig] = /^export KUBECONFIG=(.*)$/.exec(line) ?? [];
        if (kubeconfig) resolve(kubeconfig);
      });
    });
    this.ready = Promise.race([said, this.#gone.then(() => undefined)]);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Of the process that plays the nodes. */
  get nodePid(): number | undefined {
    return childrenOf(this.pid)[0];
  }

  /** What nobody can catch; resolves when it is dead. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#gone;
  }

  async end(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGTERM');
    await this.#gone;
  }
}
