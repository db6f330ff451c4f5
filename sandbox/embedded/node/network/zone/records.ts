import { isIPv4, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';
import type { DnsRecord, RecordType } from '../dns-records.ts';

/** All records of one name and type, as external-dns' providers keep them. */
export interface ZoneRecord {
  /** In small letters, without the last dot; `*.` for a wildcard. */
  name: string;
  type: RecordType;
  /** Seconds; 300 where nobody chose. */
  ttl?: number;
  targets: string[];
  /** Tells several sets of one name and type apart. */
  setIdentifier?: string;
  /** Whose it is, as whoever made it said: beside an apex, and for texts, there is no other place to tell it. */
  labels?: Record<string, string>;
  providerSpecific?: { name?: string; value?: string }[];
}

/** What cannot be a record, in a sentence. */
export class ZoneError extends Error {}

/** Seconds. */
const defaultTtl = 300;

const kept: ReadonlySet<string> = new Set(['A', 'AAAA', 'CNAME', 'MX', 'NS', 'PTR', 'SRV', 'TXT']);
const hostName = /^(?=.{1,253}\.?$)(?:[\w-]{1,63}\.)*[\w-]{1,63}\.?$/;

/** One name, however it is written; letters beyond ASCII as the DNS has them. https://datatracker.ietf.org/doc/html/rfc5890 */
export function plainName(name: string): string {
  const bare = name.replace(/\.$/, '');
  return /^[\x20-\x7e]*$/.test(bare) ? bare.toLowerCase() : domainToASCII(bare) || bare;
}

export const isWithin = (name: string, domain: string): boolean => name === domain || name.endsWith(`.${domain}`);

/**
 * What external-dns writes of the zone's own name, `a-learner.localhost`, lies beside the zone:
 * it is kept, for external-dns to know what it owns, and never served.
 */
export const isBeside = (name: string, type: string, domain: string): boolean =>
  type === 'TXT' && name.endsWith(`-${domain}`) && !isWithin(name, domain);

/** A record as the zone keeps it. Throws {@link ZoneError} for what no name server would serve. */
export function checkedRecord(record: ZoneRecord, domain: string): ZoneRecord {
  const name = plainName(record.name);
  const refuse = (why: string): never => {
    throw new ZoneError(`${record.type} record ${record.name || '""'}: ${why}`);
  };
  if (!isWithin(name, domain) && !isBeside(name, record.type, domain)) refuse(`is not in the zone ${domain}`);
  if (!/^[\x21-\x7e]{1,253}$/.test(name) || name.split('.').some((label) => label === '' || label.length > 63))
    refuse('is no DNS name');
  if (!kept.has(record.type)) refuse('this zone keeps no records of this type');
  if (name === domain && record.type === 'CNAME') refuse('the name of the zone itself cannot be an alias');
  if (name === domain && record.type === 'NS') refuse('name servers of the zone itself are not changed');
  if (record.targets.length === 0) refuse('has no target');
  if (record.type === 'CNAME' && record.targets.length > 1) refuse('an alias has one target');
  for (const target of record.targets) {
    const fault = faultOf(record.type, target);
    if (fault) refuse(`${JSON.stringify(target)} is ${fault}`);
  }
  const ttl = record.ttl ?? 0;
  if (!Number.isInteger(ttl) || ttl < 0 || ttl > 0x7fffffff) refuse(`${ttl} is no TTL`);
  const { ttl: _, ...rest } = record;
  return { ...rest, name, ...(ttl > 0 && { ttl }) };
}

/** What keeps a target from being one of this type. */
function faultOf(type: RecordType, target: string): string | undefined {
  if (type === 'A') return isIPv4(target) ? undefined : 'no IPv4 address';
  if (type === 'AAAA') return isIPv6(target) ? undefined : 'no IPv6 address';
  if (type === 'MX') return /^\d+ \S+$/.test(target) ? undefined : 'not of the form PREFERENCE HOST';
  if (type === 'SRV') return /^\d+ \d+ \d+ \S+$/.test(target) ? undefined : 'not of the form PRIORITY WEIGHT PORT HOST';
  if (type === 'TXT') return Buffer.byteLength(target) > 4096 ? 'longer than 4096 bytes' : undefined;
  return hostName.test(target) ? undefined : 'no host name';
}

const dotted = (name: string): string => `${name.replace(/\.$/, '')}.`;

/** The records of a set, told of a name. */
export function recordsOf(set: ZoneRecord, name: string): DnsRecord[] {
  return set.targets.map((target) => ({ name, type: set.type, ttl: set.ttl ?? defaultTtl, data: dataOf(set, target) }));
}

function dataOf({ type }: ZoneRecord, target: string): string {
  if (type === 'A' || type === 'AAAA') return target;
  return type === 'TXT' ? textStrings(target).map(quoted).join(' ') : dotted(target);
}

/** The character-strings of a TXT record: as quoted, else the text itself, in pieces of 255 bytes. https://datatracker.ietf.org/doc/html/rfc1035#section-5.1 */
export function textStrings(text: string): string[] {
  const strings = /^\s*(?:"(?:[^"\\]|\\.)*"\s*)+$/s.test(text)
    ? [...text.matchAll(/"((?:[^"\\]|\\.)*)"/gs)].map(([, inner = '']) => inner.replace(/\\(\d{3}|.)/gs, unescaped))
    : [text];
  return strings.flatMap(pieces);
}

const unescaped = (_: string, escaped: string): string =>
  /^\d{3}$/.test(escaped) ? String.fromCharCode(Number(escaped)) : escaped;

function pieces(text: string): string[] {
  const found: string[] = [];
  let piece = '';
  for (const character of text) {
    if (Buffer.byteLength(piece + character) > 255) {
      found.push(piece);
      piece = '';
    }
    piece += character;
  }
  return [...found, piece];
}

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;
