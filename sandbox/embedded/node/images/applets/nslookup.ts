import { isIPv4 } from 'node:net';
import type { DnsRecord, DnsReply, RecordType } from '../../network/dns-records.ts';
import { type AppletCall, applet, UsageError } from './options.ts';
import { resolverConfiguration, reverseName, serverAddress } from './resolver.ts';

/** busybox's nslookup, word for word: a name without dots goes through the search list, any other is asked as it is. */

const TYPES: Record<string, RecordType | undefined> = {
  soa: 'SOA',
  ns: 'NS',
  a: 'A',
  aaaa: 'AAAA',
  cname: 'CNAME',
  mx: 'MX',
  txt: 'TXT',
  ptr: 'PTR',
  srv: 'SRV',
  any: 'A',
};
/** Milliseconds until an answer that does not come is given up. */
const PATIENCE = 5000;

export const nslookup = applet(async (call) => {
  const kinds: RecordType[] = [];
  const words: string[] = [];
  for (const word of call.args) {
    const kind = /^-(?:querytype|type|q)=(.*)$/.exec(word)?.[1];
    if (kind === undefined) {
      if (!word.startsWith('-')) words.push(word);
      continue;
    }
    const known = TYPES[kind.toLowerCase()];
    if (!known) throw new UsageError(`invalid query type "${kind}"`);
    kinds.push(known);
  }
  const [name, given] = words;
  if (name === undefined) {
    await call.process.stderr.write(
      'BusyBox v1.36.1 multi-call binary.\n\nUsage: nslookup [-type=QUERY_TYPE] [-debug] HOST [DNS_SERVER]\n\nQuery DNS about HOST\n\nQUERY_TYPE: soa,ns,a,aaaa,cname,mx,txt,ptr,srv,any\n',
    );
    return 1;
  }
  const own = resolverConfiguration(call.process.fs);
  const server = given === undefined ? own.server : await serverAddress(call.process.container.network, given);
  if (server === undefined) throw new UsageError(`bad address '${given}'`);
  const questions = questionsOf(name, kinds, own.search);
  const replies = await answersOf(call, questions, server);
  if (!replies) {
    await call.print(';; connection timed out; no servers could be reached\n\n');
    return 1;
  }
  await call.print(`Server:\t\t${server}\nAddress:\t${server}:53\n\n`);
  let failed = false;
  for (const [index, reply] of replies.entries()) {
    if (reply.status === 'NOERROR') {
      if (!reply.authoritative) await call.print('Non-authoritative answer:\n');
      for (const answer of reply.answers) await call.print(lineOf(answer));
      await call.print('\n');
    } else {
      failed = true;
      await call.print(`** server can't find ${questions[index]?.name}: ${reply.status}\n\n`);
    }
  }
  return failed ? 1 : 0;
});

function questionsOf(name: string, kinds: RecordType[], search: string[]): { name: string; type: RecordType }[] {
  if (isIPv4(name) && kinds.length === 0) return [{ name: reverseName(name), type: 'PTR' }];
  return (kinds.length > 0 ? kinds : (['A', 'AAAA'] as const)).flatMap((type) => {
    const listed = type !== 'PTR' && !name.includes('.') && search.length > 0;
    return listed ? search.map((suffix) => ({ name: `${name}.${suffix}`, type })) : [{ name, type }];
  });
}

/** Undefined when nobody answers. */
async function answersOf(
  call: AppletCall,
  questions: { name: string; type: RecordType }[],
  server: string,
): Promise<DnsReply[] | undefined> {
  const { network } = call.process.container;
  const asked = Promise.all(questions.map(({ name, type }) => network.query(name, type, server)));
  const silence = Symbol('silence');
  const first = await Promise.race([
    asked.catch((error) => {
      if (error.code !== 'ETIMEDOUT') throw error;
      return silence;
    }),
    call.process.sleep(PATIENCE).then(() => silence),
  ]);
  return typeof first === 'symbol' ? undefined : first;
}

function lineOf({ name, type, data }: DnsRecord): string {
  const bare = data.replace(/\.$/, '');
  if (type === 'A' || type === 'AAAA') return `Name:\t${name}\nAddress: ${data}\n`;
  if (type === 'CNAME') return `${name}\tcanonical name = ${bare}\n`;
  if (type === 'PTR') return `${name}\tname = ${bare}\n`;
  if (type === 'SRV') return `${name}\tservice = ${bare}\n`;
  if (type === 'MX') return `${name}\tmail exchanger = ${bare}\n`;
  if (type === 'NS') return `${name}\tnameserver = ${bare}\n`;
  if (type === 'TXT') return `${name}\ttext = ${data}\n`;
  const [origin, mail, serial, refresh, retry, expire, minimum] = data.split(' ');
  return `${name}\n\torigin = ${origin?.replace(/\.$/, '')}\n\tmail addr = ${mail?.replace(/\.$/, '')}\n\tserial = ${serial}\n\trefresh = ${refresh}\n\tretry = ${retry}\n\texpire = ${expire}\n\tminimum = ${minimum}\n`;
}
