import { spawn } from 'node:child_process';
import path from 'node:path';
import { ROOT } from '../project.ts';

/** `atelier soak [MINUTES | kill ROUNDS | load]`: what takes too long for a test; ends with a verdict and exits 1 for a bad one. */
export async function soak(args: string[]): Promise<void> {
  const main = path.join(ROOT, 'tests/soak/main.ts');
  const child = spawn(process.execPath, [...process.execArgv, main, ...args], { stdio: 'inherit', cwd: ROOT });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  process.exitCode = await new Promise<number>((resolve) => child.on('exit', (code) => resolve(code ?? 1)));
}
