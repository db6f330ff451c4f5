import { spawn } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { domainOf, homeOf, ingressPortsOf, labelOf, portOf } from '../../server/configuration.ts';
import { openHome } from '../../server/home.ts';
import { UserError } from '../../server/user-error.ts';
import { skip } from '../cluster-clock.ts';
import { ROOT } from '../project.ts';

const MAIN = path.join(ROOT, 'sandbox/embedded/main.ts');
const FLAGS = {
  home: { type: 'string' },
  name: { type: 'string' },
  port: { type: 'string' },
  nodes: { type: 'string' },
  domain: { type: 'string' },
  'ingress-ports': { type: 'string' },
  gaps: { type: 'boolean' },
  kubeconfig: { type: 'string' },
} as const;

/**
 * `atelier cluster`: the embedded cluster alone, until a signal ends it; `--gaps` lists what it does not serve yet;
 * `atelier cluster skip 5m` lets time pass at once in one that runs.
 */
export async function cluster(args: string[]): Promise<void> {
  const { env } = process;
  const { values: flags, positionals } = readFlags(args);
  const here = env.ATELIER_CALLED_FROM ?? process.cwd();
  const home = homeOf(flags.home ?? env.ATELIER_HOME, here, ROOT);
  const name = labelOf('--name', flags.name ?? (env.ATELIER_NAME || 'main'));
  if (positionals.length > 0) {
    const [verb, duration, ...rest] = positionals;
    if (verb !== 'skip' || !duration || rest.length > 0) throw new UserError('usage: atelier cluster skip 5m', 2);
    const own = path.join(home, 'clusters', name, 'admin.kubeconfig');
    process.stdout.write(`${await skip(flags.kubeconfig ? path.resolve(here, flags.kubeconfig) : own, duration)}\n`);
    return;
  }
  const port = portOf(flags.port ?? (env.PORT || '0'));
  if (!flags.gaps) openHome(home);
  const domain = domainOf(flags.domain ?? (env.ATELIER_DOMAIN || `${name}.localhost`));
  const ports = ingressPortsOf(flags['ingress-ports'] ?? (env.ATELIER_INGRESS_PORTS || undefined));
  const hosts = ['--domain', domain, ...(ports ? ['--ingress-ports', ports] : [])];
  const size = flags.nodes ? ['--nodes', flags.nodes] : [];
  const words = flags.gaps ? ['--gaps'] : ['--home', home, '--name', name, '--port', String(port), ...size, ...hosts];
  // The IPC channel tells it when this process is gone, however it ended.
  const child = spawn(process.execPath, [...process.execArgv, MAIN, ...words], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill('SIGTERM'));
  process.exitCode = await new Promise<number>((resolve) => child.on('exit', (code) => resolve(code ?? 1)));
}

function readFlags(args: string[]) {
  try {
    return parseArgs({ args, options: FLAGS, allowPositionals: true });
  } catch (error) {
    const known = Object.keys(FLAGS).map((flag) => `--${flag}`);
    throw new UserError(
      `${(error as Error).message.split(/\.\s/)[0]}: the flags of cluster are ${known.join(', ')}.`,
      2,
    );
  }
}
