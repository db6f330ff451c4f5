import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { type AddressInfo, isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openWorkshopAuthority } from '../../../../../sandbox/embedded/workshop-ca/authority.ts';
import { type IssuedPair, issue } from '../../../../../sandbox/embedded/workshop-ca/issue.ts';

const day = 86_400_000;
let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'atelier-ca-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const path = (name: string): string => join(home, 'workshop-ca', name);
const text = (name: string): string => readFileSync(path(name), 'utf8');
const open = (now = new Date(), domain?: string) => openWorkshopAuthority({ home, now, domain });
const pair = (name: string): IssuedPair => ({ cert: text(`${name}.crt`), key: text(`${name}.key`) });

/** What a client that trusts `ca` alone says of a server with this certificate; undefined when it is content. */
async function verdict(server: IssuedPair, servername: string, ca: string): Promise<string | undefined> {
  const listening = createServer({ ...server });
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const { port } = listening.address() as AddressInfo;
  const code = await new Promise<string | undefined>((resolve) => {
    const socket = connect({
      port,
      host: '127.0.0.1',
      ca,
      ...(isIP(servername) ? { checkServerIdentity: () => undefined } : { servername }),
    });
    socket.once('secureConnect', () => resolve(undefined));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'UNSPECIFIED' ? error.message : error.code),
    );
    socket.once('close', () => listening.close());
    socket.once('secureConnect', () => socket.destroy());
  });
  listening.closeAllConnections();
  return code;
}

async function leaf(name: string, issuer = 'intermediate'): Promise<IssuedPair> {
  const signer = pair(issuer);
  const issued = await issue({ subject: 'CN=leaf', issuer: signer, names: [name], now: new Date(), days: 90 });
  return { ...issued, cert: issued.cert + signer.cert };
}

test('is made once, for its owner alone, and stays what it is', async () => {
  const { root } = await open();
  expect(root).toBe(text('root.crt'));
  const files = readdirSync(join(home, 'workshop-ca'));
  expect(files).toHaveLength(10);
  for (const file of files) expect(statSync(path(file)).mode & 0o777).toBe(0o600);
  const before = files.map(text);
  await open();
  expect(files.map(text)).toEqual(before);
  expect(new X509Certificate(root).subject).toContain('(simulated)');
});

test('is good for one’s own machine and the cluster, and for nobody else’s names', async () => {
  const { root } = await open();
  expect(await verdict(pair('acme'), 'acme.atelier-internet.svc.cluster.local', root)).toBeUndefined();
  for (const name of ['jupyter.learner.localhost', 'web.default.svc', 'zone.atelier.internal'])
    expect(await verdict(await leaf(name), name, root), name).toBeUndefined();
  expect(await verdict(await leaf('*.learner.localhost'), 'any.learner.localhost', root)).toBeUndefined();
  for (const name of ['www.example.org', 'mylocalhost', '127.64.0.1', '10.0.0.1']) {
    const said = await verdict(await leaf(name), name, root);
    expect(said, name).toBe(name === '127.64.0.1' ? undefined : 'permitted subtree violation');
  }
  expect(await verdict(await leaf('a.localhost', 'staging-intermediate'), 'a.localhost', root)).toBe(
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  );
});

test('a workshop’s domain widens it, with the same key', async () => {
  const before = await open();
  const { root } = await open(new Date(), 'workshop.example.org');
  expect(root).not.toBe(before.root);
  const name = 'jupyter.ada.workshop.example.org';
  expect(await verdict(await leaf(name), name, root)).toBeUndefined();
  expect(new X509Certificate(root).publicKey.equals(new X509Certificate(before.root).publicKey)).toBe(true);
  // A second cluster's domain leaves the first one's in, whichever starts next.
  const both = await open(new Date(), 'other.example.net');
  expect(await verdict(await leaf(name), name, both.root)).toBeUndefined();
  await open(new Date(), 'workshop.example.org');
  expect(text('root.crt')).toBe(both.root);
});

test('is renewed before it ends: the server first, the root with its old key', async () => {
  const { root } = await open();
  const [intermediate, acme] = [text('intermediate.crt'), text('acme.crt')];
  await open(new Date(Date.now() + 300 * day));
  expect([text('root.crt') === root, text('intermediate.crt') === intermediate]).toEqual([true, true]);
  expect(text('acme.crt')).not.toBe(acme);
  await open(new Date(Date.now() + 2600 * day));
  expect(text('root.crt')).not.toBe(root);
  const [young, old] = [new X509Certificate(text('root.crt')), new X509Certificate(root)];
  expect(young.publicKey.equals(old.publicKey)).toBe(true);
  // Who trusted the old one still accepts what the new one signs.
  expect(new X509Certificate(text('intermediate.crt')).verify(old.publicKey)).toBe(true);
});

test('what is damaged or half written is made anew', async () => {
  await open();
  writeFileSync(path('acme.crt'), text('acme.crt').slice(0, 100));
  writeFileSync(path('staging-root.key'), 'no key');
  rmSync(path('intermediate.crt'));
  const { root } = await open();
  expect(await verdict(pair('acme'), 'acme.atelier-internet.svc', root)).toBeUndefined();
  const staging = new X509Certificate(text('staging-intermediate.crt'));
  expect(staging.verify(new X509Certificate(text('staging-root.crt')).publicKey)).toBe(true);
});
