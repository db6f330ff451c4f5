import { createPublicKey, type KeyObject } from 'node:crypto';
import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { stamp } from '../durations.ts';
import { about } from '../log.ts';
import type { Manager } from '../manager.ts';
import { certificates, conditionOf, dataOf, isTrue, key, split, unbase64 } from '../objects.ts';
import { readCertificate, sign, templateOf } from '../pki/certificate.ts';
import { decodeKey, encodeKey, keyViolations } from '../pki/keys.ts';
import { requestViolations } from '../pki/matching.ts';
import { readRequest } from '../pki/request.ts';
import { requestsOf, revisionOf } from './gather.ts';
import { isNoPair } from './policies.ts';
import { applySecret, whyApply } from './secret.ts';

const issued = 'The certificate has been successfully issued';

/** Takes what a request was answered, and puts it into the Secret; or tells that it failed. */
export function createIssuing(manager: Manager) {
  const recorder = manager.recorder('certificates-issuing');

  async function fail(certificate: KubeObject, condition: { reason: string; message: string }): Promise<void> {
    const { reason } = condition;
    const message = `The certificate request has failed to complete and will be retried: ${condition.message}`;
    manager.ages.mark(`failed ${certificate.metadata.uid}`);
    await manager.writeStatus(certificates, certificate, {
      ...certificate.status,
      lastFailureTime: stamp(manager.clock.now()),
      failedIssuanceAttempts: (certificate.status?.failedIssuanceAttempts ?? 0) + 1,
      conditions: manager.withCondition(certificate, 'Issuing', 'False', reason, message),
    });
    void recorder.event(certificate, 'Warning', reason, message);
  }

  async function issue(certificate: KubeObject, request: KubeObject, privateKey: KeyObject, revision: number) {
    const pem = unbase64(request.status.certificate);
    manager.ages.mark(readCertificate(pem).fast.fingerprint256);
    await applySecret(manager, certificate, {
      privateKey: encodeKey(privateKey, certificate.spec.privateKey?.encoding),
      certificate: pem,
      ca: request.status.ca && unbase64(request.status.ca),
      certificateName: certificate.metadata.name,
      issuerRef: request.spec.issuerRef,
    });
    const { failedIssuanceAttempts: _, lastFailureTime: __, ...status } = certificate.status;
    const conditions = (status.conditions ?? []).filter((condition: Loose) => condition.type !== 'Issuing');
    await manager.writeStatus(certificates, certificate, { ...status, revision, conditions });
    void recorder.event(certificate, 'Normal', 'Issuing', issued);
  }

  /** Keeps names, labels and formats of a Secret whose certificate is good. */
  async function keep(certificate: KubeObject): Promise<void> {
    const secret = manager.secret(certificate.metadata.namespace ?? '', certificate.spec.secretName);
    const [privateKey, pem] = [dataOf(secret, 'tls.key'), dataOf(secret, 'tls.crt')];
    if (!secret || !privateKey || !pem) return;
    const log = manager.log.with({ ...about(certificate), secret: secret.metadata.name });
    let why: string | undefined;
    try {
      why = whyApply(manager, certificate, secret);
    } catch (error) {
      const message = `Failed getting secret annotations: ${(error as Error).message}`;
      log.error('secret_manager.go:84', message, 'failed to determine whether the SecretTemplate matches Secret');
      return;
    }
    if (!why) return;
    log.info('secret_manager.go:97', 'applying Secret data', { message: why });
    const annotations = secret.metadata.annotations ?? {};
    await applySecret(manager, certificate, {
      privateKey: privateKey.toString('utf8'),
      certificate: pem.toString('utf8'),
      ca: dataOf(secret, 'ca.crt')?.toString('utf8'),
      certificateName: annotations[key.name],
      issuerRef: {
        name: annotations[key.issuerName] ?? '',
        kind: annotations[key.issuerKind] ?? '',
        group: annotations[key.issuerGroup] ?? '',
      },
    });
  }

  /** A self-made stand-in until the real one is there, for programs that need any certificate to start. */
  async function issueTemporary(certificate: KubeObject, request: KubeObject, privateKey: KeyObject): Promise<void> {
    if (certificate.metadata.annotations?.[key.temporary] !== 'true') return;
    const secret = manager.secret(certificate.metadata.namespace ?? '', certificate.spec.secretName);
    if (!isNoPair(secret, certificate)) return;
    const template = await templateOf(readRequest(unbase64(request.spec.request)), request.spec);
    await applySecret(manager, certificate, {
      privateKey: encodeKey(privateKey, certificate.spec.privateKey?.encoding),
      certificate: await sign(template, privateKey, undefined, manager.clock.now()),
      certificateName: certificate.metadata.name,
    });
    void recorder.event(certificate, 'Normal', 'Issuing', 'Issued temporary certificate');
  }

  /** Why what the issuer returned is no good. */
  function whyInvalid(request: KubeObject, publicKey: KeyObject): string | undefined {
    try {
      const certificate = readCertificate(unbase64(request.status.certificate ?? ''));
      if (!certificate.fast.publicKey.equals(publicKey))
        return 'Issuer returned a certificate with a public key that does not match the CSR. This usually indicates a misconfigured issuer.';
      if (manager.clock.now() > certificate.notAfter)
        return `Issuer returned an already expired certificate (notAfter: ${stamp(certificate.notAfter)}). This usually indicates an expired CA certificate in the issuer.`;
      return undefined;
    } catch (error) {
      return `Issuer returned an invalid certificate: failed to decode: ${(error as Error).message}`;
    }
  }

  return async (keyName: string): Promise<void> => {
    const [namespace, name] = split(keyName);
    const certificate = manager.informer(certificates).get(name, namespace);
    if (!certificate || certificate.metadata.deletionTimestamp) return;
    if (!isTrue(certificate, 'Issuing')) return keep(certificate);
    const next: string | undefined = certificate.status?.nextPrivateKeySecretName;
    const bytes = next ? dataOf(manager.secret(namespace, next), 'tls.key') : undefined;
    if (!bytes) return;
    let privateKey: KeyObject;
    try {
      privateKey = decodeKey(bytes);
    } catch {
      return;
    }
    if (keyViolations(privateKey, certificate.spec).length > 0) return;
    const revision = (certificate.status?.revision ?? 0) + 1;
    const candidates = requestsOf(manager, certificate).filter((one) => revisionOf(one) === revision);
    const [request] = candidates;
    if (!request || candidates.length > 1 || requestViolations(request, certificate.spec).length > 0) return;
    const [issuing, ready] = [conditionOf(certificate, 'Issuing'), conditionOf(request, 'Ready')];
    const failedAt = Date.parse(request.status?.failureTime ?? '');
    if (ready?.reason === 'Failed' && failedAt < Date.parse(issuing.lastTransitionTime)) return;
    if (isTrue(request, 'Denied')) return fail(certificate, conditionOf(request, 'Denied'));
    if (isTrue(request, 'InvalidRequest')) return fail(certificate, conditionOf(request, 'InvalidRequest'));
    if (!ready) return;
    if (ready.reason === 'Failed') return fail(certificate, ready);
    const publicKey = createPublicKey(privateKey);
    if (!readRequest(unbase64(request.spec.request)).publicKey.equals(publicKey)) return;
    if (ready.reason !== 'Issued') return issueTemporary(certificate, request, privateKey);
    const message = whyInvalid(request, publicKey);
    if (message) return fail(certificate, { reason: 'InvalidCertificate', message });
    return issue(certificate, request, privateKey, revision);
  };
}
