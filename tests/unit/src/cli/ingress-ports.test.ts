import { mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCluster } from '../../../../src/cli/cluster-process.ts';
import { atelier, temporary } from './program.ts';

let folder: ReturnType<typeof temporary>;
let squatter: Server;
let busy: number;

beforeAll(async () => {
  folder = temporary();
  squatter = createServer();
  await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve));
  busy = (squatter.address() as AddressInfo).port;
});
afterAll(() => {
  squatter.close();
  folder[Symbol.dispose]();
});

/** A home that chose the busy port in better days. */
function home(name: string): string {
  const place = path.join(folder.path, name);
  mkdirSync(place);
  writeFileSync(
    path.join(place, 'ingress-ports.json'),
    JSON.stringify({ http: busy, https: busy === 8443 ? 8444 : 8443 }),
  );
  return place;
}

test('a start whose ports are busy ends, with the remedy', async () => {
  const onTrouble = () => {};
  const ports = `${busy},${busy === 65_535 ? 1024 : busy + 1}`;
  const starting = startCluster({ home: home('start'), name: 'main', nodes: 1, ingress: { ports }, onTrouble });
  await expect(starting).rejects.toThrow(
    `Port ${busy} is in use by something else: end what listens there, or choose other ports for the hosts of Ingresses with --ingress-ports HTTP,HTTPS.`,
  );
});

test('a cluster alone warns, and goes on', async () => {
  const place = home('cluster');
  const running = atelier(['cluster'], { ATELIER_HOME: place, ATELIER_INGRESS_PORTS: '' });
  await running.said(/^export KUBECONFIG=(.+)\n$/m);
  const { code, stderr } = await running.end('SIGTERM');
  expect(code).toBe(0);
  expect(stderr).toContain(`atelier: Port ${busy} is in use by something else: `);
});

test('flags that cannot be are refused before anything is started', async () => {
  const { code, stderr } = await atelier(['cluster', '--ingress-ports', '8080,8443'], {
    ATELIER_HOME: path.join(folder.path, 'none'),
  }).ended;
  expect([code, stderr]).toEqual([
    2,
    'atelier: --ingress-ports 8080,8443 is no pair of ports: give two of 1 to 65535 without 8080, as 8880,8443, or high, or low.\n',
  ]);
});
