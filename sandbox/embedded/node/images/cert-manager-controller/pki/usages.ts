import 'reflect-metadata';
import { KeyUsageFlags } from '@peculiar/x509';
import { keyPurposes, keyUsageBits } from '../../../../../../kubernetes/key-usages.ts';

export const defaultUsages = ['digital signature', 'key encipherment'];

export const isUsage = (name: string): boolean => name in keyUsageBits || name in keyPurposes;

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
  const bits = asked.reduce((all, name) => all | (keyUsageBits[name] ?? 0), isCA ? KeyUsageFlags.keyCertSign : 0);
  return { bits, extended: asked.flatMap((name) => keyPurposes[name] ?? []) };
}

/** As cert-manager prints them: `[ 'digital signature', 'key encipherment' ]`. */
export function tellBits(bits: number): string {
  const names = Object.keys(keyUsageBits).filter((name) => name !== 'signing' && bits & (keyUsageBits[name] ?? 0));
  return tell(names);
}

export function tellPurposes(identifiers: string[]): string {
  const known = Object.entries(keyPurposes);
  return tell(identifiers.map((id) => known.find(([, purpose]) => purpose === id)?.[0] ?? 'unknown'));
}

const tell = (names: string[]): string => `[${names.map((name) => ` '${name}'`).join(',')}${names.length ? ' ' : ''}]`;
