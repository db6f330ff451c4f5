import { isIPv4, isIPv6 } from 'node:net';
import type { Loose } from '../../../../../kubernetes/object.ts';
import type { Log } from './log.ts';

export interface Property {
  name: string;
  value: string;
}

/** A record set that is wanted, or there. */
export interface Endpoint {
  dnsName: string;
  targets: string[];
  recordType: string;
  setIdentifier: string;
  /** Seconds; 0 where nobody chose. */
  recordTTL: number;
  labels: Record<string, string>;
  providerSpecific: Property[];
}

export const ownerLabel = 'owner';
export const resourceLabel = 'resource';

const heritage = 'external-dns';

/** From JSON, where what is empty is left out. */
export function endpointOf(value: Loose): Endpoint {
  const { dnsName = '', targets, recordType = '', setIdentifier = '', recordTTL = 0, labels, providerSpecific } = value;
  return {
    dnsName,
    targets: [...(targets ?? [])],
    recordType,
    setIdentifier,
    recordTTL,
    labels: { ...labels },
    providerSpecific: (providerSpecific ?? []).map(({ name: key = '', value: text = '' }: Loose) => ({
      name: key,
      value: text,
    })),
  };
}

/** For JSON, without what is empty. */
export function jsonOf(endpoint: Endpoint): Loose {
  return Object.fromEntries(
    Object.entries(endpoint).filter(([, value]) =>
      typeof value === 'object' ? Object.keys(value).length > 0 : Boolean(value),
    ),
  );
}

/** Undefined, and an error logged, where a label is too long. */
export function newEndpoint(
  dnsName: string,
  recordType: string,
  recordTTL: number,
  targets: string[],
  log: Log,
): Endpoint | undefined {
  const long = dnsName.split('.').find((label) => Buffer.byteLength(label) > 63);
  if (long !== undefined) {
    log.error(`label ${long} in ${dnsName} is longer than 63 characters. Cannot create endpoint`);
    return undefined;
  }
  const asIs = recordType === 'TXT' || recordType === 'NAPTR';
  return {
    dnsName: dnsName.replace(/\.$/, ''),
    targets: asIs ? targets : targets.map((target) => target.replace(/\.$/, '')),
    recordType,
    setIdentifier: '',
    recordTTL,
    labels: {},
    providerSpecific: [],
  };
}

/** What Go prints of one: `web.example.org 0 IN A  1.2.3.4 []`. */
export function endpointText({
  dnsName,
  recordTTL,
  recordType,
  setIdentifier,
  targets,
  providerSpecific,
}: Endpoint): string {
  const properties = providerSpecific.map(({ name, value }) => `{${name} ${value}}`).join(' ');
  return `${dnsName} ${recordTTL} IN ${recordType} ${setIdentifier} ${targets.join(';')} [${properties}]`;
}

/** A for IPv4 addresses, AAAA for IPv6, CNAME for anything else. */
export function suitableType(target: string): 'A' | 'AAAA' | 'CNAME' {
  return isIPv4(target) ? 'A' : isIPv6(target) ? 'AAAA' : 'CNAME';
}

export interface Wanted {
  targets: string[];
  ttl: number;
  providerSpecific: Property[];
  setIdentifier: string;
  resource: string;
}

/** One endpoint a type of target. */
export function endpointsForHostname(hostname: string, wanted: Wanted, log: Log): Endpoint[] {
  return (['A', 'AAAA', 'CNAME'] as const).flatMap((type) => {
    const targets = wanted.targets.filter((target) => suitableType(target) === type);
    const endpoint = targets.length > 0 ? newEndpoint(hostname, type, wanted.ttl, targets, log) : undefined;
    if (!endpoint) return [];
    const { providerSpecific, setIdentifier, resource } = wanted;
    return [{ ...endpoint, providerSpecific, setIdentifier, labels: { [resourceLabel]: resource } }];
  });
}

/** What an ownership record says: `"heritage=external-dns,external-dns/owner=me"`, keys sorted. */
export function labelsText(labels: Record<string, string>): string {
  const told = Object.keys(labels)
    .sort()
    .map((key) => `${heritage}/${key}=${labels[key]}`);
  return `"${[`heritage=${heritage}`, ...told].join(',')}"`;
}

/** Undefined where it is none of external-dns. */
export function labelsFrom(text: string): Record<string, string> | undefined {
  const labels: Record<string, string> = {};
  let ours = false;
  for (const token of text.replace(/^"+|"+$/g, '').split(',')) {
    const [key = '', value = '', ...more] = token.split('=');
    if (more.length > 0 || !token.includes('=')) continue;
    if (key === 'heritage' && value !== heritage) return undefined;
    if (key === 'heritage') ours = true;
    else if (key.startsWith(heritage)) labels[key.replace(`${heritage}/`, '')] = value;
  }
  return ours ? labels : undefined;
}

const isAddress = (text: string): boolean => isIPv4(text) || isIPv6(text);

/** Addresses by value, small before large; before names. */
function compareTargets(a: string, b: string): number {
  if (isAddress(a) !== isAddress(b)) return isAddress(a) ? -1 : 1;
  if (isIPv4(a) && isIPv4(b)) return numberOf(a) - numberOf(b);
  return a < b ? -1 : a > b ? 1 : 0;
}

const numberOf = (address: string): number => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);

export function sameTargets(a: string[], b: string[]): boolean {
  if (a.length !== b.length) return false;
  const plain = (targets: string[]) => targets.map((target) => canonical(target)).sort();
  const others = plain(b);
  return plain(a).every((target, at) => target === others[at]);
}

/** IPv6 addresses have many forms. */
const canonical = (target: string): string =>
  isIPv6(target) ? new URL(`http://[${target}]`).hostname : target.toLowerCase();

/** Which of two that want one name is preferred: fewer targets, then the smaller. */
export function lessTargets(a: string[], b: string[]): boolean {
  if (a.length !== b.length) return a.length < b.length;
  const [left, right] = [[...a].sort(), [...b].sort()];
  const at = left.findIndex((target, index) => target !== right[index]);
  return at >= 0 && compareTargets(left[at]!, right[at]!) < 0;
}

/** Without duplicates, sorted. */
export const distinctTargets = (targets: string[]): string[] => [...new Set(targets)].sort();
