import 'reflect-metadata';
import { KeyUsageFlags } from '@peculiar/x509';

const flags: Record<string, number> = {
  signing: KeyUsageFlags.digitalSignature,
  'digital signature': KeyUsageFlags.digitalSignature,
  'content commitment': KeyUsageFlags.nonRepudiation,
  'key encipherment': KeyUsageFlags.keyEncipherment,
  'key agreement': KeyUsageFlags.keyAgreement,
  'data encipherment': KeyUsageFlags.dataEncipherment,
  'cert sign': KeyUsageFlags.keyCertSign,
  'crl sign': KeyUsageFlags.cRLSign,
  'encipher only': KeyUsageFlags.encipherOnly,
  'decipher only': KeyUsageFlags.decipherOnly,
};

const purposes: Record<string, string> = {
  any: '2.5.29.37.0',
  'server auth': '1.3.6.1.5.5.7.3.1',
  'client auth': '1.3.6.1.5.5.7.3.2',
  'code signing': '1.3.6.1.5.5.7.3.3',
  'email protection': '1.3.6.1.5.5.7.3.4',
  's/mime': '1.3.6.1.5.5.7.3.4',
  'ipsec end system': '1.3.6.1.5.5.7.3.5',
  'ipsec tunnel': '1.3.6.1.5.5.7.3.6',
  'ipsec user': '1.3.6.1.5.5.7.3.7',
  timestamping: '1.3.6.1.5.5.7.3.8',
  'ocsp signing': '1.3.6.1.5.5.7.3.9',
  'microsoft sgc': '1.3.6.1.4.1.311.10.3.3',
  'netscape sgc': '2.16.840.1.113730.4.1',
};

export const defaultUsages = ['digital signature', 'key encipherment'];

export const isUsage = (name: string): boolean => name in flags || name in purposes;

export interface Usages {
  bits: number;
  /** Object identifiers, in the order asked. */
  extended: string[];
}

/** What the usages of a Certificate or a request mean in a certificate. Throws for names nobody knows. */
export function usagesOf(usages: string[] | undefined, isCA: boolean | undefined): Usages {
  const asked = usages?.length ? usages : defaultUsages;
  const unknown = asked.filter((name) => !isUsage(name));
  if (unknown.length > 0) throw new Error(`unknown key usages: [${unknown.join(' ')}]`);
  const bits = asked.reduce((all, name) => all | (flags[name] ?? 0), isCA ? KeyUsageFlags.keyCertSign : 0);
  return { bits, extended: asked.flatMap((name) => purposes[name] ?? []) };
}

/** As cert-manager prints them: `[ 'digital signature', 'key encipherment' ]`. */
export function tellBits(bits: number): string {
  const names = Object.keys(flags).filter((name) => name !== 'signing' && bits & (flags[name] ?? 0));
  return tell(names);
}

export function tellPurposes(identifiers: string[]): string {
  const known = Object.entries(purposes);
  return tell(identifiers.map((id) => known.find(([, purpose]) => purpose === id)?.[0] ?? 'unknown'));
}

const tell = (names: string[]): string => `[${names.map((name) => ` '${name}'`).join(',')}${names.length ? ' ' : ''}]`;
