import type { Loose } from '../../../../../../kubernetes/object.ts';
import { stamp } from '../durations.ts';
import type { Manager } from '../manager.ts';
import { certificates, dataOf, split } from '../objects.ts';
import { readCertificate } from '../pki/certificate.ts';
import { gather } from './gather.ts';
import { whyNotReady } from './policies.ts';
import { renewalTime } from './renewal.ts';

/** Keeps the condition Ready and the times of a Certificate. */
export function createReadiness(manager: Manager) {
  return async (key: string): Promise<void> => {
    const [namespace, name] = split(key);
    const certificate = manager.informer(certificates).get(name, namespace);
    if (!certificate || certificate.metadata.deletionTimestamp) return;
    const input = gather(manager, certificate);
    const violation = whyNotReady(manager, input);
    const { notBefore: _, notAfter: __, renewalTime: ___, ...status } = certificate.status ?? {};
    const conditions = violation
      ? manager.withCondition(certificate, 'Ready', 'False', violation.reason, violation.message)
      : manager.withCondition(certificate, 'Ready', 'True', 'Ready', 'Certificate is up to date and has not expired');
    const times: Loose = {};
    const bytes = dataOf(input.secret, 'tls.crt');
    if (bytes) {
      try {
        const issued = readCertificate(bytes);
        times.notBefore = stamp(issued.notBefore);
        times.notAfter = stamp(issued.notAfter);
        const due = renewalTime(issued, certificate.spec);
        if (due) times.renewalTime = due;
      } catch {
        // What is no certificate has no times; the condition says so.
      }
    }
    await manager.writeStatus(certificates, certificate, { ...status, ...times, conditions });
  };
}
