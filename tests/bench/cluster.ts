import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Credentials, readKubeconfig } from '../../sandbox/embedded/client/kubeconfig.ts';
import { TEST_ENVIRONMENT } from '../environment.ts';
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
  /** Resolves when its node takes pods. */
  nodeReady(): Promise<void>;
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
    ...TEST_ENVIRONMENT,
    ...env,
  });
  workplace.atEnd(() => process_.end());
  const kubeconfig = process_.said;
  const kubectl = async (...args: string[]) => {
    const { stdout } = await run(workplace.kubectl, ['--kubeconfig', kubeconfig, ...args], {
      env: { ...process.env, HOME: workplace.directory },
    });
    return stdout.trim();
  };
  return {
    process: process_,
    kubeconfig,
    credentials: readKubeconfig(kubeconfig),
    kubectl,
    async nodeReady() {
      for (const state of ['create', 'condition=Ready']) {
        await kubectl('wait', `--for=${state}`, 'node/node-1', '--timeout=30s');
      }
    },
  };
}

/** Milliseconds that a command takes. */
export async function timed(command: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await command();
  return performance.now() - began;
}
