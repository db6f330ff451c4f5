import { X509Certificate } from 'node:crypto';

/** Whether PEM, in base64, holds a certificate. */
export function holdsCertificates(bundle: string): boolean {
  const pem = Buffer.from(bundle, 'base64').toString('latin1');
  return [...pem.matchAll(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)].some(([block]) => {
    try {
      return Boolean(new X509Certificate(block));
    } catch {
      return false;
    }
  });
}
