import 'reflect-metadata';
import { isDeepStrictEqual } from 'node:util';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
} from '@peculiar/x509';
import { keyPurposes, keyUsageBits } from '../../../../../kubernetes/key-usages.ts';
import type { Loose } from '../../../../../kubernetes/object.ts';
import { issuerRefFaults } from './certificate-rules.ts';
import { forbidden, invalid, required } from './field-errors.ts';

/** Usages of the key, in the order of their bits. https://datatracker.ietf.org/doc/html/rfc5280#section-4.2.1.3 */
const keyUsages = Object.entries(keyUsageBits)
  .filter(([name]) => name !== 'signing')
  .sort(([, one], [, other]) => one - other)
  .map(([name]) => name);

/** What is wrong with a new CertificateRequest: whom it asks, and the signing request inside. */
export async function requestFaults({ spec, status }: Loose): Promise<string[]> {
  const faults = issuerRefFaults(spec.issuerRef, 'spec');
  if (!spec.request) faults.push(required('spec.request', 'must be specified'));
  else {
    const pem = Buffer.from(spec.request, 'base64').toString('utf8');
    const why = await signingRequestFault(pem, spec);
    if (why) faults.push(invalid('spec.request', pem.length <= 100 ? pem : `${pem.slice(0, 97)}...`, why));
  }
  return [...faults, ...approvalFaults(status?.conditions ?? [])];
}

async function signingRequestFault(pem: string, { isCA = false, usages }: Loose): Promise<string | undefined> {
  const block = /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----[^-]+-----END (?:NEW )?CERTIFICATE REQUEST-----/.exec(pem);
  if (!block) return 'error decoding certificate request PEM block: no PEM data was found in given input';
  let request: Pkcs10CertificateRequest;
  try {
    request = new Pkcs10CertificateRequest(block[0]);
    if (!(await request.verify())) return 'x509: ECDSA verification failure';
  } catch {
    return 'asn1: structure error: malformed certificate request';
  }
  const constraints = request.getExtension('2.5.29.19');
  if (constraints instanceof BasicConstraintsExtension && constraints.ca !== isCA)
    return `encoded CSR error: IsCA ${constraints.ca} does not match expected value ${isCA}`;
  return usageFault(request, usages?.length ? usages : ['digital signature', 'key encipherment'], isCA);
}

function usageFault(request: Pkcs10CertificateRequest, wanted: string[], isCA: boolean): string | undefined {
  const key = request.getExtension('2.5.29.15');
  const extended = request.getExtension('2.5.29.37');
  if (!key && !extended) return undefined;
  const named = (name: string): string => (name === 'signing' ? 'digital signature' : name);
  const expected = keyUsages.filter((name) => (isCA && name === 'cert sign') || wanted.map(named).includes(name));
  const bits = key instanceof KeyUsagesExtension ? key.usages : 0;
  const encoded = keyUsages.filter((_, bit) => (bits & (1 << bit)) !== 0);
  if (!isDeepStrictEqual(encoded, expected))
    return `encoded CSR error: the KeyUsages ${list(encoded)} do not match the expected KeyUsages ${list(expected)}`;
  const ids = wanted.map((name) => keyPurposes[name]).filter((id) => id !== undefined);
  const own = Array.from(extended instanceof ExtendedKeyUsageExtension ? extended.usages : [], String);
  if (isDeepStrictEqual(own, ids)) return undefined;
  const names = (of: string[]) => of.map((id) => Object.entries(keyPurposes).find(([, one]) => one === id)?.[0] ?? id);
  return `encoded CSR error: the ExtKeyUsages ${list(names(own))} do not match the expected ExtKeyUsages ${list(names(ids))}`;
}

const list = (names: string[]): string =>
  names.length === 0 ? '[]' : `[ ${names.map((name) => `'${name}'`).join(', ')} ]`;

/** Approved and Denied: at most one of them, and only ever True. */
function approvalFaults(conditions: Loose[]): string[] {
  const path = 'status.conditions';
  const faults: string[] = [];
  const of = (type: string): Loose[] => conditions.filter((condition) => condition.type === type);
  for (const type of ['Approved', 'Denied']) {
    const found = of(type);
    if (found.length > 1) faults.push(forbidden(path, `multiple "${type}" conditions present`));
    else if (found.length === 1 && found[0].status !== 'True')
      faults.push(invalid(`${path}.${type}`, found[0].status, `"${type}" condition may only be set to True`));
  }
  if (of('Approved').length > 0 && of('Denied').length > 0)
    faults.push(forbidden(path, "both 'Denied' and 'Approved' conditions cannot coexist"));
  return faults;
}

/** What may not change in a CertificateRequest: what it asks, who asked, and the verdict on it. */
export function requestUpdateFaults(before: Loose, now: Loose): string[] {
  const faults: string[] = [];
  for (const [from, to] of [
    [before, now],
    [now, before],
  ])
    for (const [key, value] of Object.entries(from.metadata.annotations ?? {}))
      if (/^(acme\.)?cert-manager\.io/.test(key) && to.metadata.annotations?.[key] !== value)
        faults.push(forbidden(`metadata.annotations.${key}`, 'cannot change cert-manager annotation after creation'));
  const conditionOf = (request: Loose, type: string): Loose =>
    request.status?.conditions?.find((condition: Loose) => condition.type === type);
  for (const type of ['Approved', 'Denied']) {
    const old = conditionOf(before, type);
    if (old && !isDeepStrictEqual(old, conditionOf(now, type)))
      faults.push(forbidden('status.conditions', `'${type}' condition may not be modified once set`));
  }
  faults.push(...approvalFaults(now.status?.conditions ?? []));
  if (!isDeepStrictEqual(before.spec, now.spec)) faults.push(forbidden('spec', 'cannot change spec after creation'));
  return faults;
}

const sameList = (one: string[] = [], other: string[] = []): boolean =>
  isDeepStrictEqual([...one].sort(), [...other].sort());

const sameExtra = (one: Loose = {}, other: Loose = {}): boolean =>
  sameList(Object.keys(one), Object.keys(other)) && Object.keys(one).every((key) => sameList(one[key], other[key]));

/** A new request names who made it, and nobody else. */
export function identityFaults(spec: Loose, user: Loose): string[] {
  const why = (field: string): string => forbidden(`spec.${field}`, `${field} identity must be that of the requester`);
  return [
    ...((spec.uid ?? '') === (user.uid ?? '') ? [] : [why('uid')]),
    ...((spec.username ?? '') === (user.username ?? '') ? [] : [why('username')]),
    ...(sameList(spec.groups, user.groups) ? [] : [why('groups')]),
    ...(sameExtra(spec.extra, user.extra) ? [] : [why('extra')]),
  ];
}

export function identityUpdateFaults(before: Loose, now: Loose): string[] {
  const why = (field: string): string => forbidden(`spec.${field}`, `${field} identity cannot be changed once set`);
  return [
    ...((before.uid ?? '') === (now.uid ?? '') ? [] : [why('uid')]),
    ...((before.username ?? '') === (now.username ?? '') ? [] : [why('username')]),
    ...(sameList(before.groups, now.groups) ? [] : [why('groups')]),
    ...(isDeepStrictEqual(before.extra ?? {}, now.extra ?? {}) ? [] : [why('extra')]),
  ];
}
