import { isIPv4 } from 'node:net';
import type { DnsReply } from '../../network/dns-records.ts';
import type { FileSystem } from '../file-system.ts';
import type { ContainerNetwork } from '../image.ts';

/** https://man7.org/linux/man-pages/man5/resolv.conf.5.html */
export interface ResolverConfiguration {
  server: string;
  search: string[];
  /** A name with fewer dots goes through the search list first. */
  dots: number;
}

/** What /etc/resolv.conf says; without the file, one's own machine is asked. */
export function resolverConfiguration(fs: Pick<FileSystem, 'read'>): ResolverConfiguration {
  let text = '';
  try {
    text = Buffer.from(fs.read('/etc/resolv.conf')).toString();
  } catch {
    // As the C library has it.
  }
  return {
    server: /^nameserver\s+(\S+)/m.exec(text)?.[1] ?? '127.0.0.1',
    search: /^search[ \t]+(.*)$/m.exec(text)?.[1]?.trim().split(/\s+/) ?? [],
    dots: Number(/^options\b.*\bndots:(\d+)/m.exec(text)?.[1] ?? 1),
  };
}

/** The address of a name server that was named; undefined where it has none. */
export async function serverAddress(network: ContainerNetwork, server: string): Promise<string | undefined> {
  if (isIPv4(server) || server.includes(':')) return server;
  return network.resolve(server).then(
    ({ addresses }) => addresses[0],
    () => undefined,
  );
}

/** Asks for a name as it stands, or through the search list: the first that is answered, else the last that was tried. Rejects when the server is silent. */
export async function askInTurn(
  network: ContainerNetwork,
  question: { name: string; type: string; server: string },
  { search, dots }: Pick<ResolverConfiguration, 'search' | 'dots'>,
): Promise<{ name: string; reply: DnsReply }> {
  const bare = question.name.replace(/\.$/, '');
  const listed = question.name.endsWith('.') ? [] : search.map((suffix) => `${bare}.${suffix}`);
  const candidates = bare.split('.').length - 1 >= dots ? [bare, ...listed] : [...listed, bare];
  for (let at = 0; ; at += 1) {
    const name = candidates[at]!;
    const reply = await network.query(name, question.type, question.server);
    if (reply.status === 'NOERROR' || at === candidates.length - 1) return { name, reply };
  }
}

/** `4.3.2.1.in-addr.arpa` of 1.2.3.4. */
export const reverseName = (address: string): string => `${address.split('.').reverse().join('.')}.in-addr.arpa`;
