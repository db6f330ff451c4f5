import { readFileSync } from 'node:fs';
import type { KubeConfig } from '@kubernetes/client-node';
import { readTemplate } from './templates.ts';

const FIELD_MANAGER = 'atelier';

/** Kinds that belong to no namespace, and those that a release puts into a namespace of the system. */
const RELEASED = {
  webhooks: [
    ['admissionregistration.k8s.io/v1', 'ValidatingWebhookConfiguration'],
    ['admissionregistration.k8s.io/v1', 'MutatingWebhookConfiguration'],
  ],
  rest: [
    ['rbac.authorization.k8s.io/v1', 'ClusterRoleBinding'],
    ['rbac.authorization.k8s.io/v1', 'ClusterRole'],
    ['rbac.authorization.k8s.io/v1', 'RoleBinding'],
    ['rbac.authorization.k8s.io/v1', 'Role'],
    ['networking.k8s.io/v1', 'IngressClass'],
    ['scheduling.k8s.io/v1', 'PriorityClass'],
    ['apiregistration.k8s.io/v1', 'APIService'],
    ['apiextensions.k8s.io/v1', 'CustomResourceDefinition'],
  ],
} as const;

/** Whoever owns the cluster, as their kubeconfig says: applies what a sandbox is made of. */
export interface Connection {
  server: string;
  /** PEM, base64-encoded; absent where the system's roots are trusted. */
  authority: string | undefined;
  skipVerify: boolean;
  apply(template: string, variables: Record<string, string>): Promise<void>;
  /** A token of a ServiceAccount; `seconds` is what is asked, the server may give less. */
  token(namespace: string, account: string, seconds: number): Promise<{ token: string; expires: Date }>;
  /** Whether the owner may do anything anywhere. */
  ownsCluster(): Promise<boolean>;
  /** Deletes a namespace with all that is in it; resolves when it is gone. */
  removeNamespace(name: string): Promise<void>;
  /**
   * Deletes what Helm releases of these namespaces have made outside of any of them: `webhooks` alone, which would judge
   * a deletion whose judge is gone already, or the rest. Without this, a release leaves its roles and classes behind.
   */
  removeReleased(namespaces: readonly string[], what: 'webhooks' | 'rest'): Promise<void>;
  /** Names of the namespaces that start with `prefix`. */
  namespaces(prefix: string): Promise<string[]>;
}

/** Reads the kubeconfig and speaks for its user. Rejects with one sentence where file, context or cluster is missing. */
export async function connect(kubeconfig: string, context?: string): Promise<Connection> {
  // Heavy (half a second of imports), so that a shell's prompt does not wait for it.
  const k8s = await import('@kubernetes/client-node');
  const config = new k8s.KubeConfig();
  config.loadFromFile(kubeconfig);
  if (context) config.setCurrentContext(context);
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new Error(`${kubeconfig}: context "${config.getCurrentContext()}" names no cluster`);
  const objects = k8s.KubernetesObjectApi.makeApiClient(config);
  const core = config.makeApiClient(k8s.CoreV1Api);
  const access = config.makeApiClient(k8s.AuthorizationV1Api);
  return {
    server: cluster.server,
    authority: authorityOf(config),
    skipVerify: cluster.skipTLSVerify === true,
    async apply(template, variables) {
      // One after the other: a namespace stands before what is in it.
      for (const manifest of await readTemplate(template, variables)) {
        await objects.patch(manifest, undefined, undefined, FIELD_MANAGER, true, k8s.PatchStrategy.ServerSideApply);
      }
    },
    async token(namespace, account, seconds) {
      const answer = await core.createNamespacedServiceAccountToken({
        namespace,
        name: account,
        body: { spec: { audiences: [], expirationSeconds: seconds } },
      });
      const status = answer.status;
      if (!status?.token) throw new Error(`no token for ServiceAccount ${namespace}/${account}`);
      return { token: status.token, expires: new Date(status.expirationTimestamp ?? Date.now()) };
    },
    async ownsCluster() {
      const review = await access.createSelfSubjectAccessReview({
        body: { spec: { resourceAttributes: { verb: '*', group: '*', resource: '*' } } },
      });
      return review.status?.allowed === true;
    },
    async removeNamespace(name) {
      const found = await core.listNamespace({ fieldSelector: `metadata.name=${name}` });
      if (found.items.length === 0) return;
      const gone = new AbortController();
      const watched = new Promise<void>((resolve, reject) => {
        const query = { fieldSelector: `metadata.name=${name}`, resourceVersion: found.metadata?.resourceVersion };
        const onEvent = (type: string) => {
          if (type === 'DELETED') resolve();
        };
        new k8s.Watch(config)
          .watch('/api/v1/namespaces', query, onEvent, (error) => (error ? reject(error) : resolve()))
          .then((request) => gone.signal.addEventListener('abort', () => request.abort()), reject);
      });
      await core.deleteNamespace({ name });
      await watched.finally(() => gone.abort());
    },
    async removeReleased(namespaces, what) {
      const lists = RELEASED[what].map(([apiVersion, kind]) =>
        objects.list(
          apiVersion,
          kind,
          undefined,
          undefined,
          undefined,
          undefined,
          undefined,
          'app.kubernetes.io/managed-by=Helm',
        ),
      );
      const found = (await Promise.all(lists)).flatMap(({ items }, index) =>
        items.map((item) => {
          const [apiVersion = '', kind = ''] = RELEASED[what][index] ?? [];
          return { ...item, apiVersion, kind };
        }),
      );
      const theirs = found.filter(({ metadata }) =>
        namespaces.includes(metadata?.annotations?.['meta.helm.sh/release-namespace'] ?? ''),
      );
      await Promise.all(
        theirs.map((object) =>
          objects.delete(object).catch((error: Error & { code?: number }) => {
            if (error.code !== 404) throw error;
          }),
        ),
      );
    },
    async namespaces(prefix) {
      const all = await core.listNamespace();
      return all.items.map((item) => item.metadata?.name ?? '').filter((name) => name.startsWith(prefix));
    },
  };
}

function authorityOf(config: KubeConfig): string | undefined {
  const cluster = config.getCurrentCluster();
  if (cluster?.caData) return cluster.caData;
  return cluster?.caFile ? readFileSync(cluster.caFile).toString('base64') : undefined;
}
