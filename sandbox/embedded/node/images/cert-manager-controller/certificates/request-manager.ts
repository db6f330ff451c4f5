import { createPublicKey, type KeyObject } from 'node:crypto';
import type { KubeObject } from '../../../../../../kubernetes/object.ts';
import { formatDuration, parseDuration } from '../durations.ts';
import type { Manager } from '../manager.ts';
import {
  base64,
  certificates,
  conditionOf,
  controllerReference,
  dataOf,
  isTrue,
  key,
  quote,
  requests,
  split,
  unbase64,
} from '../objects.ts';
import { decodeKey } from '../pki/keys.ts';
import { requestViolations } from '../pki/matching.ts';
import { createRequest, readRequest } from '../pki/request.ts';
import { nameOfRevision } from '../short-names.ts';
import { requestsOf, revisionOf } from './gather.ts';

/** Makes the CertificateRequest of the next revision, and removes those that no longer fit. */
export function createRequestManager(manager: Manager) {
  const recorder = manager.recorder('certificates-request-manager');

  /** Whether the request is of what the Certificate says now, for this key, and not a failure of an earlier try. */
  function fits(request: KubeObject, certificate: KubeObject, publicKey: KeyObject): boolean {
    let violations: string[];
    try {
      violations = requestViolations(request, certificate.spec);
    } catch (error) {
      manager.log.error(
        'requestmanager_controller.go:306',
        (error as Error).message,
        'Failed to check if CertificateRequest matches spec, deleting CertificateRequest',
      );
      return false;
    }
    if (violations.length > 0) {
      manager.log.info(
        'requestmanager_controller.go:313',
        'CertificateRequest does not match requirements on certificate.spec, deleting CertificateRequest',
        { violations },
        2,
      );
      return false;
    }
    if (!readRequest(unbase64(request.spec.request)).publicKey.equals(publicKey)) return false;
    const ready = conditionOf(request, 'Ready');
    if (ready?.status !== 'False' || ready.reason !== 'Failed') return true;
    const since = conditionOf(certificate, 'Issuing')?.lastTransitionTime;
    return !(Date.parse(request.status?.failureTime ?? '') < Date.parse(since));
  }

  return async (keyName: string): Promise<void> => {
    const [namespace, name] = split(keyName);
    const certificate = manager.informer(certificates).get(name, namespace);
    if (!certificate || certificate.metadata.deletionTimestamp || !isTrue(certificate, 'Issuing')) return;
    const secretName: string | undefined = certificate.status?.nextPrivateKeySecretName;
    const bytes = secretName ? dataOf(manager.secret(namespace, secretName), 'tls.key') : undefined;
    if (!secretName || !bytes) return;
    let privateKey: KeyObject;
    try {
      privateKey = decodeKey(bytes);
    } catch (error) {
      manager.log.error(
        'requestmanager_controller.go:176',
        (error as Error).message,
        'Failed to decode next private key secret data, waiting for keymanager before processing certificate',
        { key: keyName },
      );
      return;
    }
    const revision = (certificate.status?.revision ?? 0) + 1;
    const kept: KubeObject[] = [];
    for (const request of requestsOf(manager, certificate)) {
      const number = revisionOf(request);
      if (Number.isNaN(number)) await manager.remove(requests, request);
      else if (number === revision) {
        if (fits(request, certificate, createPublicKey(privateKey))) kept.push(request);
        else await manager.remove(requests, request);
      }
    }
    if (kept.length > 0) return;
    await create(certificate, privateKey, revision, secretName);
  };

  async function create(certificate: KubeObject, privateKey: KeyObject, revision: number, secretName: string) {
    const { spec, metadata } = certificate;
    let pem: string;
    try {
      pem = await createRequest(spec, privateKey);
    } catch (error) {
      manager.log.error(
        'requestmanager_controller.go:363',
        (error as Error).message,
        'Failed to generate CSR - will not retry',
        { key: `${metadata.namespace}/${metadata.name}` },
      );
      return;
    }
    const request: KubeObject = {
      apiVersion: 'cert-manager.io/v1',
      kind: 'CertificateRequest',
      metadata: {
        name: nameOfRevision(metadata.name ?? '', revision),
        ...(metadata.namespace && { namespace: metadata.namespace }),
        annotations: {
          ...copied(metadata.annotations ?? {}),
          [key.revision]: String(revision),
          [key.privateKey]: secretName,
          [key.name]: metadata.name ?? '',
        },
        ...(metadata.labels && { labels: metadata.labels }),
        ownerReferences: [controllerReference(certificate)],
      },
      spec: {
        ...(spec.duration && { duration: formatDuration(parseDuration(spec.duration)) }),
        issuerRef: spec.issuerRef,
        request: base64(pem),
        ...(spec.isCA && { isCA: true }),
        ...(spec.usages?.length && { usages: spec.usages }),
      },
    };
    try {
      const created = await manager.create(requests, request);
      void recorder.event(
        certificate,
        'Normal',
        'Requested',
        `Created new CertificateRequest resource ${quote(created.metadata.name ?? '')}`,
      );
    } catch (error) {
      const why = (error as Error).message;
      void recorder.event(certificate, 'Warning', 'RequestFailed', `Failed to create CertificateRequest: ${why}`);
      throw error;
    }
  }
}

const notCopied = ['kubectl.kubernetes.io/', 'fluxcd.io/', 'argocd.argoproj.io/'];

/** What goes from a Certificate to its requests: all annotations but those of tools that apply. */
function copied(annotations: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(annotations).filter(([name]) => !notCopied.some((prefix) => name.startsWith(prefix))),
  );
}
