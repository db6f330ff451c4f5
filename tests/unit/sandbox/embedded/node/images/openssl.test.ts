import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunningContainer } from '../../../../../../sandbox/embedded/node/images/container.ts';
import { openWorkshopAuthority } from '../../../../../../sandbox/embedded/workshop-ca/authority.ts';
import { type IssuedPair, issue } from '../../../../../../sandbox/embedded/workshop-ca/issue.ts';
import { idle, run, TestNetwork } from './harness.ts';

// Each expectation is what OpenSSL 3.0.19 printed for the same files and servers.
const NAME = 'jupyter.learner.localhost';
let home: string;
let target: RunningContainer;
const servers: Server[] = [];
const ports = new Map<string, number>();
let leaf: IssuedPair;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'atelier-openssl-'));
  const now = new Date();
  const { root } = await openWorkshopAuthority({ home, now });
  const read = (name: string) => readFileSync(join(home, 'workshop-ca', name), 'utf8');
  const issuer = { cert: read('intermediate.crt'), key: read('intermediate.key') };
  leaf = await issue({ subject: `CN=${NAME}`, names: [NAME, '127.0.0.1'], issuer, now, days: 90 });
  const past = new Date(now.getTime() - 100 * 86_400_000);
  const self = await issue({ subject: 'CN=self, O=Me', names: ['self.localhost'], now, days: 9 });
  const files = {
    root,
    intermediate: issuer.cert,
    leaf: leaf.cert,
    full: leaf.cert + issuer.cert,
    old: (await issue({ subject: 'CN=old', names: ['old.localhost'], issuer, now: past, days: 90 })).cert,
    self: self.cert,
    far: (await issue({ subject: 'CN=far', names: ['www.example.org'], issuer, now, days: 9 })).cert,
  };
  const network = {
    ...new TestNetwork().pod('10.244.0.5'),
    connect: async (host: string) => {
      const port = ports.get(host);
      if (!port) throw Object.assign(new Error(), { code: host.includes('nobody') ? 'ENOTFOUND' : 'ECONNREFUSED' });
      const socket = connectTcp(port, '127.0.0.1');
      await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
      return socket;
    },
  };
  target = idle('atelier.dev/utilities:1', { network });
  for (const [name, text] of Object.entries(files)) target.fs.write(`/${name}.pem`, text);
  const serve = async (host: string, cert: string, key: string) => {
    const server = createServer({ cert, key }, (_, response) => response.end('hello\n'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    servers.push(server);
    ports.set(host, (server.address() as AddressInfo).port);
  };
  await serve(NAME, files.full, leaf.key);
  await serve('short.localhost', files.leaf, leaf.key);
  await serve('self.localhost', self.cert, self.key);
});
afterAll(() => {
  for (const server of servers) server.close();
  rmSync(home, { recursive: true, force: true });
});

const openssl = (line: string, stdin = '') => run(target, ['openssl', ...line.split(' ')], { stdin });

test('x509 shows what is asked, in the order it is asked', async () => {
  const { validFrom, validTo, serialNumber, fingerprint256, raw } = new X509Certificate(leaf.cert);
  const said = await openssl('x509 -in leaf.pem -noout -subject -issuer -dates -ext subjectAltName');
  expect(said.stdout).toBe(
    `subject=CN = ${NAME}
issuer=CN = Atelier Workshop E1 (simulated), O = Atelier
notBefore=${validFrom}
notAfter=${validTo}
X509v3 Subject Alternative Name: 
    DNS:${NAME}, IP Address:127.0.0.1
`,
  );
  expect((await openssl('x509 -in leaf.pem -noout -serial -fingerprint -sha256')).stdout).toBe(
    `serial=${serialNumber}\nsha256 Fingerprint=${fingerprint256}\n`,
  );
  const text = (await openssl('x509 -in root.pem -noout -text')).stdout;
  expect(text).toContain(
    '        Signature Algorithm: ecdsa-with-SHA256\n        Issuer: CN = Atelier Workshop CA (simulated), O = Atelier\n',
  );
  expect(text).toContain(
    '            X509v3 Name Constraints: critical\n                Permitted:\n                  DNS:localhost\n',
  );
  expect(text).toContain('                  IP:127.0.0.0/255.0.0.0\n');
  expect((await openssl('x509 -noout -enddate', leaf.cert)).stdout).toBe(`notAfter=${validTo}\n`);
  await openssl('x509 -in leaf.pem -outform der -out /leaf.der');
  expect(Buffer.from(target.fs.read('/leaf.der')).equals(raw)).toBe(true);
});

