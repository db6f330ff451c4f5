import { spawn } from 'node:child_process';
import path from 'node:path';
import { UserError } from '../server/user-error.ts';
import { digestOf, unlessFresh } from './freshness.ts';
import { DIST, ROOT, say } from './project.ts';

const INPUTS = ['src', 'lessons', 'manifests', 'cel', 'kubernetes', 'astro.config.mjs', 'package-lock.json'];

/** Builds the site unless it is as new as its sources. Rejects with what is wrong with a lesson, file and line. */
export async function buildSite(): Promise<void> {
  const digest = await digestOf(INPUTS.map((name) => path.join(ROOT, name)));
  await unlessFresh(path.join(DIST, '.built-from'), digest, async () => {
    say('Building the site');
    await runAstro(['build']);
  });
}

/** Runs Astro's own command with this Node; what it prints goes to stderr. */
export function runAstro(args: string[], stdio: 'quiet' | 'inherit' = 'quiet'): Promise<void> {
  const astro = path.join(ROOT, 'node_modules/astro/bin/astro.mjs');
  const child = spawn(process.execPath, [astro, ...args], {
    cwd: ROOT,
    stdio: stdio === 'inherit' ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ASTRO_TELEMETRY_DISABLED: '1' },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => (output += data));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new UserError(`astro ${args[0]} failed:\n${output.trim()}`));
    });
  });
}
