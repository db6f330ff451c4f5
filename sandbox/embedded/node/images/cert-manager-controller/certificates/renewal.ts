import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { parseDuration, stamp } from '../durations.ts';
import type { Manager } from '../manager.ts';
import { dataOf } from '../objects.ts';
import { type Certificate, readCertificate } from '../pki/certificate.ts';

/** When a certificate is due to be renewed; undefined when it never is. https://cert-manager.io/docs/usage/certificate/#reissuance-triggered-by-expiry-renewal */
export function renewalTime(certificate: Certificate, spec: Loose): string | undefined {
  if (spec.renewal?.policy === 'Disabled') return undefined;
  const { notBefore, notAfter } = certificate;
  const lifetime = notAfter.getTime() - notBefore.getTime();
  const before = spec.renewBefore ? parseDuration(spec.renewBefore) : 0;
  const percentage = spec.renewBeforePercentage ?? 0;
  let ahead = lifetime / 3;
  if (before > 0 && before < lifetime) ahead = before;
  else if (percentage > 0 && percentage < 100) ahead = (lifetime * percentage) / 100;
  return stamp(new Date(Math.floor((notAfter.getTime() - ahead) / 1000) * 1000));
}

/** Milliseconds until a time, for something that a certificate's Secret holds: by the cluster's clock, counted from when it was issued. */
export function leftUntil(manager: Manager, secret: KubeObject, time: string): number {
  const bytes = dataOf(secret, 'tls.crt');
  if (!bytes) return 0;
  const certificate = readCertificate(bytes);
  const issued = issuedAt(secret, certificate);
  const age = manager.ages.of(certificate.fast.fingerprint256, issued);
  return Date.parse(time) - Date.parse(issued) - age;
}

/** An authority may date a certificate back: what counts is when it came into the Secret. */
function issuedAt(secret: KubeObject, certificate: Certificate): string {
  const applied = secret.metadata.managedFields?.find(
    (entry) => entry.fieldsV1?.['f:data']?.['f:tls.crt'] && entry.subresource === undefined,
  )?.time;
  return applied ?? stamp(certificate.notBefore);
}
