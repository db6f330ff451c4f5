import 'reflect-metadata';
import { createPrivateKey, X509Certificate as NodeCertificate } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** PEM texts. */
export interface Pair {
  cert: string;
  key: string;
}

const DAY = 86_400_000;
const algorithm = { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' };
const use = KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment;

/** An authority of one's own, valid for a year. */
export async function makeAuthority(commonName: string, now: Date): Promise<Pair> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: `CN=${commonName}`,
    notBefore: now,
    notAfter: new Date(now.getTime() + 365 * DAY),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new KeyUsagesExtension(use | KeyUsageFlags.keyCertSign, true),
      new BasicConstraintsExtension(true, undefined, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return pairOf(certificate, keys);
}

/** A server's certificate, valid for a week, that has names and no subject. */
export async function signServer(authority: Pair, names: string[], now: Date): Promise<Pair> {
  const issuer = new X509Certificate(authority.cert);
  const keys = await newKeys();
  const signingKey = await crypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(authority.key), algorithm, true, [
    'sign',
  ]);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: '',
    issuer: issuer.subject,
    notBefore: now,
    notAfter: new Date(Math.min(now.getTime() + 7 * DAY, issuer.notAfter.getTime())),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new KeyUsagesExtension(use, true),
      new ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.1']),
      new BasicConstraintsExtension(false, undefined, true),
      await AuthorityKeyIdentifierExtension.create(issuer),
      new SubjectAlternativeNameExtension(
        names.map((value) => ({ type: 'dns' as const, value })),
        true,
      ),
    ],
  });
  return pairOf(certificate, keys);
}

/** Why a Secret's content is no authority to go on with; undefined when it is. */
export function authorityFault({ ca, cert, key }: Partial<Pair> & { ca?: string }, now: Date): string | undefined {
  if (!ca || !cert || !key) return 'Missing data in CA secret.';
  if (ca !== cert) return 'Different data in ca.crt and tls.crt.';
  let certificate: NodeCertificate;
  try {
    certificate = new NodeCertificate(cert);
    if (!certificate.checkPrivateKey(createPrivateKey(key))) return 'Failed to parse data in CA secret.';
  } catch {
    return 'Failed to parse data in CA secret.';
  }
  if (!certificate.ca) return 'Stored certificate is not marked as a CA.';
  const [from, to] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()];
  return to - now.getTime() < (to - from) / 3 ? 'CA certificate is nearing expiry.' : undefined;
}

/** When two thirds of a certificate's time are over, in milliseconds of the epoch. */
export function renewalOf({ cert }: Pair): number {
  const { validFromDate, validToDate } = new NodeCertificate(cert);
  return validToDate.getTime() - (validToDate.getTime() - validFromDate.getTime()) / 3;
}

async function newKeys(): Promise<CryptoKeyPair> {
  return (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair;
}

async function pairOf(certificate: X509Certificate, { privateKey }: CryptoKeyPair): Promise<Pair> {
  const key = PemConverter.encode(await crypto.subtle.exportKey('pkcs8', privateKey), 'PRIVATE KEY');
  return { cert: `${certificate.toString('pem')}\n`, key: `${key}\n` };
}

/** Positive, as the standard wants it. */
function serial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(20));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}
