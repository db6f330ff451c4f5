import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { KubeObject } from '../../../../../../kubernetes/object.ts';
import type { Change } from '../../../../../../sandbox/embedded/control-plane/store/entry.ts';
import { Store } from '../../../../../../sandbox/embedded/control-plane/store/store.ts';

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'atelier-store-'));
  file = join(directory, 'objects.sqlite');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const object = (name: string, value = ''): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  value,
});

test('one counter numbers all writes, removals too, and goes on after a restart', async () => {
  const store = new Store({ file });
  const first = store.put('/a', 'ns', 'x', object('x'));
  const second = store.put('/b', '', 'y', object('y'));
  const gone = store.remove('/a', 'ns', 'x');
  await store.committed();
  expect([second.revision, gone?.revision]).toEqual([first.revision + 1, first.revision + 2]);
  expect(second.object.metadata.resourceVersion).toBe(String(second.revision));
  store.close();
  const again = new Store({ file });
  expect(again.revision).toBe(gone?.revision);
  expect(again.get('/a', 'ns', 'x')).toBeUndefined();
  expect(again.get('/b', '', 'y')?.object).toEqual(second.object);
  again.close();
});

test('lists are in the order of namespace and name, whatever the order of writes', () => {
  const store = new Store({ file });
  for (const [namespace, name] of [
    ['b', 'z'],
    ['a', 'y'],
    ['b', 'a'],
    ['a', 'x'],
  ] as const)
    store.put('/c', namespace, name, object(name));
  expect(store.list('/c').map((entry) => `${entry.namespace}/${entry.name}`)).toEqual(['a/x', 'a/y', 'b/a', 'b/z']);
  expect(store.list('/c', 'b').map((entry) => entry.name)).toEqual(['a', 'z']);
  store.close();
});

test('watchers hear of a change only when it is on disk, and only of changes after theirs', async () => {
  const store = new Store({ file });
  const known = store.put('/c', 'ns', 'old', object('old'));
  const heard: string[] = [];
  const onChange = (change: Change) => void heard.push(`${change.type} ${change.entry.name}`);
  store.watch('/c', { from: known.revision, namespace: 'ns', onChange });
  store.put('/c', 'ns', 'new', object('new'));
  store.put('/c', 'other', 'elsewhere', object('elsewhere'));
  expect(heard).toEqual([]);
  await store.committed();
  store.remove('/c', 'ns', 'old');
  await store.committed();
  expect(heard).toEqual(['ADDED new', 'DELETED old']);
  store.close();
});

test('a watch from the past is told what it missed, unless that is forgotten', async () => {
  const store = new Store({ file });
  const first = store.put('/c', 'ns', 'a', object('a'));
  store.put('/c', 'ns', 'b', object('b'));
  await store.committed();
  const heard: string[] = [];
  const watcher = {
    from: first.revision,
    namespace: undefined,
    onChange: (change: Change) => void heard.push(change.entry.name),
  };
  expect(store.watch('/c', watcher)).toBe(true);
  expect(heard).toEqual(['b']);
  store.collection('/c').compact(2);
  expect(store.watch('/c', { ...watcher, from: first.revision })).toBe(false);
  store.close();
});

test('a collection nobody has written to can be watched from any moment of this start', async () => {
  const store = new Store({ file });
  const then = store.put('/c', 'ns', 'a', object('a')).revision;
  store.put('/c', 'ns', 'b', object('b'));
  await store.committed();
  expect(store.watch('/never', { from: then, namespace: undefined, onChange: () => {} })).toBe(true);
  store.close();
  const again = new Store({ file });
  expect(again.watch('/c', { from: then, namespace: undefined, onChange: () => {} })).toBe(false);
  again.close();
});

test('an earlier state of a collection can be listed until it is forgotten', async () => {
  const store = new Store({ file });
  store.put('/c', 'ns', 'a', object('a', 'one'));
  const then = store.put('/c', 'ns', 'b', object('b')).revision;
  store.put('/c', 'ns', 'a', object('a', 'two'));
  store.remove('/c', 'ns', 'b');
  store.put('/c', 'ns', 'c', object('c'));
  // Part of the way back is on disk, part is not yet.
  await store.committed();
  store.put('/c', 'ns', 'd', object('d'));
  const past = store.listAt('/c', then, 'ns');
  expect(past?.map((entry) => [entry.name, entry.object.value])).toEqual([
    ['a', 'one'],
    ['b', ''],
  ]);
  await store.committed();
  store.collection('/c').compact(3);
  expect(store.listAt('/c', then)).toBeUndefined();
  store.close();
});

test('a batch that cannot be written is undone and refused', async () => {
  const errors: unknown[] = [];
  const store = new Store({ file, onError: (error) => errors.push(error) });
  store.put('/c', 'ns', 'a', object('a', 'kept'));
  await store.committed();
  store.put('/c', 'ns', 'a', object('a', 'lost'));
  // A name that SQLite cannot bind stands for a disk that is full.
  store.put('/c', 'ns', Symbol('b') as unknown as string, object('b'));
  await expect(store.committed()).rejects.toThrow();
  expect(errors).toHaveLength(1);
  expect(store.get('/c', 'ns', 'a')?.object.value).toBe('kept');
  store.close();
});

test('what was acknowledged survives kill -9', async () => {
  const source = new URL('../../../../../../sandbox/embedded/control-plane/store/store.ts', import.meta.url).href;
  const script = `
    const { Store } = await import(${JSON.stringify(source)});
    const store = new Store({ file: ${JSON.stringify(file)} });
    for (let i = 0; ; i++) {
      store.put('/c', 'ns', 'n' + i, { apiVersion: 'v1', kind: 'X', metadata: {}, filler: 'x'.repeat(500) });
      await store.committed();
      console.log('n' + i);
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const acknowledged: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged.push(line);
    if (acknowledged.length === 300) child.kill('SIGKILL');
  }
  const store = new Store({ file });
  const missing = acknowledged.filter((name) => !store.get('/c', 'ns', name));
  expect(acknowledged.length).toBeGreaterThanOrEqual(300);
  expect(missing).toEqual([]);
  store.close();
});
