import 'reflect-metadata';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  CertificatePolicyExtension,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { calculateJwkThumbprint, exportJWK, type JWK } from 'jose';
import { AcmeProblem, malformed, unauthorized } from './problem.ts';

/** What certificates are signed with: PEM texts. */
export interface Issuer {
  cert: string;
  key: string;
  /** The root above it, for the longer of the two chains. */
  root: string;
}

/** How certificates differ: https://letsencrypt.org/docs/profiles/ */
export interface Profile {
  hours: number;
  /** Common name and key identifier, which clients have no use for. */
  old: boolean;
}

export const PROFILES: Record<string, Profile> = {
  classic: { hours: 90 * 24, old: true },
  tlsserver: { hours: 90 * 24, old: false },
  shortlived: { hours: 160, old: false },
};

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const subjectAlternativeName = '2.5.29.17';
const serverAuth = '1.3.6.1.5.5.7.3.1';
const domainValidated = '2.23.140.1.2.1';
const HOUR = 3_600_000;

/** A request for a certificate that may be signed. */
export interface AcceptedRequest {
  names: string[];
  commonName: string | undefined;
  request: Pkcs10CertificateRequest;
}

/** Reads PKCS#10 as ACME sends it. Throws `malformed` or `badCSR`. */
export async function readRequest(encoded: unknown): Promise<AcceptedRequest> {
  if (typeof encoded !== 'string') throw malformed('Error unmarshaling finalize order request');
  let request: Pkcs10CertificateRequest;
  try {
    request = new Pkcs10CertificateRequest(Buffer.from(encoded, 'base64url'));
  } catch {
    throw malformed("Error parsing certificate request: asn1: structure error: tags don't match");
  }
  const bad = (detail: string) => new AcmeProblem('badCSR', `Error finalizing order :: ${detail}`);
  const key = request.publicKey.algorithm as { name: string; namedCurve?: string; modulusLength?: number };
  if (key.name === 'ECDSA' && !['P-256', 'P-384'].includes(key.namedCurve ?? ''))
    throw bad(`invalid public key in CSR: ECDSA curve ${key.namedCurve} not allowed`);
  if (!['ECDSA', 'RSASSA-PKCS1-v1_5', 'RSA-PSS'].includes(key.name))
    throw bad(`invalid public key in CSR: unsupported key type ${key.name}`);
  if (key.modulusLength && ![2048, 3072, 4096].includes(key.modulusLength))
    throw bad(`invalid public key in CSR: key size not supported: ${key.modulusLength}`);
  if (!(await request.verify().catch(() => false))) throw bad('invalid signature on CSR');
  const given = request.getExtension(subjectAlternativeName);
  const found = given instanceof SubjectAlternativeNameExtension ? given.names.items : [];
  if (found.some(({ type }) => type === 'email')) throw bad('CSR contains one or more email address fields');
  if (found.some(({ type }) => type === 'url')) throw bad('CSR contains one or more URI fields');
  const commonName = request.subjectName.getField('CN')[0]?.toLowerCase();
  const names = found.filter(({ type }) => type === 'dns' || type === 'ip').map(({ value }) => value.toLowerCase());
  const all = [...new Set([...names, ...(commonName ? [commonName] : [])])].sort();
  if (all.length === 0) throw bad('at least one identifier is required');
  return { names: all, commonName, request };
}

/** Throws where the key is that of the account, or the names are not those of the order. */
export async function checkRequest(
  { names, request }: AcceptedRequest,
  ordered: string[],
  thumbprint: string,
): Promise<void> {
  if (names.join() !== [...ordered].sort().join())
    throw unauthorized('Error finalizing order :: CSR does not specify same identifiers as Order');
  if ((await thumbprintOf(request)) === thumbprint)
    throw malformed('Error finalizing order :: certificate public key must be different than account key');
}

/** RFC 7638, of the key of a request or a certificate. */
export async function thumbprintOf({
  publicKey,
}: {
  publicKey: Pkcs10CertificateRequest['publicKey'];
}): Promise<string> {
  const exported = await publicKey.export();
  const jwk = (await exportJWK(exported)) as JWK;
  return calculateJwkThumbprint(jwk);
}

export interface Issued {
  pem: string;
  /** In hexadecimal. */
  serial: string;
  notBefore: Date;
  notAfter: Date;
}

export interface Issuance {
  issuer: Issuer;
  accepted: AcceptedRequest;
  profile: Profile;
  /** The first two digits of a serial number, by which an authority is told from another. */
  prefix: string;
  now: Date;
}

/** Signs: the names and the key of the request, nothing else of it. */
export async function issueCertificate({ issuer, accepted, profile, prefix, now }: Issuance): Promise<Issued> {
  const { names, commonName, request } = accepted;
  const parent = new X509Certificate(issuer.cert);
  const serial = prefix + Buffer.from(crypto.getRandomValues(new Uint8Array(17))).toString('hex');
  // An hour back, as clocks differ; the end is the last second that counts.
  const notBefore = new Date(Math.floor((now.getTime() - HOUR) / 1000) * 1000);
  const end = notBefore.getTime() + profile.hours * HOUR - 1000;
  const notAfter = new Date(Math.min(end, parent.notAfter.getTime()));
  const isRsa = request.publicKey.algorithm.name.startsWith('RSA');
  const shown = commonName ?? names.find((name) => name.length <= 64);
  const extensions: Extension[] = [
    new KeyUsagesExtension(
      KeyUsageFlags.digitalSignature | (isRsa && profile.old ? KeyUsageFlags.keyEncipherment : 0),
      true,
    ),
    new ExtendedKeyUsageExtension([serverAuth]),
    new BasicConstraintsExtension(false, undefined, true),
    ...(profile.old ? [await SubjectKeyIdentifierExtension.create(request.publicKey)] : []),
    await AuthorityKeyIdentifierExtension.create(parent.publicKey),
    new SubjectAlternativeNameExtension(
      names.map((value) => ({ type: 'dns' as const, value })),
      !profile.old,
    ),
    new CertificatePolicyExtension([domainValidated]),
  ];
  const signingKey = await crypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(issuer.key), algorithm, false, [
    'sign',
  ]);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serial,
    notBefore,
    notAfter,
    subject: profile.old && shown ? `CN=${shown}` : '',
    issuer: parent.subjectName,
    publicKey: request.publicKey,
    signingKey,
    signingAlgorithm: algorithm,
    extensions,
  });
  return { pem: `${certificate.toString('pem')}\n`, serial, notBefore, notAfter };
}

/** What renewal information names a certificate by. https://datatracker.ietf.org/doc/html/rfc9773#section-4.1 */
export function renewalId(certificate: X509Certificate): string {
  const keyId = certificate.getExtension(AuthorityKeyIdentifierExtension)?.keyId ?? '';
  const serial = Buffer.from(certificate.serialNumber, 'hex');
  // As DER writes a positive number.
  const signed = (serial[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.alloc(1), serial]) : serial;
  return `${Buffer.from(keyId, 'hex').toString('base64url')}.${signed.toString('base64url')}`;
}
