import type { IncomingMessage } from 'node:http';
import { FileError, fileErrorText } from '../file-system.ts';
import { CallTimeout, type Certificates, callHttp } from '../http/client.ts';
import { openOutput, resolvePath } from '../process/open.ts';
import { readAll } from '../process/streams.ts';
import { curlFailure, VERIFY_ADVICE } from './curl-failure.ts';
import type { AppletCall } from './options.ts';
import { applet, parseOptions, UsageError } from './options.ts';

function urlOf(text: string): URL {
  try {
    return new URL(/^[a-z]+:\/\//i.test(text) ? text : `http://${text}`);
  } catch {
    throw new UsageError(`bad address '${text}'`);
  }
}

/** Where the name leads, for messages: the address, with the port. */
async function addressOf(call: AppletCall, url: URL): Promise<string> {
  const host = url.hostname;
  if (/^[\d.]+$/.test(host)) return host;
  if (host === 'localhost') return '127.0.0.1';
  const found = await call.process.container.network.resolve(host).catch(() => undefined);
  return found?.addresses[0] ?? host;
}

export const wget = applet(async (call) => {
  const { flags, values, all, rest } = parseOptions(call.args, 'qSO:T:U:P:Y:cY:t:o:sh:d:k', {
    long: {
      spider: 's',
      header: 'h',
      'post-data': 'd',
      'no-check-certificate': 'k',
      quiet: 'q',
      timeout: 'T',
      'output-document': 'O',
      'user-agent': 'U',
      'server-response': 'S',
      tries: 't',
    },
  });
  if (rest[0] === undefined) {
    await call.process.stderr.write(
      'BusyBox v1.36.1 multi-call binary.\n\nUsage: wget [-cqS] [--spider] [-O FILE] [-o LOGFILE] [--header STR]\n\t[--post-data STR | --post-file FILE] [-Y on/off]\n\t[--no-check-certificate] [-P DIR] [-U AGENT] [-T SEC] URL...\n',
    );
    return 1;
  }
  const say = (text: string) => (flags.has('q') ? Promise.resolve() : call.process.stderr.write(text));
  for (const text of rest) {
    let url = urlOf(text);
    let answer: IncomingMessage;
    for (let hops = 0; ; hops += 1) {
      const address = await addressOf(call, url);
      const port = url.port || (url.protocol === 'https:' ? '443' : '80');
      if (address !== url.hostname || /^[\d.]+$/.test(address))
        await say(`Connecting to ${url.host} (${address}:${port})\n`);
      if (url.protocol === 'https:' && !flags.has('k')) {
        await call.process.stderr.write('wget: note: TLS certificate validation not implemented\n');
        flags.add('k');
      }
      const headers: Record<string, string> = { 'User-Agent': values.get('U') ?? 'Wget' };
      for (const header of all('h'))
        headers[header.slice(0, header.indexOf(':'))] = header.slice(header.indexOf(':') + 1).trim();
      const body = values.get('d');
      if (body !== undefined)
        Object.assign(headers, {
          'Content-Type': headers['Content-Type'] ?? 'application/x-www-form-urlencoded',
          'Content-Length': String(Buffer.byteLength(body)),
        });
      try {
        answer = await callHttp(call.process, {
          url,
          method: body !== undefined ? 'POST' : flags.has('s') ? 'HEAD' : 'GET',
          headers,
          body,
          timeout: Number(values.get('T') ?? 900) * 1000,
          insecure: true,
        });
      } catch (error) {
        const { code, message } = error as { code?: string; message: string };
        if (error instanceof CallTimeout) throw new UsageError('download timed out');
        if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') throw new UsageError(`bad address '${url.hostname}'`);
        if (code === 'ECONNREFUSED')
          throw new UsageError(`can't connect to remote host (${address}): Connection refused`);
        if (code === 'ETIMEDOUT')
          throw new UsageError(`can't connect to remote host (${address}): Connection timed out`);
        if (call.process.killed.aborted) throw error;
        throw new UsageError(code === 'ECONNRESET' ? 'error getting response: Connection reset by peer' : message);
      }
      const status = answer.statusCode ?? 0;
      if (flags.has('S')) for (const line of statusLines(answer)) await call.process.stderr.write(`  ${line}\n`);
      if (![301, 302, 303, 307, 308].includes(status) || !answer.headers.location) break;
      if (hops >= 20) throw new UsageError('too many redirections');
      url = new URL(answer.headers.location, url);
      answer.resume();
    }
    const status = answer.statusCode ?? 0;
    if (status >= 300 || status < 200) {
      answer.resume();
      throw new UsageError(`server returned error: HTTP/${answer.httpVersion} ${status} ${answer.statusMessage}`);
    }
    if (flags.has('s')) {
      answer.resume();
      await say('remote file exists\n');
      continue;
    }
    const name = values.get('O') ?? (url.pathname.split('/').at(-1) || 'index.html');
    if (name !== '-' && !values.has('O') && call.process.fs.access(resolvePath(call.process, name), 'r')) {
      answer.destroy();
      throw new UsageError(`can't open '${name}': File exists`);
    }
    const output = await open(call, name);
    if (name !== '-') await say(`saving to '${name}'\n`);
    let size = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      size += chunk.length;
      await output.write(chunk);
    }
    const title = name === '-' ? '-' : name;
    await say(
      `${title.slice(0, 20).padEnd(20)} 100% |${'*'.repeat(32)}| ${String(size).padStart(5)}  0:00:00 ETA\n${name === '-' ? 'written to stdout' : `'${name}' saved`}\n`,
    );
  }
  return 0;
});

