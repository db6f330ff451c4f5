import { type AppletCall, applet, parseOptions, UsageError } from '../applets/options.ts';
import { LoadFailure, type LoadPlan, type Sample, visitAll } from './engine.ts';

const VERSION = '2.3';
const HEAD = `This is ApacheBench, Version ${VERSION} <$Revision: 1923142 $>
Copyright 1996 Adam Twiss, Zeus Technology Ltd, http://www.zeustech.net/
Licensed to The Apache Software Foundation, http://www.apache.org/

`;

const USAGE = `Usage: ab [options] [http[s]://]hostname[:port]/path
Options are:
    -n requests     Number of requests to perform
    -c concurrency  Number of multiple requests to make at a time
    -t timelimit    Seconds to max. to spend on benchmarking
                    This implies -n 50000
    -s timeout      Seconds to max. wait for each response
                    Default is 30 seconds
    -p postfile     File containing data to POST. Remember also to set -T
    -T content-type Content-type header to use for POST/PUT data, eg.
                    'application/x-www-form-urlencoded'
                    Default is 'text/plain'
    -v verbosity    How much troubleshooting info to print
    -i              Use HEAD instead of GET
    -H attribute    Add Arbitrary header line, eg. 'Accept-Encoding: gzip'
                    Inserted after all normal header lines. (repeatable)
    -A attribute    Add Basic WWW Authentication, the attributes
                    are a colon separated username and password.
    -V              Print version number and exit
    -k              Use HTTP KeepAlive feature
    -d              Do not show percentiles served table.
    -S              Do not show confidence estimators and warnings.
    -q              Do not show progress when doing more than 150 requests
    -r              Don't exit on socket receive errors.
    -m method       Method name
    -h              Display usage information (this message)
`;

/** EINVAL, with which ab says that it was called wrongly. */
const WRONG = 22;

/** What APR says of a failed connection, and the number it exits with. */
const FAULTS: Record<string, [what: string, text: string, code: number]> = {
  ECONNREFUSED: ['apr_socket_connect()', 'Connection refused', 111],
  EHOSTUNREACH: ['apr_socket_connect()', 'No route to host', 113],
  ECONNRESET: ['apr_socket_recv', 'Connection reset by peer', 104],
  ETIMEDOUT: ['apr_pollset_poll', 'The timeout specified has expired', 70007],
};

interface Totals {
  samples: Sample[];
  lengthFailures: number;
  otherFailures: number;
  notOk: number;
}

function wrong(text: string): UsageError {
  return new UsageError(`${text}\n${USAGE.trimEnd()}`, WRONG);
}

function urlOf(text: string | undefined): URL {
  const match = /^(?:(https?):\/\/)?([^/:\s]+)(?::(\d+))?(\/\S*)$/i.exec(text ?? '');
  if (!match) throw wrong(text === undefined ? 'wrong number of arguments' : 'invalid URL');
  if (match[1]?.toLowerCase() === 'https') throw new UsageError('SSL not compiled in; no https support', 1);
  return new URL(`http://${match[2]}${match[3] ? `:${match[3]}` : ''}${match[4]}`);
}

