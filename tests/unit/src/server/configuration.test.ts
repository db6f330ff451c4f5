import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parseConfiguration } from '../../../../src/server/configuration.ts';
import { lockHome, openHome } from '../../../../src/server/home.ts';

const parse = (args: string[], env: NodeJS.ProcessEnv = {}) => parseConfiguration(args, env, '/project');

test('flags win over the environment, the environment over defaults', () => {
  expect(parse([])).toMatchObject({
    port: 4321,
    host: '127.0.0.1',
    home: '/project/.atelier',
    open: true,
    name: 'main',
  });
  expect(parse([], { PORT: '0', ATELIER_HOME: '/h' })).toMatchObject({ port: 0, home: '/h' });
  expect(
    parse(['--port', '99', '--home', 'x', '--no-open'], { PORT: '0', ATELIER_CALLED_FROM: '/there' }),
  ).toMatchObject({
    port: 99,
    home: '/there/x',
    open: false,
  });
});

test('hosts of Ingresses are below the learner’s own domain, at ports the cluster chooses', () => {
  expect(parse(['--learner', 'ada'])).toMatchObject({ domain: 'ada.localhost', ingressPorts: undefined });
  expect(parse([], { ATELIER_DOMAIN: 'Kub.Example.org.', ATELIER_INGRESS_PORTS: 'low' })).toMatchObject({
    domain: 'kub.example.org',
    ingressPorts: 'low',
  });
  expect(parse(['--ingress-ports', '3080,3443'], { ATELIER_INGRESS_PORTS: 'high' }).ingressPorts).toBe('3080,3443');
});

test('a context or a kubeconfig asks for a real cluster', () => {
  expect(parse([]).real).toBeUndefined();
  expect(parse(['--context', 'kind'], { HOME: '/me' }).real).toEqual({
    kubeconfig: '/me/.kube/config',
    context: 'kind',
  });
  expect(parse(['--kubeconfig', '/f']).real).toEqual({ kubeconfig: '/f' });
});

test.each([
  [['--port', 'http'], /--port http is no port: give a number/],
  [['--port', '70000'], /--port 70000 is no port/],
  [['--nonsense'], /nonsense.*: the flags are --port/],
  [['--host', '0.0.0.0'], /--host 0.0.0.0 would let others in/],
  [['--learner', 'kube-system'], /is a name of the cluster's own: choose another/],
  [['--learner', 'Ada'], /--learner Ada is no name: use lower-case/],
  [['--domain', 'localhost'], /--domain localhost is no domain for hosts: give one such as learner.localhost/],
  [['--domain', '127.0.0.1'], /is no domain for hosts/],
  [['--domain', 'a..b'], /is no domain for hosts/],
  [['--ingress-ports', '8080,8443'], /--ingress-ports 8080,8443 is no pair of ports: give two/],
  [['--ingress-ports', '80'], /is no pair of ports/],
  [['--workshop'], /not built yet: start without the flag/],
])('%j says what to do instead', (args, sentence) => {
  expect(() => parse(args)).toThrow(sentence);
});

test('one start per home; a lock whose holder is gone is taken over', () => {
  const home = mkdtempSync(path.join(tmpdir(), 'atelier-home-'));
  openHome(home);
  const lock = lockHome(home);
  lock.announce('http://127.0.0.1:4321');
  expect(() => lockHome(home)).toThrow(
    new RegExp(`in use by Atelier with pid ${process.pid} at http://127.0.0.1:4321: stop that one`),
  );
  lock.release();
  writeFileSync(path.join(home, 'start.lock'), JSON.stringify({ pid: process.pid, url: '', started: 'another boot' }));
  lockHome(home).release();
  writeFileSync(path.join(home, 'start.lock'), '{"pid": 1');
  lockHome(home).release();
});

test('a home that is a file is refused with the remedy', () => {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'atelier-home-')), 'file');
  writeFileSync(file, '');
  expect(() => openHome(file)).toThrow(/is not a folder: choose another with --home/);
});
