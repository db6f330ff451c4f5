import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { shellEnvironment } from '../../../../sandbox/shell/environment.ts';
import { curl, Home, type Place } from './addresses-rig.ts';

// The table of addresses in sandbox/README.md, cell by cell, with the programs people use.

let home: Home;
let ada: Place;
let bob: Place;
let balancer: string;

beforeAll(async () => {
  home = new Home();
  ada = await home.open('ada');
  bob = await home.open('bob', '--domain', 'bob.example.localhost');
  balancer = await ada.serve();
  await ada.record('*.ada.localhost', balancer);
  await bob.record('app.bob.example.localhost', await bob.serve());
}, 90_000);
afterAll(() => home.close());

/** As a browser on this machine: names of *.localhost are this machine, whatever its resolver says. */
function browse(scheme: 'http' | 'https', host: string, ...words: string[]): Promise<string> {
  const port = ada.ports[scheme];
  return curl(['-k', '--resolve', `${host}:${port}:127.0.0.1`, ...words, `${scheme}://${host}:${port}/`]);
}

test('browser → host of an Ingress: of each cluster its own, at one pair of ports', async () => {
  expect(bob.ports).toMatchObject({ http: ada.ports.http, https: ada.ports.https });
  expect(await browse('http', 'app.ada.localhost')).toBe('200 ada');
  expect(await browse('http', 'app.bob.example.localhost')).toBe('200 bob');
  expect(await browse('https', 'app.ada.localhost')).toBe('200 ok');
  expect(await browse('http', 'other.bob.example.localhost')).toMatch(/^502 There is no other/);
  expect(await browse('https', 'x.eve.localhost')).toMatch(/^421 Nobody here answers/);
  const v6 = ['-g', '--resolve', `app.ada.localhost:${ada.ports.http}:[::1]`];
  const hasV6 = Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === '::1'));
  if (hasV6) expect(await curl([...v6, `http://app.ada.localhost:${ada.ports.http}/`])).toBe('200 ada');
});

test('the page over TLS is one that who trusts the workshop can read', async () => {
  const root = join(home.directory, 'workshop-ca', 'root.crt');
  const { https } = ada.ports;
  const words = ['--cacert', root, '--resolve', `lost.bob.example.localhost:${https}:127.0.0.1`];
  expect(await curl([...words, `https://lost.bob.example.localhost:${https}/`])).toMatch(/^502 There is no lost/);
});

