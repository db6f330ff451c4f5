import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { TEST_ENVIRONMENT } from '../../../environment.ts';

export const ROOT = path.resolve(import.meta.dirname, '../../../..');
const NO_WARNING = '--disable-warning=ExperimentalWarning';

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A program of the test's own, with all it printed. */
export class Program {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  private readonly heard = { stdout: '', stderr: '' };

  constructor(
    file: string,
    args: string[],
    options: { env?: NodeJS.ProcessEnv; cwd?: string; detached?: boolean } = {},
  ) {
    this.child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const name of ['stdout', 'stderr'] as const) {
      this.child[name]?.on('data', (data) => {
        this.heard[name] += data;
      });
    }
    this.ended = once(this.child, 'close').then(([code]) => ({ code, ...this.heard }));
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Resolves with the match as soon as the stream holds it. Rejects when the program ends without. */
  async said(pattern: RegExp, stream: 'stdout' | 'stderr' = 'stdout'): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.heard[stream]);
      if (match) return match;
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`ended with ${this.child.exitCode}: ${this.heard.stdout}${this.heard.stderr}`);
      }
      await Promise.race([once(this.child[stream]!, 'data'), this.ended]);
    }
  }

  async end(signal: NodeJS.Signals): Promise<Ended> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    return this.ended;
  }
}

/** The environment of a person who has set nothing. */
export function plainEnvironment(changes: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env;
  return { PATH, HOME, ...TEST_ENVIRONMENT, ATELIER_LEARNER: 'alice', ...changes };
}

/** `atelier …` as the launcher runs it. */
export function atelier(args: string[], env: NodeJS.ProcessEnv = {}, root = ROOT): Program {
  const main = path.join(root, 'src/cli/main.ts');
  return new Program(process.execPath, [NO_WARNING, main, ...args], { env: plainEnvironment(env), cwd: root });
}

/** A folder of the test's own; `using` takes it away. */
export function temporary(): { path: string } & Disposable {
  const folder = mkdtempSync(path.join(tmpdir(), 'atelier-cli-'));
  return { path: folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }) };
}

/** Pids of all that descend from a process, itself left out. */
export function descendants(pid: number): number[] {
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number) as [number, number]);
  const below = (parent: number): number[] =>
    table.filter(([, owner]) => owner === parent).flatMap(([child]) => [child, ...below(child)]);
  return below(pid);
}

/** Resolves when none of them is alive: a grandchild's end is no event here. Rejects after half a minute. */
export async function gone(pids: number[]): Promise<void> {
  const until = Date.now() + 30_000;
  while (pids.some(isAlive)) {
    if (Date.now() > until) throw new Error(`still alive: ${pids.filter(isAlive).join(', ')}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) Z/.test(execFileSync('cat', [`/proc/${pid}/stat`], { encoding: 'utf8', stdio: 'pipe' }));
  } catch {
    return false;
  }
}

/** A checkout to do harm to; its packages are links, its caches its own. */
export function copyProject(folder: string): void {
  const parts = ['src', 'sandbox', 'kubernetes', 'cel', 'lessons', 'manifests', 'public'];
  for (const name of [...parts, 'astro.config.mjs', 'package.json', 'package-lock.json', 'tsconfig.json']) {
    cpSync(path.join(ROOT, name), path.join(folder, name), { recursive: true });
  }
  mkdirSync(path.join(folder, 'node_modules'));
  for (const name of readdirSync(path.join(ROOT, 'node_modules'))) {
    if (/^\.(astro|vite|cache)/.test(name)) continue;
    symlinkSync(path.join(ROOT, 'node_modules', name), path.join(folder, 'node_modules', name));
  }
}
