import { expect, test } from 'vitest';
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
