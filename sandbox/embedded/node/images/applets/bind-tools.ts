import { isIPv4 } from 'node:net';
import type { DnsRecord, DnsReply } from '../../network/dns-records.ts';
import { applet, parseOptions, UsageError } from './options.ts';
import { askInTurn, resolverConfiguration, reverseName, serverAddress } from './resolver.ts';

/** nslookup and host as BIND's tools, 9.18, print them; busybox has an nslookup of its own. */

const TYPES = /^(?:A|AAAA|ANY|CAA|CNAME|MX|NS|PTR|SOA|SRV|TXT)$/i;
/** The numbers that host prints beside names of codes. */
const CODES: Record<string, number> = { SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 };

const bare = (name: string): string => name.replace(/\.$/, '');

export const bindNslookup = applet(async ({ process, args, print }) => {
  const { network } = process.container;
  const configuration = resolverConfiguration(process.fs);
  let types = ['A', 'AAAA'];
  const words: string[] = [];
  for (const word of args) {
    const kind = /^-(?:querytype|type|q|query)=(.*)$/.exec(word)?.[1];
    if (kind !== undefined && TYPES.test(kind)) types = [kind.toUpperCase()];
    else if (kind !== undefined) await print(`unknown query type: ${kind}\n`);
    else if (!word.startsWith('-')) words.push(word);
  }
  const [asked, given] = words;
  if (asked === undefined) throw new UsageError('this simulated nslookup has no prompt: give it a name');
  const server = given === undefined ? configuration.server : await serverAddress(network, given);
  if (server === undefined) {
    await print(`nslookup: couldn't get address for '${given}': not found\n`);
    return 1;
  }
  const backwards = isIPv4(asked);
  if (backwards) types = ['PTR'];
  const search = backwards ? { search: [], dots: 0 } : configuration;
  let text = backwards ? '' : `Server:\t\t${given ?? server}\nAddress:\t${server}#53\n\n`;
  let answered = 0;
  for (const type of types) {
    const name = backwards ? reverseName(asked) : asked;
    let found: { name: string; reply: DnsReply };
    try {
      found = await askInTurn(network, { name, type, server }, search);
    } catch {
      await print(`;; communications error to ${server}#53: timed out\n`.repeat(3));
      await print(';; no servers could be reached\n\n');
      return 1;
    }
    const { reply } = found;
    if (reply.status === 'SERVFAIL') text = `;; Got SERVFAIL reply from ${server}\n${text}`;
    if (reply.status !== 'NOERROR') {
      await print(`${text}** server can't find ${found.name}: ${reply.status}\n\n`);
      return 1;
    }
    // Aliases are told once.
    const news = reply.answers.filter((record) => record.type !== 'CNAME' || answered === 0 || type === 'CNAME');
    if (news.length > 0 && answered === 0 && !reply.authoritative) text += 'Non-authoritative answer:\n';
    text += news.map(nslookupLine).join('');
    answered += news.length;
  }
  await print(answered > 0 ? `${text}\n` : `${text}*** Can't find ${asked}: No answer\n\n`);
  return 0;
});

function nslookupLine({ name, type, data }: DnsRecord): string {
  if (type === 'A' || type === 'AAAA') return `Name:\t${name}\nAddress: ${data}\n`;
  if (type === 'CNAME') return `${name}\tcanonical name = ${data}\n`;
  if (type === 'PTR') return `${name}\tname = ${data}\n`;
  if (type === 'SRV') return `${name}\tservice = ${data}\n`;
  if (type === 'NS') return `${name}\tnameserver = ${data}\n`;
  if (type === 'MX') return `${name}\tmail exchanger = ${data}\n`;
  if (type === 'TXT') return `${name}\ttext = ${data}\n`;
  const [origin = '', mail = '', ...numbers] = data.split(' ');
  const told = ['serial', 'refresh', 'retry', 'expire', 'minimum'].map((word, at) => `\t${word} = ${numbers[at]}\n`);
  return `${name}\n\torigin = ${bare(origin)}\n\tmail addr = ${bare(mail)}\n${told.join('')}`;
}

export const host = applet(async ({ process, args, print }) => {
  const { network } = process.container;
  const { values, rest } = parseOptions(args, 'aCdilrTUvVw46c:m:N:p:R:t:W:');
  const [asked, given] = rest;
  if (asked === undefined) {
    await process.stderr.write(
      'Usage: host [-aCdilrTvVw] [-c class] [-N ndots] [-t type] [-W time]\n            [-R number] [-m flag] [-p port] hostname [server]\n',
    );
    return 1;
  }
  const kind = values.get('t');
  if (kind !== undefined && !TYPES.test(kind)) {
    await process.stderr.write(`host: invalid type: ${kind}\n`);
    return 2;
  }
  const configuration = resolverConfiguration(process.fs);
  const server = given === undefined ? configuration.server : await serverAddress(network, given);
  if (server === undefined) {
    await process.stderr.write(`host: couldn't get address for '${given}': not found\n`);
    return 1;
  }
  const backwards = isIPv4(asked) && kind === undefined;
  const types = kind ? [kind.toUpperCase()] : backwards ? ['PTR'] : ['A', 'AAAA', 'MX'];
  let text = given === undefined ? '' : `Using domain server:\nName: ${given}\nAddress: ${server}#53\nAliases: \n\n`;
  let answered = 0;
  for (const type of types) {
    const question = { name: backwards ? reverseName(asked) : asked, type, server };
    const found = await askInTurn(network, question, backwards ? { search: [], dots: 0 } : configuration).catch(
      () => undefined,
    );
    if (!found) {
      await print(`;; communications error to ${server}#53: timed out\n`.repeat(2));
      await print(';; no servers could be reached\n');
      return 1;
    }
    const { name, reply } = found;
    if (reply.status !== 'NOERROR') {
      await print(`${text}Host ${question.name} not found: ${CODES[reply.status]}(${reply.status})\n`);
      return 1;
    }
    const news = reply.answers.filter((record) => record.type !== 'CNAME' || answered === 0 || type === 'CNAME');
    text += news.map(hostLine).join('');
    answered += news.length;
    if (kind && news.length === 0) text += `${name} has no ${type} record\n`;
  }
  await print(text);
  return 0;
});

function hostLine({ name, type, data }: DnsRecord): string {
  const told: Partial<Record<DnsRecord['type'], string>> = {
    A: `has address ${data}`,
    AAAA: `has IPv6 address ${data}`,
    CNAME: `is an alias for ${data}`,
    MX: `mail is handled by ${data}`,
    NS: `name server ${data}`,
    PTR: `domain name pointer ${data}`,
    TXT: `descriptive text ${data}`,
  };
  return `${name} ${told[type] ?? `has ${type} record ${data}`}\n`;
}