/** ApacheBench: `ab -n 5000 -c 20 http://web/`. https://httpd.apache.org/docs/2.4/programs/ab.html */
export const ab = applet(async (call) => {
  const { process } = call;
  const { flags, values, all, rest } = parseOptions(
    call.args,
    'n:c:t:s:b:B:p:u:T:v:wix:y:z:C:H:A:P:X:VkdSqlg:e:rhm:f:Z:',
  );
  if (flags.has('V')) {
    await call.print(HEAD);
    return 0;
  }
  if (flags.has('h')) {
    await call.print(USAGE);
    return 0;
  }
  const url = urlOf(rest[0]);
  const seconds = values.has('t') ? Number(values.get('t')) : undefined;
  const requests = Number(values.get('n') ?? (seconds === undefined ? 1 : 50_000));
  const concurrency = Number(values.get('c') ?? 1);
  if (!(requests > 0)) throw wrong('Invalid number of requests');
  if (!(concurrency > 0)) throw wrong(`Invalid Concurrency [Range 0..20000]`);
  if (concurrency > requests) throw wrong('Cannot use concurrency level greater than total number of requests');
  const plan = planOf(call, url, { flags, values, headers: all('H') });
  const quiet = flags.has('q');
  const beat = !quiet && requests > 150 ? Math.max(100, Math.floor(requests / 10)) : 0;
  await call.print(`${HEAD}Benchmarking ${url.hostname} (be patient)${beat ? '\n' : '...'}`);

  const { clock } = process.container;
  const begun = clock.monotonic();
  const totals: Totals = { samples: [], lengthFailures: 0, otherFailures: 0, notOk: 0 };
  let started = 0;
  let done = 0;
  let stopped = false;
  process.onSignal('SIGINT', () => {
    stopped = true;
  });
  let fault: LoadFailure | undefined;
  const over = () => stopped || fault || (seconds !== undefined && clock.monotonic() - begun >= seconds * 1000);
  await visitAll(process, plan, concurrency, async (visit) => {
    if (started >= requests || over()) return false;
    started += 1;
    try {
      const sample = await visit();
      totals.samples.push(sample);
      if (sample.length !== totals.samples[0]?.length) totals.lengthFailures += 1;
      if (sample.status < 200 || sample.status > 299) totals.notOk += 1;
    } catch (error) {
      if (!(error instanceof LoadFailure)) throw error;
      if (!flags.has('r')) fault ??= error;
      totals.otherFailures += 1;
    }
    done += 1;
    if (beat && done % beat === 0 && !over()) await process.stderr.write(`Completed ${done} requests\n`);
    return true;
  });
  if (fault) return fail(call, url, fault, done - totals.otherFailures);
  const took = clock.monotonic() - begun;
  if (stopped) await call.print('\n\n');
  else if (beat) await process.stderr.write(`Finished ${done} requests\n\n\n`);
  else await call.print('..done\n\n\n');
  await report(call, { url, plan, concurrency, took, done, totals, flags });
  return 0;
});

function planOf(
  call: AppletCall,
  url: URL,
  { flags, values, headers }: { flags: Set<string>; values: Map<string, string>; headers: string[] },
): LoadPlan {
  const file = values.get('p') ?? values.get('u');
  const body = file === undefined ? '' : Buffer.from(call.process.fs.read(file)).toString();
  const method =
    values.get('m') ?? (values.has('p') ? 'POST' : values.has('u') ? 'PUT' : flags.has('i') ? 'HEAD' : 'GET');
  const host = headers.some((line) => /^host:/i.test(line)) ? [] : [`Host: ${url.host}`];
  const login = values.get('A');
  return {
    url,
    method,
    body,
    version: '1.0',
    keepAlive: flags.has('k'),
    patience: Number(values.get('s') ?? 30) * 1000,
    headers: [
      ...(flags.has('k') ? ['Connection: Keep-Alive'] : []),
      ...host,
      `User-Agent: ApacheBench/${VERSION}`,
      'Accept: */*',
      ...(login === undefined ? [] : [`Authorization: Basic ${Buffer.from(login).toString('base64')}`]),
      ...(file === undefined
        ? []
        : [`Content-length: ${Buffer.byteLength(body)}`, `Content-type: ${values.get('T') ?? 'text/plain'}`]),
      ...headers,
    ],
  };
}

async function fail(call: AppletCall, url: URL, { code }: LoadFailure, done: number): Promise<number> {
  const name = `apr_sockaddr_info_get() for ${url.hostname}`;
  const [what, text, number] = FAULTS[code] ?? [name, 'Name or service not known', 670_002];
  await call.process.stderr.write(`${what}: ${text} (${number})\n`);
  if (done > 0) await call.print(`Total of ${done} requests completed\n`);
  return number & 255;
}

interface Report {
  url: URL;
  plan: LoadPlan;
  concurrency: number;
  took: number;
  done: number;
  totals: Totals;
  flags: Set<string>;
}

