import { parseDuration, stamp } from '../durations.ts';
import type { Manager } from '../manager.ts';
import { certificates, isTrue, split } from '../objects.ts';
import { requestViolations } from '../pki/matching.ts';
import { gather, ownsSecret } from './gather.ts';
import { type Input, whyIssue } from './policies.ts';
import { leftUntil } from './renewal.ts';

const longestWait = 32 * 3_600_000;

/** Decides when a Certificate is issued (anew), and says so in its condition Issuing. Answers what to call with its key. */
export function createTrigger(manager: Manager, after: (key: string, milliseconds: number) => void) {
  const recorder = manager.recorder('certificates-trigger');

  /** Milliseconds still to wait after failures: an hour, doubled with each, unless the spec has changed since. */
  function backOff({ certificate, next }: Input): number {
    const { lastFailureTime, failedIssuanceAttempts } = certificate.status ?? {};
    if (!lastFailureTime) return 0;
    if (next) {
      try {
        if (requestViolations(next, certificate.spec).length > 0) return 0;
      } catch {
        return 0;
      }
    }
    const first = parseDuration(manager.options.minimumBackOff);
    const delay = Math.min(first * 2 ** (Math.max(1, failedIssuanceAttempts ?? 1) - 1), longestWait);
    return delay - manager.ages.of(`failed ${certificate.metadata.uid}`, lastFailureTime);
  }

  return async (key: string): Promise<void> => {
    const [namespace, name] = split(key);
    const certificate = manager.informer(certificates).get(name, namespace);
    if (!certificate || certificate.metadata.deletionTimestamp || isTrue(certificate, 'Issuing')) return;
    const log = manager.log.with({ key });
    const { owner, others } = ownsSecret(manager, certificate);
    if (!owner) {
      log.info(
        'trigger_controller.go:187',
        'Certificate.Spec.SecretName refers to the same Secret as other Certificates in the same namespace, skipping trigger.',
        { duplicates: others },
        4,
      );
      after(key, 180_000);
      return;
    }
    const input = gather(manager, certificate);
    const wait = backOff(input);
    if (wait > 0) {
      const at = stamp(new Date(manager.clock.now().getTime() + wait))
        .replace('T', ' ')
        .replace('Z', ' +0000 UTC');
      log.info(
        'trigger_controller.go:205',
        `Backing off from issuance due to previously failed issuance(s). Issuance will next be attempted at ${at}`,
        {},
        2,
      );
      after(key, wait);
      return;
    }
    const due = certificate.status?.renewalTime;
    if (due && input.secret) {
      const left = leftUntil(manager, input.secret, due);
      if (left >= 0) after(key, left);
    }
    const violation = whyIssue(manager, input);
    if (!violation) return;
    log.info('trigger_controller.go:238', 'Certificate must be re-issued', { ...violation }, 2);
    const { reason, message } = violation;
    const conditions = manager.withCondition(certificate, 'Issuing', 'True', reason, message);
    await manager.writeStatus(certificates, certificate, { ...certificate.status, conditions });
    void recorder.event(certificate, 'Normal', 'Issuing', message);
  };
}
