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

test('made again it stays as it is, and the keys of the roots never leave the machine', async () => {
  await provision();
  const deployment = await whole.client.get(deployments, 'acme', 'atelier-internet');
  expect(deployment.metadata.generation).toBe(1);
  const secret = await whole.client.get(core('secrets'), 'acme-authority', 'atelier-internet');
  expect(Object.keys(secret.data)).not.toContain('root.key');
  expect(Object.keys(secret.data)).not.toContain('staging-root.key');
});
