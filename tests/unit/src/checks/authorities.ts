import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

const crypto = webcrypto as unknown as Crypto;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** A certificate with its key, both PEM. */
export interface Made {
  cert: string;
  key: string;
  name: string;
  keys: CryptoKeyPair;
}

/** A certificate for a test, signed by another or by itself. */
export async function certify(
  name: string,
  options: { by?: Made; names?: string[]; authority?: boolean; ended?: boolean } = {},
): Promise<Made> {
  const keys = (await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as CryptoKeyPair;
  const now = Date.now();
  const made = await x509.X509CertificateGenerator.create(
    {
      subject: name,
      issuer: options.by?.name ?? name,
      notBefore: new Date(now - 7_200_000),
      notAfter: new Date(now + (options.ended ? -3_600_000 : 3_600_000)),
      publicKey: keys.publicKey,
      signingKey: (options.by?.keys ?? keys).privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(options.authority === true),
        ...(options.names
          ? [new x509.SubjectAlternativeNameExtension(options.names.map((value) => ({ type: 'dns' as const, value })))]
          : []),
      ],
    },
    crypto,
  );
  const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return {
    cert: `${made.toString('pem')}\n`,
    key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`,
    name,
    keys,
  };
}
