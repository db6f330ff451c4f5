import { about } from '../log.ts';
import type { Manager } from '../manager.ts';
import { certificates, isTrue, requests, split } from '../objects.ts';
import { requestsOf, revisionOf } from './gather.ts';

/** Removes requests of revisions that nobody wants to look back on. */
export function createRevisionManager(manager: Manager) {
  return async (key: string): Promise<void> => {
    const [namespace, name] = split(key);
    const certificate = manager.informer(certificates).get(name, namespace);
    if (!certificate || certificate.metadata.deletionTimestamp || !isTrue(certificate, 'Ready')) return;
    const limit = certificate.spec.revisionHistoryLimit ?? 1;
    const numbered = requestsOf(manager, certificate)
      .filter((request) => !Number.isNaN(revisionOf(request)))
      .sort((a, b) => revisionOf(a) - revisionOf(b));
    for (const request of numbered.slice(0, Math.max(0, numbered.length - limit))) {
      manager.log.info('revisionmanager_controller.go:152', 'garbage collecting old certificate request revision', {
        key,
        ...about(certificate),
        related_resource_name: request.metadata.name,
        related_resource_namespace: namespace,
        related_resource_kind: 'CertificateRequest',
        revision: revisionOf(request),
      });
      await manager.remove(requests, request, true);
    }
  };
}
