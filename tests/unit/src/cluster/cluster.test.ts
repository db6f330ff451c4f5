import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type WatchedCluster, watchCluster } from '../../../../src/cluster/cluster.ts';
import { connect } from '../../../../src/cluster/connection.ts';
import { createFakeApi, type FakeApi, pod, refuse, status } from './fake-api.ts';

let api: FakeApi;
let cluster: WatchedCluster;

beforeEach(async () => {
  api = await createFakeApi();
  api.objects = [pod('a', 1)];
  cluster = watchCluster({
    connection: connect(api.kubeconfig),
    timing: { idle: 400, pause: 10, longestPause: 60, linger: 20 },
  });
});

afterEach(async () => {
  cluster.close();
  await api.close();
});

const view = () => cluster.view('pods', 'ada');
const names = () => view().items.map((item) => `${item.metadata.name}:${item.status.phase}`);

/** Resolves as soon as the condition holds, asked after each change. */
function until(condition: () => boolean, namespace = 'ada'): Promise<void> {
  return new Promise((resolve) => {
    if (condition()) return resolve();
    const stop = cluster.subscribe([namespace], () => {
      if (!condition()) return;
      stop();
      resolve();
    });
  });
}

async function opened() {
  const watch = api.nextWatch();
  cluster.want(['pods']);
  await until(() => view().state === 'synced');
  return watch;
}

test('lists, then follows by a watch; what was handed out never changes', async () => {
  expect(view()).toEqual({ state: 'syncing', items: [] });
  const watch = await opened();
  const before = view().items;
  expect(names()).toEqual(['a:Running']);
  expect(before[0]?.metadata.managedFields).toBeUndefined();
  watch.event('ADDED', pod('b', 2));
  await until(() => view().items.length === 2);
  watch.event('MODIFIED', pod('a', 3, 'Failed'));
  watch.event('DELETED', pod('b', 4));
  await until(() => names().join() === 'a:Failed');
  expect(before.map((item) => item.status.phase)).toEqual(['Running']);
  expect(api.requests).toEqual(['list /api/v1/pods', 'watch /api/v1/pods 1']);
});

test('one watch a kind, whoever wants it, and none when nobody does', async () => {
  const watch = await opened();
  const release = cluster.want(['pods']);
  release();
  watch.event('ADDED', pod('b', 2));
  await until(() => view().items.length === 2);
  expect(api.watches.length).toBe(1);
});

test('the last one to let go ends the watch', async () => {
  const opening = api.nextWatch();
  const release = cluster.want(['pods']);
  const watch = await opening;
  release();
  await watch.closed;
  expect(view().state).toBe('syncing');
});

test.each([
  [
    '410 in the stream',
    (watch: { event(type: string, object: unknown): void }) => watch.event('ERROR', status(410, 'Expired')),
  ],
  [
    '500 in the stream',
    (watch: { event(type: string, object: unknown): void }) => watch.event('ERROR', status(500, 'InternalError')),
  ],
])('%s: lists anew and shows what was missed, at once and whole', async (_, fault) => {
  const watch = await opened();
  api.objects = [pod('b', 8), pod('c', 9)];
  api.version = 9;
  const seen: string[] = [];
  cluster.subscribe(['ada'], () => seen.push(names().join()));
  const again = api.nextWatch();
  fault(watch);
  expect((await again).url.searchParams.get('resourceVersion')).toBe('9');
  await until(() => names().join() === 'b:Running,c:Running');
  expect(seen).toEqual(['b:Running,c:Running']);
});

test('a watch that is closed, or cut, goes on from the last version', async () => {
  let watch = await opened();
  watch.event('BOOKMARK', { kind: 'Pod', metadata: { resourceVersion: '7' } });
  watch.event('ADDED', pod('b', 8));
  await until(() => view().items.length === 2);
  let next = api.nextWatch();
  watch.end();
  watch = await next;
  expect(watch.url.searchParams.get('resourceVersion')).toBe('8');
  next = api.nextWatch();
  watch.destroy();
  watch = await next;
  expect(watch.url.searchParams.get('resourceVersion')).toBe('8');
  expect(api.requests.filter((request) => request.startsWith('list')).length).toBe(1);
});

