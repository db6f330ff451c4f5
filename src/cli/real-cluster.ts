import { existsSync } from 'node:fs';
import type { KubeConfig } from '@kubernetes/client-node';
import { UserError } from '../server/user-error.ts';

/** Seconds a real API server has to answer at start. */
const PATIENCE = 8;
/** Seconds it has to say that it is well. */
const HEALTH_PATIENCE = 2;

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
  if (names.length === 0) {
    throw new UserError(`the kubeconfig ${kubeconfig} has no context: mend it, or name another with --kubeconfig.`);
  }
  if (!names.includes(context)) {
    throw new UserError(
      `the kubeconfig ${kubeconfig} has no context "${context}": it has ${names.join(', ')}; choose one with --context.`,
    );
  }
  config.setCurrentContext(context);
  const server = config.getCurrentCluster()?.server;
  if (!server) {
    throw new UserError(
      `the kubeconfig ${kubeconfig}: context "${context}" names no cluster; mend it or choose another with --context.`,
    );
  }
  await reach(k8s, config, PATIENCE).catch((error) => {
    throw new UserError(
      `the cluster at ${server} does not answer (${firstLine(error)}): start it, or choose another with --context.`,
    );
  });
  return { kubeconfig, context };
}

/** Why the cluster cannot be used now, or undefined. The file is read anew: an embedded cluster may come back elsewhere. */
export async function troubleOf(cluster: { kubeconfig: string; context?: string }): Promise<string | undefined> {
  const k8s = await import('@kubernetes/client-node');
  const config = new k8s.KubeConfig();
  try {
    config.loadFromFile(cluster.kubeconfig);
    if (cluster.context) config.setCurrentContext(cluster.context);
    await reach(k8s, config, HEALTH_PATIENCE);
    return undefined;
  } catch (error) {
    return `the cluster does not answer: ${firstLine(error)}`;
  }
}

/** What a sandbox and the record of progress are made of. */
const NEEDED = [
  ['', 'namespaces'],
  ['', 'serviceaccounts'],
  ['rbac.authorization.k8s.io', 'roles'],
  ['rbac.authorization.k8s.io', 'rolebindings'],
  ['rbac.authorization.k8s.io', 'clusterroles'],
  ['rbac.authorization.k8s.io', 'clusterrolebindings'],
  ['apiextensions.k8s.io', 'customresourcedefinitions'],
] as const;

/** Asks before anything is made. Rejects with {@link UserError} naming what the context's user may not make. */
export async function requireRights({ kubeconfig, context }: RealCluster): Promise<void> {
  const k8s = await import('@kubernetes/client-node');
  const config = new k8s.KubeConfig();
  config.loadFromFile(kubeconfig);
  config.setCurrentContext(context);
  const access = config.makeApiClient(k8s.AuthorizationV1Api);
  const denied = await Promise.all(
    NEEDED.map(async ([group, resource]) => {
      const answers = await Promise.all(
        ['create', 'patch'].map((verb) =>
          access.createSelfSubjectAccessReview({ body: { spec: { resourceAttributes: { verb, group, resource } } } }),
        ),
      );
      return answers.every(({ status }) => status?.allowed) ? [] : [group ? `${resource}.${group}` : resource];
    }),
  ).catch((error) => {
    throw refusedBy(error, { kubeconfig, context });
  });
  const missing = denied.flat();
  if (missing.length === 0) return;
  throw new UserError(
    `the user of context "${context}" may not create and patch ${missing.join(', ')}: ask the cluster's admin for these rights, or start without --context for an embedded cluster.`,
  );
}

/** The API server's own sentence, with the remedy; anything that is not an answer of its stays as it is. */
export function refusedBy(error: unknown, { context }: RealCluster): unknown {
  const { code, body } = error as { code?: number; body?: unknown };
  if (typeof code !== 'number') return error;
  return new UserError(
    `the cluster of context "${context}" refused what Atelier needs (${messageOf(body) ?? code}): ask its admin for that right, or start without --context for an embedded cluster.`,
  );
}

function messageOf(body: unknown): string | undefined {
  try {
    const status = typeof body === 'string' ? JSON.parse(body) : body;
    return (status as { message?: string }).message;
  } catch {
    return undefined;
  }
}

async function reach(
  k8s: typeof import('@kubernetes/client-node'),
  config: KubeConfig,
  seconds: number,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const slow = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${seconds} s`)), seconds * 1000);
  });
  await Promise.race([config.makeApiClient(k8s.VersionApi).getCode(), slow]).finally(() => clearTimeout(timer));
}

/** What lies at the bottom, however deep the libraries have wrapped it: the system's code, else its first line. */
function firstLine(error: unknown): string {
  const { code, message, cause, errors } = error as Error & { code?: unknown; errors?: unknown[] };
  if (typeof code === 'string') return code;
  const inner = cause ?? errors?.[0];
  if (inner) return firstLine(inner);
  const [line = ''] = message.split('\n');
  return line.slice(0, 160);
}
