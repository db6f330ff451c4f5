import { isIPv4 } from 'node:net';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { failure } from './connection.ts';
import type { DnsRecord, DnsReply, RecordType, ZoneNames } from './dns-records.ts';
import type { Neighbours } from './neighbours.ts';
import type { EndpointAddress, ServiceTable } from './services.ts';
import { zoneAddress, zoneHost } from './zone/zone.ts';

export interface NameServer {
  /** One question about a full name. */
  query(name: string, type: string): DnsReply;
  /** As a pod asks: through its search list. Throws ENOTFOUND, or EAI_AGAIN where the answer is no answer. */
  resolve(name: string, search: string[], dots: number): { name: string; addresses: string[] };
}

/** Seconds, as the Corefile of a fresh cluster says. */
const ttl = 30;
const longestChain = 8;

/** The cluster's zone. https://github.com/kubernetes/dns/blob/master/docs/specification.md */
export function createNameServer(
  services: ServiceTable,
  zone: string,
  address: string,
  beyond: { neighbours?: Neighbours; learner?: ZoneNames } = {},
): NameServer {
  const { neighbours, learner } = beyond;
  const soa: DnsRecord = {
    name: zone,
    type: 'SOA',
    ttl,
    data: `ns.dns.${zone}. hostmaster.${zone}. 1 7200 1800 86400 ${ttl}`,
  };
  const none: DnsReply = { status: 'NOERROR', authoritative: true, answers: [], authority: [soa], additional: [] };
  const unknown: DnsReply = { ...none, status: 'NXDOMAIN' };
  const found = (answers: DnsRecord[], additional: DnsRecord[] = []): DnsReply =>
    answers.length > 0 ? { ...none, answers, authority: [], additional } : none;
  const record = (name: string, type: RecordType, data: string): DnsRecord => ({ name, type, ttl, data });

  const nameOf = (endpoint: EndpointAddress) => endpoint.hostname ?? endpoint.address.replaceAll('.', '-');
  const answering = (service: KubeObject) =>
    services.endpoints(service.metadata.namespace!, service.metadata.name!).filter((endpoint) => endpoint.ready);
  const isHeadless = ({ spec }: KubeObject) => spec?.clusterIP === 'None';
  const homeOf = ({ metadata }: KubeObject) => `${metadata.name}.${metadata.namespace}.svc.${zone}`;

  const isOf = (name: string, domain: string | undefined) =>
    domain !== undefined && (name === domain || name.endsWith(`.${domain}`));

  function query(asked: string, type: string, depth = 0): DnsReply {
    const name = asked.toLowerCase().replace(/\.$/, '');
    if (name.endsWith('.in-addr.arpa')) return reverse(name, type);
    if (isOf(name, learner?.domain)) return forward(name, type, depth);
    if (!isOf(name, zone)) {
      const address = neighbours?.named(name)?.address ?? (learner && name === zoneHost ? zoneAddress : undefined);
      if (address) return found(type === 'A' ? [record(name, 'A', address)] : []);
      return { ...unknown, authoritative: false, authority: [] };
    }
    const labels = name === zone ? [] : name.slice(0, -zone.length - 1).split('.');
    if (labels.length === 0) return apex(name, type);
    if (name === `dns-version.${zone}`) return found(type === 'TXT' ? [record(name, 'TXT', '"1.1.0"')] : []);
    if (name === `ns.dns.${zone}`) return found(type === 'A' ? [record(name, 'A', address)] : []);
    const kind = labels.at(-1);
    if (kind === 'pod') return ofPod(name, labels, type);
    if (kind !== 'svc') return unknown;
    if (labels.length === 1) return none;
    const namespace = labels.at(-2)!;
    if (labels.length === 2) return services.list(namespace).length > 0 || namespace === 'default' ? none : unknown;
    const service = services.get(namespace, labels.at(-3)!);
    if (!service) return unknown;
    if (labels.length === 3) return ofService(name, service, type, depth);
    if (labels.length === 4) return ofEndpoint(name, service, labels[0]!, type);
    return labels.length === 5 ? ofPort(name, service, labels[0]!, labels[1]!, type) : unknown;
  }

  /** The learner's zone is asked, and aliases that lead out of it are followed here. */
  function forward(name: string, type: string, depth: number): DnsReply {
    let reply: DnsReply;
    try {
      reply = learner!.lookup(name, type);
    } catch {
      return { ...none, status: 'SERVFAIL', authoritative: false, authority: [] };
    }
    const last = reply.answers.at(-1);
    if (reply.status !== 'NOERROR' || last?.type !== 'CNAME' || type === 'CNAME' || type === 'ANY') return reply;
    return { ...reply, answers: [...reply.answers, ...targetOf(last, type, depth).answers] };
  }

  /** What an alias leads to, as far as it is known here. */
  function targetOf(alias: DnsRecord, type: string, depth: number): DnsReply {
    const to = alias.data.replace(/\.$/, '');
    const known = isOf(to, zone) || isOf(to, learner?.domain);
    return known && depth < longestChain ? query(to, type, depth + 1) : none;
  }

  function apex(name: string, type: string): DnsReply {
    if (type === 'SOA') return found([soa]);
    if (type === 'NS') return found([record(name, 'NS', `ns.dns.${zone}.`)], [record(`ns.dns.${zone}`, 'A', address)]);
    return none;
  }

  /** `10-244-0-5.default.pod.cluster.local` says its own address. */
  function ofPod(name: string, labels: string[], type: string): DnsReply {
    if (labels.length < 3) return none;
    const own = labels[0]!.replaceAll('-', '.');
    if (labels.length > 3 || !isIPv4(own)) return unknown;
    return found(type === 'A' ? [record(name, 'A', own)] : []);
  }

  function ofService(name: string, service: KubeObject, type: string, depth: number): DnsReply {
    const { externalName, clusterIP } = service.spec ?? {};
    if (service.spec?.type === 'ExternalName') return ofExternal(name, String(externalName), type, depth);
    const headless = isHeadless(service);
    const members = headless ? answering(service) : [];
    if (headless && members.length === 0) return unknown;
    if (type === 'SRV') return everyPort(name, service);
    if (type !== 'A') return none;
    if (!headless) return found(clusterIP ? [record(name, 'A', clusterIP)] : []);
    return found([...new Set(members.map((member) => member.address))].map((own) => record(name, 'A', own)));
  }

  function ofExternal(name: string, target: string, type: string, depth: number): DnsReply {
    const to = target.replace(/\.$/, '');
    const alias = record(name, 'CNAME', `${to}.`);
    if (isIPv4(to)) return found(type === 'A' ? [record(name, 'A', to)] : []);
    return found(type === 'CNAME' ? [alias] : [alias, ...targetOf(alias, type, depth).answers]);
  }

  function ofEndpoint(name: string, service: KubeObject, label: string, type: string): DnsReply {
    const members = answering(service).filter((endpoint) => nameOf(endpoint) === label);
    if (members.length === 0) return unknown;
    return found(type === 'A' ? members.map((member) => record(name, 'A', member.address)) : []);
  }

  /** `_http._tcp.web.default.svc.cluster.local` */
  function ofPort(name: string, service: KubeObject, port: string, protocol: string, type: string): DnsReply {
    const ports = (service.spec?.ports ?? []).filter(
      (entry: Loose) => `_${entry.name}` === port && `_${(entry.protocol ?? 'TCP').toLowerCase()}` === protocol,
    );
    if (ports.length === 0 || (isHeadless(service) && answering(service).length === 0)) return unknown;
    return type === 'SRV' ? targets(name, service, ports) : none;
  }

  function everyPort(name: string, service: KubeObject): DnsReply {
    return targets(name, service, service.spec?.ports ?? []);
  }

  function targets(name: string, service: KubeObject, ports: Loose[]): DnsReply {
    const home = homeOf(service);
    const answers: DnsRecord[] = [];
    const additional = new Map<string, DnsRecord>();
    const add = (host: string, own: string, port: number, weight: number) => {
      answers.push(record(name, 'SRV', `0 ${weight} ${port} ${host}.`));
      additional.set(host, record(host, 'A', own));
    };
    const members = isHeadless(service) ? answering(service) : [];
    // Weights of one answer come to a hundred.
    const weight = Math.floor(100 / Math.max(1, ports.length * Math.max(1, members.length)));
    for (const port of ports) {
      if (!isHeadless(service)) add(home, service.spec.clusterIP, port.port, weight);
      for (const member of members) {
        const number = member.ports.find((entry) => (entry.name ?? '') === (port.name ?? ''))?.port;
        if (number) add(`${nameOf(member)}.${home}`, member.address, number, weight);
      }
    }
    return found(answers, [...additional.values()]);
  }

  function reverse(name: string, type: string): DnsReply {
    const own = name.slice(0, -'.in-addr.arpa'.length).split('.').reverse().join('.');
    const names: string[] = [];
    for (const service of services.list()) {
      if (service.spec?.clusterIP === own) names.push(homeOf(service));
    }
    if (names.length === 0) {
      for (const service of services.list()) {
        for (const endpoint of answering(service)) {
          if (endpoint.address === own) names.push(`${nameOf(endpoint)}.${homeOf(service)}`);
        }
      }
    }
    if (names.length === 0) return { ...unknown, authoritative: false, authority: [] };
    return type === 'PTR' ? found(names.map((host) => record(name, 'PTR', `${host}.`))) : none;
  }

  function addressesOf(name: string): { name: string; addresses: string[] } | undefined {
    const reply = query(name, 'A');
    if (reply.status === 'SERVFAIL') throw failure('EAI_AGAIN', `getaddrinfo EAI_AGAIN ${name}`);
    const answers = reply.answers.filter((answer) => answer.type === 'A');
    if (answers.length === 0) return undefined;
    return { name: answers[0]!.name, addresses: answers.map((answer) => answer.data) };
  }

  return {
    query,
    resolve(name, search, dots) {
      for (const candidate of candidatesOf(name, search, dots)) {
        const known = addressesOf(candidate);
        if (known) return known;
      }
      throw notFound(name);
    },
  };
}

/** The full names that are tried, in order. https://man7.org/linux/man-pages/man5/resolv.conf.5.html */
function candidatesOf(name: string, search: string[], dots: number): string[] {
  if (name.endsWith('.')) return [name];
  const listed = search.map((suffix) => `${name}.${suffix}`);
  return name.split('.').length - 1 >= dots ? [name, ...listed] : [...listed, name];
}

/** The error of a name nobody knows, as node:dns gives it. */
export function notFound(name: string): NodeJS.ErrnoException {
  return failure('ENOTFOUND', `getaddrinfo ENOTFOUND ${name}`);
}
