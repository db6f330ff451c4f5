import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import type { Recorder } from '../../../../client/recorder.ts';
import { stamp } from '../durations.ts';
import type { Manager } from '../manager.ts';
import { conditionOf } from '../objects.ts';

/** Says how a CertificateRequest stands: its event and the status to write. */
export interface Report {
  failed(reason: string, message: string, error?: string): Loose;
  pending(reason: string, message: string, error?: string): Loose;
  denied(): Loose;
  ready(certificate: string, ca: string | undefined): Loose;
}

export function createReport(manager: Manager, recorder: Recorder, request: KubeObject): Report {
  const status = request.status ?? {};
  const failureTime = status.failureTime ?? stamp(manager.clock.now());
  const ready = (value: string, reason: string, message: string): Loose => ({
    ...status,
    conditions: manager.withCondition(request, 'Ready', value, reason, message),
  });
  return {
    failed(reason, message, error) {
      const text = `${message}: ${error}`;
      void recorder.event(request, 'Warning', reason, text);
      return { ...ready('False', 'Failed', text), failureTime };
    },
    pending(reason, message, error) {
      const text = error === undefined ? message : `${message}: ${error}`;
      if (conditionOf(request, 'Ready')?.reason !== 'Pending') void recorder.event(request, 'Normal', reason, text);
      return ready('False', 'Pending', text);
    },
    denied: () => ({
      ...ready('False', 'Denied', 'The CertificateRequest was denied by an approval controller'),
      failureTime,
    }),
    ready(certificate, ca) {
      const text = 'Certificate fetched from issuer successfully';
      void recorder.event(request, 'Normal', 'CertificateIssued', text);
      return { ...ready('True', 'Issued', text), certificate, ...(ca && { ca }) };
    },
  };
}
