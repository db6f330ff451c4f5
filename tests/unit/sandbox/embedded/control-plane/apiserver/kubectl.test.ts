import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestCluster, type TestCluster, writeFile } from '../test-cluster.ts';

let setup: TestCluster;
beforeAll(async () => {
  setup = await openTestCluster(true);
});
afterAll(() => setup.close());

interface Answer {
  code: number;
  out: string;
  err: string;
}

function kubectl(...words: string[]): Promise<Answer> {
  const home = join(setup.directory, 'home');
  mkdirSync(home, { recursive: true });
  const env = { PATH: process.env.PATH, HOME: home, KUBECONFIG: setup.kubeconfig };
  return new Promise((resolve) => {
    execFile(process.env.ATELIER_KUBECTL ?? 'kubectl', words, { env, timeout: 20_000 }, (error, out, err) => {
      resolve({ code: error ? Number(error.code ?? 1) : 0, out, err });
    });
  });
}

test('typed creates, which are protobuf, and what they print', async () => {
  expect(await kubectl('create', 'configmap', 'a', '--from-literal=x=1')).toEqual({
    code: 0,
    out: 'configmap/a created\n',
    err: '',
  });
  const again = await kubectl('create', 'configmap', 'a');
  expect(again).toMatchObject({ code: 1, err: 'error: failed to create configmap: configmaps "a" already exists\n' });
  const table = await kubectl('get', 'configmap', 'a');
  expect(table.out).toMatch(/^NAME +DATA +AGE\na +1 +\d+s\n$/);
  expect((await kubectl('get', 'configmap', 'none')).err).toBe(
    'Error from server (NotFound): configmaps "none" not found\n',
  );
});

test('apply creates, changes, and says when there is nothing to do', async () => {
  const text = (value: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata: {x: "${value}"}\n`;
  const file = writeFile(setup.directory, 'b.yaml', text('1'));
  expect((await kubectl('apply', '-f', file)).out).toBe('configmap/b created\n');
  expect((await kubectl('apply', '-f', file)).out).toBe('configmap/b unchanged\n');
  writeFile(setup.directory, 'b.yaml', text('2'));
  expect((await kubectl('apply', '-f', file)).out).toBe('configmap/b configured\n');
  expect((await kubectl('get', 'cm', 'b', '-o', 'jsonpath={.data.x}')).out).toBe('2');
  const conflict = await kubectl(
    'apply',
    '--server-side',
    '--field-manager=other',
    '-f',
    writeFile(setup.directory, 'c.yaml', text('3')),
  );
  expect(conflict.err).toContain('conflict with "kubectl-client-side-apply" using v1: .data.x');
  const typo = writeFile(
    setup.directory,
    'd.yaml',
    text('1').replace('\ndata:', '\ndaata:').replace('name: b', 'name: d'),
  );
  expect((await kubectl('apply', '-f', typo)).err).toContain('unknown field "daata"');
  expect((await kubectl('delete', '-f', file)).out).toBe('configmap "b" deleted from default namespace\n');
});

test('a namespace comes with its account and CA, and goes with all in it', async () => {
  await kubectl('create', 'namespace', 'n');
  await kubectl('-n', 'n', 'create', 'deployment', 'web', '--image=nginx:1.27', '--replicas=2');
  const wait = await kubectl(
    '-n',
    'n',
    'wait',
    '--for=jsonpath={.status.replicas}=2',
    'deployment/web',
    '--timeout=10s',
  );
  expect(wait.out).toBe('deployment.apps/web condition met\n');
  expect((await kubectl('-n', 'n', 'get', 'serviceaccounts,configmaps', '-o', 'name')).out).toBe(
    'serviceaccount/default\nconfigmap/kube-root-ca.crt\n',
  );
  expect((await kubectl('delete', 'namespace', 'n')).out).toBe('namespace "n" deleted\n');
  expect((await kubectl('-n', 'n', 'get', 'pods')).err).toBe('No resources found in n namespace.\n');
});

test('explain, api-resources and who am I', async () => {
  expect((await kubectl('explain', 'deployment.spec.replicas')).out).toContain('FIELD: replicas <integer>');
  expect((await kubectl('api-resources', '--api-group=apps', '-o', 'name')).out).toContain('deployments.apps\n');
  expect((await kubectl('auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}')).out).toBe('kubernetes-admin');
  expect((await kubectl('auth', 'can-i', 'list', 'pods', '--as=bob')).out).toBe('no\n');
});
