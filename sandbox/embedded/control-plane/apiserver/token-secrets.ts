import type { Change } from '../store/entry.ts';
import type { Services } from './services.ts';

const secrets = '/secrets';
const accountKey = 'kubernetes.io/service-account.name';

/** Fills Secrets of type `kubernetes.io/service-account-token` with a token that does not expire. https://kubernetes.io/docs/concepts/configuration/secret/#serviceaccount-token-secrets */
export function fillTokenSecrets(services: Services, ca: string): void {
  const { store, tokens } = services;

  async function fill(namespace: string, name: string): Promise<void> {
    const secret = store.get(secrets, namespace, name)?.object;
    const account = store.get('/serviceaccounts', namespace, secret?.metadata.annotations?.[accountKey] ?? '')?.object;
    if (!secret || secret.data?.token || !account) return;
    const token = await tokens.issueForSecret(account, secret);
    // It may have changed while the token was signed.
    const now = store.get(secrets, namespace, name)?.object;
    if (!now || now.metadata.uid !== secret.metadata.uid) return;
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    store.put(secrets, namespace, name, {
      ...now,
      metadata: {
        ...now.metadata,
        annotations: { ...now.metadata.annotations, 'kubernetes.io/service-account.uid': account.metadata.uid ?? '' },
      },
      data: { ...now.data, 'ca.crt': base64(ca), namespace: base64(namespace), token: base64(token) },
    });
    await store.committed();
  }

  store.watch(secrets, {
    from: store.toldRevision,
    namespace: undefined,
    onChange({ type, entry }: Change) {
      if (type === 'DELETED' || entry.object.type !== 'kubernetes.io/service-account-token') return;
      fill(entry.namespace, entry.name).catch((error) => services.log(`token of secret ${entry.name}: ${error}`));
    },
  });
}
