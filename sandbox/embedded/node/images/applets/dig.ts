import { isIPv4 } from 'node:net';
import type { DnsRecord, DnsReply } from '../../network/dns-records.ts';
import { messageSize } from '../../network/zone/dns-server.ts';
import { applet } from './options.ts';
import {
  askInTurn,
  type ResolverConfiguration,
  resolverConfiguration,
  reverseName,
  serverAddress,
} from './resolver.ts';

const VERSION = '9.18.33';
const TYPES = /^(?:A|AAAA|ANY|CAA|CNAME|DNSKEY|DS|HTTPS|MX|NS|PTR|SOA|SRV|SVCB|TXT|TYPE\d+)$/i;
/** Options of a letter that take a word. */
const WITH_VALUE = ['-b', '-c', '-f', '-k', '-p', '-y'];
const SWITCHES =
  /^(?:no)?(?:aa(?:flag|only)?|ad(?:flag|ditional)?|all|answer|authority|bad(?:cookie|vers)|cd(?:flag)?|cl(?:ass)?|cmd|comments|cookie|crypto|defname|dnssec|do|dns64prefix|edns|expire|fail|header-only|https?(?:-\w+)?|identify|idn(?:in|out)?|ignore|keepalive|keepopen|multiline|nsid|nssearch|onesoa|qr|question|ra(?:flag)?|rd(?:flag)?|rec(?:urse)?|rrcomments|search|short|showsearch|stats|tcp|tls(?:-\w+)?|trace|ttlid|ttlunits|unknownformat|vc|yaml|zflag|zoneversion)$/;
const SETTINGS =
  /^(?:bufsize|dscp|edns|ndots|padding|qid|retry|split|subnet|time|timeout|tries|domain|opcode|udptimeout)=/;
/** dig's own words for exit code 9. */
const SILENT = (server: string) => `;; communications error to ${server}#53: timed out\n`;
const USAGE =
  'Usage:  dig [@global-server] [domain] [q-type] [q-class] {q-opt}\n            {global-d-opt} host [@local-server] {local-d-opt}\n            [ host [@local-server] {local-d-opt} [...]]\n\nUse "dig -h" (or "dig -h | more") for complete list of options\n';

interface Question {
  name: string;
  type: string;
}

interface Words {
  questions: Question[];
  /** Without their `+`. */
  switches: Set<string>;
  server?: string;
  warnings: string[];
}

class Wrong extends Error {}

/**
 * dig(1): several questions after one another, `+short`, `+noall +answer`, `-t`, `-x`, `@SERVER`. Without `+search` a
 * name is asked as it stands.
 */
export const dig = applet(async ({ process, args, print }) => {
  const { clock, network } = process.container;
  let words: Words;
  try {
    words = readWords(args);
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    await process.stderr.write(`${error.message}\n${USAGE}`);
    return 1;
  }
  if (args[0] === '-v') {
    await process.stderr.write(`DiG ${VERSION}\n`);
    return 0;
  }
  for (const warning of words.warnings) await process.stderr.write(`${warning}\n`);
  const { switches, questions } = words;
  if (switches.has('trace')) {
    await process.stderr.write(
      'dig: +trace starts at the root of the internet, which is not part of this simulated network\n',
    );
    return 1;
  }
  const configuration = resolverConfiguration(process.fs);
  const server = words.server === undefined ? configuration.server : await serverAddress(network, words.server);
  if (server === undefined) {
    await process.stderr.write(`dig: couldn't get address for '${words.server}': not found\n`);
    return 10;
  }
  const found = words.server === undefined ? '' : '; (1 server found)\n';
  const banner = `\n; <<>> DiG ${VERSION} <<>> ${args.join(' ')}\n${found};; global options: +cmd\n`;
  const shows = shown(switches);
  for (const [index, question] of questions.entries()) {
    const begun = clock.monotonic();
    const search: Pick<ResolverConfiguration, 'search' | 'dots'> = switches.has('search')
      ? configuration
      : { search: [], dots: 0 };
    let name: string;
    let reply: DnsReply;
    try {
      ({ name, reply } = await askInTurn(network, { ...question, server }, search));
    } catch {
      await print(SILENT(server).repeat(3));
      await print(`${banner};; no servers could be reached\n`);
      return 9;
    }
    if (switches.has('short')) {
      for (const { data } of reply.answers) await print(`${data}\n`);
      continue;
    }
    let text = shows('cmd') && index === 0 ? banner : '';
    const titled = shows('comments');
    if (titled) text += `;; Got answer:\n${header(reply, 10_000 + ((process.pid + index) % 50_000))}`;
    if (shows('question'))
      text += `${titled ? ';; QUESTION SECTION:\n' : ''}${questionRow(absolute(name), question.type)}\n${titled ? '\n' : ''}`;
    if (shows('answer')) text += section('ANSWER', reply.answers, titled);
    if (shows('authority')) text += section('AUTHORITY', reply.authority, titled);
    if (shows('additional')) text += section('ADDITIONAL', reply.additional, titled);
    if (shows('stats')) {
      const way = switches.has('tcp') || switches.has('vc') || question.type === 'ANY' ? 'TCP' : 'UDP';
      text += `;; Query time: ${Math.round(clock.monotonic() - begun)} msec\n;; SERVER: ${server}#53(${words.server ?? server}) (${way})\n`;
      text += `;; WHEN: ${when(clock.now())}\n;; MSG SIZE  rcvd: ${messageSize(name, question.type, reply)}\n\n`;
    }
    await print(text);
  }
  return 0;
});