test.each([
  ['x509 -in leaf.pem -noout -checkend 86400', 0, 'Certificate will not expire\n', ''],
  ['x509 -in old.pem -noout -checkend 0', 1, 'Certificate will expire\n', ''],
  ['x509 -in root.pem -noout -ext subjectAltName', 0, '', 'No extensions in certificate\n'],
  ['verify -CAfile root.pem -untrusted intermediate.pem leaf.pem', 0, 'leaf.pem: OK\n', ''],
  ['verify -partial_chain -CAfile intermediate.pem leaf.pem', 0, 'leaf.pem: OK\n', ''],
  ['verify -CAfile self.pem self.pem', 0, 'self.pem: OK\n', ''],
  [
    'verify -CAfile root.pem full.pem',
    2,
    '',
    `CN = ${NAME}\nerror 20 at 0 depth lookup: unable to get local issuer certificate\nerror full.pem: verification failed\n`,
  ],
  [
    'verify -CAfile intermediate.pem leaf.pem',
    2,
    '',
    'CN = Atelier Workshop E1 (simulated), O = Atelier\nerror 2 at 1 depth lookup: unable to get issuer certificate\nerror leaf.pem: verification failed\n',
  ],
  [
    'verify -CAfile root.pem -untrusted intermediate.pem old.pem',
    2,
    '',
    'CN = old\nerror 10 at 0 depth lookup: certificate has expired\nerror old.pem: verification failed\n',
  ],
  [
    'verify self.pem',
    2,
    '',
    'CN = self, O = Me\nerror 18 at 0 depth lookup: self-signed certificate\nerror self.pem: verification failed\n',
  ],
  [
    'verify -CAfile root.pem -untrusted intermediate.pem far.pem',
    2,
    '',
    'CN = far\nerror 47 at 0 depth lookup: permitted subtree violation\nerror far.pem: verification failed\n',
  ],
  [
    `verify -CAfile root.pem -untrusted intermediate.pem -verify_hostname foo.localhost leaf.pem`,
    2,
    '',
    `CN = ${NAME}\nerror 62 at 0 depth lookup: hostname mismatch\nerror leaf.pem: verification failed\n`,
  ],
  ['frob', 1, '', 'Invalid command \'frob\'; type "help" for a list.\n'],
])('openssl %s', async (line, code, stdout, stderr) => {
  expect(await openssl(line)).toEqual({ stdout, stderr, code });
});

test('s_client tells the chain, link by link', async () => {
  const said = await openssl(`s_client -connect ${NAME}:443 -servername ${NAME} -CAfile root.pem -showcerts`);
  expect(said.stderr).toBe(
    `depth=2 CN = Atelier Workshop CA (simulated), O = Atelier
verify return:1
depth=1 CN = Atelier Workshop E1 (simulated), O = Atelier
verify return:1
depth=0 CN = ${NAME}
verify return:1
DONE
`,
  );
  expect(said.stdout).toMatch(/^CONNECTED\(00000003\)\n---\nCertificate chain\n 0 s:CN = jupyter/);
  expect(said.stdout.match(/-----BEGIN CERTIFICATE-----/g)).toHaveLength(2);
  expect(said.stdout).toContain('\nVerification: OK\n---\nNew, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384\n');
  expect(said.stdout).toMatch(/Verify return code: 0 \(ok\)\n---\n$/);
});

test.each([
  ['short.localhost', 21, 'unable to verify the first certificate', 20],
  ['self.localhost', 18, 'self-signed certificate', 18],
])('s_client says of %s what is wrong', async (host, code, text, first) => {
  const said = await openssl(`s_client -connect ${host}:443 -CAfile root.pem`);
  expect(said.stderr).toContain(`verify error:num=${first}:`);
  expect(said.stdout).toContain(`\nVerification error: ${text}\n`);
  expect(said.stdout).toContain(`Verify return code: ${code} (${text})\n`);
  expect(said.code).toBe(0);
  const strict = await openssl(`s_client -connect ${host}:443 -CAfile root.pem -verify_return_error`);
  expect(strict.stderr).toContain('certificate verify failed');
  expect(strict.code).toBe(1);
});

test('s_client carries a request, and tells where nobody is', async () => {
  const said = await openssl(`s_client -quiet -brief -connect ${NAME}:443`, 'GET / HTTP/1.0\r\n\r\n');
  expect(said.stdout).toContain('HTTP/1.1 200 OK\r\n');
  expect(said.stdout).toMatch(/hello\n$/);
  expect((await openssl('s_client -connect nobody.localhost:443')).stderr).toContain(
    'Name or service not known\nconnect:errno=22\n',
  );
  expect((await openssl('s_client -connect closed.localhost:443')).stderr).toContain('Connection refused');
});
