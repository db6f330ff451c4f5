import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { json } from 'node:stream/consumers';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Loose } from '../../kubernetes/object.ts';
import { type Ask, removeReleases } from './releases.ts';
import { readTemplate } from './templates.ts';

const NAMESPACES = '/api/v1/namespaces';
const FIELD_MANAGER = 'atelier';

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
   * Deletes namespaces, and what Helm releases of `ours` left elsewhere in the cluster. Only for a cluster that is the
   * learner's own.
   */
  removeReleases(namespaces: string[], isOurs: (namespace: string) => boolean): Promise<void>;
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
  const ask = asker(config, cluster.server);

  /** Deletes an object; resolves when it is gone. */
  async function remove(collection: string, name: string): Promise<void> {
    const fieldSelector = `metadata.name=${name}`;
    const found = await ask('GET', `${collection}?fieldSelector=${encodeURIComponent(fieldSelector)}`);
    if (found.items.length === 0) return;
    const gone = new AbortController();
    const watched = new Promise<void>((resolve, reject) => {
      const query = { fieldSelector, resourceVersion: found.metadata?.resourceVersion };
      const onEvent = (type: string) => {
        if (type === 'DELETED') resolve();
      };
      new k8s.Watch(config)
        .watch(collection, query, onEvent, (error) => (error ? reject(error) : resolve()))
        .then((request) => gone.signal.addEventListener('abort', () => request.abort()), reject);
    });
    await ask('DELETE', `${collection}/${name}`);
    // Nobody waits for programs to say goodbye when all of it goes; nothing makes them anew by now.
    if (collection === NAMESPACES)
      await ask('DELETE', `${NAMESPACES}/${name}/pods?gracePeriodSeconds=1`).catch(() => undefined);
    await watched.finally(() => gone.abort());
  }

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
    removeNamespace: (name) => remove(NAMESPACES, name),
    removeReleases: (namespaces, isOurs) =>
      removeReleases({
        ask,
        remove,
        isOurs,
        removeNamespaces: async () => void (await Promise.all(namespaces.map((name) => remove(NAMESPACES, name)))),
      }),
    async namespaces(prefix) {
      const all = await core.listNamespace();
      return all.items.map((item) => item.metadata?.name ?? '').filter((name) => name.startsWith(prefix));
    },
  };
}

/** Requests of any kind, which the library's typed clients do not know. */
function asker(config: KubeConfig, server: string): Ask {
  let shared: Agent | undefined;
  return async (method, path, body) => {
    const options: RequestOptions = {
      method,
      ...(body && { headers: { 'content-type': 'application/merge-patch+json' } }),
    };
    await config.applyToHTTPSOptions(options);
    // A hundred requests in a row need no hundred handshakes.
    if (options.agent instanceof Agent && options.agent.constructor === Agent)
      options.agent = shared ??= new Agent({ ...options.agent.options, keepAlive: true, maxSockets: 6 });
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const { protocol, pathname } = new URL(server);
      const request = protocol === 'http:' ? httpRequest : httpsRequest;
      const asked = request(new URL(pathname.replace(/\/$/, '') + path, server), options, resolve);
      asked.on('error', reject);
      asked.end(body && JSON.stringify(body));
    });
    const said = (await json(answer)) as Loose;
    const code = answer.statusCode ?? 0;
    if (code >= 300) throw Object.assign(new Error(said.message ?? `${method} ${path}: ${code}`), { code });
    return said;
  };
}

function authorityOf(config: KubeConfig): string | undefined {
  const cluster = config.getCurrentCluster();
  if (cluster?.caData) return cluster.caData;
  return cluster?.caFile ? readFileSync(cluster.caFile).toString('base64') : undefined;
}
