import { createHash } from 'node:crypto';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import type { Clock } from '../../../clock.ts';
import type { DnsReply, RecordType } from '../../network/dns-records.ts';
import { AcmeProblem, unauthorized } from './problem.ts';
import type { Challenge, ValidationRecord } from './state.ts';

/** How the server looks at what it was promised: as anybody on the network of its pod. */
export interface Reach {
  query(name: string, type: RecordType): Promise<DnsReply>;
  connect(host: string, port: number): Promise<Duplex>;
  clock: Clock;
}

/** Milliseconds a server may take to be connected, and to answer. */
const PATIENCE = 10_000;
const REDIRECTS = 10;
const LONGEST = 128 * 1024;
const FOLLOWED = [301, 302, 307, 308];

const connection = (detail: string): AcmeProblem => new AcmeProblem('connection', detail);

/**
 * Looks whether a challenge is met; resolves with what it asked of whom, rejects with an AcmeProblem in Let's Encrypt's
 * words, which then has `records`.
 */
export async function validate(
  reach: Reach,
  challenge: Challenge,
  name: string,
  keyAuthorization: string,
): Promise<ValidationRecord[]> {
  const base = name.replace(/^\*\./, '');
  return challenge.type === 'dns-01'
    ? validateDns(reach, base, keyAuthorization)
    : validateHttp(reach, base, challenge.token, keyAuthorization);
}

/** https://datatracker.ietf.org/doc/html/rfc8555#section-8.4 */
async function validateDns(reach: Reach, base: string, keyAuthorization: string): Promise<ValidationRecord[]> {
  const name = `_acme-challenge.${base}`;
  const wanted = createHash('sha256').update(keyAuthorization).digest('base64url');
  const found = (await ask(reach, name, 'TXT')).map(joined);
  const [first] = found;
  if (first === undefined) throw unauthorized(`No TXT record found at ${name}`);
  if (found.includes(wanted)) return [{ hostname: base }];
  const shown = first.length > 100 ? `${first.slice(0, 100)}...` : first;
  const more = found.length > 1 ? ` (and ${found.length - 1} more)` : '';
  throw unauthorized(`Incorrect TXT record "${shown}"${more} found at ${name}`);
}

/** What a TXT record says: its strings, put together, as zone files quote them. */
function joined(data: string): string {
  const strings = data.match(/"(?:[^"\\]|\\.)*"/g);
  if (!strings) return data;
  return strings.map((text) => text.slice(1, -1).replace(/\\(.)/g, '$1')).join('');
}

/** The records of a name; rejects with `dns`. */
async function ask(reach: Reach, name: string, type: 'A' | 'AAAA' | 'TXT'): Promise<string[]> {
  const problem = (text: string) => new AcmeProblem('dns', `DNS problem: ${text}`);
  const reply = await reach.query(name, type).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'ETIMEDOUT' ? 'query timed out' : 'networking error';
    throw problem(`${why} looking up ${type} for ${name}`);
  });
  if (reply.status === 'NXDOMAIN')
    throw problem(`NXDOMAIN looking up ${type} for ${name} - check that a DNS record exists for this domain`);
  if (reply.status === 'SERVFAIL')
    throw problem(`SERVFAIL looking up ${type} for ${name} - the domain's nameservers may be malfunctioning`);
  if (reply.status !== 'NOERROR') throw problem(`${reply.status} looking up ${type} for ${name}`);
  return reply.answers.filter((record) => record.type === type).map(({ data }) => data);
}

/** Addresses of a host, those of IPv6 first; rejects with `dns` where there is none. */
async function addressesOf(reach: Reach, host: string): Promise<string[]> {
  if (isIP(host)) return [host];
  const asked = await Promise.allSettled([ask(reach, host, 'AAAA'), ask(reach, host, 'A')]);
  const found = asked.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  if (found.length > 0) return found;
  const [aaaa, a] = asked.map((one, index) =>
    one.status === 'rejected'
      ? (one.reason as Error).message
      : `no valid ${index === 0 ? 'AAAA' : 'A'} records found for ${host}`,
  );
  throw new AcmeProblem('dns', `${a}; ${aaaa}`);
}

/** A refusal, with the requests that led to it. */
function withRecords(problem: unknown, records: ValidationRecord[]): unknown {
  return problem instanceof AcmeProblem ? Object.assign(problem, { records }) : problem;
}

/** https://datatracker.ietf.org/doc/html/rfc8555#section-8.3 */
async function validateHttp(
  reach: Reach,
  host: string,
  token: string,
  keyAuthorization: string,
): Promise<ValidationRecord[]> {
  const records: ValidationRecord[] = [];
  let url = new URL(`http://${host}/.well-known/acme-challenge/${token}`);
  try {
    for (let hops = 0; ; hops += 1) {
      const { answer, address, body } = await fetchOnce(reach, url, records);
      const { location } = answer.headers;
      const status = answer.statusCode ?? 0;
      if (status >= 301 && status <= 308 && status !== 304 && location) {
        url = await within(url, address, () => redirected(url, location, status, hops, records));
        continue;
      }
      if (status !== 200) throw unauthorized(`${address}: Invalid response from ${url}: ${status}`);
      if (body.length >= LONGEST)
        throw unauthorized(`${address}: Invalid response from ${url}: ${JSON.stringify(body)}`);
      const payload = body.trimEnd();
      if (payload !== keyAuthorization) {
        throw unauthorized(
          `The key authorization file from the server did not match this challenge. Expected ${JSON.stringify(keyAuthorization)} (got ${JSON.stringify(payload)})`,
        );
      }
      return records;
    }
  } catch (error) {
    throw withRecords(error, records);
  }
}

