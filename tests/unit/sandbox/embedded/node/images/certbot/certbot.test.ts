import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunningContainer } from '../../../../../../../sandbox/embedded/node/images/container.ts';
import { type AcmeServer, openAcmeServer } from '../acme/acme-server.ts';
import { container, run, sh, Typist } from '../harness.ts';

const DASHES = '- '.repeat(40).trimEnd();
const SERVER = 'https://acme.atelier-internet.svc.cluster.local/production/directory';
const ADVICE =
  'Ask for help or search for solutions at https://community.letsencrypt.org. See the logfile /var/log/letsencrypt/letsencrypt.log or re-run Certbot with -v for more details.';
const certonly = [
  'certbot',
  'certonly',
  '--manual',
  '--preferred-challenges',
  'dns',
  '--server',
  SERVER,
  '--agree-tos',
];

let server: AcmeServer;
beforeAll(async () => {
  server = await openAcmeServer();
});
afterAll(() => server.close());

function machine(): RunningContainer {
  const { network, root, clock } = server;
  const made = container('certbot/certbot:v5.8.0', { network: network.pod('10.244.0.30'), trusted: root, clock });
  made.start({ argv: ['sleep', 'infinity'], stdout: () => undefined, stderr: () => undefined });
  return made;
}

/** Does what certbot asks for, so often, at a terminal; all it showed. */
async function byHand(target: RunningContainer, words: string[], times: number): Promise<Typist> {
  const typist = new Typist(target, words);
  let from = 0;
  for (let done = 0; done < times; done += 1) {
    await typist.sees('Press Enter to Continue');
    const shown = typist.screen.replaceAll('\r', '');
    const [whole, name, value] = /under the name:\n\n(\S+)\.\n\nwith the following value:\n\n(\S+)/.exec(
      shown.slice(from),
    )!;
    from += shown.slice(from).indexOf(whole) + whole.length;
    server.network.texts.set(name!, [...(server.network.texts.get(name!) ?? []), value!]);
    typist.type('\r');
  }
  return typist;
}

const read = (target: RunningContainer, path: string): string => Buffer.from(target.fs.read(path)).toString();

test('a wildcard by hand: what is asked, what is kept, and the chain', async () => {
  const target = machine();
  const words = [
    ...certonly,
    '-d',
    '*.learner.localhost',
    '-d',
    'learner.localhost',
    '-m',
    'ada@workshop.dev',
    '--no-eff-email',
  ];
  const typist = await byHand(target, words, 2);
  expect(await typist.exit).toBe(0);
  const shown = typist.screen.replaceAll('\r', '');
  expect(shown).toContain(
    'Saving debug log to /var/log/letsencrypt/letsencrypt.log\nAccount registered.\nRequesting a certificate for *.learner.localhost and learner.localhost\n',
  );
  expect(shown).toContain(
    `\n${DASHES}\nPlease deploy a DNS TXT record under the name:\n\n_acme-challenge.learner.localhost.\n`,
  );
  expect(shown).toContain('\n(This must be set up in addition to the previous challenges; do not remove,\n');
  expect(shown.match(/Before continuing, verify the TXT record/g)).toHaveLength(1);
  const live = '/etc/letsencrypt/live/learner.localhost';
  expect(shown).toContain(
    `\nSuccessfully received certificate.\nCertificate is saved at: ${live}/fullchain.pem\nKey is saved at:         ${live}/privkey.pem\nThis certificate expires on `,
  );
  expect(shown).toContain('Autorenewal of --manual certificates requires the use of an authentication hook script');
  expect(target.fs.readLink(`${live}/cert.pem`)).toBe('../../archive/learner.localhost/cert1.pem');
  expect(read(target, `${live}/fullchain.pem`)).toBe(
    read(target, `${live}/cert.pem`) + read(target, `${live}/chain.pem`),
  );
  expect(new X509Certificate(read(target, `${live}/cert.pem`)).subjectAltName).toBe(
    'DNS:*.learner.localhost, DNS:learner.localhost',
  );
  expect(target.fs.stat(`${live}/privkey.pem`).mode & 0o777).toBe(0o600);
  const list = (await run(target, ['certbot', 'certificates'])).stdout;
  expect(list).toMatch(
    /Found the following certs:\n {2}Certificate Name: learner\.localhost\n {4}Serial Number: [0-9a-f]+\n {4}Key Type: ECDSA\n {4}Identifiers: \*\.learner\.localhost learner\.localhost\n {4}Expiry Date: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00 \(VALID: 89 days\)\n/,
  );
  const again = new Typist(target, words);
  await again.sees("[1-2] then [enter] (press 'c' to cancel): ");
  again.type('1\r');
  expect(await again.exit).toBe(0);
  expect(again.screen).toContain('Certificate not yet due for renewal; no action taken.');
  const renewal = await run(target, ['certbot', 'renew']);
  expect(renewal.stdout).toMatch(/No renewals were attempted\./);
  const forced = await run(target, ['certbot', 'renew', '--force-renewal']);
  expect(forced.code).toBe(1);
  expect(forced.stderr).toContain('All renewals failed. The following certificates could not be renewed:');
});

test('a record that is missing is told in the authority’s words', async () => {
  const typist = new Typist(machine(), [...certonly, '-d', '*.none.localhost', '--register-unsafely-without-email']);
  await typist.sees('Press Enter to Continue');
  typist.type('\r');
  expect(await typist.exit).toBe(1);
  expect(typist.screen.replaceAll('\r', '')).toContain(
    `Certbot failed to authenticate some domains (authenticator: manual). The Certificate Authority reported these problems:
  Identifier: none.localhost
  Type:   dns
  Detail: DNS problem: NXDOMAIN looking up TXT for _acme-challenge.none.localhost - check that a DNS record exists for this domain

Hint: The Certificate Authority failed to verify the manually created DNS TXT records. Ensure that you created these in the correct location, or try waiting longer for DNS propagation on the next attempt.

\x1b[31mSome challenges have failed.\x1b[0m
${ADVICE}`,
  );
});

