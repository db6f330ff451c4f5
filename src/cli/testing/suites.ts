import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../project.ts';

export interface Counts {
  passed: number;
  failed: number;
  /** Asked for what this machine does not have. */
  skipped?: number;
}

export interface Suite {
  name: string;
  /** Seconds it may take on 2 cores; a fifth more fails the run. */
  budget: number;
  run(env: NodeJS.ProcessEnv): Promise<Counts>;
}

const bin = (name: string) => path.join(ROOT, 'node_modules/.bin', name);
const SECOND_TRIES = path.join(ROOT, 'src/cli/testing/second-tries.ts');
const MAIN = path.join(ROOT, 'src/cli/main.ts');

/** Each suite is a program of its own, so that none leaves anything behind for the next. */
export const SUITES: Suite[] = [
  { name: 'verify', budget: 90, run: (env) => verify(env) },
  { name: 'unit', budget: 270, run: (env) => vitest('tests/unit', env) },
  { name: 'parity', budget: 190, run: (env) => vitest('tests/parity', env) },
  { name: 'lessons', budget: 480, run: (env) => rehearsals(env) },
  { name: 'e2e', budget: 410, run: (env) => playwright(env) },
];

/** What `npm run verify` asks: types, pages, lint and format, unused code, lessons. */
export async function verify(env: NodeJS.ProcessEnv): Promise<Counts> {
  const quiet = { ...env, ASTRO_TELEMETRY_DISABLED: '1' };
  const commands: [string, string[]][] = [
    [bin('astro'), ['check', '--minimumFailingSeverity', 'warning', '--minimumSeverity', 'warning']],
    [bin('tsc'), ['--noEmit']],
    [bin('biome'), ['check', '--error-on-warnings', '.']],
    [bin('knip'), ['--no-progress']],
    [process.execPath, [...process.execArgv, MAIN, 'lessons', 'check']],
  ];
  const counts = { passed: 0, failed: 0 };
  for (const [file, args] of commands) {
    const { code } = await run(file, args, quiet);
    if (code === 0) counts.passed++;
    else counts.failed++;
  }
  return counts;
}

async function vitest(folder: string, env: NodeJS.ProcessEnv): Promise<Counts> {
  const report = path.join(ROOT, 'test-results', `${path.basename(folder)}.json`);
  rmSync(report, { force: true });
  const reporters = ['--reporter=dot', `--reporter=${SECOND_TRIES}`, '--reporter=json', `--outputFile.json=${report}`];
  const { code } = await run(bin('vitest'), ['run', folder, '--retry=1', ...reporters], env);
  return counted(code, () => {
    const { numPassedTests, numFailedTests, numFailedTestSuites, numPendingTests } = JSON.parse(
      readFileSync(report, 'utf8'),
    );
    const failed = Math.max(numFailedTests, Math.min(1, numFailedTestSuites));
    return { passed: numPassedTests, failed, skipped: numPendingTests };
  });
}

async function rehearsals(env: NodeJS.ProcessEnv): Promise<Counts> {
  const { code, output } = await run(process.execPath, [...process.execArgv, MAIN, 'lessons', 'test'], env);
  return counted(code, () => {
    const [, passed, failed] = /(\d+) passed, (\d+) failed\s*$/.exec(output) ?? [];
    return { passed: Number(passed), failed: Number(failed) };
  });
}

async function playwright(env: NodeJS.ProcessEnv): Promise<Counts> {
  const report = path.join(ROOT, 'test-results', 'e2e.json');
  rmSync(report, { force: true });
  const { code } = await run(bin('playwright'), ['test', '--reporter=list,json'], {
    ...env,
    PLAYWRIGHT_JSON_OUTPUT_FILE: report,
  });
  return counted(code, () => {
    const { expected, unexpected, flaky, skipped } = JSON.parse(readFileSync(report, 'utf8')).stats;
    if (flaky > 0) process.stdout.write(`e2e: ${flaky} passed on the second try only\n`);
    return { passed: expected + flaky, failed: unexpected, skipped };
  });
}

/** A suite that died without a report, or that ran nothing, has failed. */
function counted(code: number, read: () => Counts): Counts {
  try {
    const counts = read();
    const silent = counts.failed === 0 && (code !== 0 || !(counts.passed > 0));
    return silent ? { ...counts, failed: 1 } : counts;
  } catch {
    return { passed: 0, failed: 1 };
  }
}

function run(file: string, args: string[], env: NodeJS.ProcessEnv): Promise<{ code: number; output: string }> {
  const child = spawn(file, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (data) => {
    output += data;
    process.stdout.write(data);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}
