import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Credentials, readKubeconfig } from '../../sandbox/embedded/client/kubeconfig.ts';
import type { Workplace } from './part.ts';
import { type Measured, startNode } from './processes.ts';

const run = promisify(execFile);
const MAIN = 'sandbox/embedded/main.ts';

/** An embedded cluster under measure. */
export interface BenchCluster {
  process: Measured;
  kubeconfig: string;
  credentials: Credentials;
  kubectl(...args: string[]): Promise<string>;
}

/** Opens the cluster `name` in a home; ended with the part. */
export async function openCluster(
  workplace: Workplace,
  home: string,
  name = 'main',
  env: NodeJS.ProcessEnv = {},
): Promise<BenchCluster> {
  const process_ = await startNode(MAIN, ['--home', home, '--name', name], /^export KUBECONFIG=(.*)$/, {
    ...process.env,
    ...env,
  });
  workplace.atEnd(() => process_.end());
  const kubeconfig = process_.said;
  return {
    process: process_,
    kubeconfig,
    credentials: readKubeconfig(kubeconfig),
    async kubectl(...args) {
      const { stdout } = await run(workplace.kubectl, ['--kubeconfig', kubeconfig, ...args], {
        env: { ...process.env, HOME: workplace.directory },
      });
      return stdout.trim();
    },
  };
}

/** Milliseconds that a command takes. */
export async function timed(command: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await command();
  return performance.now() - began;
}