async function report(call: AppletCall, { url, plan, concurrency, took, done, totals, flags }: Report): Promise<void> {
  const { samples, lengthFailures, otherFailures, notOk } = totals;
  const sum = (field: (sample: Sample) => number) => samples.reduce((total, sample) => total + field(sample), 0);
  const received = sum((sample) => sample.received);
  const html = sum((sample) => sample.length);
  const first = samples[0];
  const line = (name: string, value: string | number) => `${`${name}:`.padEnd(24)}${value}\n`;
  const failed = lengthFailures + otherFailures;
  let text = '';
  text += line('Server Software', first?.server ?? '');
  text += line('Server Hostname', url.hostname);
  text += `${line('Server Port', url.port || 80)}\n`;
  text += line('Document Path', url.pathname + url.search);
  text += `${line('Document Length', `${first?.length ?? 0} bytes`)}\n`;
  text += line('Concurrency Level', concurrency);
  text += line('Time taken for tests', `${(took / 1000).toFixed(3)} seconds`);
  text += line('Complete requests', done);
  text += line('Failed requests', failed);
  if (failed > 0) text += `   (Connect: 0, Receive: ${otherFailures}, Length: ${lengthFailures}, Exceptions: 0)\n`;
  if (notOk > 0) text += line('Non-2xx responses', notOk);
  if (plan.keepAlive) text += line('Keep-Alive requests', samples.filter(({ reused }) => reused).length);
  text += line('Total transferred', `${received} bytes`);
  const sent = plan.body ? (Buffer.byteLength(plan.headers.join('\r\n') + plan.body) + 30) * done : 0;
  if (sent > 0) text += line('Total body sent', sent);
  text += line('HTML transferred', `${html} bytes`);
  if (took > 0 && done > 0) {
    text += line('Requests per second', `${((done / took) * 1000).toFixed(2)} [#/sec] (mean)`);
    text += line('Time per request', `${((concurrency * took) / done).toFixed(3)} [ms] (mean)`);
    text += line('Time per request', `${(took / done).toFixed(3)} [ms] (mean, across all concurrent requests)`);
    text += line('Transfer rate', `${(received / 1024 / (took / 1000)).toFixed(2)} [Kbytes/sec] received`);
  }
  if (samples.length > 0) {
    text += '\nConnection Times (ms)\n              min  mean[+/-sd] median   max\n';
    text += row(
      'Connect',
      samples.map(({ connect }) => connect),
    );
    text += row(
      'Processing',
      samples.map(({ processing }) => processing),
    );
    text += row(
      'Waiting',
      samples.map(({ waiting }) => waiting),
    );
    const whole = samples.map(({ connect, processing }) => connect + processing);
    text += row('Total', whole);
    if (!flags.has('d') && samples.length > 1) text += percentiles(whole);
  }
  await call.print(text);
}

function row(name: string, times: number[]): string {
  const sorted = times.map((time) => Math.round(time)).sort((a, b) => a - b);
  const mean = times.reduce((total, time) => total + time, 0) / times.length;
  const spread = Math.sqrt(
    times.reduce((total, time) => total + (time - mean) ** 2, 0) / Math.max(1, times.length - 1),
  );
  const [low, median, high] = [0, Math.floor(sorted.length / 2), sorted.length - 1].map((at) =>
    String(sorted[at] ?? 0),
  );
  return `${`${name}:`.padEnd(12)}${low?.padStart(5)} ${String(Math.round(mean)).padStart(4)} ${spread.toFixed(1).padStart(5)} ${median?.padStart(6)} ${high?.padStart(7)}\n`;
}

function percentiles(times: number[]): string {
  const sorted = times.map((time) => Math.round(time)).sort((a, b) => a - b);
  const at = (percent: number) =>
    String(sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))]);
  const lines = [50, 66, 75, 80, 90, 95, 98, 99].map((percent) => `  ${percent}%  ${at(percent).padStart(5)}\n`);
  const longest = ` 100%  ${String(sorted.at(-1)).padStart(5)} (longest request)\n`;
  return `\nPercentage of the requests served within a certain time (ms)\n${lines.join('')}${longest}`;
}
