/** https://datatracker.ietf.org/doc/html/rfc1035#section-3.2, as far as the cluster's zone has them. */
export type RecordType = 'A' | 'AAAA' | 'CNAME' | 'NS' | 'PTR' | 'SOA' | 'SRV' | 'TXT';

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
