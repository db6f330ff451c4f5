import 'reflect-metadata';
import { createPublicKey, type KeyObject } from 'node:crypto';
import {
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsagesExtension,
  Name,
  Pkcs10CertificateRequest,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
} from '@peculiar/x509';
import type { Loose } from '../../../../../../kubernetes/object.ts';
import { InvalidData, signingAlgorithm, toPair } from './keys.ts';
import { canonicalAddress } from './names.ts';
import { usagesOf } from './usages.ts';

/** A certificate's alternative names by their kinds. */
export interface AltNames {
  dns: string[];
  ip: string[];
  email: string[];
  uri: string[];
}

/** A signing request, read. */
export interface Request {
  parsed: Pkcs10CertificateRequest;
  subject: Name;
  names: AltNames;
  publicKey: KeyObject;
}

/** Attribute of a name → field of `spec.subject`, in the order in which the real program writes a name. */
export const subjectFields: [oid: string, field: string][] = [
  ['2.5.4.6', 'countries'],
  ['2.5.4.8', 'provinces'],
  ['2.5.4.7', 'localities'],
  ['2.5.4.9', 'streetAddresses'],
  ['2.5.4.17', 'postalCodes'],
  ['2.5.4.10', 'organizations'],
  ['2.5.4.11', 'organizationalUnits'],
];
export const commonName = '2.5.4.3';
export const serialNumber = '2.5.4.5';

function subjectOf(spec: Loose): Name {
  // A string is written from the most to the least particular; a certificate has it the other way round.
  if (spec.literalSubject) return literalSubject(spec.literalSubject);
  const subject = spec.subject ?? {};
  const parts: Loose[] = [];
  for (const [oid, field] of subjectFields)
    if (subject[field]?.length) parts.push({ [oid]: subject[field].map((value: string) => attribute(value)) });
  if (spec.commonName) parts.push({ [commonName]: [attribute(spec.commonName)] });
  if (subject.serialNumber) parts.push({ [serialNumber]: [attribute(subject.serialNumber)] });
  return new Name(parts);
}

/** RFC 4514, as `spec.literalSubject` has it. */
export const literalSubject = (text: string): Name => new Name(new Name(text).toJSON().reverse());

/** As Go chooses the type of a string. */
function attribute(value: string): Record<string, string> {
  return /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(value) ? { printableString: value } : { utf8String: value };
}

/** The request (PEM) for a Certificate's spec, signed by its key. Throws where the spec asks for what cannot be. */
export async function createRequest(spec: Loose, key: KeyObject): Promise<string> {
  const subject = subjectOf(spec);
  const names = [
    ...(spec.dnsNames ?? []).map((value: string) => ({ type: 'dns', value })),
    ...(spec.emailAddresses ?? []).map((value: string) => ({ type: 'email', value })),
    ...(spec.ipAddresses ?? []).map((value: string) => ({ type: 'ip', value })),
    ...(spec.uris ?? []).map((value: string) => ({ type: 'url', value })),
  ];
  if (names.length === 0 && subject.getField(commonName).length === 0)
    throw new Error(
      'at least one of commonName (from the commonName field or from a literalSubject), dnsNames, emailSANs, ipAddresses, otherNames, or uriSANs must be set',
    );
  const extensions: Extension[] = [];
  if (names.length > 0) extensions.push(new SubjectAlternativeNameExtension(names, isEmpty(subject)));
  if (spec.encodeUsagesInRequest !== false) {
    const { bits, extended } = usagesOf(spec.usages, spec.isCA);
    if (bits) extensions.push(new KeyUsagesExtension(bits, true));
    if (extended.length > 0) extensions.push(new ExtendedKeyUsageExtension(extended));
  }
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: subject.toJSON().length > 0 ? new Name(subject.toArrayBuffer()).toJSON() : [],
    keys: toPair(key, createPublicKey(key)),
    signingAlgorithm: signingAlgorithm(key),
    extensions,
  });
  return `${request.toString('pem')}\n`;
}

export const isEmpty = (subject: Name): boolean => subject.toJSON().length === 0;

/** Throws {@link InvalidData}. */
export function readRequest(pem: Buffer | string): Request {
  const text = pem.toString();
  if (!/-----BEGIN (NEW )?CERTIFICATE REQUEST-----/.test(text))
    throw new InvalidData('error decoding certificate request PEM block: no PEM data was found in given input');
  let parsed: Pkcs10CertificateRequest;
  try {
    parsed = new Pkcs10CertificateRequest(text);
  } catch (error) {
    throw new InvalidData((error as Error).message);
  }
  const names = parsed.getExtension('2.5.29.17');
  return {
    parsed,
    subject: parsed.subjectName,
    names: altNames(names instanceof SubjectAlternativeNameExtension ? names : undefined),
    publicKey: createPublicKey({ key: Buffer.from(parsed.publicKey.rawData), format: 'der', type: 'spki' }),
  };
}

export function altNames(extension: SubjectAlternativeNameExtension | undefined): AltNames {
  const all = extension?.names.toJSON() ?? [];
  const of = (type: string): string[] => all.filter((name) => name.type === type).map(({ value }) => value);
  return { dns: of('dns'), ip: of('ip').map(canonicalAddress), email: of('email'), uri: of('url') };
}
