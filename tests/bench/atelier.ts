import { once } from 'node:events';
import { request } from 'node:https';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Credentials, readKubeconfig } from '../../sandbox/embedded/client/kubeconfig.ts';
import { type Figure, median, percentile } from './figures.ts';
import { type Part, pause, type Workplace } from './part.ts';
import { type Measured, startNode } from './processes.ts';

const STARTS = 3;
const CHANGES = 100;
/** Milliseconds between two changes: each is a tick of its own. */
const CHANGE_PAUSE = 15;
const LESSON = { track: 'datalab', folder: '02-raw-jupyter', page: '/en/datalab/raw-jupyter/' };
const LEARNER = 'bench';

async function start(home: string): Promise<Measured> {
  const args = ['start', '--home', home, '--port', '0', '--no-open', '--learner', LEARNER];
  return startNode('src/cli/launch.mjs', args, /^Atelier is ready: (.*)$/);
}

/** Seconds from the start of the command to the line and to the prompt in Chromium, of several starts of a home. */
async function starts(
  workplace: Workplace,
  home: string,
): Promise<{ line: number[]; prompt: number[]; processor: number[] }> {
  const { chromium } = await import('@playwright/test');
  const times = { line: [] as number[], prompt: [] as number[], processor: [] as number[] };
  const browser = await chromium.launch({
    ...(workplace.chromium && { executablePath: workplace.chromium }),
    args: ['--no-sandbox'],
  });
  workplace.atEnd(() => browser.close());
  // The first start makes the home and its certificates: it is not counted.
  for (let turn = 0; turn <= STARTS; turn++) {
    const page = await browser.newPage();
    const began = performance.now();
    const atelier = await start(home);
    const processor = atelier.processorTime();
    await page.goto(atelier.said);
    await page.waitForURL(/\/en\//);
    await page.goto(`${new URL(atelier.said).origin}${LESSON.page}`);
    await page.waitForSelector('.terminal-panel:not([hidden])[data-busy="false"]', { state: 'attached' });
    const prompt = performance.now() - began;
    await page.close();
    await atelier.end();
    if (turn === 0) continue;
    times.line.push(atelier.readyAfter / 1000);
    times.prompt.push(prompt / 1000);
    if (processor !== undefined) times.processor.push(processor);
  }
  return times;
}

async function signIn(link: string): Promise<string> {
  const url = new URL(link);
  const body = new URLSearchParams({ token: url.searchParams.get('token') ?? '' });
  const response = await fetch(`${url.origin}/session`, { method: 'POST', body, redirect: 'manual' });
  return response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
}

/** Calls with each piece of a stream that never ends, until the part does. */
async function follow(
  workplace: Workplace,
  url: string,
  cookie: string,
  listener: (text: string) => void,
): Promise<void> {
  const ending = new AbortController();
  workplace.atEnd(() => ending.abort());
  const response = await fetch(url, { headers: { cookie }, signal: ending.signal });
  if (!response.ok || !response.body) throw new Error(`${url} answers ${response.status}`);
  const reading = async (body: NonNullable<Response['body']>) => {
    const decoder = new TextDecoder();
    const reader = body.getReader();
    for (let piece = await reader.read(); piece.value; piece = await reader.read()) {
      listener(decoder.decode(piece.value, { stream: true }));
    }
  };
  reading(response.body).catch(() => undefined);
}

function ask(credentials: Credentials, method: string, target: string, body?: object): ReturnType<typeof request> {
  const { server, ca, cert, key } = credentials;
  const asked = request(`${server}${target}`, {
    method,
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    checkServerIdentity: () => undefined,
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
  });
  asked.on('error', () => undefined);
  asked.end(body && JSON.stringify(body));
  return asked;
}

/** Milliseconds from a write to the event in a page, and to the API's own watch. */
async function ticks(
  workplace: Workplace,
  atelier: Measured,
  home: string,
): Promise<{ page: number[]; watch: number[] }> {
  const credentials = readKubeconfig(path.join(home, 'cluster/admin.kubeconfig'));
  const cookie = await signIn(atelier.said);
  const waiting = new Map<string, (from: 'page' | 'watch') => void>();
  const hear = (from: 'page' | 'watch') => {
    let tail = '';
    return (text: string) => {
      tail += text;
      for (const [name] of tail.matchAll(/tick-\d+/g)) waiting.get(name)?.(from);
      tail = tail.slice(-8);
    };
  };
  const origin = new URL(atelier.said).origin;
  const events = `${origin}/api/events?track=${LESSON.track}&lesson=${LESSON.folder}`;
  await follow(workplace, events, cookie, hear('page'));
  const deployments = `/apis/apps/v1/namespaces/${LEARNER}/deployments`;
  const watch = ask(credentials, 'GET', `${deployments}?watch=true`);
  const [response] = (await once(watch, 'response')) as [NodeJS.ReadableStream];
  const heard = hear('watch');
  response.on('data', (chunk: Buffer) => heard(chunk.toString()));
  workplace.atEnd(() => watch.destroy());
  const times = { page: [] as number[], watch: [] as number[] };
  // The lesson's watches open with its first page.
  await pause(500);
  for (let change = 0; change < CHANGES; change++) {
    const name = `tick-${change}`;
    const labels = { app: name };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'busybox:1.36' }] } };
    const deployment = { metadata: { name }, spec: { replicas: 0, selector: { matchLabels: labels }, template } };
    const began = performance.now();
    await new Promise<void>((resolve, reject) => {
      const missing = new Set(['page', 'watch']);
      const timer = setTimeout(() => reject(new Error(`${name} did not reach ${[...missing]}`)), 5000);
      waiting.set(name, (from) => {
        if (!missing.delete(from)) return;
        times[from].push(performance.now() - began);
        if (missing.size > 0) return;
        clearTimeout(timer);
        resolve();
      });
      const asked = ask(credentials, 'POST', deployments, { apiVersion: 'apps/v1', kind: 'Deployment', ...deployment });
      asked.on('response', (answer) => answer.resume());
    });
    waiting.delete(name);
    await pause(CHANGE_PAUSE);
  }
  return times;
}

