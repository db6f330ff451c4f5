/** https://datatracker.ietf.org/doc/html/rfc1035#section-3.2, as far as the cluster and its learner's zone have them. */
export type RecordType = 'A' | 'AAAA' | 'CNAME' | 'MX' | 'NS' | 'PTR' | 'SOA' | 'SRV' | 'TXT';

export interface DnsRecord {
  /** Without the last dot. */
  name: string;
  type: RecordType;
  /** Seconds. */
  ttl: number;
  /** As zone files write it: names end with a dot. */
  data: string;
}

export interface DnsReply {
  status: 'NOERROR' | 'NXDOMAIN' | 'REFUSED' | 'SERVFAIL';
  /** The server has the zone itself. */
  authoritative: boolean;
  answers: DnsRecord[];
  authority: DnsRecord[];
  additional: DnsRecord[];
}

/** What the cluster's DNS asks about the names of a learner's zone. */
export interface ZoneNames {
  domain: string;
  /** Throws when the zone cannot be asked. */
  lookup(name: string, type: string): DnsReply;
}
