import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createClock } from '../../../../sandbox/embedded/clock.ts';
import {
  type GivenListener,
  type IngressOptions,
  ingressWish,
  openIngress,
  suits,
} from '../../../../sandbox/embedded/ingress-ports.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'atelier-ports-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** A machine on which these ports answer with a fault. */
function machine(faults: Record<string, string>) {
  const asked: string[] = [];
  const listen: NonNullable<IngressOptions['listen']> = async (_server, address, port) => {
    asked.push(`${address} ${port}`);
    return faults[port] ?? faults[`${address} ${port}`];
  };
  return { asked, listen };
}

const open = (more: Partial<IngressOptions> = {}) =>
  openIngress({ home, wish: undefined, clock: createClock(), log: () => {}, ...more });
const kept = () => JSON.parse(readFileSync(join(home, 'ingress-ports.json'), 'utf8'));

test('80 and 443 where both can be opened, on loopback alone', async () => {
  const { asked, listen } = machine({});
  const { ports, trouble } = await open({ listen });
  expect(ports).toEqual({ http: 80, https: 443 });
  expect(trouble()).toBeUndefined();
  expect(asked).toEqual(['127.0.0.1 80', '::1 80', '127.0.0.1 443', '::1 443']);
  expect(kept()).toEqual({ http: 80, https: 443 });
});

test('80 alone is no pair: the first high pair that is free', async () => {
  expect((await open({ listen: machine({ 443: 'EACCES' }).listen })).ports).toEqual({ http: 8880, https: 8443 });
});

test('the next pair where one of the first is busy, also on ::1 alone', async () => {
  const { listen } = machine({ 80: 'EACCES', '::1 8443': 'EADDRINUSE', 8881: 'EADDRINUSE' });
  expect((await open({ listen })).ports).toEqual({ http: 8882, https: 8445 });
});

test('a machine without IPv6 has a pair all the same', async () => {
  const without: NonNullable<IngressOptions['listen']> = async (_, address) =>
    address === '::1' ? 'EADDRNOTAVAIL' : undefined;
  expect((await open({ listen: without })).ports).toEqual({ http: 80, https: 443 });
});

test('chosen once: a later start keeps the pair, and tells the remedy when it is busy', async () => {
  await open({ listen: machine({ 80: 'EACCES' }).listen });
  const later = await open({ listen: machine({ 8443: 'EADDRINUSE' }).listen });
  expect(later.ports).toEqual({ http: 8880, https: 8443 });
  expect(later.trouble()).toBe(
    'Port 8443 is in use by something else: end what listens there, or choose other ports for the hosts of Ingresses with --ingress-ports HTTP,HTTPS',
  );
  expect((await open({ listen: machine({}).listen })).ports).toEqual({ http: 8880, https: 8443 });
});

test('a wish wins over what was kept, and is kept', async () => {
  await open({ listen: machine({}).listen });
  expect((await open({ wish: 'high', listen: machine({}).listen })).ports).toEqual({ http: 8880, https: 8443 });
  const own = { http: 3080, https: 3443 };
  expect((await open({ wish: own, listen: machine({}).listen })).ports).toEqual(own);
  expect((await open({ listen: machine({}).listen })).ports).toEqual(own);
  const low = await open({ wish: 'low', listen: machine({ 80: 'EACCES' }).listen });
  expect(low.trouble()).toMatch(/^Port 80 is not to be opened by this user \(EACCES\): /);
  expect(kept()).toEqual(own);
});

test('a file that says nothing is no choice', async () => {
  writeFileSync(join(home, 'ingress-ports.json'), '{"http": 8080}');
  expect((await open({ listen: machine({}).listen })).ports).toEqual({ http: 80, https: 443 });
});

test('what is asked for is a pair, or a word', () => {
  expect(ingressWish('3080,3443')).toEqual({ http: 3080, https: 3443 });
  expect([ingressWish('high'), ingressWish('low'), ingressWish('')]).toEqual(['high', 'low', undefined]);
  for (const text of ['8080,8443', '80', '80,80', '0,443', '80,70000', 'middle'])
    expect(() => ingressWish(text)).toThrow(`--ingress-ports ${text} is no pair of ports: give two of 1 to 65535`);
  expect(suits({ http: 80, https: 443 }, 'high')).toBe(false);
  expect(suits({ http: 8881, https: 8444 }, 'high')).toBe(true);
  expect(suits({ http: 8881, https: 8444 }, { http: 8881, https: 8443 })).toBe(false);
});

/** Stands for the node's process, in this one. */
function receiver(): ChildProcess & { received: Map<string, Server[]>; gone: Promise<void> } {
  const received = new Map<string, Server[]>();
  let all = () => {};
  const gone = new Promise<void>((resolve) => {
    all = resolve;
  });
  const send = ({ scheme }: GivenListener, server: Server, done: () => void) => {
    received.set(scheme, [...(received.get(scheme) ?? []), server]);
    server.once('close', all);
    done();
    return true;
  };
  return { connected: true, send, received, gone } as never;
}

test('each process gets listeners, bound anew; a busy port is tried again', async () => {
  const clock = createClock();
  const logged: string[] = [];
  const ingress = await open({ wish: 'high', clock, log: (line) => logged.push(line) });
  const first = receiver();
  await ingress.give(first);
  expect([...first.received.keys()]).toEqual(['http', 'https']);
  await first.gone;
  const squatter = createServer();
  await new Promise<void>((resolve) => squatter.listen(ingress.ports.https, '127.0.0.1', resolve));
  const second = receiver();
  await ingress.give(second);
  expect(second.received.size).toBe(0);
  expect(ingress.trouble()).toMatch(`Port ${ingress.ports.https} is in use by something else`);
  expect(logged).toEqual([ingress.trouble()]);
  await new Promise((resolve) => squatter.close(resolve));
  clock.skip(5_000);
  await second.gone;
  expect(ingress.trouble()).toBeUndefined();
  ingress.close();
  expect(existsSync(join(home, 'ingress-ports.json'))).toBe(true);
});

test('the low pair, really: open where this user may, else the reason and the remedy', async () => {
  const ingress = await open({ wish: 'low' });
  expect(ingress.ports).toEqual({ http: 80, https: 443 });
  const trouble = ingress.trouble();
  if (trouble) expect(trouble).toMatch(/^Port (80|443) is (in use|not to be opened) .*--ingress-ports HTTP,HTTPS$/);
  else {
    const taken = await Promise.all([80, 443].map((port) => faultAt(port)));
    expect(taken).toEqual(['EADDRINUSE', 'EADDRINUSE']);
  }
  ingress.close();
});

function faultAt(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(undefined)));
  });
}
