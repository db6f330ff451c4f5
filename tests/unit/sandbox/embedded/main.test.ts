import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createClient } from '../../../../sandbox/embedded/client/client.ts';
import { createHttpsTransport } from '../../../../sandbox/embedded/client/https-transport.ts';
import { readKubeconfig } from '../../../../sandbox/embedded/client/kubeconfig.ts';
import { askControl, dialControl } from '../../../../sandbox/embedded/control-socket.ts';

const main = fileURLToPath(new URL('../../../../sandbox/embedded/main.ts', import.meta.url));
const configMaps = { group: '', version: 'v1', resource: 'configmaps' };

let home: string;
let started: ChildProcess[];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'atelier-main-'));
  started = [];
});
afterEach(async () => {
  await Promise.all(started.map((child) => end(child, 'SIGKILL')));
  rmSync(home, { recursive: true, force: true });
});

function start(...words: string[]): ChildProcess {
  const child = spawn(process.execPath, [main, '--home', home, '--no-node', ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  return child;
}

/** The kubeconfig a start announces. */
async function ready(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) {
    const found = /^export KUBECONFIG=(.+)$/.exec(line);
    if (found?.[1]) return found[1];
  }
  throw new Error('ended before it was ready');
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill(signal);
    await once(child, 'exit');
  }
  return child.exitCode;
}

async function answer(child: ChildProcess): Promise<{ code: number; text: string }> {
  let text = '';
  child.stderr?.on('data', (chunk) => {
    text += chunk;
  });
  const [code] = await once(child, 'close');
  return { code: code as number, text };
}

const clientOf = (kubeconfig: string) => createClient(createHttpsTransport(readKubeconfig(kubeconfig)));

test('announces a private kubeconfig, keeps objects and address over kill -9, ends cleanly', async () => {
  const first = start();
  const kubeconfig = await ready(first);
  expect(realpathSync(join(home, 'cluster', 'admin.kubeconfig'))).toBe(realpathSync(kubeconfig));
  expect(statSync(kubeconfig).mode & 0o777).toBe(0o600);
  expect(statSync(join(home, 'clusters', 'main', 'pki', 'ca.key')).mode & 0o777).toBe(0o600);
  const before = readFileSync(kubeconfig, 'utf8');
  const client = clientOf(kubeconfig);
  await client.create(configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'kept', namespace: 'default' },
    data: { a: '1' },
  });
  await end(first, 'SIGKILL');
  client.close();
  const second = start();
  expect(readFileSync(await ready(second), 'utf8')).toBe(before);
  const again = clientOf(kubeconfig);
  expect((await again.get(configMaps, 'kept', 'default')).data).toEqual({ a: '1' });
  again.close();
  expect(await end(second, 'SIGTERM')).toBe(0);
});

test('a second start on the same home opens another cluster in the same processes, and closes it alone', async () => {
  const house = start();
  await ready(house);
  const guest = start('--name', 'b');
  const kubeconfig = await ready(guest);
  expect(kubeconfig).toBe(join(home, 'clusters', 'b', 'admin.kubeconfig'));
  const socket = await dialControl(home);
  expect(await askControl(socket!, { type: 'skip', name: 'b', milliseconds: 1000 })).toMatchObject({ type: 'skipped' });
  expect(await answer(start('--name', 'b'))).toEqual({
    code: 1,
    text: expect.stringMatching(
      /^atelier: cluster "b" of this home is open already in process \d+ at https:.*: choose another --name or --home\.\n$/,
    ),
  });
  expect(await end(guest, 'SIGINT')).toBe(0);
  expect(await askControl(socket!, { type: 'skip', name: 'main', milliseconds: 1000 })).toMatchObject({
    type: 'skipped',
  });
  socket?.destroy();
  expect(await end(house, 'SIGINT')).toBe(0);
});

test('of starts at the same moment one brings the processes, and each cluster is opened once', async () => {
  const names = ['main', 'main', 'b', 'c'];
  const children = names.map((name) => start('--name', name));
  const results = await Promise.all(
    children.map(async (child) => {
      const told = answer(child);
      const found = await Promise.race([ready(child).catch(() => undefined), told.then(() => undefined)]);
      return found ? basename(dirname(found)) : (await told).text;
    }),
  );
  const refusal = /^atelier: cluster "main" of this home is open already in process \d+ at .*: choose another/;
  const lost = results.slice(0, 2).filter((result) => refusal.test(result));
  expect(lost).toHaveLength(1);
  expect(results.filter((result) => !lost.includes(result))).toEqual(['main', 'b', 'c']);
  // Only one process holds the clusters.
  const socket = await dialControl(home);
  for (const name of ['main', 'b', 'c'])
    expect(await askControl(socket!, { type: 'skip', name, milliseconds: 1 })).toMatchObject({ type: 'skipped' });
  socket?.destroy();
});

test('bad input ends with one sentence and leaves nothing', async () => {
  expect(await answer(start('--port', 'x'))).toEqual({
    code: 2,
    text: 'atelier: --port x is no port: give 0 to 65535.\n',
  });
  expect(await answer(start('--name', 'A_b'))).toEqual({
    code: 1,
    text: 'atelier: "A_b" cannot name a cluster: use lower-case letters, digits and -.\n',
  });
  expect(existsSync(join(home, 'clusters', 'A_b'))).toBe(false);
});

test('--gaps tells what is missing', async () => {
  const child = start('--gaps');
  let text = '';
  child.stdout?.on('data', (chunk) => {
    text += chunk;
  });
  await once(child, 'close');
  expect(text).toContain('services: ports of protocol UDP and SCTP: stored; ');
});