async function open(call: AppletCall, name: string) {
  if (name === '-') return call.process.stdout;
  try {
    return openOutput(call.process, name);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    throw new UsageError(`can't open '${name}': ${fileErrorText(error)}`);
  }
}

function statusLines(answer: IncomingMessage): string[] {
  const lines = [`HTTP/${answer.httpVersion} ${answer.statusCode} ${answer.statusMessage}`];
  for (let at = 0; at < answer.rawHeaders.length; at += 2)
    lines.push(`${answer.rawHeaders[at]}: ${answer.rawHeaders[at + 1]}`);
  return lines;
}

const LONG: Record<string, string> = {
  silent: 's',
  'show-error': 'S',
  include: 'i',
  verbose: 'v',
  header: 'H',
  output: 'o',
  'write-out': 'w',
  insecure: 'k',
  data: 'd',
  'data-raw': 'd',
  'data-binary': 'd',
  request: 'X',
  head: 'I',
  location: 'L',
  fail: 'f',
  user: 'u',
  'user-agent': 'A',
  'max-time': 'm',
  'connect-timeout': 'T',
  form: 'F',
  get: 'G',
  cookie: 'b',
  retry: 'R',
  json: 'J',
  resolve: 'Z',
  'remote-name': 'O',
  compressed: 'C',
  cacert: 'E',
  cert: 'p',
  key: 'K',
  'no-progress-meter': 's',
  'fail-with-body': 'f',
  'retry-connrefused': 'Y',
  'retry-delay': 'D',
  http1: '0',
  'http1.1': '0',
  'no-buffer': 'N',
  'cookie-jar': 'c',
  version: 'V',
};

export const curl = applet(async (call) => {
  const { flags, values, all, rest } = parseOptions(
    call.args,
    'sSivH:o:w:kd:X:ILfu:A:m:T:F:Gb:R:J:Z:OCE:p:K:YD:0Nc:V46g',
    {
      long: LONG,
    },
  );
  const fail = async (code: number, text: string) => {
    if (!flags.has('s') || flags.has('S'))
      await call.process.stderr.write(`curl: (${code}) ${text}\n${code === 60 ? VERIFY_ADVICE : ''}`);
    return code;
  };
  if (flags.has('V')) {
    await call.print('curl 8.14.1 (simulated by Atelier)\nProtocols: http https\n');
    return 0;
  }
  if (rest.length === 0) return fail(2, 'no URL specified');
  let code = 0;
  for (const text of rest) code = await fetchOne(call, text, { flags, values, all }, fail);
  return code;
});

interface CurlOptions {
  flags: Set<string>;
  values: Map<string, string>;
  all(letter: string): string[];
}

async function curlBody(call: AppletCall, { all, values }: CurlOptions): Promise<string | undefined> {
  if (values.has('J')) return values.get('J');
  const parts = all('d');
  if (parts.length === 0) return undefined;
  const texts = [];
  for (const part of parts) {
    if (part === '@-') texts.push((await readAll(call.process.stdin)).toString());
    else if (part.startsWith('@'))
      texts.push(Buffer.from(call.process.fs.read(resolvePath(call.process, part.slice(1)))).toString());
    else texts.push(part);
  }
  return texts.join('&');
}