/** `dig a b TXT c`: each name, with the type that comes beside it. */
function readWords(args: string[]): Words {
  const words: Words = { questions: [], switches: new Set(), warnings: [] };
  const { questions } = words;
  let type: string | undefined;
  const retype = (word: string) => {
    const last = questions.at(-1);
    // A type after a name is that name's; before it, the next one's.
    if (last) last.type = word.toUpperCase();
    else type = word.toUpperCase();
  };
  const ask = (name: string, kind = type ?? 'A') => {
    questions.push({ name, type: kind });
    type = undefined;
  };
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? '';
    const [letter, attached] = [word.slice(0, 2), word.slice(2)];
    const value = (): string => attached || (args[++at] ?? '');
    if (word.startsWith('@')) words.server = word.slice(1);
    else if (word.startsWith('+')) {
      if (!SWITCHES.test(word.slice(1)) && !SETTINGS.test(word.slice(1))) throw new Wrong(`Invalid option: ${word}`);
      words.switches.add(word.slice(1));
    } else if (letter === '-t') {
      const kind = value();
      if (TYPES.test(kind)) retype(kind);
      else words.warnings.push(`;; Warning, ignoring invalid type ${kind}`);
    } else if (letter === '-x') {
      const address = value();
      ask(isIPv4(address) ? reverseName(address) : address, 'PTR');
    } else if (letter === '-q') ask(value());
    else if (WITH_VALUE.includes(letter)) value();
    else if (/^-[46dhimruv]$/.test(word) || /^(?:IN|CH|HS)$/i.test(word)) continue;
    else if (word.startsWith('-')) throw new Wrong(`Invalid option: ${word}`);
    else if (TYPES.test(word)) retype(word);
    else ask(word);
  }
  if (questions.length === 0) ask('.', type ?? 'NS');
  return words;
}

/** What is to be printed: the last word about a section counts. */
function shown(switches: Set<string>): (section: string) => boolean {
  const state = new Map<string, boolean>();
  for (const word of switches) {
    const [, no, name = ''] = /^(no)?(.*)$/.exec(word) ?? [];
    if (name === 'all') state.clear();
    state.set(name, !no);
  }
  return (name) => state.get(name) ?? state.get('all') ?? true;
}

function header({ status, authoritative, answers, authority, additional }: DnsReply, id: number): string {
  // A server that has the zone itself does not ask others on anybody's behalf.
  const flags = authoritative ? 'qr aa rd' : status === 'REFUSED' ? 'qr rd' : 'qr rd ra';
  const warning = flags.endsWith('ra') ? '' : ';; WARNING: recursion requested but not available\n';
  const counts = `QUERY: 1, ANSWER: ${answers.length}, AUTHORITY: ${authority.length}, ADDITIONAL: ${additional.length + 1}`;
  return `;; ->>HEADER<<- opcode: QUERY, status: ${status}, id: ${id}\n;; flags: ${flags}; ${counts}\n${warning}\n;; OPT PSEUDOSECTION:\n; EDNS: version: 0, flags:; udp: 1232\n`;
}

function section(title: string, records: DnsRecord[], titled: boolean): string {
  if (records.length === 0) return '';
  const rows = records.map(
    ({ name, ttl, type, data }) => `${column(absolute(name), 24)}${column(String(ttl), 8)}IN\t${type}\t${data}\n`,
  );
  return titled ? `;; ${title} SECTION:\n${rows.join('')}\n` : rows.join('');
}

/** The semicolon does not count, and there is no TTL, but its column is. */
function questionRow(name: string, type: string): string {
  const toTtl = name.length < 24 ? tabs(24 - name.length) : '';
  return `;${name}${toTtl}${name.length < 32 ? tabs(32 - Math.max(24, name.length)) : ' '}IN\t${type}`;
}

const tabs = (width: number): string => '\t'.repeat(Math.ceil(width / 8));

/** Filled with tabulators up to a place; what is too long is parted by a space. */
function column(text: string, width: number): string {
  return text.length >= width ? `${text} ` : text + tabs(width - text.length);
}

const absolute = (name: string): string => (name.endsWith('.') ? name : `${name}.`);

/** `Sat Nov 21 16:10:15 UTC 2026` */
function when(date: Date): string {
  const [day, number, month, year, time] = date.toUTCString().replace(',', '').split(' ');
  return `${day} ${month} ${number} ${time} UTC ${year}`;
}
