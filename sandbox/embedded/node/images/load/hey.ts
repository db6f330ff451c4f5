import { type AppletCall, applet, parseOptions, UsageError } from '../applets/options.ts';
import { LoadFailure, type LoadPlan, type Sample, visitAll } from './engine.ts';

const USAGE = `Usage: hey [options...] <url>

Options:
  -n  Number of requests to run. Default is 200.
  -c  Number of workers to run concurrently. Total number of requests cannot
      be smaller than the concurrency level. Default is 50.
  -q  Rate limit, in queries per second (QPS) per worker. Default is no rate limit.
  -z  Duration of application to send requests. When duration is reached,
      application stops and exits. If duration is specified, n is ignored.
      Examples: -z 10s -z 3m.
  -m  HTTP method, one of GET, POST, PUT, DELETE, HEAD, OPTIONS.
  -H  Custom HTTP header. You can specify as many as needed by repeating the flag.
  -t  Timeout for each request in seconds. Default is 20, use 0 for infinite.
  -d  HTTP request body.
`;

const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function duration(text: string): number {
  let total = 0;
  for (const [, number, unit] of text.matchAll(/([\d.]+)(ms|s|m|h)/g))
    total += Number(number) * (units[unit ?? 's'] ?? 0);
  if (!(total > 0)) throw new UsageError(`invalid value ${JSON.stringify(text)} for flag -z: parse error`, 2);
  return total;
}

/** `hey -z 30s -c 10 http://web/`. https://github.com/rakyll/hey */
export const hey = applet(async (call) => {
  const { process } = call;
  const { values, all, rest } = parseOptions(call.args, 'n:c:q:z:o:m:H:t:A:d:D:T:a:x:h2:');
  if (rest[0] === undefined) {
    await process.stderr.write(USAGE);
    return 1;
  }
  const url = new URL(/^https?:/.test(rest[0]) ? rest[0] : `http://${rest[0]}`);
  const limit = values.has('z') ? duration(values.get('z') ?? '') : undefined;
  const requests = limit === undefined ? Number(values.get('n') ?? 200) : Number.POSITIVE_INFINITY;
  const workers = Number(values.get('c') ?? 50);
  if (requests < workers) throw new UsageError('-n cannot be less than -c.');
  const body = values.get('d') ?? '';
  const patience = Number(values.get('t') ?? 20) * 1000 || Number.MAX_SAFE_INTEGER;
  const plan: LoadPlan = {
    url,
    method: values.get('m') ?? 'GET',
    body,
    version: '1.1',
    keepAlive: true,
    patience,
    headers: [
      `Host: ${url.host}`,
      'User-Agent: hey/0.0.1',
      `Content-Length: ${body.length}`,
      'Accept-Encoding: gzip',
      ...all('H'),
    ],
  };
  const pause = values.has('q') ? 1000 / Number(values.get('q')) : 0;
  const { clock } = process.container;
  const begun = clock.monotonic();
  const samples: Sample[] = [];
  const faults = new Map<string, number>();
  let stopped = false;
  process.onSignal('SIGINT', () => {
    stopped = true;
  });
  let started = 0;
  await visitAll(process, plan, workers, async (visit) => {
    if (stopped || started >= requests || (limit !== undefined && clock.monotonic() - begun >= limit)) return false;
    started += 1;
    try {
      samples.push(await visit());
    } catch (error) {
      if (!(error instanceof LoadFailure)) throw error;
      const text = faultText(plan, error.code);
      faults.set(text, (faults.get(text) ?? 0) + 1);
      // A refusal comes at once: a worker that asks again and again would leave nobody else a turn.
      await process.sleep(1);
    }
    if (pause > 0) await process.sleep(pause);
    return true;
  });
  await report(call, samples, faults, (clock.monotonic() - begun) / 1000);
  return 0;
});

function faultText({ url, method }: LoadPlan, code: string): string {
  const dial = `dial tcp ${url.hostname}:${url.port || 80}: connect: connection refused`;
  const lookup = `dial tcp: lookup ${url.hostname}: no such host`;
  const late = 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)';
  const why = { ECONNREFUSED: dial, ENOTFOUND: lookup, ETIMEDOUT: late }[code] ?? 'EOF';
  return `${method.charAt(0)}${method.slice(1).toLowerCase()} "${url.href}": ${why}`;
}

async function report(call: AppletCall, samples: Sample[], faults: Map<string, number>, took: number): Promise<void> {
  const totals = samples.map(({ connect, processing }) => (connect + processing) / 1000).sort((a, b) => a - b);
  const mean = (list: number[]) => list.reduce((sum, value) => sum + value, 0) / Math.max(1, list.length);
  const [fastest, slowest] = [totals[0] ?? 0, totals.at(-1) ?? 0];
  const seconds = (value: number) => `${value.toFixed(4)} secs`;
  let text = `\nSummary:\n  Total:\t${seconds(took)}\n  Slowest:\t${seconds(slowest)}\n  Fastest:\t${seconds(fastest)}\n`;
  text += `  Average:\t${seconds(mean(totals))}\n  Requests/sec:\t${((samples.length + [...faults.values()].reduce((a, b) => a + b, 0)) / took).toFixed(4)}\n`;
  const bytes = samples.reduce((sum, { length }) => sum + length, 0);
  text += '  \n';
  if (bytes > 0)
    text += `  Total data:\t${bytes} bytes\n  Size/request:\t${Math.floor(bytes / samples.length)} bytes\n`;
  if (totals.length > 0) {
    const step = (slowest - fastest) / 10;
    const buckets = Array.from({ length: 11 }, (_, at) => ({ mark: fastest + step * at, count: 0 }));
    for (const total of totals) {
      const bucket = buckets.find(({ mark }) => total <= mark + 1e-12) ?? buckets.at(-1);
      if (bucket) bucket.count += 1;
    }
    const most = Math.max(...buckets.map(({ count }) => count));
    text += '\nResponse time histogram:\n';
    for (const { mark, count } of buckets)
      text += `  ${mark.toFixed(3)} [${count}]\t|${'■'.repeat(Math.round((count * 40) / most))}\n`;
    text += '\n\nLatency distribution:\n';
    for (const percent of [10, 25, 50, 75, 90, 95, 99])
      text += `  ${percent}%% in ${seconds(totals[Math.min(totals.length - 1, Math.floor((totals.length * percent) / 100))] ?? 0)}\n`;
    const detail = (name: string, list: number[]) =>
      `  ${name}:\t${[mean(list), Math.min(...list), Math.max(...list)].map((value) => seconds(value / 1000)).join(', ')}\n`;
    text += '\nDetails (average, fastest, slowest):\n';
    text += detail(
      'DNS+dialup',
      samples.map(({ connect }) => connect),
    );
    text += detail(
      'resp wait',
      samples.map(({ waiting }) => waiting),
    );
    text += detail(
      'resp read',
      samples.map(({ waiting, processing }) => processing - waiting),
    );
    const codes = new Map<number, number>();
    for (const { status } of samples) codes.set(status, (codes.get(status) ?? 0) + 1);
    text += '\nStatus code distribution:\n';
    for (const [code, count] of codes) text += `  [${code}]\t${count} responses\n`;
  }
  if (faults.size > 0)
    text += `\nError distribution:\n${[...faults].map(([why, count]) => `  [${count}]\t${why}\n`).join('')}`;
  await call.print(`${text}\n`);
}
