import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { parseDuration } from '../durations.ts';
import { issuerGroup, issuerKind, unbase64 } from '../objects.ts';
import type { Certificate } from './certificate.ts';
import { canonicalAddress, sameSet } from './names.ts';
import { commonName, literalSubject, readRequest, serialNumber, subjectFields } from './request.ts';
import { defaultUsages } from './usages.ts';

const addresses = (spec: Loose): string[] => (spec.ipAddresses ?? []).map(canonicalAddress);

/** Where a field is told by another name than it has. */
const told: Record<string, string> = { postalCodes: 'postCodes' };
/** The order in which they are told. */
const order = [
  'organizations',
  'countries',
  'localities',
  'organizationalUnits',
  'postalCodes',
  'provinces',
  'streetAddresses',
];

/** The fields of a Certificate's spec that the CertificateRequest does not fulfil. Throws InvalidData when it cannot be read. */
export function requestViolations(request: KubeObject, spec: Loose): string[] {
  const { subject, names } = readRequest(unbase64(request.spec.request ?? ''));
  const violations: string[] = [];
  const expect = (holds: boolean, field: string) => {
    if (!holds) violations.push(`spec.${field}`);
  };
  expect(sameSet(names.ip, addresses(spec)), 'ipAddresses');
  expect(sameSet(names.uri, spec.uris), 'uris');
  expect(sameSet(names.email, spec.emailAddresses), 'emailAddresses');
  expect(sameSet(names.dns, spec.dnsNames), 'dnsNames');
  if (spec.literalSubject) {
    const wanted = Buffer.from(literalSubject(spec.literalSubject).toArrayBuffer());
    expect(wanted.equals(Buffer.from(subject.toArrayBuffer())), 'literalSubject');
  } else {
    const wanted = spec.subject ?? {};
    expect((subject.getField(commonName).at(-1) ?? '') === (spec.commonName ?? ''), 'commonName');
    expect((subject.getField(serialNumber).at(-1) ?? '') === (wanted.serialNumber ?? ''), 'subject.serialNumber');
    for (const field of order) {
      const oid = subjectFields.find(([, name]) => name === field)?.[0] ?? '';
      expect(sameSet(subject.getField(oid), wanted[field]), `subject.${told[field] ?? field}`);
    }
  }
  expect((request.spec.isCA ?? false) === (spec.isCA ?? false), 'isCA');
  const usages = (given: string[] | undefined) => (given?.length ? given : defaultUsages);
  expect(sameSet(usages(request.spec.usages), usages(spec.usages)), 'usages');
  const durations = [request.spec.duration, spec.duration];
  expect(!durations[0] || !durations[1] || parseDuration(durations[0]) === parseDuration(durations[1]), 'duration');
  const [asked, wanted] = [request.spec.issuerRef, spec.issuerRef];
  expect(
    asked.name === wanted.name &&
      issuerKind(asked) === issuerKind(wanted) &&
      issuerGroup(asked) === issuerGroup(wanted),
    'issuerRef',
  );
  return violations;
}

/** For a certificate without a request: its names alone tell whether it fits. */
export function nameViolations(certificate: Certificate, spec: Loose): string[] {
  const violations: string[] = [];
  const wanted = new Set<string>([...(spec.dnsNames ?? []), ...(spec.commonName ? [spec.commonName] : [])]);
  const has = new Set([...certificate.names.dns, ...(certificate.commonName ? [certificate.commonName] : [])]);
  if (wanted.symmetricDifference(has).size > 0) {
    if (
      (spec.commonName && !has.has(spec.commonName)) ||
      (certificate.commonName && !wanted.has(certificate.commonName))
    )
      violations.push('spec.commonName');
    const missing = (spec.dnsNames ?? []).some((name: string) => !has.has(name));
    if (missing || certificate.names.dns.some((name) => !wanted.has(name))) violations.push('spec.dnsNames');
  }
  if (!sameSet(certificate.names.ip, addresses(spec))) violations.push('spec.ipAddresses');
  if (!sameSet(certificate.names.uri, spec.uris)) violations.push('spec.uris');
  if (!sameSet(certificate.names.email, spec.emailAddresses)) violations.push('spec.emailAddresses');
  return violations;
}

/** As Go prints a list. */
export const tellList = (list: readonly string[]): string => `[${list.join(' ')}]`;
