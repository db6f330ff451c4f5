import { isIPv4 } from 'node:net';
import type { DnsRecord, DnsReply } from '../../network/dns-records.ts';
import { applet } from './options.ts';

const VERSION = '9.18.33';
const TYPES = /^(?:A|AAAA|ANY|CNAME|MX|NS|PTR|SOA|SRV|TXT)$/i;
/** dig's own words for exit code 9. */
const SILENT = (server: string) => `;; communications error to ${server}#53: timed out\n`;

interface Question {
  name: string;
  type: string;
}

/**
 * dig(1): several questions after one another, `+short`, `+noall +answer`, `-t`, `-x`, `@SERVER`. Without `+search` a
 * name is asked as it stands.
 */
export const dig = applet(async ({ process, args, print }) => {
  const { clock, network } = process.container;
  const options = new Set(args.filter((word) => word.startsWith('+')).map((word) => word.slice(1)));
  const server = args.find((word) => word.startsWith('@'))?.slice(1) ?? serverOf(process.fs);
  const shows = (section: string) =>
    options.has(section) || (!options.has('noall') && !options.has('short') && !options.has(`no${section}`));
  for (const [index, question] of questionsOf(args).entries()) {
    const begun = clock.monotonic();
    const name = options.has('search') ? await searched(network, question.name) : question.name;
    let reply: DnsReply;
    try {
      reply = await network.query(name.replace(/\.$/, '') || '.', question.type, server);
    } catch {
      await print(SILENT(server).repeat(3));
      await print(
        `\n; <<>> DiG ${VERSION} <<>> ${args.join(' ')}\n;; global options: +cmd\n;; no servers could be reached\n`,
      );
      return 9;
    }
    if (options.has('short')) {
      for (const { data } of reply.answers) await print(`${data}\n`);
      continue;
    }
    const head = index === 0 ? `\n; <<>> DiG ${VERSION} <<>> ${args.join(' ')}\n;; global options: +cmd\n` : '';
    let text = shows('cmd') ? head : '';
    if (shows('comments')) text += `;; Got answer:\n${header(reply, 10_000 + ((process.pid + index) % 50_000))}\n`;
    if (shows('question')) text += `;; QUESTION SECTION:\n;${row([absolute(name), '', 'IN', question.type])}\n\n`;
    const titled = shows('comments');
    if (shows('answer')) text += section('ANSWER', reply.answers, titled);
    if (shows('authority')) text += section('AUTHORITY', reply.authority, titled);
    if (shows('additional')) text += section('ADDITIONAL', reply.additional, titled);
    if (shows('stats')) {
      const size =
        40 + name.length + [...reply.answers, ...reply.authority].reduce((sum, { data }) => sum + 14 + data.length, 0);
      text += `;; Query time: ${Math.round(clock.monotonic() - begun)} msec\n;; SERVER: ${server}#53(${server}) (UDP)\n`;
      text += `;; WHEN: ${clock.now().toUTCString().replace(',', '')}\n;; MSG SIZE  rcvd: ${size}\n\n`;
    }
    await print(text);
  }
  return 0;
});

/** `dig a b TXT c`: each name, with the type that comes beside it. */
function questionsOf(args: string[]): Question[] {
  const questions: Question[] = [];
  let type: string | undefined;
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? '';
    if (word === '-t') type = retype(questions, args[++at] ?? 'A');
    else if (word === '-x') questions.push({ name: reversed(args[++at] ?? ''), type: 'PTR' });
    else if (/^[+@-]/.test(word) || /^IN$/i.test(word)) continue;
    else if (TYPES.test(word)) type = retype(questions, word);
    else {
      questions.push({ name: word, type: type ?? 'A' });
      type = undefined;
    }
  }
  return questions.length > 0 ? questions : [{ name: '.', type: type ?? 'NS' }];
}

/** A type after a name is that name's; before it, the next one's. */
function retype(questions: Question[], type: string): string | undefined {
  const last = questions.at(-1);
  if (!last) return type.toUpperCase();
  last.type = type.toUpperCase();
  return undefined;
}

function reversed(address: string): string {
  return isIPv4(address) ? `${address.split('.').reverse().join('.')}.in-addr.arpa` : address;
}

async function searched(network: { resolve(name: string): Promise<{ name: string }> }, name: string): Promise<string> {
  return network.resolve(name).then(
    (found) => found.name,
    () => name,
  );
}

function header({ status, authoritative, answers, authority, additional }: DnsReply, id: number): string {
  // A server that has the zone itself does not ask others on anybody's behalf.
  const flags = authoritative ? 'qr aa rd' : 'qr rd ra';
  const warning = authoritative ? ';; WARNING: recursion requested but not available\n' : '';
  const counts = `QUERY: 1, ANSWER: ${answers.length}, AUTHORITY: ${authority.length}, ADDITIONAL: ${additional.length + 1}`;
  return `;; ->>HEADER<<- opcode: QUERY, status: ${status}, id: ${id}\n;; flags: ${flags}; ${counts}\n${warning}\n;; OPT PSEUDOSECTION:\n; EDNS: version: 0, flags:; udp: 1232`;
}

function section(title: string, records: DnsRecord[], titled: boolean): string {
  if (records.length === 0) return '';
  const rows = records.map(({ name, ttl, type, data }) => `${row([absolute(name), String(ttl), 'IN', type, data])}\n`);
  return titled ? `;; ${title} SECTION:\n${rows.join('')}\n` : rows.join('');
}

/** A line as dig aligns it: the name takes at least three stops of the tabulator. */
function row([name = '', ttl = '', ...rest]: string[]): string {
  const stops = Math.max(1, 3 - Math.floor(name.length / 8));
  return `${name}${'\t'.repeat(stops)}${ttl}${ttl ? '\t' : ''}${rest.join('\t')}`;
}

function absolute(name: string): string {
  return name.endsWith('.') ? name : `${name}.`;
}

function serverOf(fs: { read(path: string): Uint8Array }): string {
  try {
    return /^nameserver\s+(\S+)/m.exec(Buffer.from(fs.read('/etc/resolv.conf')).toString())?.[1] ?? '127.0.0.1';
  } catch {
    return '127.0.0.1';
  }
}
