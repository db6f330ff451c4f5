import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { writeAuthorities } from '../../../../sandbox/shell/authorities.ts';
import { shellEnvironment } from '../../../../sandbox/shell/environment.ts';

const place = {
  learner: 'ada',
  home: '/home/of/ada',
  commands: '/atelier',
  tools: '/pinned',
  completions: '/completions',
  proxy: undefined,
  control: '/control.sock',
};
const machine = { PATH: '/usr/bin', LANG: 'fr_FR.UTF-8', KUBECONFIG: '/owner/config', AWS_SECRET: 'x', HOME: '/owner' };

test('nothing of the machine owner is passed on but where programs are and how text is written', () => {
  const environment = shellEnvironment(place, machine);
  expect(environment).toMatchObject({ HOME: '/home/of/ada', USER: 'ada', LANG: 'fr_FR.UTF-8' });
  expect(Object.keys(environment)).not.toContain('KUBECONFIG');
  expect(Object.values(environment).join()).not.toContain('/owner');
  expect(Object.keys(environment)).not.toContain('AWS_SECRET');
});

test('the pinned tools come before the machine’s, unless the owner wants it the other way', () => {
  expect(shellEnvironment(place, machine).PATH).toBe('/atelier:/pinned:/usr/bin');
  expect(shellEnvironment({ ...place, systemTools: true }, machine).PATH).toBe('/atelier:/usr/bin:/pinned');
});

test('a proxy is set for the embedded cluster alone, and forwarded ports are reached without it', () => {
  expect(Object.keys(shellEnvironment(place, machine))).not.toContain('http_proxy');
  const environment = shellEnvironment({ ...place, proxy: 'http://127.0.0.1:9' }, machine);
  expect(environment).toMatchObject({ https_proxy: 'http://127.0.0.1:9', no_proxy: '127.0.0.1,::1' });
});

test('text is UTF-8 wherever the machine says otherwise', () => {
  expect(shellEnvironment(place, { LANG: 'C' }).LANG).toBe('C.UTF-8');
});

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

test('programs trust the machine’s authorities and the workshop’s, and nothing changes where there is no workshop’s', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'authorities-'));
  folders.push(folder);
  const [root, owner, bundle] = ['root.crt', 'owner.crt', 'bundle.crt'].map((name) => path.join(folder, name));
  if (!root || !owner || !bundle) throw new Error('three files');
  writeFileSync(owner, 'owner’s\n');
  expect(await writeAuthorities(root, bundle, { SSL_CERT_FILE: owner })).toBe(false);
  expect(Object.keys(shellEnvironment(place, machine))).not.toContain('SSL_CERT_FILE');
  writeFileSync(root, 'workshop’s\n');
  expect(await writeAuthorities(root, bundle, { SSL_CERT_FILE: owner })).toBe(true);
  expect(readFileSync(bundle, 'utf8')).toBe('owner’s\nworkshop’s\n');
  expect(shellEnvironment({ ...place, authorities: bundle }, machine)).toMatchObject({
    SSL_CERT_FILE: bundle,
    CURL_CA_BUNDLE: bundle,
  });
});
