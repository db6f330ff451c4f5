import { request } from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import type { Loose } from '../../../kubernetes/object.ts';
import type { Case, Step } from './case.ts';
import type { Answer } from './exchange.ts';

/** Seconds an answer, or a state, may take. */
const PATIENCE = 60;
/** What belongs to the connection or the moment. */
const IGNORED = new Set(['date', 'connection', 'keep-alive', 'transfer-encoding', 'content-length', 'last-modified']);

interface Received {
  status: number;
  headers: Record<string, string>;
  chunks: Buffer[];
  ended: boolean;
  /** Resolves at the next chunk, or at the end. */
  more(): Promise<void>;
  close(): void;
}

/** Sends the steps of a case, one after another, in a namespace made for it and deleted after it. */
export async function runCase(kubeconfig: string, { namespace, steps, name }: Case): Promise<Answer[]> {
  const send = await sender(kubeconfig);
  const values: Record<string, string> = { ns: namespace };
  const fill = (text: string) => text.replace(/\{(\w+)\}/g, (all, key: string) => values[key] ?? all);
  const watches = new Map<string, Received>();
  const answers: Answer[] = [];
  const space = `/api/v1/namespaces/${namespace}`;
  try {
    await remove(send, space);
    await collect(
      await send('POST', '/api/v1/namespaces', {}, Buffer.from(JSON.stringify({ metadata: { name: namespace } }))),
    );
    // A client that is quick comes before the account that its pods run as.
    await repeat({ until: /"name":"default"/ }, async () => collect(await send('GET', `${space}/serviceaccounts`, {})));
    for (const step of steps) {
      if (step.events !== undefined) {
        const watch = watches.get(step.background ?? '');
        if (!watch) throw new Error(`${name}: no watch ${step.background}`);
        const events = await eventsOf(watch, step.events);
        answers.push({ title: step.title, status: watch.status, headers: {}, body: events });
        continue;
      }
      const ask = () =>
        send(
          step.method,
          fill(step.path),
          Object.fromEntries(Object.entries(step.headers).map(([key, value]) => [key, fill(value)])),
          step.body && isText(step) ? Buffer.from(fill(step.body.toString())) : step.body,
        );
      if (step.background) {
        watches.set(step.background, await ask());
        continue;
      }
      const { status, headers, text, late } = await repeat(step, async () => collect(await ask()));
      if (late) throw new Error(`${name}: ${step.title}: its state did not come: ${text.slice(0, 300)}`);
      if (step.quiet && status >= 400) throw new Error(`${name}: ${step.title} prepares and failed: ${text}`);
      const body = read(headers['content-type'] ?? '', text);
      for (const [key, place] of Object.entries(step.captures)) values[key] = String(at(body, place.split('.')));
      if (!step.quiet)
        answers.push({
          title: step.title,
          status,
          headers,
          body: step.part ? at(body, step.part.slice(1).split('/').map(pointerKey)) : body,
        });
    }
    return answers;
  } finally {
    for (const watch of watches.values()) watch.close();
    await send('DELETE', space, {}).then(collect, () => undefined);
  }
}

const pointerKey = (part: string) => part.replaceAll('~1', '/').replaceAll('~0', '~');
const at = (value: Loose, keys: string[]): Loose => keys.reduce((found, key) => found?.[key], value);
const isText = ({ body }: Step) => !body?.includes(0);

async function repeat<Result extends { text: string }>(
  { until }: { until?: RegExp | undefined },
  ask: () => Promise<Result>,
): Promise<Result & { late: boolean }> {
  const deadline = performance.now() + PATIENCE * 1000;
  for (;;) {
    const result = await ask();
    const done = !until || until.test(result.text);
    if (done || performance.now() > deadline) return { ...result, late: !done };
    await pause(50);
  }
}

type Send = (method: string, path: string, headers: Record<string, string>, body?: Buffer) => Promise<Received>;

async function remove(send: Send, space: string): Promise<void> {
  await collect(await send('DELETE', space, {}));
  await repeat({ until: /"code":404/ }, async () => collect(await send('GET', space, {})));
}

/** HTTP/1.1 with an administrator's credentials, or with those that the headers of a step bring. */
async function sender(kubeconfig: string): Promise<Send> {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const server = new URL(config.getCurrentCluster()?.server ?? '');
  const options: Loose = {};
  await config.applyToHTTPSOptions(options);
  return (method, path, headers, body) =>
    new Promise((resolve, reject) => {
      const own = headers.authorization ? { cert: undefined, key: undefined } : {};
      const outgoing = request(
        {
          ...options,
          ...own,
          agent: undefined,
          host: server.hostname,
          port: server.port,
          method,
          path,
          headers: {
            accept: 'application/json',
            ...(body && { 'content-type': 'application/json', 'content-length': body.length }),
            ...options.headers,
            ...headers,
          },
        },
        (incoming) => {
          let wake: (() => void) | undefined;
          const received: Received = {
            status: incoming.statusCode ?? 0,
            headers: Object.fromEntries(
              Object.entries(incoming.headers)
                .filter(([key]) => !IGNORED.has(key))
                .map(([key, value]) => [key, key === 'etag' ? '<etag>' : String(value)]),
            ),
            chunks: [],
            ended: false,
            more: () =>
              new Promise((next) => {
                wake = next;
              }),
            close: () => incoming.destroy(),
          };
          incoming.on('data', (chunk: Buffer) => {
            received.chunks.push(chunk);
            wake?.();
          });
          const end = () => {
            received.ended = true;
            wake?.();
          };
          incoming.on('end', end).on('error', end).on('close', end);
          resolve(received);
        },
      );
      outgoing.setTimeout(PATIENCE * 1000, () => outgoing.destroy(new Error(`${method} ${path}: no answer`)));
      outgoing.on('error', reject);
      outgoing.end(body);
    });
}

async function collect(received: Received): Promise<{ status: number; headers: Record<string, string>; text: string }> {
  while (!received.ended) await received.more();
  const { status, headers, chunks } = received;
  const data = Buffer.concat(chunks);
  return {
    status,
    headers,
    text: data.includes(0) ? `binary: ${data.subarray(0, 4).toString('hex')}` : data.toString(),
  };
}

/** The first `count` events of a watch, as far as they come. */
async function eventsOf(watch: Received, count: number): Promise<Loose[]> {
  const lines = () => Buffer.concat(watch.chunks).toString().split('\n').slice(0, -1);
  const deadline = performance.now() + PATIENCE * 1000;
  while (lines().length < count && !watch.ended && performance.now() < deadline)
    await Promise.race([watch.more(), pause(1000)]);
  return lines()
    .slice(0, count)
    .map((line) => JSON.parse(line));
}

/** JSON as it is, a watch's lines as a list, all else as text. */
function read(contentType: string, text: string): Loose {
  if (!contentType.includes('json') || text === '') return text;
  try {
    return JSON.parse(text);
  } catch {
    try {
      return text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
    } catch {
      return text;
    }
  }
}
