import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

export const ROOT = path.resolve(import.meta.dirname, '../..');

/** A process of ours under measure, with those it starts. */
export interface Measured {
  readonly pid: number;
  readonly child: ChildProcess;
  /** The line of stdout that said it is ready, as the pattern's first group. */
  readonly said: string;
  /** Milliseconds from its start to that line. */
  readonly readyAfter: number;
  /** Megabytes of it and of all below it; what they share, such as Node itself, counts once. */
  memory(): number;
  /** The same, of it alone. */
  ownMemory(): number;
  /** Milliseconds of processor time of the same; undefined where the system does not tell. */
  processorTime(): number | undefined;
  end(): Promise<void>;
}

/** Starts `node FILE ARGS…` and waits for the line; rejects with what it said when it ends before. */
export async function startNode(
  file: string,
  args: string[],
  ready: RegExp,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Measured> {
  const began = performance.now();
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', path.join(ROOT, file), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: ROOT,
    env,
  });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  let errors = '';
  child.stderr.on('data', (data) => {
    errors += data;
  });
  // Whatever happens to this process, what it started ends.
  const kill = () => child.kill();
  process.once('exit', kill);
  const said = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const match = ready.exec(line);
      if (match) resolve(match[1] ?? '');
    });
    child.once('exit', (code) => reject(new Error(`${file} ended with ${code}: ${errors}`)));
  });
  const pid = child.pid ?? 0;
  return {
    pid,
    child,
    said,
    readyAfter: performance.now() - began,
    memory: () => memoryOf([pid]),
    ownMemory: () => (familyOf(pid)[0]?.kilobytes ?? Number.NaN) / 1024,
    processorTime: () => processorTimeOf(familyOf(pid).map((each) => each.pid)),
    async end() {
      process.off('exit', kill);
      if (child.exitCode === null) child.kill('SIGTERM');
      await gone;
    },
  };
}

interface Resident {
  pid: number;
  parent: number;
  kilobytes: number;
}

function familyOf(pid: number): Resident[] {
  const all = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,rss='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => {
      const [id = 0, parent = 0, kilobytes = 0] = line.trim().split(/\s+/).map(Number);
      return { pid: id, parent, kilobytes };
    });
  const family = all.filter((each) => each.pid === pid);
  for (const member of family) family.push(...all.filter((each) => each.parent === member.pid));
  return family;
}

/** Those a process has started itself. */
export function childrenOf(pid: number): number[] {
  return familyOf(pid)
    .filter(({ parent }) => parent === pid)
    .map((each) => each.pid);
}

/** Kilobytes: each one's own, and the most that one of them shares with others; where the system does not tell, all that is resident. */
function familyMemory(family: Resident[]): number {
  try {
    const each = family.map(({ pid }) => {
      const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
      const sum = (name: RegExp) => [...rollup.matchAll(name)].reduce((total, [, amount]) => total + Number(amount), 0);
      return { own: sum(/^Private_\w+:\s+(\d+)/gm), shared: sum(/^Shared_\w+:\s+(\d+)/gm) };
    });
    return each.reduce((total, { own }) => total + own, 0) + Math.max(...each.map(({ shared }) => shared));
  } catch {
    return family.reduce((total, { kilobytes }) => total + kilobytes, 0);
  }
}

/** Megabytes of these processes and all below them. */
export function memoryOf(pids: number[]): number {
  return familyMemory(pids.flatMap(familyOf)) / 1024;
}

/** Ticks a second in which Linux counts processor time. */
const TICKS = 100;

function processorTimeOf(pids: number[]): number | undefined {
  try {
    const ticks = pids.map((pid) => {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      return Number(fields[11]) + Number(fields[12]);
    });
    return (ticks.reduce((sum, each) => sum + each, 0) * 1000) / TICKS;
  } catch {
    return undefined;
  }
}
