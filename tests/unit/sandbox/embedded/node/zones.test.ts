import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createClock } from '../../../../../sandbox/embedded/clock.ts';
import { writeKubeconfig } from '../../../../../sandbox/embedded/control-plane/kubeconfig.ts';
import { type Cluster, createCluster } from '../../../../../sandbox/embedded/control-plane/main.ts';
import { ask } from '../../../../parity/parts/ask.ts';

const main = fileURLToPath(new URL('../../../../../sandbox/embedded/node/main.ts', import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'atelier-zones-'));
const names = ['one', 'two'];
const clusters: Cluster[] = [];
let node: ChildProcess | undefined;

beforeAll(async () => {
  for (const name of names) {
    const directory = join(home, name);
    mkdirSync(directory);
    const cluster = await createCluster({ directory, name, clock: createClock() });
    const { pki, url } = cluster;
    const pair = { cluster: name, server: url, ca: pki.ca.cert, user: 'system:node:node-1', pair: pki.node };
    writeKubeconfig(join(directory, 'node.kubeconfig'), pair);
    clusters.push(cluster);
  }
});
afterAll(async () => {
  node?.kill('SIGKILL');
  await Promise.all(clusters.map((cluster) => cluster.close()));
  rmSync(home, { recursive: true, force: true });
});

/** Starts process 2 with both clusters; resolves when both are ready. */
async function startNode(): Promise<void> {
  const child = fork(main, [], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  node = child;
  const ready = new Promise<void>((resolve) => {
    const waiting = new Set(names);
    child.on('message', (message: { type: string; name: string }) => {
      if (message.type === 'ready') waiting.delete(message.name);
      if (waiting.size === 0) resolve();
    });
  });
  for (const name of names) {
    const directory = join(home, name);
    const kubeconfig = join(directory, 'node.kubeconfig');
    child.send({
      type: 'open',
      name,
      directory,
      kubeconfig,
      nodes: 1,
      zone: `${name}.localhost`,
      ingress: { http: 1, https: 2 },
    });
  }
  await ready;
}

const place = (name: string) => JSON.parse(readFileSync(join(home, name, 'proxy.json'), 'utf8'));

/** As a learner's shell does: through the cluster's proxy. */
async function call(
  name: string,
  method: string,
  path: string,
  body?: object,
): Promise<{ status: number; body: string }> {
  const proxy = new URL(place(name).url);
  const outgoing = request({
    host: proxy.hostname,
    port: proxy.port,
    method,
    path: `http://zone.atelier.internal${path}`,
  });
  outgoing.end(body && JSON.stringify(body));
  const [response] = await once(outgoing, 'response');
  return { status: response.statusCode, body: await text(response) };
}

const records = async (name: string): Promise<string[]> =>
  JSON.parse((await call(name, 'GET', '/records')).body).map((record: { dnsName: string }) => record.dnsName);

test('a node that is killed in the middle loses no record; two zones of one process never mix', async () => {
  await startNode();
  for (const name of names)
    for (let at = 0; at < 8; at += 1) {
      const create = [{ dnsName: `n${at}.${name}.localhost`, recordType: 'A', targets: [`10.0.0.${at}`] }];
      expect((await call(name, 'POST', '/records', { create })).status).toBe(204);
    }
  const ended = once(node!, 'exit');
  // One more is under way at the kill: it is there wholly or not at all.
  const late = call('one', 'POST', '/records', {
    create: [{ dnsName: 'late.one.localhost', recordType: 'A', targets: ['10.9.9.9'] }],
  });
  late.catch(() => {});
  node!.kill('SIGKILL');
  await ended;
  await startNode();
  const [one, two] = [await records('one'), await records('two')];
  expect(one.filter((name) => name !== 'late.one.localhost')).toHaveLength(8);
  expect(two).toHaveLength(8);
  expect(two.every((name) => name.endsWith('.two.localhost'))).toBe(true);
  const ports = names.map((name) => place(name).ingress.dns as number);
  expect(await ask(ports[0]!, 'n7.one.localhost', 'A')).toContain('10.0.0.7');
  expect(await ask(ports[1]!, 'n7.one.localhost', 'A')).toBe('REFUSED\n');
  expect(await ask(ports[1]!, 'n7.two.localhost', 'A')).toContain('10.0.0.7');
});
