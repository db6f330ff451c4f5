import { mkdtempSync, readdirSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mainCommand, type RunningContainer } from '../../../../../../sandbox/embedded/node/images/container.ts';
import { createFolderVolume } from '../../../../../../sandbox/embedded/node/images/file-system/folder.ts';
import { ProjectedVolume } from '../../../../../../sandbox/embedded/node/images/file-system/projected.ts';
import { resolveImage } from '../../../../../../sandbox/embedded/node/images/registry.ts';
import { container, idle, sh, TestNetwork } from './harness.ts';

function pullError(name: string): string {
  const resolved = resolveImage(name);
  return 'pullError' in resolved ? resolved.pullError : '';
}

/** Starts the main process and waits until the pod listens on the port. */
async function serve(target: RunningContainer, network: TestNetwork, port: number, args?: string[]) {
  const state = { log: '' };
  const take = (data: Uint8Array) => {
    state.log += Buffer.from(data);
  };
  const main = target.start({ argv: mainCommand(target.imageConfig, undefined, args), stdout: take, stderr: take });
  while (!network.listeners.has(`10.244.0.5:${port}`)) await new Promise(setImmediate);
  return { main, state, url: `http://127.0.0.1:${network.port('10.244.0.5', port)}` };
}

describe('what can be pulled', () => {
  it.each([
    'busybox',
    'busybox:1.36',
    'docker.io/library/nginx:1.27',
    'nginx:1.28-alpine',
    'quay.io/jupyter/minimal-notebook:2025-06-30',
    'redis:7',
    'my.example.org/team/app:v1',
  ])('%s', (name) => expect(pullError(name)).toBe(''));

  it('refuses a name one slip off, a tag that does not exist, and what is no name', () => {
    expect(pullError('ngnix')).toContain(
      'docker.io/library/ngnix:latest": pull access denied, repository does not exist or may require authorization',
    );
    expect(pullError('nginx:9.99')).toBe(
      'rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/library/nginx:9.99": failed to resolve reference "docker.io/library/nginx:9.99": docker.io/library/nginx:9.99: not found',
    );
    expect(pullError('jupyter/minimal-notebook:2024-01-01')).toContain('not found');
    expect(pullError('quay.io/jupyter/minimal-notebok')).toContain('401 UNAUTHORIZED');
    expect(pullError('nginx::1')).toBe('couldn\'t parse image name "nginx::1": invalid reference format');
    expect(pullError('Nginx')).toBe(
      'couldn\'t parse image name "Nginx": invalid reference format: repository name (library/Nginx) must be lowercase',
    );
  });
});

describe('nginx', () => {
  it('serves the files of the container, logs, reloads a configuration, and ends on QUIT', async () => {
    const network = new TestNetwork();
    const target = container('nginx:1.27', { network: network.pod('10.244.0.5') });
    const { main, state, url } = await serve(target, network, 80);
    const page = await fetch(url);
    expect(page.headers.get('server')).toBe('nginx/1.27.5');
    expect(await page.text()).toContain('simulated');
    expect((await fetch(`${url}/nope`)).status).toBe(404);
    await sh(target, 'echo mine > /usr/share/nginx/html/index.html');
    expect(await (await fetch(url)).text()).toBe('mine\n');
    expect(state.log).toContain('"GET /nope HTTP/1.1" 404 153');
    await sh(
      target,
      "echo 'server { listen 80; location / { return 200 new; } location /p { proxy_pass http://127.0.0.1:9; } }' > /etc/nginx/conf.d/default.conf; nginx -s reload",
    );
    while (!state.log.includes('reconfiguring\n') || (await (await fetch(url)).text()) !== 'new')
      await new Promise(setImmediate);
    expect((await fetch(`${url}/p`)).status).toBe(502);
    const broken = await sh(target, "echo 'server { lisen 80; }' > /etc/nginx/conf.d/default.conf; nginx -t");
    expect(broken).toMatchObject({
      code: 1,
      stderr:
        'nginx: [emerg] unknown directive "lisen" in /etc/nginx/conf.d/default.conf:1\nnginx: configuration file /etc/nginx/nginx.conf test failed\n',
    });
    main.signal('SIGQUIT');
    expect(await main.exit).toBe(0);
  });
});

