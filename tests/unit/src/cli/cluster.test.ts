import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { atelier, descendants, gone, type Program, ROOT, temporary } from './program.ts';

const READY = /^export KUBECONFIG=(.+)\n$/m;
const KUBECTL = process.env.ATELIER_KUBECTL ?? path.join(ROOT, '.atelier/tools/bin/kubectl');

let folder: ReturnType<typeof temporary>;
let home: string;
let running: Program;
let kubeconfig: string;

beforeAll(async () => {
  folder = temporary();
  home = path.join(folder.path, 'h');
  running = atelier(['cluster'], { ATELIER_HOME: home });
  [, kubeconfig = ''] = await running.said(READY);
});

afterAll(async () => {
  await running.end('SIGTERM');
  folder[Symbol.dispose]();
});

function kubectl(config: string, ...words: string[]): string {
  return execFileSync(KUBECTL, ['--kubeconfig', config, ...words], { encoding: 'utf8', stdio: 'pipe' });
}

test('an admin’s kubeconfig, and a link where scripts look', () => {
  expect(realpathSync(path.join(home, 'cluster/admin.kubeconfig'))).toBe(realpathSync(kubeconfig));
  expect(kubectl(kubeconfig, 'auth', 'can-i', '*', '*')).toBe('yes\n');
});

test('a second cluster stands in the same processes, blind to the first, and SIGINT closes it alone', async () => {
  const before = descendants(running.pid).length;
  const other = atelier(['cluster', '--home', home], { ATELIER_NAME: 'other' });
  const [, second = ''] = await other.said(READY);
  expect(second).not.toBe(kubeconfig);
  expect(descendants(running.pid)).toHaveLength(before);
  // The one that only asked holds no cluster of its own: itself and its launcher's child.
  expect(descendants(other.pid)).toHaveLength(1);
  kubectl(kubeconfig, 'create', 'namespace', 'only-here');
  expect(kubectl(second, 'get', 'namespaces', '-o', 'name')).not.toContain('only-here');
  const foreign = spawnSync(KUBECTL, ['--kubeconfig', second, '--server', serverOf(kubeconfig), 'get', 'namespaces']);
  expect(foreign.status).not.toBe(0);
  const asked = await other.end('SIGINT');
  expect(asked).toMatchObject({ code: 0 });
  expect(asked.stdout.trimEnd().split('\n').at(-1)).toBe(`export KUBECONFIG=${second}`);
  expect(kubectl(kubeconfig, 'get', 'namespace', 'only-here', '-o', 'name')).toBe('namespace/only-here\n');
  expect(() => kubectl(second, 'get', 'namespaces')).toThrow();
});

function serverOf(config: string): string {
  return /server: (\S+)/.exec(readFileSync(config, 'utf8'))?.[1] ?? '';
}

test('its time can be skipped, in a word; that of a cluster that is not there cannot', async () => {
  kubectl(kubeconfig, 'create', 'job', 'slow', '--image=busybox:1.36', '--', 'sleep', '600');
  kubectl(kubeconfig, 'wait', 'job/slow', '--for=jsonpath={.status.ready}=1', '--timeout=15s');
  const skip = (...words: string[]) => atelier(['cluster', 'skip', ...words]).ended;
  expect(await skip('11m', '--home', home)).toMatchObject({
    code: 0,
    stdout: 'skipped 11m: what was due has fired; timestamps stay real\n',
  });
  expect(kubectl(kubeconfig, 'get', 'job', 'slow', '--no-headers')).toMatch(/^slow +Complete +1\/1 +\d+s +\d+s\n$/);
  expect(await skip('5x', '--home', home)).toMatchObject({ code: 2 });
  expect(await skip('5m', '--home', path.join(folder.path, 'empty'))).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/no embedded cluster of this name runs here/),
  });
}, 20_000);

test('a start on this home names who has its cluster', async () => {
  const { code, stdout, stderr } = await atelier(['start', '--home', home, '--port', '0']).ended;
  expect(stderr).toMatch(/\natelier: cluster "main" of this home is open already in process \d+ at https:.*\.\n$/);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
}, 20_000);

test('a user who may not provision is told what is missing, and nothing is made', async () => {
  kubectl(kubeconfig, 'create', 'namespace', 'team');
  kubectl(kubeconfig, 'create', 'serviceaccount', 'dev', '-n', 'team');
  kubectl(kubeconfig, 'create', 'rolebinding', 'dev', '-n', 'team', '--clusterrole=admin', '--serviceaccount=team:dev');
  const token = kubectl(kubeconfig, 'create', 'token', 'dev', '-n', 'team').trim();
  const file = path.join(folder.path, 'dev.kubeconfig');
  writeFileSync(file, readFileSync(kubeconfig));
  kubectl(file, 'config', 'set-credentials', 'dev', `--token=${token}`);
  kubectl(file, 'config', 'set-context', 'dev', '--user=dev', `--cluster=${clusterOf(file)}`);
  const words = ['start', '--home', path.join(folder.path, 'shared'), '--port', '0', '--context', 'dev'];
  const { code, stdout, stderr } = await atelier([...words, '--kubeconfig', file]).ended;
  expect(stderr).toMatch(
    /^atelier: the user of context "dev" may not create and patch namespaces, .*customresourcedefinitions\.apiextensions\.k8s\.io: ask the cluster's admin [^\n]*\.\n$/,
  );
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(kubectl(kubeconfig, 'get', 'namespaces', '-o', 'name')).not.toMatch(/alice|atelier-system/);
}, 20_000);

function clusterOf(config: string): string {
  return kubectl(config, 'config', 'view', '-o', 'jsonpath={.clusters[0].name}');
}

test('a kubeconfig is all a start needs of a cluster that is not its own', async () => {
  const other = atelier(['start', '--home', path.join(folder.path, 'guest'), '--port', '0'], {
    ATELIER_KUBECONFIG: kubeconfig,
  });
  const [, origin = ''] = await other.said(/^Atelier is ready: (.*)\/\?token=/m);
  expect((await fetch(`${origin}/healthz`)).status).toBe(200);
  expect(kubectl(kubeconfig, 'get', 'namespaces', '-o', 'name')).toContain('namespace/alice');
  const started = descendants(other.pid);
  expect((await other.end('SIGTERM')).code).toBe(0);
  await gone(started);
  expect(kubectl(kubeconfig, 'get', '--raw', '/readyz')).toContain('ok');
}, 20_000);

test('--gaps lists what is not served', async () => {
  const { code, stdout } = await atelier(['cluster', '--gaps']).ended;
  expect(code).toBe(0);
  expect(stdout.trim().split('\n').length).toBeGreaterThan(3);
});

test('SIGINT ends both processes with exit 0, SIGKILL of the command leaves none', async () => {
  const processes = descendants(running.pid);
  expect(processes).toHaveLength(2);
  expect((await running.end('SIGINT')).code).toBe(0);
  await gone(processes);
  const again = atelier(['cluster', '--home', home]);
  const [, same = ''] = await again.said(READY);
  expect(kubectl(same, 'get', 'namespace', 'only-here', '-o', 'name')).toBe('namespace/only-here\n');
  const left = descendants(again.pid);
  await again.end('SIGKILL');
  await gone(left);
}, 20_000);
