import { Resolver } from 'node:dns/promises';
import type { DnsQuestion } from '../lessons/schema.ts';

/** What name servers say: the variable `response` of CEL in `dns` checks. */
export interface DnsReply {
  name: string;
  type: string;
  /** NOERROR, NXDOMAIN, SERVFAIL, REFUSED …: RFC 1035. A name that has no record of this type is NOERROR without answers. */
  code: string;
  /** As `dig +short` prints them; texts without their quotes. */
  answers: string[];
}

/** Milliseconds for one question, and how often it is asked. */
const TIME_OUT = 1_500;
const TRIES = 2;

/** What c-ares calls the codes of RFC 1035. */
const CODES: Readonly<Record<string, string>> = {
  ENOTFOUND: 'NXDOMAIN',
  ENODATA: 'NOERROR',
  ESERVFAIL: 'SERVFAIL',
  EREFUSED: 'REFUSED',
  ENOTIMP: 'NOTIMP',
  EFORMERR: 'FORMERR',
};

/**
 * Asks one name server. Throws an Error where it does not answer.
 * @param server `127.0.0.1:5300`; without it, the servers of the system
 */
export async function resolveAt(
  { name, type }: DnsQuestion,
  server: string | readonly string[] | undefined,
  signal: AbortSignal,
): Promise<DnsReply> {
  const resolver = new Resolver({ timeout: TIME_OUT, tries: TRIES });
  if (server?.length) resolver.setServers([server].flat());
  const cancel = () => resolver.cancel();
  signal.addEventListener('abort', cancel);
  try {
    const records: unknown = await resolver.resolve(name, type);
    return { name, type, code: 'NOERROR', answers: [records].flat().map(asText) };
  } catch (error) {
    const code = CODES[(error as NodeJS.ErrnoException).code ?? ''];
    if (!code) throw error;
    return { name, type, code, answers: [] };
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

/**
 * Asks the name servers that are responsible for a name, as the world's resolvers will once their memory of an older
 * answer has run out. Where they cannot be found, the system's servers are asked.
 */
export async function resolveAuthoritative(question: DnsQuestion, signal: AbortSignal): Promise<DnsReply> {
  const labels = question.name.split('.');
  for (let from = 0; from < labels.length - 1; from++) {
    const servers = await addressesOf(labels.slice(from).join('.'), signal);
    if (servers.length > 0) return resolveAt(question, servers, signal);
  }
  return resolveAt(question, undefined, signal);
}

async function addressesOf(zone: string, signal: AbortSignal): Promise<string[]> {
  const ask = (name: string, type: DnsQuestion['type']) =>
    resolveAt({ name, type }, undefined, signal).then(
      ({ answers }) => answers,
      () => [],
    );
  const servers = await ask(zone, 'NS');
  return (await Promise.all(servers.slice(0, 3).map((server) => ask(server, 'A')))).flat();
}

/** One record as `dig +short` prints it. */
function asText(record: unknown): string {
  if (typeof record === 'string') return record;
  // A TXT is a list of pieces that belong together; `flat` has left one level of it.
  if (Array.isArray(record)) return record.join('');
  return Object.values(record as Record<string, unknown>).join(' ');
}
