import { existsSync } from 'node:fs';
import type { KubeConfig } from '@kubernetes/client-node';
import { UserError } from '../server/user-error.ts';

/** Seconds a real API server has to answer at start. */
const PATIENCE = 8;

export interface RealCluster {
  kubeconfig: string;
  context: string;
}

/** Reads a kubeconfig and asks its server once. Rejects with {@link UserError} naming file, context or server, and the remedy. */
export async function findCluster(kubeconfig: string, wanted: string | undefined): Promise<RealCluster> {
  if (!existsSync(kubeconfig)) {
    throw new UserError(
      `there is no kubeconfig at ${kubeconfig}: name one with --kubeconfig, or start without --context for an embedded cluster.`,
    );
  }
  const k8s = await import('@kubernetes/client-node');
  const config = new k8s.KubeConfig();
  try {
    config.loadFromFile(kubeconfig);
  } catch (error) {
    throw new UserError(
      `the kubeconfig ${kubeconfig} cannot be read (${firstLine(error)}): mend it, or name another with --kubeconfig.`,
    );
  }
  const context = wanted ?? config.getCurrentContext();
  const names = config.getContexts().map(({ name }) => name);
  if (!names.includes(context)) {
    const known = names.length > 0 ? `it has ${names.join(', ')}` : 'it has none';
    throw new UserError(
      `the kubeconfig ${kubeconfig} has no context "${context}": ${known}; choose one with --context.`,
    );
  }
  config.setCurrentContext(context);
  await reach(k8s, config, kubeconfig);
  return { kubeconfig, context };
}

async function reach(
  k8s: typeof import('@kubernetes/client-node'),
  config: KubeConfig,
  kubeconfig: string,
): Promise<void> {
  const server = config.getCurrentCluster()?.server;
  if (!server)
    throw new UserError(
      `the kubeconfig ${kubeconfig}: context "${config.getCurrentContext()}" names no cluster; mend it or choose another with --context.`,
    );
  const slow = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error(`no answer within ${PATIENCE} s`)), PATIENCE * 1000).unref();
  });
  try {
    await Promise.race([config.makeApiClient(k8s.VersionApi).getCode(), slow]);
  } catch (error) {
    throw new UserError(
      `the cluster at ${server} does not answer (${firstLine(error)}): start it, or choose another with --context.`,
    );
  }
}

function firstLine(error: unknown): string {
  const { message, cause } = error as Error & { cause?: { code?: string } };
  const [line = ''] = (cause?.code ?? message).split('\n');
  return line.slice(0, 160);
}