async function fetchOne(
  call: AppletCall,
  text: string,
  options: CurlOptions,
  fail: (code: number, text: string) => Promise<number>,
): Promise<number> {
  const { flags, values, all } = options;
  const { clock } = call.process.container;
  const begun = clock.monotonic();
  const verbose = (line: string) => (flags.has('v') ? call.process.stderr.write(`${line}\n`) : Promise.resolve());
  let url: URL;
  try {
    url = urlOf(text);
  } catch {
    return fail(3, 'URL rejected: Malformed input to a URL function');
  }
  const headers: Record<string, string> = { 'User-Agent': values.get('A') ?? 'curl/8.14.1', Accept: '*/*' };
  const user = values.get('u');
  if (user !== undefined) headers.Authorization = `Basic ${Buffer.from(user).toString('base64')}`;
  if (values.has('b')) headers.Cookie = values.get('b') as string;
  let body = await curlBody(call, options);
  if (flags.has('G') && body !== undefined) {
    url.search += `${url.search === '' ? '?' : '&'}${body}`;
    body = undefined;
  }
  if (body !== undefined)
    headers['Content-Type'] = values.has('J') ? 'application/json' : 'application/x-www-form-urlencoded';
  for (const header of all('H')) {
    const name = header.slice(0, header.indexOf(':'));
    for (const known of Object.keys(headers)) if (known.toLowerCase() === name.toLowerCase()) delete headers[known];
    if (header.indexOf(':') > 0 && header.slice(header.indexOf(':') + 1).trim() !== '')
      headers[name] = header.slice(header.indexOf(':') + 1).trim();
  }
  if (body !== undefined) headers['Content-Length'] = String(Buffer.byteLength(body));
  let method = values.get('X') ?? (flags.has('I') ? 'HEAD' : body === undefined ? 'GET' : 'POST');
  const limit = values.get('m') ?? values.get('T');
  let tls: Certificates;
  try {
    const pem = (letter: string) => {
      const file = values.get(letter);
      return file && Buffer.from(call.process.fs.read(resolvePath(call.process, file))).toString();
    };
    tls = { ca: pem('E'), cert: pem('p'), key: pem('K') };
  } catch {
    return values.has('p')
      ? fail(58, `could not load PEM client certificate from ${values.get('p')}`)
      : fail(77, `error setting certificate file: ${values.get('E')}`);
  }
  let answer: IncomingMessage;
  const host = headers.Host ?? headers.host;
  for (let hops = 0; ; hops += 1) {
    const port = url.port || (url.protocol === 'https:' ? '443' : '80');
    const address = await addressOf(call, url);
    const pinned = all('Z')
      .map((entry) => entry.split(':'))
      .find(([name, wanted]) => name === url.hostname && wanted === port);
    const target = new URL(url);
    if (pinned?.[2]) target.hostname = pinned[2];
    try {
      await verbose(`*   Trying ${pinned?.[2] ?? address}:${port}...`);
      answer = await callHttp(call.process, {
        url: target,
        method,
        headers: { Host: host ?? url.host, ...headers },
        body,
        timeout: limit === undefined ? undefined : Number(limit) * 1000,
        insecure: flags.has('k'),
        tls,
      });
    } catch (error) {
      if (call.process.killed.aborted) throw error;
      const after = Math.round(clock.monotonic() - begun);
      const failure = curlFailure(error, { url, port, after, limited: values.has('m') });
      return fail(failure.code, failure.text);
    }
    await verbose(`* Connected to ${url.hostname} (${address}) port ${port}`);
    await verbose(`> ${method} ${url.pathname}${url.search} HTTP/1.1\n> Host: ${host ?? url.host}`);
    for (const [name, value] of Object.entries(headers))
      if (name.toLowerCase() !== 'host') await verbose(`> ${name}: ${value}`);
    await verbose('> ');
    for (const line of statusLines(answer)) await verbose(`< ${line}`);
    await verbose('< ');
    if (flags.has('i') || flags.has('I')) await call.print(`${statusLines(answer).join('\r\n')}\r\n\r\n`);
    const { location } = answer.headers;
    if (!flags.has('L') || !location || ![301, 302, 303, 307, 308].includes(answer.statusCode ?? 0) || hops > 50) break;
    answer.resume();
    url = new URL(location, url);
    if (answer.statusCode === 303 && method !== 'HEAD') method = 'GET';
  }
  const status = answer.statusCode ?? 0;
  if (flags.has('f') && status >= 400) {
    answer.resume();
    return fail(22, `The requested URL returned error: ${status}`);
  }
  const file = flags.has('O') ? url.pathname.split('/').at(-1) || 'curl_response' : values.get('o');
  const output = file === undefined || file === '-' ? call.process.stdout : openOutput(call.process, file);
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    await output.write(chunk);
  }
  const format = values.get('w');
  if (format !== undefined) {
    const seconds = ((clock.monotonic() - begun) / 1000).toFixed(6);
    const facts: Record<string, string> = {
      http_code: String(status),
      response_code: String(status),
      size_download: String(size),
      time_total: seconds,
      time_connect: seconds,
      time_starttransfer: seconds,
      url_effective: url.href,
      content_type: answer.headers['content-type'] ?? '',
      remote_ip: await addressOf(call, url),
      redirect_url: answer.headers.location ? new URL(answer.headers.location, url).href : '',
      num_redirects: '0',
      method,
    };
    await call.print(
      format
        .replace(/%\{(\w+)\}/g, (_, name: string) => facts[name] ?? '')
        .replace(/\\n/g, '\n')
        .replace(/\\t/g, '\t'),
    );
  }
  return 0;
}
