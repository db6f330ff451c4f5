import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../../../kubernetes/object.ts';
import { ApiError, createClient } from '../../../../../sandbox/embedded/client/client.ts';
import { lines } from '../../../../../sandbox/embedded/client/https-transport.ts';
import { byController, createInformer, type Informer } from '../../../../../sandbox/embedded/client/informer.ts';
import { parseKubeconfig } from '../../../../../sandbox/embedded/client/kubeconfig.ts';
import { createRecorder } from '../../../../../sandbox/embedded/client/recorder.ts';
import { createWorkQueue } from '../../../../../sandbox/embedded/client/work-queue.ts';
import { createClock } from '../../../../../sandbox/embedded/clock.ts';
import { createMemoryApi } from '../memory-api.ts';

const pods = { group: '', version: 'v1', resource: 'pods' };
const stop: AbortController[] = [];
afterEach(() => {
  for (const controller of stop.splice(0)) controller.abort();
});

function pod(name: string, extra: Partial<KubeObject['metadata']> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'a', ...extra }, spec: {} };
}

async function until(informer: Informer, done: () => boolean): Promise<void> {
  await new Promise<void>((resolve) => {
    const off = informer.on(() => {
      if (!done()) return;
      resolve();
      queueMicrotask(() => off());
    });
  });
}

function follow() {
  const api = createMemoryApi();
  const client = createClient(api);
  const abort = new AbortController();
  stop.push(abort);
  const make = () =>
    createInformer({
      client,
      resource: pods,
      clock: createClock(),
      signal: abort.signal,
      indexers: { owner: byController },
    });
  return { api, client, make, abort };
}

describe('client', () => {
  it('throws what the server refused, as it said it', async () => {
    const { client } = follow();
    const error = await client.get(pods, 'no', 'a').catch((reason) => reason);
    expect(error).toBeInstanceOf(ApiError);
    expect([error.code, error.reason]).toEqual([404, 'NotFound']);
  });

  it('cuts lines between chunks and inside characters', () => {
    const seen: string[] = [];
    const feed = lines((line) => seen.push(line));
    const bytes = Buffer.from('{"é":1}\n{"b":2}\n{"c"');
    feed(bytes.subarray(0, 3));
    feed(bytes.subarray(3, 12));
    feed(bytes.subarray(12));
    expect(seen).toEqual(['{"é":1}', '{"b":2}']);
  });

  it('reads the current context of a kubeconfig', () => {
    const text = `{"current-context": "x", "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
      "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1", "certificate-authority-data": "YQ=="}}],
      "users": [{"name": "u", "user": {"token": "t"}}]}`;
    expect(parseKubeconfig(text)).toEqual({ server: 'https://127.0.0.1:1', ca: 'a', token: 't' });
    expect(() => parseKubeconfig(text.replace('"user": "u"', '"user": "v"'))).toThrow('no user named "v"');
  });

  it('rejects when nobody listens', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const { createHttpsTransport } = await import('../../../../../sandbox/embedded/client/https-transport.ts');
    const transport = createHttpsTransport({ server: `https://127.0.0.1:${port}` });
    await expect(createClient(transport).get(pods, 'x', 'a')).rejects.toThrow('ECONNREFUSED');
    transport.close();
  });
});

