import { spawn } from 'node:child_process';
import path from 'node:path';
import { UserError } from '../server/user-error.ts';
import { digestOf, unlessFresh } from './freshness.ts';
import { DIST, ROOT, say } from './project.ts';

const INPUTS = ['src', 'lessons', 'manifests', 'cel', 'kubernetes', 'public', 'astro.config.mjs', 'package-lock.json'];

export interface BuildOptions {
  tell?: (line: string) => void;
  /** Ends it half-way; the next build begins anew. */
  signal?: AbortSignal;
}

/** Builds the site unless it is as new as its sources. Rejects with what is wrong with a lesson, file and line. */
export async function buildSite({ tell = say, signal }: BuildOptions = {}): Promise<void> {
  const digest = await digestOf(INPUTS.map((name) => path.join(ROOT, name)));
  await unlessFresh(path.join(DIST, '.built-from'), digest, async () => {
    tell('Building the site');
    await checkLessons();
    await runAstro(['build'], signal ? { signal } : {});
  });
}

/** Before Astro, whose output would bury what is to be mended. */
async function checkLessons(): Promise<void> {
  const [{ validateLessons }, { formatProblems }] = await Promise.all([
    import('../lessons/validate.ts'),
    import('../lessons/problem.ts'),
  ]);
  const problems = validateLessons(ROOT);
  if (problems.length > 0) {
    throw new UserError(`the lessons hold ${problems.length} problem(s) to mend:\n\n${formatProblems(problems, ROOT)}`);
  }
}

/** Ends a program that knows nothing of us when its starter is gone, however that ended. */
const LEASH = `data:text/javascript,${encodeURIComponent(
  "process.once('disconnect', () => process.exit(1)); process.channel?.unref();",
)}`;

/** Runs Astro's own command with this Node. Rejects with what it printed, unless that was shown; with an AbortError on `signal`. */
export function runAstro(args: string[], options: { signal?: AbortSignal; shown?: boolean }): Promise<void> {
  const astro = path.join(ROOT, 'node_modules/astro/bin/astro.mjs');
  const { signal, shown } = options;
  const child = spawn(process.execPath, ['--import', LEASH, astro, ...args], {
    cwd: ROOT,
    stdio: shown ? ['inherit', 'inherit', 'inherit', 'ipc'] : ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, ASTRO_TELEMETRY_DISABLED: '1' },
    ...(signal && { signal }),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => (output += data));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new UserError(`astro ${args[0]} failed; mend what it names and start again:\n${output.trim()}`));
    });
  });
}
