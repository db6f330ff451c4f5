import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Gvr } from '../../../../kubernetes/object.ts';
import { openWorkshopAuthority } from '../../../../sandbox/embedded/workshop-ca/authority.ts';
import { connect } from '../../../../sandbox/provision/connection.ts';
import { provisionInternet } from '../../../../sandbox/provision/internet.ts';
import { openWholeCluster, running, type WholeCluster } from '../embedded/whole-cluster.ts';

const core = (resource: string): Gvr => ({ group: '', version: 'v1', resource });
const deployments: Gvr = { group: 'apps', version: 'v1', resource: 'deployments' };
const DIRECTORY = 'https://acme.atelier-internet.svc.cluster.local/production/directory';

let whole: WholeCluster;
let home: string;
const provision = async () =>
  provisionInternet(await connect(whole.kubeconfig), {
    authority: join(home, 'workshop-ca'),
    domain: 'learner.localhost',
  });

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'atelier-internet-'));
  const { root } = await openWorkshopAuthority({ home, now: new Date() });
  whole = await openWholeCluster(1, { trusted: root });
  await provision();
  await whole.kubectl('run', 'client', '--image=atelier.dev/utilities:1', '--', 'sleep', 'infinity');
  await whole.until(core('pods'), 'client', running);
  await whole.until(deployments, 'acme', ({ status }) => status?.availableReplicas === 1);
}, 30_000);
afterAll(async () => {
  await whole.close();
  rmSync(home, { recursive: true, force: true });
});

test('the ACME server is reached by its name from any pod, whose image trusts it', async () => {
  const said = JSON.parse(await whole.kubectl('exec', 'client', '--', 'curl', '-sS', DIRECTORY));
  expect(said.newAccount).toBe('https://acme.atelier-internet.svc.cluster.local/production/acme/new-acct');
  const log = await whole.kubectl('logs', '-n', 'atelier-internet', 'deployment/acme');
  expect(log).toContain('ACME server, simulated by Atelier');
});

/** Does in a pod what certbot asks for, in the learner's zone; all it printed. */
async function certbotByHand(...words: string[]): Promise<string> {
  const line = [
    'exec',
    '-i',
    'certbot',
    '--',
    'certbot',
    'certonly',
    '--manual',
    '--preferred-challenges',
    'dns',
    ...words,
  ];
  const env = { PATH: process.env.PATH, HOME: home, KUBECONFIG: whole.kubeconfig };
  const running = spawn(process.env.ATELIER_KUBECTL ?? 'kubectl', line, { env });
  let screen = '';
  let from = 0;
  running.stdout.on('data', (data: Buffer) => {
    screen += data;
    const asked = /under the name:\n\n(\S+)\.\n\nwith the following value:\n\n(\S+).*Press Enter to Continue/s.exec(
      screen.slice(from),
    );
    if (!asked) return;
    from = screen.length;
    whole.machines.zone.change({ create: [{ name: asked[1]!, type: 'TXT', ttl: 60, targets: [`"${asked[2]}"`] }] });
    running.stdin.write('\n');
  });
  running.stderr.on('data', (data: Buffer) => {
    screen += data;
  });
  await new Promise((resolve) => running.once('close', resolve));
  return screen;
}

test('a wildcard by hand: certbot in a pod, the learner’s zone, and openssl on what it got', async () => {
  await whole.kubectl('run', 'certbot', '--image=certbot/certbot', '--command', '--', 'sleep', 'infinity');
  await whole.until(core('pods'), 'certbot', running);
  const { domain } = whole.machines.zone;
  const said = await certbotByHand(
    '-d',
    `*.${domain}`,
    '--server',
    DIRECTORY,
    '--agree-tos',
    '--register-unsafely-without-email',
  );
  expect(said).toContain('Successfully received certificate.');
  const live = `/etc/letsencrypt/live/${domain}`;
  const verified = (...words: string[]) => whole.kubectl('exec', 'certbot', '--', 'openssl', 'verify', ...words);
  expect(await verified('-untrusted', `${live}/chain.pem`, `${live}/cert.pem`)).toBe(`${live}/cert.pem: OK\n`);
  expect(await verified(`${live}/cert.pem`)).toContain('unable to get local issuer certificate');
  expect(await whole.kubectl('exec', 'certbot', '--', 'cat', `${live}/fullchain.pem`)).toMatch(
    /^-----BEGIN CERTIFICATE/,
  );
});

test('made again it stays as it is, and the keys of the roots never leave the machine', async () => {
  await provision();
  const deployment = await whole.client.get(deployments, 'acme', 'atelier-internet');
  expect(deployment.metadata.generation).toBe(1);
  const secret = await whole.client.get(core('secrets'), 'acme-authority', 'atelier-internet');
  expect(Object.keys(secret.data)).not.toContain('root.key');
  expect(Object.keys(secret.data)).not.toContain('staging-root.key');
});
