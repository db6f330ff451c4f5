import 'reflect-metadata';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsagesExtension,
  PemConverter,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { keyPurposes, keyUsageBits } from '../../../kubernetes/key-usages.ts';
import type { KeyPair } from './pki.ts';

const year = 365 * 86_400;
const backdate = 300;
const short = 8 * 3600;
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** The order in which Go writes a name. */
const order = ['C', 'O', 'OU', 'L', 'ST', 'street', 'postalCode', 'CN', 'serialNumber'];
const rank = (part: Record<string, unknown>): number => order.indexOf(Object.keys(part)[0] ?? '');

export interface Signing {
  /** PEM of a PKCS#10 request. */
  request: string;
  usages: string[];
  /** How long it holds; a year unless less is asked, ten minutes at least. */
  seconds?: number;
  now: Date;
}

/** Signs a request with the cluster's CA, by the policy of the built-in signers: names and key of the request, usages as asked. PEM. */
export async function signRequest(ca: KeyPair, { request, usages, seconds, now }: Signing): Promise<string> {
  const asked = new Pkcs10CertificateRequest(request);
  const authority = new X509Certificate(ca.cert);
  const lifetime = Math.max(600, Math.min(seconds ?? year, year));
  const end = now.getTime() + (lifetime < short ? lifetime : lifetime - backdate) * 1000;
  const bits = usages.reduce((all, usage) => all | (keyUsageBits[usage] ?? 0), 0);
  const extended = [...new Set(usages.flatMap((usage) => keyPurposes[usage] ?? []))];
  const extensions: Extension[] = [];
  if (bits) extensions.push(new KeyUsagesExtension(bits, true));
  if (extended.length > 0) extensions.push(new ExtendedKeyUsageExtension(extended));
  extensions.push(new BasicConstraintsExtension(false, undefined, true));
  const names = asked.getExtension('2.5.29.17');
  if (names instanceof SubjectAlternativeNameExtension)
    extensions.push(new SubjectAlternativeNameExtension(names.names.toJSON(), names.critical));
  const signingKey = await crypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(ca.key), algorithm, false, [
    'sign',
  ]);
  const serial = crypto.getRandomValues(new Uint8Array(16));
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const certificate = await X509CertificateGenerator.create({
    notBefore: new Date(now.getTime() - backdate * 1000),
    notAfter: new Date(Math.min(end, authority.notAfter.getTime())),
    serialNumber: Buffer.from(serial).toString('hex'),
    subject: asked.subjectName.toJSON().sort((one, other) => rank(one) - rank(other)),
    issuer: authority.subjectName,
    publicKey: asked.publicKey,
    signingKey,
    signingAlgorithm: algorithm,
    extensions,
  });
  return `${certificate.toString('pem')}\n`;
}
