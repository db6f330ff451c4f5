import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { request } from 'node:http';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { atelier, descendants, gone, Program, plainEnvironment, ROOT, temporary } from './program.ts';

const READY = /^Atelier is ready: (http:\/\/127\.0\.0\.1:(\d+))\/\?token=([\w-]+)\n$/m;
/** No registry, no download host: whatever would be fetched fails at once. */
const OFFLINE = {
  npm_config_registry: 'http://127.0.0.1:2/',
  npm_config_cache: '/nonexistent',
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(
    "globalThis.fetch = () => Promise.reject(new Error('offline'))",
  )}`,
};

let folder: ReturnType<typeof temporary>;
let home: string;
let running: Program;
let origin: string;
let token: string;

/** One start that most tests ask; through npm, as a person starts it. */
beforeAll(async () => {
  folder = temporary();
  home = path.join(folder.path, 'h');
  running = new Program('npm', ['start', '--', '--port', '0', '--no-open'], {
    cwd: ROOT,
    env: plainEnvironment({ ATELIER_HOME: home, ...OFFLINE }),
  });
  [, origin = '', , token = ''] = await running.said(READY);
}, 60_000);

afterAll(async () => {
  await running.end('SIGTERM');
  folder[Symbol.dispose]();
});

/** Status and text of an answer; a Host of one's own choice, as fetch would not send it. */
function ask(where: string, host?: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(`${origin}${where}`, { headers: host ? { host } : {}, agent: false }, (answer) => {
      let text = '';
      answer.on('data', (data) => {
        text += data;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    asked.on('error', reject).end();
  });
}

test('says what it does on stderr, in plain lines', async () => {
  const { stderr } = await atelier(['start', '--home', home]).ended;
  expect(stderr).not.toContain('\r');
  await running.said(/^Starting the cluster\nPreparing the sandbox\n/m, 'stderr');
});

test('a second start on this home names the first', async () => {
  const { pid } = JSON.parse(readFileSync(path.join(home, 'start.lock'), 'utf8'));
  const { code, stdout, stderr } = await atelier(['start', '--home', home]).ended;
  expect(stderr).toBe(
    `atelier: the home ${home} is in use by Atelier with pid ${pid} at ${origin}: stop that one, or choose another home with --home.\n`,
  );
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
});

test('the cluster of this home is taken too, and its holder named', async () => {
  const { code, stderr } = await atelier(['cluster', '--home', home]).ended;
  expect(stderr).toMatch(/^atelier: cluster "main" .* process \d+ at https:\/\/127\.0\.0\.1:\d+: .*--home\.\n$/);
  expect(code).toBe(1);
});

test('writes an admin’s kubeconfig for scripts', () => {
  const file = realpathSync(path.join(home, 'cluster/admin.kubeconfig'));
  expect(file).toBe(realpathSync(path.join(home, 'clusters/main/admin.kubeconfig')));
  const kubectl = path.join(ROOT, '.atelier/tools/bin/kubectl');
  const learners = execFileSync(kubectl, ['--kubeconfig', file, 'get', 'learners', '-n', 'atelier-system'], {
    encoding: 'utf8',
  });
  expect(learners).toMatch(/^NAME +TRACK +LESSON +DONE +AGE\nalice /);
});

test('curl signs in as the page does', () => {
  const curl = (...words: string[]) => execFileSync('curl', ['-si', ...words], { encoding: 'utf8' });
  const answer = curl('--data-urlencode', `token=${token}`, `${origin}/session`);
  expect(answer).toMatch(/^HTTP\/1\.1 303 /);
  const [, cookie = ''] = /^set-cookie: ([^;]+);.*HttpOnly; SameSite=Strict/im.exec(answer) ?? [];
  expect(curl('-H', `Cookie: ${cookie}`, `${origin}/en/`)).toMatch(/^HTTP\/1\.1 200 /);
  const refused = curl('-d', 'token=wrong', `${origin}/session`);
  expect(refused).toMatch(/^HTTP\/1\.1 303 [\s\S]*location: \/sign-in\/\?refused/i);
  expect(refused).not.toMatch(/set-cookie/i);
  expect(curl('-H', 'Origin: https://elsewhere.example', '-d', `token=${token}`, `${origin}/session`)).toMatch(
    /^HTTP\/1\.1 403 /,
  );
});

test('health and metrics, to loopback alone', async () => {
  expect(await ask('/healthz')).toEqual({ status: 200, text: expect.stringMatching(/^ok/) });
  const { status, text } = await ask('/metrics');
  expect(status).toBe(200);
  expect(text).toContain('\natelier_cluster_up 1\n');
  expect((await ask('/metrics', 'atelier.example')).status).toBe(421);
  expect((await ask('/healthz', 'atelier.example')).status).toBe(421);
});

test('health is 503 with the reason while the cluster does not answer, and well again after', async () => {
  const { pid } = JSON.parse(readFileSync(path.join(home, 'start.lock'), 'utf8'));
  const cluster = descendants(pid).find((child) =>
    execFileSync('ps', ['-o', 'args=', '-p', `${child}`], { encoding: 'utf8' }).includes('sandbox/embedded/main.ts'),
  );
  process.kill(cluster ?? 0, 'SIGSTOP');
  try {
    expect(await ask('/healthz')).toEqual({ status: 503, text: expect.stringContaining('does not answer') });
    expect((await ask('/metrics')).text).toContain('\natelier_cluster_up 0\n');
  } finally {
    process.kill(cluster ?? 0, 'SIGCONT');
  }
  expect((await ask('/healthz')).status).toBe(200);
});

test('SIGINT to npm ends all that was started, with exit 0; the next start skips all set-up', async () => {
  const processes = descendants(running.pid);
  expect(processes.length).toBeGreaterThanOrEqual(4);
  const { code, stdout } = await running.end('SIGINT');
  expect(code).toBe(0);
  expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^Atelier is ready: /);
  await gone(processes);
  expect(existsSync(path.join(home, 'start.lock'))).toBe(false);

  const again = atelier(['start', '--port', '0', '--home', home], { ATELIER_OPEN: '0', ...OFFLINE });
  await again.said(READY);
  const started = descendants(again.pid);
  const ended = await again.end('SIGTERM');
  expect(ended.code).toBe(0);
  expect(ended.stderr).not.toMatch(/Fetching|Building/);
  await gone(started);
}, 40_000);

test('nothing survives SIGKILL; the stale lock heals', async () => {
  const first = atelier(['start'], { ATELIER_HOME: home, PORT: '0' });
  await first.said(READY);
  const processes = descendants(first.pid);
  await first.end('SIGKILL');
  const second = atelier(['start'], { ATELIER_HOME: home, PORT: '0' });
  await second.said(READY);
  await gone(processes);
  // The terminal, npm and the launcher each send the same Ctrl-C.
  second.child.kill('SIGINT');
  second.child.kill('SIGINT');
  expect((await second.ended).code).toBe(0);
  expect(existsSync(path.join(home, 'start.lock'))).toBe(false);
}, 40_000);
