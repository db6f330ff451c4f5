import { spawn } from 'node:child_process';
import path from 'node:path';
import { homeOf } from '../../server/configuration.ts';
import { ROOT } from '../project.ts';

const MAIN = path.join(ROOT, 'sandbox/embedded/main.ts');

/** `atelier cluster`: the embedded cluster alone, until a signal ends it. Its flags are its own. */
export async function cluster(args: string[]): Promise<void> {
  const here = process.env.ATELIER_CALLED_FROM ?? process.cwd();
  const hasHome = args.some((arg) => arg === '--home' || arg.startsWith('--home='));
  const home = homeOf(process.env.ATELIER_HOME, here, ROOT);
  const child = spawn(process.execPath, [...process.execArgv, MAIN, ...(hasHome ? [] : ['--home', home]), ...args], {
    stdio: 'inherit',
    cwd: here,
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  process.exitCode = await new Promise<number>((resolve) => child.on('exit', (code) => resolve(code ?? 1)));
}
