import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fillText } from '../../lessons/variables.ts';
import type { LearnerSession } from '../../sessions/session.ts';

/** Seconds after which a script is given up. */
const PATIENCE = 240;

/** A lesson's `solve.sh`, whole or up to a step. */
export function solutionOf(folder: string): string {
  return readFileSync(path.join(folder, 'solve.sh'), 'utf8');
}

/** The part of a solution that is done when `step` begins, or undefined where the script does not wait for the step before. */
export function solutionBefore(script: string, steps: string[], step: string): string | undefined {
  const before = steps[steps.indexOf(step) - 1];
  if (before === undefined) return '';
  const lines = script.split('\n');
  const last = lines.findLastIndex((line) => new RegExp(`^\\s*atelier wait ${before}\\s*$`).test(line));
  return last < 0 ? undefined : lines.slice(0, last + 1).join('\n');
}

/** Runs a script in the learner's place as bash would run a file. Resolves with its exit code and what it said. */
export function runScript(
  session: LearnerSession,
  lesson: string,
  script: string,
): Promise<{ code: number; output: string }> {
  // Nothing comes before the first step.
  if (script.trim() === '') return Promise.resolve({ code: 0, output: '' });
  const child = spawn('bash', ['--noprofile', '--norc', '-s'], {
    cwd: session.sandbox.home,
    env: { ...session.sandbox.environment(), ATELIER_LESSON: lesson },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: PATIENCE * 1000,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
  // A script is one unit to bash: a command that reads stdin must not eat the rest of it.
  child.stdin.end(`{\n${fillText(script, session.variables())}\n} < /dev/null\n`);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}
