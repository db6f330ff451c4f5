import { X509Certificate } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { derValues, oidText } from './der.ts';

/** A certificate, with what Node does not tell of it. */
export interface Certificate {
  x509: X509Certificate;
  /** In the order of the certificate. */
  extensions: CertificateExtension[];
  /** `ecdsa-with-SHA256`. */
  signatureAlgorithm: string;
  signature: Buffer;
  version: number;
}

export interface CertificateExtension {
  oid: string;
  critical: boolean;
  value: Buffer;
}

const ALGORITHMS: Record<string, string> = {
  '1.2.840.10045.4.3.2': 'ecdsa-with-SHA256',
  '1.2.840.10045.4.3.3': 'ecdsa-with-SHA384',
  '1.2.840.10045.4.3.4': 'ecdsa-with-SHA512',
  '1.2.840.113549.1.1.5': 'sha1WithRSAEncryption',
  '1.2.840.113549.1.1.10': 'rsassaPss',
  '1.2.840.113549.1.1.11': 'sha256WithRSAEncryption',
  '1.2.840.113549.1.1.12': 'sha384WithRSAEncryption',
  '1.2.840.113549.1.1.13': 'sha512WithRSAEncryption',
  '1.3.101.112': 'ED25519',
};

const PEM = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]+-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g;

/** Every certificate in a text of PEM; what is none is left out. */
export function certificatesIn(text: string): Certificate[] {
  return (text.match(PEM) ?? []).flatMap((pem) => {
    try {
      return [readCertificate(new X509Certificate(pem))];
    } catch {
      return [];
    }
  });
}

export function readCertificate(x509: X509Certificate): Certificate {
  const [whole] = derValues(x509.raw);
  const [body, algorithm, signature] = derValues(whole!.content);
  const fields = derValues(body!.content);
  const version = fields.find(({ tag }) => tag === 0xa0);
  const [sequence] = derValues(fields.find(({ tag }) => tag === 0xa3)?.content ?? Buffer.alloc(0));
  const extensions = derValues(sequence?.content ?? Buffer.alloc(0)).map(({ content }) => {
    const parts = derValues(content);
    return {
      oid: oidText(parts[0]!.content),
      critical: parts.some(({ tag, content: value }) => tag === 1 && value[0] === 0xff),
      value: parts.at(-1)!.content,
    };
  });
  const oid = oidText(derValues(algorithm!.content)[0]!.content);
  return {
    x509,
    extensions,
    signatureAlgorithm: ALGORITHMS[oid] ?? oid,
    signature: signature!.content.subarray(1),
    version: version ? (derValues(version.content)[0]!.content[0] ?? 0) + 1 : 1,
  };
}

export const extensionOf = ({ extensions }: Certificate, oid: string): CertificateExtension | undefined =>
  extensions.find((one) => one.oid === oid);

/** `CN = jupyter.learner.localhost, O = Atelier`, as OpenSSL 3.0 writes a name. */
export function nameText(name: string | undefined): string {
  return (name ?? '')
    .split('\n')
    .filter(Boolean)
    .map((part) => part.replace('=', ' = '))
    .join(', ');
}

/** A common name or an alternative one fits a host, wildcards included. */
export const fitsHost = ({ x509 }: Certificate, host: string): boolean =>
  (isIPv4(host) ? x509.checkIP(host) : x509.checkHost(host)) !== undefined;
