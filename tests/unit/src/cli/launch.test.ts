import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, watch, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { gone, Program, plainEnvironment, ROOT, temporary } from './program.ts';

/** A clone that holds the launcher, a lock of one package and a program that tells how it was called. */
function clone(folder: string, npm = 'process.exit(0)'): void {
  mkdirSync(path.join(folder, 'src/cli'), { recursive: true });
  mkdirSync(path.join(folder, 'bin'));
  cpSync(path.join(ROOT, 'src/cli/launch.mjs'), path.join(folder, 'src/cli/launch.mjs'));
  writeFileSync(path.join(folder, 'src/cli/main.ts'), 'console.log(process.argv.slice(2).join(" "));');
  const lock = { packages: { '': {}, 'node_modules/left': { version: '1.0.0' } } };
  writeFileSync(path.join(folder, 'package-lock.json'), JSON.stringify(lock));
  writeFileSync(path.join(folder, 'bin/npm'), `#!${process.execPath}\n${npm}\n`);
  chmodSync(path.join(folder, 'bin/npm'), 0o755);
}

/** What npm leaves when it is done. */
const INSTALLS = `
const { mkdirSync, copyFileSync } = require('node:fs');
mkdirSync('node_modules', { recursive: true });
copyFileSync('package-lock.json', 'node_modules/.package-lock.json');
`;

/** @param node the version to pretend */
function launch(
  folder: string,
  args: string[],
  { node, env }: { node?: string; env?: NodeJS.ProcessEnv } = {},
): Program {
  const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${node}' } })`;
  const options = node ? ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`] : [];
  return new Program(process.execPath, [...options, path.join(folder, 'src/cli/launch.mjs'), ...args], {
    env: plainEnvironment({ PATH: `${path.join(folder, 'bin')}:/usr/bin:/bin`, ...env }),
    cwd: folder,
  });
}

test('a Node that is too old', async () => {
  using folder = temporary();
  clone(folder.path);
  const { code, stderr } = await launch(folder.path, ['start'], { node: '18.20.8' }).ended;
  expect(stderr).toBe(
    'atelier: Node 18.20.8 is too old: install Node 20 or newer from https://nodejs.org and start again.\n',
  );
  expect(code).toBe(1);
});

test('no npm', async () => {
  using folder = temporary();
  clone(folder.path);
  const { code, stderr } = await launch(folder.path, ['start'], { env: { PATH: folder.path } }).ended;
  expect(stderr).toMatch(/\natelier: npm could not be started \(.*\): install npm and start again\.\n$/);
  expect(code).toBe(1);
});

test('npm fails: its exit is told, nothing is started', async () => {
  using folder = temporary();
  clone(folder.path, "process.stderr.write('npm error network\\n'); process.exit(1)");
  const { code, stdout, stderr } = await launch(folder.path, ['start']).ended;
  expect(stderr).toMatch(/npm error network\natelier: npm could not fetch the dependencies .*start again.*\.\n$/);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
});

test('the optional package that holds a current Node did not arrive, and the Node at hand is older', async () => {
  using folder = temporary();
  clone(folder.path, INSTALLS);
  const { code, stderr } = await launch(folder.path, ['start'], { node: '22.1.0' }).ended;
  expect(stderr).toMatch(
    /\natelier: the package node-\S+, a current Node, was not fetched: .* use Node 26 or newer\.\n$/,
  );
  expect(code).toBe(1);
});

test('dependencies are fetched once, without scripts, and stdout stays for what scripts read', async () => {
  using folder = temporary();
  clone(
    folder.path,
    `${INSTALLS}require('node:fs').appendFileSync('calls', process.argv.slice(2).join(' ') + '\\n'); console.log('added');`,
  );
  const first = await launch(folder.path, ['start', '--port', '0']).ended;
  expect(first).toMatchObject({ code: 0, stdout: 'start --port 0\n' });
  expect(first.stderr).toContain('Fetching dependencies');
  expect(await launch(folder.path, ['start']).ended).toEqual({ code: 0, stdout: 'start\n', stderr: '' });
  const calls = readFileSync(path.join(folder.path, 'calls'), 'utf8').trim().split('\n');
  expect(calls).toHaveLength(1);
  expect(calls[0]).toMatch(/^ci --ignore-scripts .*--omit=dev$/);
});

const HANGS = "require('node:fs').writeFileSync('npm-pid', String(process.pid)); setInterval(() => {}, 1000);";

async function appears(file: string): Promise<void> {
  const watcher = watch(path.dirname(file));
  while (!existsSync(file) || readFileSync(file, 'utf8') === '') await once(watcher, 'change');
  watcher.close();
}

test('a signal in the middle of npm ci ends npm too, with exit 0', async () => {
  using folder = temporary();
  clone(folder.path, HANGS);
  const launched = launch(folder.path, ['start']);
  await appears(path.join(folder.path, 'npm-pid'));
  expect(await launched.end('SIGTERM')).toMatchObject({ code: 0, stdout: '' });
  await gone([Number(readFileSync(path.join(folder.path, 'npm-pid'), 'utf8'))]);
  expect(existsSync(path.join(folder.path, '.atelier/installing'))).toBe(false);
});

test('killed in the middle of npm ci and started again: the npm left behind is waited for, then all is fetched', async () => {
  using folder = temporary();
  clone(folder.path, HANGS);
  const launched = launch(folder.path, ['start']);
  await appears(path.join(folder.path, 'npm-pid'));
  launched.child.kill('SIGKILL');
  await once(launched.child, 'exit');
  writeFileSync(path.join(folder.path, 'bin/npm'), `#!${process.execPath}\n${INSTALLS}`);
  const again = launch(folder.path, ['start']);
  await again.said(/Waiting for another start/, 'stderr');
  process.kill(Number(readFileSync(path.join(folder.path, 'npm-pid'), 'utf8')), 'SIGKILL');
  expect(await again.ended).toMatchObject({ code: 0, stdout: 'start\n' });
}, 15_000);
