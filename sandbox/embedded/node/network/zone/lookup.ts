import type { DnsRecord, DnsReply, RecordType } from '../dns-records.ts';
import { isWithin, plainName, recordsOf, type ZoneRecord } from './records.ts';

/** Names of a zone and what they hold; empty non-terminals are there, with nothing. */
export type ZoneIndex = ReadonlyMap<string, ReadonlyMap<RecordType, ZoneRecord[]>>;

export interface ZoneHead {
  domain: string;
  /** Of the name server. */
  host: string;
  /** Grows with each change. */
  serial: number;
}

/** Seconds for which "no such name" holds. */
const negative = 30;
const longestChain = 8;

export function indexRecords(records: Iterable<ZoneRecord>, domain: string): ZoneIndex {
  const index = new Map<string, Map<RecordType, ZoneRecord[]>>([[domain, new Map()]]);
  const at = (name: string): Map<RecordType, ZoneRecord[]> => {
    let sets = index.get(name);
    if (!sets) {
      sets = new Map();
      index.set(name, sets);
    }
    return sets;
  };
  for (const record of records) {
    if (!isWithin(record.name, domain)) continue;
    const sets = at(record.name);
    sets.set(record.type, [...(sets.get(record.type) ?? []), record]);
    for (let name = parentOf(record.name); name !== domain && isWithin(name, domain); name = parentOf(name)) at(name);
  }
  return index;
}

const parentOf = (name: string): string => name.slice(name.indexOf('.') + 1);

/**
 * What an authoritative server answers: wildcards by the closest encloser, empty non-terminals, aliases followed within the zone.
 * https://datatracker.ietf.org/doc/html/rfc1034#section-4.3.2, https://datatracker.ietf.org/doc/html/rfc4592
 */
export function lookupIn(index: ZoneIndex, head: ZoneHead, asked: string, type: string): DnsReply {
  const { domain, host, serial } = head;
  const soa: DnsRecord = {
    name: domain,
    type: 'SOA',
    ttl: negative,
    data: `${host}. hostmaster.${domain}. ${serial} 7200 1800 86400 ${negative}`,
  };
  const servers: DnsRecord[] = [{ name: domain, type: 'NS', ttl: 86_400, data: `${host}.` }];
  const answers: DnsRecord[] = [];
  const reply = (more: Partial<DnsReply>): DnsReply => ({
    status: 'NOERROR',
    authoritative: true,
    answers,
    authority: [],
    additional: [],
    ...more,
  });

  const add = (sets: ZoneRecord[], name: string) =>
    answers.push(...sets.flatMap((set) => recordsOf(set, name)).filter(distinct));

  /** Where mail and services are, told unasked. https://datatracker.ietf.org/doc/html/rfc1035#section-3.3.9 */
  function addressesOf({ type: kind, data }: DnsRecord): DnsRecord[] {
    if (kind !== 'MX' && kind !== 'SRV') return [];
    const target = plainName(data.split(' ').at(-1)!);
    const sets = index.get(target);
    return (['A', 'AAAA'] as const).flatMap((kin) => (sets?.get(kin) ?? []).flatMap((set) => recordsOf(set, target)));
  }

  /** The zone gave these names away: https://datatracker.ietf.org/doc/html/rfc1034#section-4.2.1 */
  function delegation(name: string): string | undefined {
    let cut: string | undefined;
    for (let at = name; at !== domain; at = parentOf(at)) if (index.get(at)?.has('NS')) cut = at;
    return cut;
  }

  let name = plainName(asked);
  if (!isWithin(name, domain)) return reply({ status: 'REFUSED', authoritative: false });
  const seen = new Set<string>();
  for (let links = 0; ; links += 1) {
    if (seen.has(name) || links > longestChain) return reply({ status: 'SERVFAIL' });
    seen.add(name);
    const cut = delegation(name);
    if (cut !== undefined) {
      const authority = index
        .get(cut)!
        .get('NS')!
        .flatMap((set) => recordsOf(set, cut));
      return reply({ authoritative: answers.length > 0, authority });
    }
    if (name === domain && (type === 'SOA' || type === 'NS' || type === 'ANY')) {
      if (type !== 'NS') answers.push(soa);
      if (type !== 'SOA') answers.push(...servers);
    }
    const sets = index.get(name) ?? index.get(`*.${closestEncloser(index, name)}`);
    if (!sets) return reply({ status: 'NXDOMAIN', authority: [soa] });
    if (type === 'ANY') {
      for (const set of sets.values()) add(set, name);
    } else {
      const alias = type === 'CNAME' ? undefined : sets.get('CNAME')?.[0];
      if (alias) {
        add([alias], name);
        const target = plainName(alias.targets[0]!);
        if (!isWithin(target, domain)) return reply({});
        name = target;
        continue;
      }
      add(sets.get(type as RecordType) ?? [], name);
    }
    const found = answers.at(-1)?.name === name;
    return reply({
      additional: answers.flatMap(addressesOf),
      authority: !found ? [soa] : type === 'NS' && name === domain ? [] : servers,
    });
  }
}

/** The longest name above that exists: the one whose `*.` counts. https://datatracker.ietf.org/doc/html/rfc4592#section-3.3.1 */
function closestEncloser(index: ZoneIndex, name: string): string {
  let encloser = parentOf(name);
  while (!index.has(encloser)) encloser = parentOf(encloser);
  return encloser;
}

const distinct = (record: DnsRecord, at: number, all: DnsRecord[]): boolean =>
  all.findIndex((other) => other.data === record.data) === at;
