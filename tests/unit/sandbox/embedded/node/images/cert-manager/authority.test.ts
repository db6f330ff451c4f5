import { X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { KubeObject, Loose } from '../../../../../../../kubernetes/object.ts';
import type { Client, WatchEvent } from '../../../../../../../sandbox/embedded/client/client.ts';
import type { Clock } from '../../../../../../../sandbox/embedded/clock.ts';
import { keepServing } from '../../../../../../../sandbox/embedded/node/images/cert-manager-webhook/authority.ts';
import {
  makeAuthority,
  type Pair,
} from '../../../../../../../sandbox/embedded/node/images/cert-manager-webhook/certificates.ts';
import type { Logger } from '../../../../../../../sandbox/embedded/node/images/in-cluster/klog.ts';

const DAY = 86_400_000;
const names = ['cert-manager-webhook.cm.svc'];
const encode = (text: string): string => Buffer.from(text).toString('base64');

/** Time that passes when it is told to. */
function manualClock(): Clock & { pass(milliseconds: number): void } {
  let now = Date.parse('2026-01-01T00:00:00Z');
  let timers: { due: number; run: () => void }[] = [];
  const date = (): Date => new Date(now);
  return {
    now: date,
    calendar: date,
    monotonic: () => now,
    since: () => 0,
    after(milliseconds, run) {
      const timer = { due: now + milliseconds, run };
      timers.push(timer);
      return {
        cancel() {
          timers = timers.filter((one) => one !== timer);
        },
      };
    },
    pass(milliseconds) {
      now += milliseconds;
      const due = timers.filter((one) => one.due <= now);
      timers = timers.filter((one) => one.due > now);
      for (const { run } of due) run();
    },
  };
}

let held: KubeObject | undefined;
let version: number;
let clock: ReturnType<typeof manualClock>;
let ended: AbortController;
let tell: (event: WatchEvent) => void;
let served: (pair: Pair) => void;
let lines: string[];

/** One Secret, as the API keeps it. */
const client = {
  list: async () => ({ apiVersion: 'v1', kind: 'SecretList', metadata: {}, items: held ? [held] : [] }),
  watch: (_: unknown, { signal }: { signal: AbortSignal }, onEvent: (event: WatchEvent) => void) => {
    tell = onEvent;
    return new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  },
  create: async (_: unknown, object: KubeObject) => store(object),
  update: async (_: unknown, object: KubeObject) => store(object),
} as unknown as Client;

function store(object: KubeObject): KubeObject {
  version += 1;
  held = { ...object, metadata: { ...object.metadata, uid: 'u', resourceVersion: String(version) } };
  return held;
}

function secretOf({ cert, key }: Pair, more: Loose = {}): KubeObject {
  const data = { 'tls.crt': encode(cert), 'tls.key': encode(key), 'ca.crt': encode(cert), ...more };
  return { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'cm', name: 'ca' }, data };
}

/** The certificate it serves with next. */
const next = (): Promise<X509Certificate> =>
  new Promise((resolve) => {
    served = ({ cert }) => resolve(new X509Certificate(cert));
  });

function start(): Promise<X509Certificate> {
  const first = next();
  const log: Logger = {
    info: (_, message, values) => lines.push([message, values?.reason].filter(Boolean).join(': ')),
    error: (_, error) => lines.push(`error: ${error}`),
    named: () => log,
    with: () => log,
  };
  keepServing({
    client,
    clock,
    log,
    signal: ended.signal,
    secret: { namespace: 'cm', name: 'ca' },
    names,
    onCertificate: (pair) => served(pair),
  });
  return first;
}

beforeEach(() => {
  held = undefined;
  version = 1;
  clock = manualClock();
  ended = new AbortController();
  lines = [];
});
afterEach(() => ended.abort());

const authority = (): X509Certificate => new X509Certificate(Buffer.from(held?.data['tls.crt'], 'base64'));

test('a serving certificate lives for a week, and a third of that before its end there is another', async () => {
  const first = await start();
  expect(first.validToDate.getTime() - first.validFromDate.getTime()).toBe(7 * DAY);
  expect([first.subjectAltName, first.subject]).toEqual(['DNS:cert-manager-webhook.cm.svc', undefined]);
  expect(first.verify(authority().publicKey)).toBe(true);
  const second = next();
  clock.pass(4.6 * DAY);
  expect(lines).not.toContain('Certificate needs renewal: certificateAboutToExpire');
  clock.pass(0.1 * DAY);
  expect((await second).validFromDate.getTime()).toBe(clock.now().getTime() - (clock.now().getTime() % 1000));
  expect(lines).toContain('Certificate needs renewal: certificateAboutToExpire');
});

test('an authority that is found is gone on with; one that is no good is replaced', async () => {
  const good = await makeAuthority('somebody', clock.now());
  store(secretOf(good));
  expect((await start()).issuer).toBe('CN=somebody');
  for (const [spoilt, why] of [
    [{ 'ca.crt': encode('x') }, 'Different data in ca.crt and tls.crt.'],
    [{ 'tls.key': '' }, 'Missing data in CA secret.'],
    [{ 'tls.key': encode((await makeAuthority('other', clock.now())).key) }, 'Failed to parse data in CA secret.'],
  ] as const) {
    const replaced = next();
    tell({ type: 'MODIFIED', object: store(secretOf(good, spoilt)) });
    expect((await replaced).issuer).toBe('CN=cert-manager-webhook-ca');
    expect(lines).toContain(`Will regenerate CA: ${why}`);
    expect(lines).toContain('Updated existing root CA Secret');
  }
});

test('an authority is made anew when two thirds of its year are over', async () => {
  await start();
  const before = authority().serialNumber;
  const replaced = next();
  clock.pass(250 * DAY);
  expect((await replaced).verify(authority().publicKey)).toBe(true);
  expect(authority().serialNumber).not.toBe(before);
  expect(lines).toContain('Will regenerate CA: CA certificate is nearing expiry.');
});
