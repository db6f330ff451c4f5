import type { KeyObject } from 'node:crypto';
import type { KubeObject } from '../../../../../../kubernetes/object.ts';
import { ApiError } from '../../../../client/client.ts';
import type { Manager } from '../manager.ts';
import {
  base64,
  certificates,
  controllerReference,
  dataOf,
  isControlledBy,
  isTrue,
  key,
  quote,
  secrets,
  split,
} from '../objects.ts';
import { decodeKey, encodeKey, generateKey, keyViolations } from '../pki/keys.ts';
import { tellList } from '../pki/matching.ts';

/** Sees to the private key of what is being issued: in a Secret of its own until the certificate is there. */
export function createKeyManager(manager: Manager) {
  const recorder = manager.recorder('certificates-key-manager');

  async function setName(certificate: KubeObject, name: string | undefined): Promise<void> {
    if ((certificate.status?.nextPrivateKeySecretName ?? undefined) === name) return;
    const { nextPrivateKeySecretName: _, ...status } = certificate.status ?? {};
    await manager.writeStatus(certificates, certificate, {
      ...status,
      ...(name !== undefined && { nextPrivateKeySecretName: name }),
    });
  }

  async function removeAll(list: KubeObject[], but?: string): Promise<void> {
    for (const secret of list) if (secret.metadata.name !== but) await manager.remove(secrets, secret);
  }

  async function store(certificate: KubeObject, privateKey: KeyObject): Promise<KubeObject> {
    const { namespace = '', name = '' } = certificate.metadata;
    const latest = await manager.client.get(certificates, name, namespace);
    const wanted: string | undefined = latest.status?.nextPrivateKeySecretName;
    try {
      return await manager.create(secrets, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: {
          ...(wanted ? { name: wanted } : { generateName: `${name}-` }),
          namespace,
          ownerReferences: [controllerReference(certificate)],
          labels: { [key.nextPrivateKey]: 'true', [key.ours]: 'true' },
        },
        data: { 'tls.key': base64(encodeKey(privateKey, 'PKCS8')) },
      });
    } catch (error) {
      if (wanted && error instanceof ApiError && error.reason === 'AlreadyExists')
        return manager.client.get(secrets, wanted, namespace);
      throw error;
    }
  }

  async function storeNew(certificate: KubeObject): Promise<void> {
    const secret = await store(certificate, await generateKey(certificate.spec.privateKey));
    const name = secret.metadata.name ?? '';
    void recorder.event(
      certificate,
      'Normal',
      'Generated',
      `Stored new private key in temporary Secret resource ${quote(name)}`,
    );
    await setName(certificate, name);
  }

  /** Keeps the key that the Secret has, where the policy is to. */
  async function reuse(certificate: KubeObject): Promise<void> {
    const { secretName } = certificate.spec;
    const bytes = dataOf(manager.secret(certificate.metadata.namespace ?? '', secretName), 'tls.key');
    if (!bytes) return storeNew(certificate);
    let privateKey: KeyObject;
    try {
      privateKey = decodeKey(bytes);
    } catch {
      void recorder.event(
        certificate,
        'Warning',
        'DecodeFailed',
        `Failed to decode private key stored in Secret ${quote(secretName)} - generating new key`,
      );
      return storeNew(certificate);
    }
    const violations = keyViolations(privateKey, certificate.spec);
    if (violations.length > 0) {
      void recorder.event(
        certificate,
        'Warning',
        'CannotRegenerateKey',
        `User intervention required: existing private key in Secret ${quote(secretName)} does not match requirements on Certificate resource, mismatching fields: ${tellList(violations)}, but cert-manager cannot create new private key as the Certificate's .spec.privateKey.rotationPolicy is unset or set to Never. To allow cert-manager to create a new private key you can set .spec.privateKey.rotationPolicy to 'Always' (this will result in the private key being regenerated every time a cert is renewed) `,
      );
      return;
    }
    const next = await store(certificate, privateKey);
    void recorder.event(
      certificate,
      'Normal',
      'Reused',
      `Reusing private key stored in existing Secret resource ${quote(secretName)}`,
    );
    await setName(certificate, next.metadata.name);
  }

  return async (keyName: string): Promise<void> => {
    const [namespace, name] = split(keyName);
    const certificate = manager.informer(certificates).get(name, namespace);
    if (!certificate || certificate.metadata.deletionTimestamp) return;
    const candidates = manager
      .informer(secrets)
      .list(namespace)
      .filter((one) => one.metadata.labels?.[key.nextPrivateKey] === 'true' && isControlledBy(one, certificate));
    if (!isTrue(certificate, 'Issuing')) {
      await removeAll(candidates);
      await setName(certificate, undefined);
      return;
    }
    const wanted: string | undefined = certificate.status?.nextPrivateKeySecretName;
    const [candidate] = candidates;
    if (!candidate) {
      const policy = certificate.spec.privateKey?.rotationPolicy || 'Always';
      return policy === 'Never' ? reuse(certificate) : storeNew(certificate);
    }
    if (candidates.length > 1) return removeAll(candidates, wanted ?? '');
    if (wanted === undefined) return setName(certificate, candidate.metadata.name);
    const bytes = dataOf(candidate, 'tls.key');
    if (wanted !== candidate.metadata.name || !bytes) return removeAll(candidates);
    let privateKey: KeyObject;
    try {
      privateKey = decodeKey(bytes);
    } catch (error) {
      manager.log.error(
        'keymanager_controller.go:227',
        (error as Error).message,
        'Deleting existing private key secret due to error decoding data',
        { key: keyName },
      );
      return removeAll(candidates);
    }
    const violations = keyViolations(privateKey, certificate.spec);
    if (violations.length === 0) return;
    void recorder.event(
      certificate,
      'Normal',
      'Deleted',
      `Regenerating private key due to change in fields: ${tellList(violations)}`,
    );
    return removeAll(candidates);
  };
}
