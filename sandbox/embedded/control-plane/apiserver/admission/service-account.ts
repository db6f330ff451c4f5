import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import type { ResourceCall } from '../call.ts';
import { forbidden } from '../errors.ts';
import { randomSuffix } from '../naming.ts';
import { stamp } from '../stamp.ts';

const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Every pod runs as somebody, and finds that one's token. https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/ */
export function admitServiceAccount(call: ResourceCall, pod: KubeObject, dryRun: boolean): void {
  // A kubelet's own pods have no account.
  if (pod.metadata.annotations?.['kubernetes.io/config.mirror']) return;
  const { spec } = pod;
  spec.serviceAccountName ||= spec.serviceAccount || 'default';
  spec.serviceAccount = spec.serviceAccountName;
  const account = accountOf(call, pod, dryRun);
  if (!account) {
    const where = `${call.info.namespace}/${spec.serviceAccountName}`;
    const why = `error looking up service account ${where}: serviceaccount ${JSON.stringify(spec.serviceAccountName)} not found`;
    throw forbidden(call.type, pod.metadata.name ?? '', why);
  }
  if (!spec.imagePullSecrets?.length && account.imagePullSecrets?.length)
    spec.imagePullSecrets = account.imagePullSecrets.map(({ name }: Loose) => ({ name }));
  if (spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(spec);
}

function accountOf(call: ResourceCall, pod: KubeObject, dryRun: boolean): KubeObject | undefined {
  const { store, clock } = call.services;
  const { namespace } = call.info;
  const name = pod.spec.serviceAccountName;
  const found = store.get('/serviceaccounts', namespace, name)?.object;
  if (found || name !== 'default') return found;
  // Its controller makes it a moment after the namespace; the real server waits, this one makes it now.
  const account: KubeObject = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name, namespace, uid: crypto.randomUUID(), creationTimestamp: stamp(clock.now()) },
  };
  if (!dryRun) store.put('/serviceaccounts', namespace, name, account);
  return account;
}

function mountToken(spec: Loose): void {
  const containers: Loose[] = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
  const lacking = containers.filter(
    (container) => !container.volumeMounts?.some((mount: Loose) => mount.mountPath === mountPath),
  );
  if (lacking.length === 0) return;
  const present = spec.volumes?.find(
    (volume: Loose) => volume.name?.startsWith('kube-api-access-') && volume.projected,
  );
  const name = present?.name ?? `kube-api-access-${randomSuffix()}`;
  for (const container of lacking) {
    container.volumeMounts ??= [];
    container.volumeMounts.push({ name, readOnly: true, mountPath });
  }
  if (present) return;
  spec.volumes ??= [];
  spec.volumes.push({
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
          },
        },
      ],
      defaultMode: 420,
    },
  });
}
