import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ContainerNetwork } from '../../../../../../sandbox/embedded/node/images/image.ts';
import { openWorkshopAuthority } from '../../../../../../sandbox/embedded/workshop-ca/authority.ts';
import { type IssuedPair, issue } from '../../../../../../sandbox/embedded/workshop-ca/issue.ts';
import { idle, run, sh, TestNetwork } from './harness.ts';

let home: string;
let trusted: string;
const servers: Server[] = [];
/** Hosts, and the machine's port each is served at. */
const ports = new Map<string, number>();

const network: ContainerNetwork = {
  ...new TestNetwork().pod('10.244.0.5'),
  resolve: async (name) => ({ name, addresses: ['127.64.0.1'] }),
  connect: async (host) => {
    const socket = connectTcp(ports.get(host) ?? 0, '127.0.0.1');
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return socket;
  },
};

const client = (reference = 'atelier.dev/utilities:1') => idle(reference, { network, trusted });

async function serve(host: string, { cert, key }: IssuedPair): Promise<void> {
  const server = createServer({ cert, key }, (_, response) => response.end('hello\n'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  ports.set(host, (server.address() as AddressInfo).port);
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'atelier-trust-'));
  trusted = (await openWorkshopAuthority({ home, now: new Date() })).root;
  const read = (name: string) => readFileSync(join(home, 'workshop-ca', name), 'utf8');
  const issuer = { cert: read('intermediate.crt'), key: read('intermediate.key') };
  const now = new Date();
  const leaf = async (host: string, more: { now?: Date; issuer?: IssuedPair } = {}) =>
    issue({ subject: `CN=${host}`, names: [host], issuer, now, days: 90, ...more });
  const chain = ({ cert, key }: IssuedPair) => ({ cert: cert + issuer.cert, key });
  await serve('good.learner.localhost', chain(await leaf('good.learner.localhost')));
  await serve('short.learner.localhost', await leaf('short.learner.localhost'));
  await serve('other.learner.localhost', chain(await leaf('good.learner.localhost')));
  const past = new Date(now.getTime() - 100 * 86_400_000);
  const root = { cert: read('root.crt'), key: read('root.key') };
  await serve('old.learner.localhost', await leaf('old.learner.localhost', { issuer: root, now: past }));
  await serve(
    'self.learner.localhost',
    await issue({ subject: 'CN=self', names: ['self.learner.localhost'], now, days: 1 }),
  );
  await serve('www.example.org', chain(await leaf('www.example.org')));
  const stray = await issue({ subject: 'CN=stray', now, days: 1 });
  await serve('stray.learner.localhost', { ...(await leaf('stray.learner.localhost', { issuer: stray })) });
});
afterAll(() => {
  for (const server of servers) server.close();
  rmSync(home, { recursive: true, force: true });
});

test.each(['atelier.dev/utilities:1', 'debian:12', 'curlimages/curl:8.14.1', 'nginx:1.27'])(
  '%s trusts the workshop’s authority by its file',
  async (image) => {
    const target = client(image);
    const said = await sh(target, 'cat /etc/ssl/certs/ca-certificates.crt; curl -s https://good.learner.localhost/');
    expect(said.stdout).toBe(`${trusted}hello\n`);
  },
);

test.each([
  ['short', 'SSL certificate problem: unable to get local issuer certificate'],
  ['stray', 'SSL certificate problem: unable to get local issuer certificate'],
  ['self', 'SSL certificate problem: self-signed certificate'],
  ['old', 'SSL certificate problem: certificate has expired'],
  ['other', "SSL: no alternative certificate subject name matches target host name 'other.learner.localhost'"],
])('curl says of %s what is wrong with it, unless it is told not to look', async (host, text) => {
  const said = await run(client(), ['curl', '-sS', `https://${host}.learner.localhost/`]);
  expect(said.code).toBe(60);
  expect(said.stderr.slice(0, said.stderr.indexOf('/docs'))).toBe(
    `curl: (60) ${text}\nMore details here: https://curl.se`,
  );
  expect((await run(client(), ['curl', '-k', `https://${host}.learner.localhost/`])).stdout).toBe('hello\n');
});

test('the authority is refused beyond the names it may sign for', async () => {
  const said = await run(client(), ['curl', 'https://www.example.org/']);
  expect(said.stderr).toContain('curl: (60) SSL certificate problem: permitted subtree violation');
});

test('--cacert and SSL_CERT_FILE take the place of the file, an intermediate does', async () => {
  const target = client();
  target.fs.write('/tmp/none.pem', '');
  target.fs.write('/tmp/intermediate.pem', readFileSync(join(home, 'workshop-ca', 'intermediate.crt')));
  const url = 'https://short.learner.localhost/';
  expect((await run(target, ['curl', '-s', '--cacert', '/tmp/intermediate.pem', url])).stdout).toBe('hello\n');
  expect((await run(target, ['curl', '-s', url], { env: { SSL_CERT_FILE: '/tmp/intermediate.pem' } })).stdout).toBe(
    'hello\n',
  );
  const good = 'https://good.learner.localhost/';
  expect((await run(target, ['curl', '-sS', good], { env: { SSL_CERT_FILE: '/tmp/none.pem' } })).code).toBe(60);
  expect((await run(target, ['curl', '-sS', '--cacert', '/nowhere.pem', good])).stderr).toContain('curl: (77)');
});

test('wget of busybox does not verify, and says so', async () => {
  const said = await run(client('busybox:1.36'), ['wget', '-O-', 'https://self.learner.localhost/']);
  expect(said.stderr).toContain('wget: note: TLS certificate validation not implemented\n');
  expect(said.stdout).toBe('hello\n');
  const quiet = await run(client('busybox:1.36'), [
    'wget',
    '-qO-',
    '--no-check-certificate',
    'https://self.learner.localhost/',
  ]);
  expect([quiet.stderr, quiet.stdout]).toEqual(['', 'hello\n']);
});
