import 'reflect-metadata';
import { createPublicKey, X509Certificate as Fast, type KeyObject } from 'node:crypto';
import {
  AuthorityInfoAccessExtension,
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  CRLDistributionPointsExtension,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { Loose } from '../../../../../../kubernetes/object.ts';
import { parseDuration } from '../durations.ts';
import { InvalidData, signingAlgorithm, toPair } from './keys.ts';
import { type AltNames, altNames, commonName, isEmpty, type Request } from './request.ts';
import { tellBits, tellPurposes, type Usages, usagesOf } from './usages.ts';

const defaultLifetime = 90 * 86_400_000;

/** A certificate, read: what the loops ask of it. */
export interface Certificate {
  pem: string;
  fast: Fast;
  commonName: string;
  names: AltNames;
  notBefore: Date;
  notAfter: Date;
  /** Fields of its name by object identifier. */
  field(oid: string): string[];
}

const block = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** All certificates of a PEM text, first one first. Throws {@link InvalidData}. */
export function readCertificates(pem: Buffer | string): Certificate[] {
  const blocks = pem.toString().match(block) ?? [];
  if (blocks.length === 0) throw new InvalidData('error decoding certificate PEM block: no valid certificates found');
  return blocks.map((text) => {
    try {
      const fast = new Fast(text);
      const parsed = new X509Certificate(text);
      const names = parsed.getExtension('2.5.29.17');
      return {
        pem: `${text}\n`,
        fast,
        commonName: parsed.subjectName.getField(commonName).at(-1) ?? '',
        names: altNames(names instanceof SubjectAlternativeNameExtension ? names : undefined),
        notBefore: parsed.notBefore,
        notAfter: parsed.notAfter,
        field: (oid) => parsed.subjectName.getField(oid),
      };
    } catch (error) {
      throw new InvalidData(`error parsing X.509 certificate: ${(error as Error).message}`);
    }
  });
}

export function readCertificate(pem: Buffer | string): Certificate {
  return readCertificates(pem)[0] as Certificate;
}

/** What is to be signed: the request's subject, names and key, and what the CertificateRequest says of the rest. */
export interface Template {
  request: Request;
  isCA: boolean;
  usages: Usages;
  /** Milliseconds. */
  lifetime: number;
  crl?: string[];
  ocsp?: string[];
  issuers?: string[];
}

/** Throws where the request says otherwise than the CertificateRequest, in cert-manager's words. */
export async function templateOf(request: Request, spec: Loose): Promise<Template> {
  const usages = usagesOf(spec.usages, spec.isCA);
  if (!(await request.parsed.verify())) throw new Error('x509: ECDSA verification failure');
  const { parsed } = request;
  const constraints = parsed.getExtension('2.5.29.19');
  if (constraints instanceof BasicConstraintsExtension && constraints.ca !== (spec.isCA ?? false))
    throw new Error(`encoded CSR error: IsCA ${constraints.ca} does not match expected value ${spec.isCA ?? false}`);
  const bits = parsed.getExtension('2.5.29.15');
  const extended = parsed.getExtension('2.5.29.37');
  if (bits || extended) {
    const has = bits instanceof KeyUsagesExtension ? bits.usages : 0;
    if (has !== usages.bits)
      throw new Error(
        `encoded CSR error: the KeyUsages ${tellBits(has)} do not match the expected KeyUsages ${tellBits(usages.bits)}`,
      );
    const purposes = extended instanceof ExtendedKeyUsageExtension ? extended.usages.map(String) : [];
    if (purposes.join() !== usages.extended.join())
      throw new Error(
        `encoded CSR error: the ExtKeyUsages ${tellPurposes(purposes)} do not match the expected ExtKeyUsages ${tellPurposes(usages.extended)}`,
      );
  }
  const lifetime = spec.duration ? parseDuration(spec.duration) : defaultLifetime;
  return { request, isCA: spec.isCA ?? false, usages, lifetime };
}

/** Signs; without an authority by the key itself. PEM. */
export async function sign(
  template: Template,
  key: KeyObject,
  authority: Certificate | undefined,
  now: Date,
): Promise<string> {
  const { request, usages, isCA } = template;
  const { subject, parsed } = request;
  const extensions: Extension[] = [];
  if (usages.bits) extensions.push(new KeyUsagesExtension(usages.bits, true));
  if (usages.extended.length > 0) extensions.push(new ExtendedKeyUsageExtension(usages.extended));
  extensions.push(new BasicConstraintsExtension(isCA, undefined, true));
  if (isCA) extensions.push(await SubjectKeyIdentifierExtension.create(parsed.publicKey));
  const issuer = authority && new X509Certificate(authority.pem);
  const identifier = issuer?.getExtension('2.5.29.14');
  if (identifier instanceof SubjectKeyIdentifierExtension)
    extensions.push(new AuthorityKeyIdentifierExtension(identifier.keyId));
  const { crl, ocsp, issuers } = template;
  if (ocsp?.length || issuers?.length)
    extensions.push(
      new AuthorityInfoAccessExtension({
        ...(ocsp?.length && { ocsp }),
        ...(issuers?.length && { caIssuers: issuers }),
      }),
    );
  if (crl?.length) extensions.push(new CRLDistributionPointsExtension(crl));
  const names = parsed.getExtension('2.5.29.17');
  if (names instanceof SubjectAlternativeNameExtension)
    extensions.push(new SubjectAlternativeNameExtension(names.names.toJSON(), isEmpty(subject)));
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serial(),
    notBefore: now,
    notAfter: new Date(now.getTime() + template.lifetime),
    subject: subject as never,
    issuer: (issuer?.subjectName ?? subject) as never,
    publicKey: parsed.publicKey,
    signingKey: toPair(key, createPublicKey(key)).privateKey,
    signingAlgorithm: signingAlgorithm(key),
    extensions,
  });
  return `${certificate.toString('pem')}\n`;
}

/** Twenty bytes, positive. */
function serial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(20));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}
