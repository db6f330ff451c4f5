import type { KubeObject } from '../../../../kubernetes/object.ts';
import {
  alreadyExists,
  type ControllerContext,
  createController,
  isNotFound,
  namespaceTerminating,
} from './context.ts';
import { configMaps, namespaces as namespaceResource, serviceAccounts } from './resources.ts';

const account = 'default';

/** Gives every namespace its ServiceAccount `default`. https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/ */
export function startServiceAccounts(context: ControllerContext): void {
  const { client, queue: makeQueue } = createController(context, 'service-account-controller');
  const namespaces = context.informer(namespaceResource);
  const accounts = context.informer(serviceAccounts);
  const queue = makeQueue(sync);
  namespaces.on((now) => now && queue.add(now.metadata.name!));
  accounts.on((now, before) => {
    if (!now && before?.metadata.name === account) queue.add(before.metadata.namespace!);
  });

  async function sync(namespace: string): Promise<void> {
    await accounts.synced;
    if (!isLive(namespaces.get(namespace)) || accounts.get(account, namespace)) return;
    const object = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: account, namespace } };
    await client.create(serviceAccounts, object).then(accounts.observe, ignoreLate);
  }
}

const bundle = 'kube-root-ca.crt';
const description =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. ' +
  'No other usage is guaranteed across distributions of Kubernetes clusters.';

/** Publishes the cluster's CA in every namespace, and repairs it. */
export function startRootCertificates(context: ControllerContext): void {
  const { client, queue: makeQueue } = createController(context, 'root-ca-cert-publisher');
  const namespaces = context.informer(namespaceResource);
  const maps = context.informer(configMaps);
  const queue = makeQueue(sync);
  const data = { 'ca.crt': context.caBundle };
  const annotations = { 'kubernetes.io/description': description };
  namespaces.on((now) => now && queue.add(now.metadata.name!));
  maps.on((now, before) => {
    const map = (now ?? before)!;
    if (map.metadata.name === bundle) queue.add(map.metadata.namespace!);
  });

  async function sync(namespace: string): Promise<void> {
    await maps.synced;
    if (!isLive(namespaces.get(namespace))) return;
    const held = maps.get(bundle, namespace);
    if (!held) {
      const metadata = { name: bundle, namespace, annotations };
      const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
      await client.create(configMaps, object).then(maps.observe, ignoreLate);
      return;
    }
    const same =
      held.data?.['ca.crt'] === context.caBundle &&
      Object.keys(held.data).length === 1 &&
      held.metadata.annotations?.['kubernetes.io/description'] === description;
    if (same) return;
    const metadata = { ...held.metadata, annotations: { ...held.metadata.annotations, ...annotations } };
    maps.observe(await client.update(configMaps, { ...held, metadata, data }));
  }
}

function isLive(namespace: KubeObject | undefined): boolean {
  return !!namespace && !namespace.metadata.deletionTimestamp && namespace.status?.phase !== 'Terminating';
}

function ignoreLate(error: unknown): void {
  if (alreadyExists(error) || namespaceTerminating(error) || isNotFound(error)) return;
  throw error;
}