test('nothing of it is open beyond loopback, and nothing listens on 8080', async () => {
  const own = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  for (const { address } of own.filter(({ internal, family }) => !internal && family === 'IPv4'))
    expect(await curl([`http://${address}:${ada.ports.http}/`])).toMatch(/refused|Couldn't connect|Failed to connect/);
  expect([ada.ports.http, ada.ports.https]).not.toContain(8080);
});

test('browser and shell → forwarded port', async () => {
  const forward = spawn(
    process.env.ATELIER_KUBECTL ?? 'kubectl',
    ['--kubeconfig', join(home.directory, 'clusters/ada/admin.kubeconfig'), 'port-forward', 'service/web', ':80'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [line] = (await once(createInterface({ input: forward.stdout! }), 'line')) as [string];
  const port = /127\.0\.0\.1:(\d+)/.exec(line)?.[1];
  expect(await curl([`http://127.0.0.1:${port}/`])).toBe('200 ada');
  expect(await ada.shell(`http://127.0.0.1:${port}/`)).toBe('200 ada');
  expect(await ada.shell(`http://localhost:${port}/`)).toBe('200 ada');
  forward.kill('SIGTERM');
  await once(forward, 'exit');
});

test('shell → Service, pod, ClusterIP, load balancer', async () => {
  const clusterIp = ada.kubectl('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}');
  const podIp = ada.kubectl('get', 'pod', 'web', '-o', 'jsonpath={.status.podIP}');
  for (const host of ['web.default', 'web.default.svc.cluster.local', clusterIp, podIp, balancer])
    expect(await ada.shell(`http://${host}/`)).toBe('200 ada');
  expect(await ada.shell('-k', `https://${balancer}/`)).toBe('200 ok');
});

test('shell → host of an Ingress, without a port and with the browser’s', async () => {
  const { http, https } = ada.ports;
  expect(await ada.shell('http://app.ada.localhost/')).toBe('200 ada');
  expect(await ada.shell(`http://App.ada.localhost.:${http}/`)).toBe('200 ada');
  expect(await ada.shell('-k', 'https://app.ada.localhost/')).toBe('200 ok');
  expect(await ada.shell('-k', `https://app.ada.localhost:${https}/`)).toBe('200 ok');
  expect(await bob.shell('http://app.bob.example.localhost/')).toBe('200 bob');
  expect(await bob.shell('http://lost.bob.example.localhost/')).toBe(
    '502 proxy: lost.bob.example.localhost: no such host (NXDOMAIN in the zone bob.example.localhost)',
  );
});

test('shell → another learner’s host, or what listens on this machine: refused', async () => {
  expect(await ada.shell('http://app.bob.example.localhost/')).toBe(
    '403 proxy: app.bob.example.localhost is not below ada.localhost, the domain of this shell',
  );
  const secret = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nsecret'));
  await new Promise<void>((resolve) => secret.listen(0, '127.0.0.1', resolve));
  const { port } = secret.address() as AddressInfo;
  await bob.record('machine.bob.example.localhost', '127.0.0.1');
  for (const host of ['127.0.0.1', '[::1]', '0.0.0.0', 'app.eve.localhost', 'machine.bob.example.localhost'])
    expect(await bob.shell('--noproxy', '', `http://${host}:${port}/`)).not.toContain('secret');
  secret.close();
});

test('container → names, addresses and hosts, as the browser writes them', () => {
  const { http, https } = ada.ports;
  const plain = ['web', 'web.default.svc.cluster.local', balancer, 'app.ada.localhost', `app.ada.localhost:${http}`];
  const secure = ['app.ada.localhost', `app.ada.localhost:${https}`, balancer];
  const urls = [...plain.map((host) => `http://${host}/`), ...secure.map((host) => `https://${host}/`)];
  const inside = (...asked: string[]) =>
    ada.kubectl('exec', 'client', '--', 'sh', '-c', asked.map((url) => `curl -ksS ${url} 2>&1`).join('; '));
  expect(inside(...urls).split('\n')).toEqual([...plain.map(() => 'ada'), ...secure.map(() => 'ok')]);
  // With its words on stdout, all that is thrown is curl's own exit code: no such host.
  expect(() => inside('http://app.bob.example.localhost/')).toThrow(/exit code 6/);
});

test('shell of a real cluster: as the machine does', () => {
  const place = { learner: 'a', home: '/h', commands: '/c', tools: '/t', completions: '/c', control: '/s' };
  const names = Object.keys(shellEnvironment({ ...place, proxy: undefined }, { PATH: '/bin', http_proxy: 'http://x' }));
  expect(names.filter((name) => /proxy/i.test(name))).toEqual([]);
});

/** A download that nobody reads on. */
async function download(): Promise<IncomingMessage> {
  const options = {
    host: '127.0.0.1',
    port: ada.ports.http,
    path: '/files/large',
    headers: { host: 'app.ada.localhost' },
  };
  const [message] = (await once(httpGet(options), 'response')) as [IncomingMessage];
  message.on('error', () => {});
  await once(message, 'readable');
  return message;
}

/** Asks until the front door is there again; a refused connection, or pods that are not back yet, is all that may happen in between. */
async function askAgain(host: string, expected: string): Promise<void> {
  for (const begun = performance.now(); ; ) {
    const answer = await browse('http', host);
    if (answer === expected) return;
    if (
      !/Failed to connect|Connection reset|Empty reply|Nobody listens/.test(answer) ||
      performance.now() - begun > 25_000
    )
      throw new Error(answer);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('kill -9 of the node’s process in the middle of an answer: the same ports, the same hosts', async () => {
  const answer = await download();
  const { node } = home.pids();
  const ended = new Promise((resolve) => answer.once('close', resolve));
  process.kill(node, 'SIGKILL');
  answer.resume();
  await ended;
  expect(answer.complete).toBe(false);
  await Promise.all([askAgain('app.ada.localhost', '200 ada'), askAgain('app.bob.example.localhost', '200 bob')]);
  expect(home.pids().node).not.toBe(node);
}, 60_000);

test('kill -9 of both processes: after another start all of it is there again', async () => {
  const kept = readFileSync(join(home.directory, 'ingress-ports.json'), 'utf8');
  const { control, node } = home.pids();
  const gone = once(home.main!, 'exit');
  process.kill(node, 'SIGKILL');
  process.kill(control, 'SIGKILL');
  await gone;
  const again = await Promise.all([home.open('ada'), home.open('bob', '--domain', 'bob.example.localhost')]);
  expect(readFileSync(join(home.directory, 'ingress-ports.json'), 'utf8')).toBe(kept);
  [ada, bob] = again;
  await Promise.all([askAgain('app.ada.localhost', '200 ada'), askAgain('app.bob.example.localhost', '200 bob')]);
}, 90_000);
