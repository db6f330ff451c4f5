import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { test as base, expect, type Locator, type Page } from '@playwright/test';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** An Atelier of the test's own: a home, a port, an embedded cluster. */
export class Atelier {
  readonly home = mkdtempSync(path.join(tmpdir(), 'atelier-e2e-'));
  readonly learner: string;
  link = '';
  private process: ChildProcess | undefined;
  private port = '0';

  constructor(learner = 'alice') {
    this.learner = learner;
  }

  get origin(): string {
    return new URL(this.link).origin;
  }

  private launch(port: string) {
    const main = path.join(ROOT, 'src/cli/main.ts');
    const args = ['start', '--home', this.home, '--port', port, '--no-open', '--learner', this.learner];
    return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** A second start on the same home while this one runs. */
  async startAgain(): Promise<{ code: number | null; stderr: string }> {
    const child = this.launch('0');
    let stderr = '';
    child.stderr.on('data', (data) => {
      stderr += data;
    });
    return new Promise((resolve) => child.once('close', (code) => resolve({ code, stderr })));
  }

  async start(): Promise<void> {
    const child = this.launch(this.port);
    this.process = child;
    let said = '';
    child.stderr.on('data', (data) => {
      said += data;
    });
    this.link = await new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const link = /^Atelier is ready: (.*)$/.exec(line)?.[1];
        if (link) resolve(link);
      });
      child.once('exit', (code) => reject(new Error(`start ended with ${code}: ${said}`)));
    });
    this.port = new URL(this.link).port;
  }

  /** Ends the server alone as a crash would; its cluster has to notice by itself. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** Ends everything of this Atelier at one moment, shells and clusters included. */
  async killAll(): Promise<void> {
    const { all } = this.processes();
    for (const pid of all.slice(1)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Its parent has taken it along.
      }
    }
    await this.kill();
  }

  /** Where a host of this learner's answers, as a browser asks. */
  address(host: string): string {
    const { http } = JSON.parse(readFileSync(path.join(this.home, 'ingress-ports.json'), 'utf8')) as { http: number };
    return `http://${host}.${this.learner}.localhost:${http}/`;
  }

  async stop(): Promise<void> {
    await this.end('SIGTERM');
    rmSync(this.home, { recursive: true, force: true });
  }

  private async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }

  /** Pids of the processes of this Atelier, by what they do; its shells are `bash`. */
  processes(): Record<'server' | 'cluster' | 'node', number> & { all: number[] } {
    const server = this.process?.pid ?? 0;
    const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' })
      .split('\n')
      .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [])
      .map(([, pid, parent, command = '']) => ({ pid: Number(pid), parent: Number(parent), command }));
    const all: typeof table = [];
    for (let parents = [server]; parents.length > 0; ) {
      const children = table.filter(({ parent }) => parents.includes(parent));
      all.push(...children);
      parents = children.map(({ pid }) => pid);
    }
    const of = (script: string) => all.find(({ command }) => command.includes(script))?.pid ?? 0;
    return {
      server,
      cluster: of('sandbox/embedded/main.ts'),
      node: of('sandbox/embedded/node/main.ts'),
      all: [server, ...all.map(({ pid }) => pid)],
    };
  }

  /** What the cluster says, asked as its administrator. */
  kubectl(...args: string[]): string {
    const kubeconfig = path.join(this.home, 'cluster/admin.kubeconfig');
    return execFileSync(process.env.ATELIER_KUBECTL ?? 'kubectl', ['--kubeconfig', kubeconfig, ...args], {
      encoding: 'utf8',
    }).trim();
  }

  async signIn(page: Page): Promise<void> {
    await page.goto(this.link);
    await page.waitForURL(/\/(en|fr)\//);
  }

  /** Opens a lesson and waits until its shell stands at its prompt. */
  async open(page: Page, lesson: string, language: 'en' | 'fr' = 'en'): Promise<void> {
    await page.goto(`${this.origin}/${language}/datalab/${lesson}/`);
    await atPrompt(page);
  }
}

/** Resolves when the terminal in front has no command under way. */
export async function atPrompt(page: Page): Promise<void> {
  await expect(page.locator('.terminal-panel:not([hidden])')).toHaveAttribute('data-busy', 'false', {
    timeout: 60_000,
  });
}

/** The terminal in front. */
export function front(page: Page): Locator {
  return page.locator('.terminal-panel:not([hidden])');
}

/** What the terminal in front shows. */
export function screen(page: Page): Locator {
  return front(page).locator('.xterm-rows');
}

/** Types a command into the terminal in front and waits for the prompt after it. */
export async function command(page: Page, text: string): Promise<void> {
  const prompts = async () => Number(await front(page).getAttribute('data-prompts'));
  const before = await prompts();
  await type(page, `${text}\n`);
  await expect.poll(prompts, { timeout: 30_000 }).toBeGreaterThan(before);
}

/** Types into the terminal in front, as fingers would. */
export async function type(page: Page, text: string): Promise<void> {
  await page.locator('.terminal-panel:not([hidden]) textarea').focus();
  await page.keyboard.type(text);
}

/** `seat` names the file that uses it: each file has an Atelier of its own, whatever the others leave behind. */
export const test = base.extend<{ evidence: undefined }, { atelier: Atelier; seat: string }>({
  evidence: [
    async ({ atelier }, use, info) => {
      await use(undefined);
      const log = path.join(atelier.home, 'atelier.log');
      if (info.status !== info.expectedStatus && existsSync(log)) await info.attach('atelier.log', { path: log });
    },
    { auto: true },
  ],
  seat: ['lessons', { option: true, scope: 'worker' }],
  atelier: [
    async ({ seat: _ }, use) => {
      const atelier = new Atelier();
      await atelier.start();
      await use(atelier);
      await atelier.stop();
    },
    { scope: 'worker', timeout: 120_000 },
  ],
});

export { expect };