/** What fails is told with the address that was asked and what was fetched from it. */
async function within<T>(url: URL, address: string, step: () => T | Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof AcmeProblem)) throw error;
    throw new AcmeProblem(error.type, `${address}: Fetching ${url}: ${error.message}`);
  }
}

/** Where a redirect leads, if it may. */
function redirected(from: URL, location: string, status: number, hops: number, records: ValidationRecord[]): URL {
  if (hops >= REDIRECTS) throw connection('Too many redirects');
  if (!FOLLOWED.includes(status)) throw connection('received disallowed redirect status code');
  let url: URL;
  try {
    url = new URL(location, from);
  } catch {
    throw connection('Invalid empty host in redirect target');
  }
  const scheme = url.protocol.slice(0, -1);
  if (!['http', 'https'].includes(scheme))
    throw connection(
      `Invalid protocol scheme in redirect target. Only "http" and "https" protocol schemes are supported, not "${scheme}"`,
    );
  const port = Number(url.port || (scheme === 'http' ? 80 : 443));
  if (port !== 80 && port !== 443)
    throw connection(`Invalid port in redirect target. Only ports 80 and 443 are supported, not ${port}`);
  if (url.hostname.endsWith('.well-known'))
    throw connection(
      `Invalid host in redirect target "${url.hostname}". Check webserver config for missing '/' in redirect target.`,
    );
  if (records.some((record) => record.url === url.href)) throw connection('Redirect loop detected');
  return url;
}

interface Fetched {
  answer: IncomingMessage;
  address: string;
  body: string;
}

async function fetchOnce(reach: Reach, url: URL, records: ValidationRecord[]): Promise<Fetched> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  const addresses = await addressesOf(reach, host);
  const four = addresses.find((address) => isIP(address) === 4);
  const six = addresses.find((address) => isIP(address) === 6);
  const tried = [six, four].filter((address): address is string => address !== undefined);
  for (const [index, address] of tried.entries()) {
    records.push({
      url: url.href,
      hostname: host,
      port: String(port),
      addressesResolved: addresses,
      addressUsed: address,
    });
    try {
      return await within(url, address, async () => {
        const raw = await timely(reach, reach.connect(address, port), 'connect', (late) => late.destroy());
        try {
          const answer = await timely(reach, exchange(raw, url, host), 'answer');
          const body = await timely(reach, textOf(answer), 'answer');
          return { answer, address, body };
        } finally {
          raw.destroy();
        }
      });
    } catch (error) {
      // Only a connection that could not be made is tried elsewhere.
      const isLast = index === tried.length - 1;
      if (isLast || !/refused|during connect/.test((error as Error).message)) throw error;
    }
  }
  throw connection('Error getting validation data');
}

/** A step that must be done in time; errors of the network in Let's Encrypt's words. */
function timely<T>(reach: Reach, step: Promise<T>, what: 'connect' | 'answer', late?: (value: T) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    let over = false;
    const timer = reach.clock.after(PATIENCE, () => {
      over = true;
      reject(timeout(what));
    });
    step.then(
      (value) => {
        timer.cancel();
        if (over) late?.(value);
        else resolve(value);
      },
      (error: NodeJS.ErrnoException) => {
        timer.cancel();
        reject(networkProblem(error, what));
      },
    );
  });
}

const timeout = (what: 'connect' | 'answer'): AcmeProblem =>
  connection(
    what === 'connect'
      ? 'Timeout during connect (likely firewall problem)'
      : 'Timeout after connect (your server may be slow or overloaded)',
  );

function networkProblem(error: NodeJS.ErrnoException, what: 'connect' | 'answer'): AcmeProblem {
  if (error instanceof AcmeProblem) return error;
  if (error.code === 'ETIMEDOUT') return timeout(what);
  if (error.code === 'ECONNREFUSED') return connection('Connection refused');
  if (error.code === 'ECONNRESET') return connection('Connection reset by peer');
  if (error.code === 'ENETUNREACH' || error.code === 'EHOSTUNREACH') return connection('Network unreachable');
  if (/wrong version number|packet length too long/i.test(error.message))
    return new AcmeProblem('malformed', 'Server only speaks HTTP, not TLS');
  return connection('Error getting validation data');
}

async function exchange(raw: Duplex, url: URL, host: string): Promise<IncomingMessage> {
  const socket = url.protocol === 'https:' ? await secured(raw, host) : raw;
  return new Promise((resolve, reject) => {
    const asked = httpRequest({
      createConnection: () => socket as never,
      path: url.pathname + url.search,
      headers: {
        Host: url.host,
        'User-Agent': 'Mozilla/5.0 (compatible; Atelier validation server, simulated)',
        Accept: '*/*',
        Connection: 'close',
      },
      setHost: false,
    });
    asked.on('response', resolve);
    asked.on('error', reject);
    asked.end();
  });
}

/** Who asks for a certificate has none yet: any is accepted. */
function secured(raw: Duplex, host: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = tlsConnect({
      socket: raw,
      rejectUnauthorized: false,
      ...(!isIP(host) && { servername: host }),
    });
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
  });
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= LONGEST) break;
  }
  return Buffer.concat(chunks).subarray(0, LONGEST).toString();
}