test('questions: the terms, the address, the newsletter; and Ctrl-C', async () => {
  const words = certonly.filter((word) => word !== '--agree-tos');
  const refused = new Typist(machine(), [...words, '-d', 'a.localhost', '-m', 'ada@workshop.dev']);
  await refused.sees('Do you agree?');
  await refused.sees('(Y)es/(N)o: ');
  refused.type('n\r');
  expect(await refused.exit).toBe(1);
  expect(refused.screen).toContain('Registration cannot proceed without accepting Terms of Service.');
  const asked = new Typist(machine(), [...certonly, '-d', 'a.localhost', '-m', 'ada@example.com']);
  await asked.sees('The server reported a problem with your email address.');
  asked.type('ada@workshop.dev\r');
  await asked.sees('share your email address with the Electronic Frontier Foundation, a founding\r\npartner');
  await asked.sees('(Y)es/(N)o: ');
  asked.type('n\r');
  await asked.sees('Press Enter to Continue');
  asked.type('\x03');
  expect(await asked.exit).toBe(1);
  expect(asked.screen).toContain('Exiting due to user request.');
});

test.each([
  [
    ['-d', '*.a.localhost', '-n'],
    1,
    "PluginError('An authentication script must be provided with --manual-auth-hook when using the manual plugin non-interactively.')",
  ],
  [
    ['-d', 'a.localhost', '--manual-auth-hook', '/nowhere/hook.sh', '-n'],
    1,
    'Unable to find manual-auth-hook command /nowhere/hook.sh in the PATH.',
  ],
  [
    ['-d', 'www.example.com', '--manual-auth-hook', 'true', '-n'],
    1,
    'An unexpected error occurred:\nInvalid identifiers requested :: Cannot issue for "www.example.com": The ACME server refuses',
  ],
  [['--manuel'], 2, 'certbot: error: unrecognized arguments: --manuel\n'],
  [
    [
      '-d',
      'a.localhost',
      '--server',
      'https://acme.atelier-internet.svc.cluster.local/nowhere',
      '--manual-auth-hook',
      'true',
      '-n',
    ],
    1,
    'acme.errors.ClientError: <Response [404]>',
  ],
  [
    ['-d', 'a.localhost', '--server', 'https://nobody.localhost/directory', '--manual-auth-hook', 'true', '-n'],
    1,
    "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='nobody.localhost', port=443): Max retries exceeded with url: /directory (Caused by NameResolutionError(",
  ],
  [
    ['-d', '*.a.localhost', '--preferred-challenges', 'http', '--manual-auth-hook', 'true', '-n'],
    1,
    'does not support any combination of challenges that will satisfy the CA.',
  ],
])('certbot %j is refused as the real one refuses it', async (words, code, text) => {
  const said = await run(machine(), [...certonly, '--register-unsafely-without-email', ...words]);
  expect(said.stderr).toContain(text);
  expect(said.code).toBe(code);
});

test('a hook proves it without anybody, renews, and what is revoked is gone', async () => {
  const target = machine();
  server.host('hook.learner.localhost');
  target.fs.write('/hook.sh', '#!/bin/sh\necho "for $CERTBOT_DOMAIN"\necho "$CERTBOT_VALIDATION" > /tmp/value\n', {
    mode: 0o755,
  });
  // The zone is asked after the hook: what it wrote is what it deployed.
  const { texts } = server.network;
  const get = texts.get.bind(texts);
  texts.get = (name) => (name.includes('hook') ? [read(target, '/tmp/value').trim()] : get(name));
  server.network.names.set('_acme-challenge.hook.learner.localhost', '');
  const got = await run(target, [
    ...certonly,
    '-d',
    'hook.learner.localhost',
    '-n',
    '-m',
    'ada@workshop.dev',
    '--manual-auth-hook',
    '/hook.sh',
  ]);
  expect(got.stderr).toBe('Saving debug log to /var/log/letsencrypt/letsencrypt.log\n');
  expect(got.stdout).toContain(
    "Hook '--manual-auth-hook' for hook.learner.localhost ran with output:\n for hook.learner.localhost\n",
  );
  const renewed = await run(target, ['certbot', 'renew', '--force-renewal']);
  expect(renewed.stdout).toContain(
    'Congratulations, all renewals succeeded: \n  /etc/letsencrypt/live/hook.learner.localhost/fullchain.pem (success)\n',
  );
  expect(target.fs.readLink('/etc/letsencrypt/live/hook.learner.localhost/cert.pem')).toContain('/cert2.pem');
  const revoked = await run(target, ['certbot', 'revoke', '--cert-name', 'hook.learner.localhost', '-n']);
  expect(revoked.stdout).toContain(
    'Congratulations! You have successfully revoked the certificate that was located at',
  );
  expect((await sh(target, 'ls /etc/letsencrypt/live')).stdout).toBe('README\n');
});

test('nobody at the terminal is told as Python tells it', async () => {
  const said = await run(machine(), [...certonly, '-d', '*.b.localhost', '-m', 'ada@workshop.dev', '--no-eff-email']);
  expect(said.stdout).toMatch(/Press Enter to Continue$/);
  expect(said.stderr).toContain('An unexpected error occurred:\nEOFError\n');
});
