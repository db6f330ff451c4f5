import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Sandbox } from '../../sandbox/index.ts';
import { fillText, type Variables } from '../lessons/variables.ts';

/** Seconds after which a lesson's script is given up. */
const PATIENCE = 180;
/** Lines of its output that an error quotes. */
const QUOTED = 6;

/** Runs a lesson's `solve.sh` in the learner's place, as the learner would. Rejects with the last lines of what it said. */
export async function replayLesson(
  folder: string,
  variables: Variables,
  sandbox: Sandbox,
  tell: (line: string) => void,
): Promise<void> {
  const script = fillText(await readFile(path.join(folder, 'solve.sh'), 'utf8'), variables);
  const child = spawn('bash', ['--noprofile', '--norc', '-c', script], {
    cwd: sandbox.home,
    env: { ...sandbox.environment(), ATELIER_CATCH_UP: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: PATIENCE * 1000,
  });
  const last: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      last.push(line);
      if (last.length > QUOTED) last.shift();
      tell(line);
    });
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${path.basename(folder)}/solve.sh ended with ${code}:\n${last.join('\n')}`));
    });
  });
}
