import 'reflect-metadata';
import { isIPv4 } from 'node:net';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** PEM texts. */
export interface IssuedPair {
  cert: string;
  key: string;
}

export interface CertificatePlan {
  /** `CN=…, O=…`. */
  subject: string;
  /** Absent for one that signs itself. */
  issuer?: IssuedPair;
  /** PKCS#8 PEM of a key to go on with, so that whoever trusts it need not trust another. */
  key?: string | undefined;
  /** DNS names of a server; absent for an authority. */
  names?: string[];
  /** DNS names below which an authority may sign; addresses then are loopback alone. */
  permitted?: string[];
  now: Date;
  days: number;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const nameConstraints = '2.5.29.30';
const authorityKeyIdentifier = '2.5.29.35';
const serverAuth = '1.3.6.1.5.5.7.3.1';
const loopback = [
  Buffer.from([127, 0, 0, 0, 255, 0, 0, 0]),
  Buffer.concat([Buffer.alloc(15), Buffer.from([1]), Buffer.alloc(16, 0xff)]),
];

/** Issues one certificate of the workshop's authority: EC P-256. */
export async function issue(plan: CertificatePlan): Promise<IssuedPair> {
  const { issuer, names, now, days } = plan;
  const keys = await keysOf(plan.key);
  const parent = issuer ? new X509Certificate(issuer.cert) : undefined;
  const until = now.getTime() + days * 86_400_000;
  const common = {
    // An hour back: clocks of two machines differ.
    notBefore: new Date(now.getTime() - 3_600_000),
    notAfter: new Date(Math.min(until, parent?.notAfter.getTime() ?? until)),
    serialNumber: serial(),
    signingAlgorithm: algorithm,
  };
  const extensions: Extension[] = [await SubjectKeyIdentifierExtension.create(keys.publicKey)];
  if (parent) extensions.push(authorityOf(parent));
  if (names) {
    extensions.push(
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([serverAuth]),
      new SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIPv4(value) ? ('ip' as const) : ('dns' as const), value })),
      ),
    );
  } else {
    extensions.push(
      new BasicConstraintsExtension(true, parent ? 0 : undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign | KeyUsageFlags.digitalSignature, true),
      ...(parent ? [new ExtendedKeyUsageExtension([serverAuth])] : []),
      ...(plan.permitted ? [constraints(plan.permitted)] : []),
    );
  }
  const certificate =
    parent && issuer
      ? await X509CertificateGenerator.create({
          ...common,
          extensions,
          subject: plan.subject,
          issuer: parent.subject,
          publicKey: keys.publicKey,
          signingKey: (await keysOf(issuer.key)).privateKey,
        })
      : await X509CertificateGenerator.createSelfSigned({ ...common, extensions, name: plan.subject, keys });
  return { cert: `${certificate.toString('pem')}\n`, key: plan.key ?? (await privatePem(keys)) };
}

/** The parent's own key identifier: chains are found by it. */
function authorityOf(parent: X509Certificate): Extension {
  const own = parent.getExtension(SubjectKeyIdentifierExtension);
  return new Extension(
    authorityKeyIdentifier,
    false,
    der(0x30, der(0x80, Buffer.from(own?.keyId ?? '', 'hex'))) as Uint8Array<ArrayBuffer>,
  );
}

/** https://datatracker.ietf.org/doc/html/rfc5280#section-4.2.1.10 */
function constraints(names: string[]): Extension {
  const permitted = [
    ...names.map((name) => der(0x30, permittedName(name))),
    ...loopback.map((range) => der(0x30, der(0x87, range))),
  ];
  const value = der(0x30, der(0xa0, Buffer.concat(permitted)));
  return new Extension(nameConstraints, true, value as Uint8Array<ArrayBuffer>);
}

/** How a permitted DNS name stands in a certificate. */
function permittedName(name: string): Buffer {
  return der(0x82, Buffer.from(name, 'ascii'));
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

async function keysOf(pem: string | undefined): Promise<CryptoKeyPair> {
  if (!pem) return (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair;
  const privateKey = await crypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(pem), algorithm, true, ['sign']);
  const { d: _, key_ops: __, ...open } = await crypto.subtle.exportKey('jwk', privateKey);
  return { privateKey, publicKey: await crypto.subtle.importKey('jwk', open, algorithm, true, ['verify']) };
}

/** Positive, as the standard wants it. */
function serial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

async function privatePem(keys: CryptoKeyPair): Promise<string> {
  const bytes = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${bytes.replace(/.{64}/g, '$&\n').trimEnd()}\n-----END PRIVATE KEY-----\n`;
}
