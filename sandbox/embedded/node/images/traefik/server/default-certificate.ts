import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { Certificate } from '../dynamic.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const year = 365 * 86_400_000;

/** What Traefik shows where it has no other: signed by itself, for a name that nobody asks for. */
export async function makeDefaultCertificate(now: Date): Promise<Certificate> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const name = `${randomBytes(16).toString('hex')}.${randomBytes(16).toString('hex')}.traefik.default`;
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: `00${randomBytes(15).toString('hex')}`,
      name: 'CN=TRAEFIK DEFAULT CERT',
      notBefore: now,
      notAfter: new Date(now.getTime() + year),
      signingAlgorithm: algorithm,
      keys: keys as never,
      extensions: [
        new KeyUsagesExtension(
          KeyUsageFlags.digitalSignature |
            KeyUsageFlags.keyEncipherment |
            KeyUsageFlags.dataEncipherment |
            KeyUsageFlags.keyAgreement,
          true,
        ),
        new ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.1']),
        new BasicConstraintsExtension(false, undefined, true),
        new SubjectAlternativeNameExtension([{ type: 'dns', value: name }]),
      ],
    },
    webcrypto as never,
  );
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { cert: certificate.toString('pem'), key: PemConverter.encode(key, 'PRIVATE KEY') };
}