/** Kilobytes of gzipped JavaScript of the lesson page before the terminal is loaded, and what the terminal adds. */
async function weights(atelier: Measured): Promise<{ page: number; terminal: number }> {
  const { origin } = new URL(atelier.said);
  const cookie = await signIn(atelier.said);
  const text = async (target: string) => (await fetch(new URL(target, origin), { headers: { cookie } })).text();
  const html = await text(LESSON.page);
  const sizes = new Map<string, number>();
  const lazy = new Set<string>();
  async function load(target: string): Promise<void> {
    if (sizes.has(target)) return;
    const code = await text(target);
    sizes.set(target, gzipSync(code, { level: 9 }).length / 1024);
    for (const [, file = ''] of code.matchAll(/import\((?:`|"|')([^`"']+\.js)/g)) lazy.add(resolved(file, target));
    for (const [, file = ''] of code.matchAll(/(?:from|import)\s*["'`](\.[^"'`]+\.js)["'`]/g))
      await load(resolved(file, target));
  }
  const resolved = (file: string, from: string) => new URL(file, new URL(from, origin)).pathname;
  const sum = () => sizes.values().reduce((total, size) => total + size, 0);
  for (const [, file = ''] of html.matchAll(/(?:src|component-url|renderer-url)="([^"]+\.js)"/g)) await load(file);
  for (const [, code = ''] of html.matchAll(/<script[^>]*>([^<]+)<\/script>/g)) {
    sizes.set(code.slice(0, 40), gzipSync(code).length / 1024);
  }
  const page = sum();
  for (const file of lazy) if (/terminal/.test(file)) await load(file);
  return { page, terminal: sum() - page };
}

async function run(workplace: Workplace): Promise<Figure[]> {
  const home = path.join(workplace.directory, 'home');
  const { line, prompt, processor } = await starts(workplace, home);
  const atelier = await start(home);
  workplace.atEnd(() => atelier.end());
  const tick = await ticks(workplace, atelier, home);
  const weight = await weights(atelier);
  const bare: number[] = [];
  const pki = path.join(home, 'clusters/main/pki');
  for (let turn = 0; turn < STARTS; turn++) {
    const server = await startNode('tests/bench/tls-server.ts', [pki], /^port (\d+)$/);
    bare.push(server.readyAfter / 1000);
    await server.end();
  }
  const anchor = { name: 'bare Node TLS server', value: median(bare) };
  const tickAnchor = (share: number) => ({ name: "the API's own watch", value: percentile(tick.watch, share) });
  return [
    {
      name: 'start → Atelier is ready',
      value: median(line),
      unit: 's',
      anchor,
      note: `${median(processor).toFixed(0)} ms of processor`,
    },
    {
      name: 'start → prompt in the browser',
      value: median(prompt),
      unit: 's',
      anchor,
      budget: { of: 'figure', most: 2 },
    },
    { name: 'cluster change → page, p50', value: percentile(tick.page, 0.5), unit: 'ms', anchor: tickAnchor(0.5) },
    {
      name: 'cluster change → page, p95',
      value: percentile(tick.page, 0.95),
      unit: 'ms',
      anchor: tickAnchor(0.95),
      budget: { of: 'figure', most: 50 },
    },
    { name: 'JavaScript of a lesson page, gzip', value: weight.page, unit: 'kB', budget: { of: 'figure', most: 30 } },
    { name: 'and what the terminal adds', value: weight.terminal, unit: 'kB', budget: { of: 'figure', most: 95 } },
  ];
}

export const atelier: Part = { name: 'atelier', patience: 90, run };