describe('informer', () => {
  it('lists, follows, and answers by index', async () => {
    const { client, make } = follow();
    await client.create(pods, pod('one'));
    const informer = make();
    await informer.synced;
    expect(informer.get('one', 'a')?.metadata.name).toBe('one');
    const owner = { apiVersion: 'v1', kind: 'X', name: 'x', uid: 'o', controller: true };
    await client.create(pods, pod('two', { ownerReferences: [owner] }));
    await until(informer, () => informer.by('owner', 'o').length === 1);
    await client.delete(pods, 'two', 'a');
    await until(informer, () => informer.by('owner', 'o').length === 0).catch(() => {});
    expect(informer.list('a').map((object) => object.metadata.name)).toEqual(['one']);
  });

  it('goes on after a broken watch, and lists anew after 410, telling what was missed', async () => {
    const { api, client, make } = follow();
    const informer = make();
    await informer.synced;
    await client.create(pods, pod('one'));
    await until(informer, () => informer.list().length === 1);
    const told: string[] = [];
    informer.on((now, before) => told.push(`${before ? '-' : '+'}${(now ?? before)?.metadata.name}${now ? '' : '!'}`));
    api.breakWatches(true);
    await client.create(pods, pod('two'));
    await client.delete(pods, 'one', 'a');
    await until(informer, () => informer.list().length === 1 && !!informer.get('two', 'a'));
    expect(told).toEqual(['+one', '+two', '-one!']);
    expect(api.requests.filter((request) => request.method === 'GET')).toHaveLength(2);
  });

  it('sees its own write at once, tells it once, and does not bring back the dead', async () => {
    const { client, make } = follow();
    const informer = make();
    await informer.synced;
    let told = 0;
    informer.on(() => {
      told += 1;
    });
    const created = await client.create(pods, pod('one'));
    informer.observe(created);
    expect(informer.list()).toHaveLength(1);
    await client.create(pods, pod('two'));
    await until(informer, () => informer.list().length === 2);
    expect(told).toBe(2);
    await client.delete(pods, 'one', 'a');
    await client.create(pods, pod('three'));
    await until(informer, () => !!informer.get('three', 'a'));
    informer.observe(created);
    expect(informer.get('one', 'a')).toBeUndefined();
  });
});

describe('work queue', () => {
  function queue(work: (key: string) => Promise<void>, spacing = 0) {
    const clock = createClock();
    const abort = new AbortController();
    stop.push(abort);
    return {
      clock,
      queue: createWorkQueue({ clock, signal: abort.signal, work, spacing, retry: { first: 1000, longest: 4000 } }),
    };
  }

  it('does a key once for many adds, and again when it is added during the work', async () => {
    const runs: string[] = [];
    const made = queue(async (key) => {
      runs.push(key);
      if (runs.length === 1) made.queue.add(key);
      await Promise.resolve();
    });
    for (let i = 0; i < 5; i++) made.queue.add('a');
    await new Promise(setImmediate);
    expect(runs).toEqual(['a', 'a']);
  });

  it('waits longer after each failure', async () => {
    let runs = 0;
    const made = queue(async () => {
      runs += 1;
      throw new Error('no');
    });
    made.queue.add('a');
    await new Promise(setImmediate);
    made.clock.skip(1000);
    await new Promise(setImmediate);
    made.clock.skip(1000);
    await new Promise(setImmediate);
    expect(runs).toBe(2);
    made.clock.skip(1000);
    await new Promise(setImmediate);
    expect(runs).toBe(3);
  });

  it('spaces the runs of a key', async () => {
    let runs = 0;
    const made = queue(async () => {
      runs += 1;
    }, 1000);
    made.queue.add('a');
    await new Promise(setImmediate);
    for (let i = 0; i < 3; i++) made.queue.add('a');
    await new Promise(setImmediate);
    expect(runs).toBe(1);
    made.clock.skip(1000);
    await new Promise(setImmediate);
    expect(runs).toBe(2);
  });
});

describe('recorder', () => {
  it('counts repeats, and combines similar events', async () => {
    const { api, client } = follow();
    const recorder = createRecorder({ client, clock: createClock(), component: 'kubelet', host: 'node-1' });
    const about = pod('one', { uid: 'u' });
    await recorder.event(about, 'Warning', 'BackOff', 'Back-off');
    await recorder.event(about, 'Warning', 'BackOff', 'Back-off');
    expect(api.objects('events')).toMatchObject([
      { count: 2, message: 'Back-off', source: { component: 'kubelet', host: 'node-1' }, metadata: { namespace: 'a' } },
    ]);
    for (let i = 0; i < 30; i++) await recorder.event(about, 'Normal', 'Made', `number ${i}`);
    const made = api.objects('events').filter((event) => event.reason === 'Made');
    expect(made).toHaveLength(10);
    expect(made.at(-1)).toMatchObject({ message: '(combined from similar events): number 24', count: 16 });
  });
});