test('silence: another watch is opened, and the silent one is heard no more', async () => {
  const silent = await opened();
  const next = await api.nextWatch();
  silent.event('ADDED', pod('ghost', 99));
  next.event('ADDED', pod('b', 2));
  await until(() => view().items.length === 2);
  expect(names()).toEqual(['a:Running', 'b:Running']);
});

test('an object that did not change keeps its identity over a new list', async () => {
  const watch = await opened();
  const [first] = view().items;
  api.objects = [pod('a', 1), pod('b', 5)];
  watch.event('ERROR', status(410, 'Expired'));
  await until(() => view().items.length === 2);
  expect(view().items[0]).toBe(first);
});

test('a server that refuses is asked again with growing pauses, not in a tight loop', async () => {
  api.faults.list = Array.from({ length: 5 }, () => refuse(500, 'InternalError'));
  const began = performance.now();
  await opened();
  expect(performance.now() - began).toBeGreaterThan(100);
  expect(api.requests.filter((request) => request.startsWith('list')).length).toBe(6);
});

test('a server that closes every watch at once is not asked in a tight loop', async () => {
  api.faults.watch = Array.from({ length: 6 }, () => (_: unknown, response: { end(): void }) => response.end());
  await opened();
  const pauses = api.requests.filter((request) => request.startsWith('watch')).length;
  expect(pauses).toBe(1 + 6);
});

test('the server goes away and comes back with another history', async () => {
  await opened();
  await api.stop();
  expect(names()).toEqual(['a:Running']);
  api.objects = [pod('z', 2)];
  api.version = 2;
  api.faults.watch = [refuse(410, 'Expired')];
  await api.start();
  await until(() => names().join() === 'z:Running');
});

test('what may not be read, and what is not served, are answers', async () => {
  api.faults.list = [refuse(403, 'Forbidden')];
  cluster.want(['pods']);
  await until(() => view().state === 'denied');
  expect(view().message).toBe('Forbidden happened');
  cluster.want(['certificates.cert-manager.io']);
  await until(() => cluster.view('certificates.cert-manager.io', 'ada').state === 'absent');
  // It heals by itself.
  await until(() => view().state === 'synced');
});

test('only those are woken in whose namespace something changed, once a tick', async () => {
  const watch = await opened();
  let [ada, bob] = [0, 0];
  cluster.subscribe(['ada'], () => ada++);
  cluster.subscribe(['bob'], () => bob++);
  for (let index = 0; index < 50; index++) watch.event('ADDED', pod(`p${index}`, index + 2));
  await until(() => view().items.length === 51);
  expect(bob).toBe(0);
  expect(ada).toBeLessThan(40);
  watch.event('ADDED', pod('b', 99, 'Running', 'bob'));
  await until(() => cluster.view('pods', 'bob').items.length === 1, 'bob');
  expect(bob).toBe(1);
});

test('a token in a file is read anew when the server refuses the old one', async () => {
  const tokens: (string | undefined)[] = [];
  const file = `${api.kubeconfig}.token`;
  const config = JSON.parse(readFileSync(api.kubeconfig, 'utf8'));
  config.users[0].user = { tokenFile: `${basename(api.kubeconfig)}.token` };
  writeFileSync(api.kubeconfig, JSON.stringify(config));
  writeFileSync(file, 'old');
  api.faults.list = ['new', 'new'].map((next, index) => (request, response) => {
    tokens.push(request.headers.authorization);
    writeFileSync(file, next);
    if (index === 0) return refuse(401, 'Unauthorized')(request, response);
    response.end(JSON.stringify({ metadata: { resourceVersion: '1' }, items: [] }));
  });
  await opened();
  expect(tokens).toEqual(['Bearer old', 'Bearer new']);
});
