import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import type { Manager } from '../manager.ts';
import { certificates, isControlledBy, key, requests } from '../objects.ts';
import type { Input } from './policies.ts';

/** The CertificateRequests that a Certificate owns. */
export function requestsOf(manager: Manager, certificate: KubeObject): KubeObject[] {
  return manager
    .informer(requests)
    .list(certificate.metadata.namespace)
    .filter((request) => isControlledBy(request, certificate));
}

/** The number of the revision that a request is of; NaN when it says none. */
export function revisionOf(request: KubeObject): number {
  const text = request.metadata.annotations?.[key.revision] ?? '';
  return /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
}

export function gather(manager: Manager, certificate: KubeObject): Input {
  const { namespace = '' } = certificate.metadata;
  const owned = requestsOf(manager, certificate);
  const revision: number | undefined = certificate.status?.revision;
  return {
    certificate,
    secret: manager.secret(namespace, certificate.spec.secretName),
    current: revision === undefined ? undefined : owned.find((request) => revisionOf(request) === revision),
    next: owned.find((request) => revisionOf(request) === (revision ?? 0) + 1),
  };
}

/** Whether this Certificate, of all that name one Secret, is the one it belongs to: the one it was issued for, else the eldest. */
export function ownsSecret(manager: Manager, certificate: KubeObject): { owner: boolean; others: string[] } {
  const { namespace = '', name = '' } = certificate.metadata;
  const rivals = manager
    .informer(certificates)
    .list(namespace)
    .filter((one) => one.spec.secretName === certificate.spec.secretName)
    .sort(
      (a: Loose, b: Loose) =>
        Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp) ||
        (a.metadata.name < b.metadata.name ? -1 : 1),
    )
    .map((one) => one.metadata.name ?? '');
  const issuedFor = manager.secret(namespace, certificate.spec.secretName)?.metadata.annotations?.[key.name];
  const owner = issuedFor !== undefined && rivals.includes(issuedFor) ? issuedFor : rivals[0];
  return { owner: owner === name, others: rivals.filter((other) => other !== name) };
}