describe('jupyter', () => {
  it('asks for the token of its log, keeps notebooks in the container, and ends on TERM', async () => {
    const network = new TestNetwork();
    const target = container('quay.io/jupyter/minimal-notebook:latest', { network: network.pod('10.244.0.5') });
    const { main, state, url } = await serve(target, network, 8888);
    while (!state.log.includes('Skipped non-installed')) await new Promise(setImmediate);
    const token = /127\.0\.0\.1:8888\/lab\?token=([0-9a-f]{48})/.exec(state.log)?.[1];
    const away = await fetch(`${url}/lab`, { redirect: 'manual' });
    expect([away.status, away.headers.get('location')]).toEqual([302, '/login?next=%2Flab']);
    const refused = await fetch(`${url}/api/contents`);
    expect([refused.status, await refused.text()]).toEqual([403, '{"message": "Forbidden", "reason": null}']);
    const login = await fetch(`${url}/login`);
    const xsrf = /_xsrf=(\w+)/.exec(login.headers.get('set-cookie') ?? '')?.[1];
    const form = new URLSearchParams({ _xsrf: xsrf ?? '', password: token ?? '' });
    const inside = await fetch(`${url}/login?next=%2Flab`, {
      method: 'POST',
      body: form,
      redirect: 'manual',
      headers: { cookie: `_xsrf=${xsrf}` },
    });
    expect([inside.status, inside.headers.get('location')]).toEqual([302, '/lab']);
    const cookie = inside.headers.get('set-cookie')?.split(';')[0] ?? '';
    const lab = await (await fetch(`${url}/lab`, { headers: { cookie } })).text();
    expect(lab).toContain('simulated');
    // What is created in the open folder, the page must create in that folder: only there a volume keeps it.
    expect(lab).toContain("api(here,{method:'POST'");
    expect(lab).not.toContain("lie in the pod's work folder");
    const headers = { authorization: `token ${token}` };
    const made = await fetch(`${url}/api/contents`, { method: 'POST', headers, body: '{"type":"notebook"}' });
    expect(made.status).toBe(201);
    expect((await sh(target, 'ls -n /home/jovyan')).stdout).toMatch(/1000 +100 .*Untitled\.ipynb/);
    await fetch(`${url}/api/contents/work`, { method: 'POST', headers, body: '{"type":"notebook"}' });
    expect((await sh(target, 'ls /home/jovyan/work')).stdout).toBe('Untitled.ipynb\n');
    expect((await fetch(`${url}/api/contents/Untitled.ipynb`, { method: 'DELETE', headers })).status).toBe(204);
    expect(state.log).toContain("wrote error: 'Forbidden'");
    expect(state.log).not.toContain('GET /api/contents?token=');
    main.signal('SIGTERM');
    expect(await main.exit).toBe(0);
  });

  it('takes the next port when its own is busy, and refuses to run as root', async () => {
    const network = new TestNetwork();
    const pod = network.pod('10.244.0.5');
    await pod.listen(8888, (socket) => void socket.destroy());
    const target = container('quay.io/jupyter/base-notebook', { network: pod, env: { JUPYTER_TOKEN: 'secret' } });
    const { state, main } = await serve(target, network, 8889);
    expect(state.log).toContain('The port 8888 is already in use, trying another port.');
    main.signal('SIGKILL');
    const root = container('quay.io/jupyter/base-notebook', { user: 0 });
    const started = root.start({ argv: ['jupyter', 'lab'], stdout: () => {}, stderr: () => {} });
    expect(await started.exit).toBe(1);
  });
});

it('runs what nobody plays as a container that says so', async () => {
  const network = new TestNetwork();
  const target = container('example/app:v1', { network: network.pod('10.244.0.5'), ports: [5000] });
  const { url, main } = await serve(target, network, 5000);
  expect(await (await fetch(url)).text()).toContain('simulated');
  main.signal('SIGTERM');
  expect(await main.exit).toBe(0);
  const job = container('example/job:v1', { terminates: true });
  const done = job.start({ argv: mainCommand(job.imageConfig), stdout: () => {}, stderr: () => {} });
  expect(await done.exit).toBe(0);
});

describe('volumes', () => {
  it('never leaves the folder of a PersistentVolume', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'volume-'));
    symlinkSync('/', join(folder, 'outside'));
    const target = idle('busybox', { volumes: [{ path: '/data', volume: createFolderVolume(folder) }] });
    const result = await sh(
      target,
      'echo x > /data/kept; cat /data/outside/etc/hostname; ls /data/../data; cat /data/../../../etc/hostname',
    );
    expect(result.stdout).toBe('web-0\nkept\noutside\nweb-0\n');
    expect(readdirSync(folder)).toContain('kept');
    target.kill();
  });

  it('swaps a ConfigMap at once through ..data, read-only', async () => {
    const volume = new ProjectedVolume();
    volume.update({ 'a.conf': { content: 'one\n' } }, new Date());
    const target = idle('busybox', { volumes: [{ path: '/etc/config', volume }] });
    expect((await sh(target, 'cat /etc/config/a.conf; echo x > /etc/config/a.conf')).stderr).toBe(
      "sh: can't create /etc/config/a.conf: Read-only file system\n",
    );
    volume.update({ 'b.conf': { content: 'two\n' } }, new Date());
    expect((await sh(target, 'ls /etc/config; cat /etc/config/b.conf; readlink /etc/config/b.conf')).stdout).toBe(
      'b.conf\ntwo\n..data/b.conf\n',
    );
    target.kill();
  });

  it('enforces users and a read-only root', async () => {
    const target = idle('busybox', { user: 1000, readOnlyRoot: true });
    expect((await sh(target, 'touch /tmp/x')).stderr).toBe('touch: /tmp/x: Read-only file system\n');
    const writable = idle('busybox', { user: 1000 });
    expect((await sh(writable, 'echo x > /etc/motd; echo y > /tmp/y && cat /tmp/y')).stdout).toBe('y\n');
    target.kill();
    writable.kill();
  });
});

it('keeps 500 idle nginx under 100 MB', async () => {
  const network = new TestNetwork();
  global.gc?.();
  const before = process.memoryUsage().heapUsed;
  const all: RunningContainer[] = [];
  for (let index = 0; index < 500; index += 1) {
    const pod = {
      listen: async () => ({ close() {} }),
      connect: network.pod('x').connect,
      resolve: network.pod('x').resolve,
      query: network.pod('x').query,
    };
    const target = container('nginx:1.27', { network: pod });
    target.start({ argv: mainCommand(target.imageConfig), stdout: () => {}, stderr: () => {} });
    all.push(target);
  }
  while (!all.every((target) => target.processes().length > 4)) await new Promise(setImmediate);
  expect((process.memoryUsage().heapUsed - before) / 1e6).toBeLessThan(100);
  for (const target of all) target.kill();
});
