import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { atelier, type Ended, Program, plainEnvironment, ROOT, temporary } from './program.ts';

/** One sentence on stderr that names the thing and the remedy; nothing on stdout. */
function expectRefusal({ code, stdout, stderr }: Ended, wanted: 1 | 2, ...words: string[]): void {
  expect(stdout).toBe('');
  for (const word of words) expect(stderr).toContain(word);
  expect(stderr).toMatch(/^atelier: [^\n]+\.\n$/);
  expect(code).toBe(wanted);
}

const misuses: [words: string[], env: NodeJS.ProcessEnv, told: string[]][] = [
  [['begin'], {}, ['begin', 'start, build']],
  [['start', '--colour'], {}, ['--colour', '--port']],
  [['start', '--port', '80a'], {}, ['--port 80a', '0 (any free one) to 65535']],
  [['start'], { PORT: '70000' }, ['70000']],
  [['start', '--host', '0.0.0.0'], {}, ['0.0.0.0', '127.0.0.1']],
  [['start'], { HOST: '0.0.0.0' }, ['0.0.0.0']],
  [['start', '--workshop'], {}, ['--workshop']],
  [['start', '--name', 'A B'], {}, ['A B', 'lower-case']],
  [['cluster', '--colour'], {}, ['--colour', '--gaps']],
  [['cluster', '--port', '-1'], {}, ['port']],
  [['cluster', '--name', 'A_B'], {}, ['A_B']],
  [['lessons', 'test', '--colour'], {}, ['--colour']],
  [['lessons', 'test', 'datalab/99'], {}, ['datalab/99', 'datalab/01-cluster']],
  [['parity', 'compare', '--colour'], {}, ['--colour']],
  [['test', 'everything'], {}, ['everything', 'unit']],
  [['facts', 'now'], {}, ['KUBECONFIG']],
];

describe.concurrent('what is asked wrongly ends with 2', () => {
  test.each(misuses)('%j %j', async (words, env, told) => {
    using home = temporary();
    expectRefusal(await atelier(words, { ATELIER_HOME: path.join(home.path, 'h'), ...env }).ended, 2, ...told);
    expect(readdirSync(home.path)).toEqual([]);
  });
});

test('facts without a server', async () => {
  expectRefusal(await atelier(['facts']).ended, 1, 'KUBECONFIG');
});

test.each(['start', 'cluster'])('%s with a home that is a file', async (command) => {
  using folder = temporary();
  const file = path.join(folder.path, 'file');
  writeFileSync(file, '');
  expectRefusal(await atelier([command, '--home', file]).ended, 1, file, '--home');
  expectRefusal(await atelier([command, '--home', path.join(file, 'below')]).ended, 1, file, '--home');
});

/** Runs in a mount namespace of its own, where the folder is a small or read-only disk. */
function onDisk(folder: string, options: string, words: string[]): Program {
  const script = 'mount -t tmpfs -o "$1" none "$2" && shift 2 && exec "$@"';
  const main = path.join(ROOT, 'src/cli/main.ts');
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', main, ...words];
  return new Program('unshare', ['-m', 'sh', '-c', script, 'sh', options, folder, ...node], {
    env: plainEnvironment(),
  });
}

function canMount(): boolean {
  try {
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe.runIf(canMount())('disks', () => {
  test.each(['start', 'cluster'])('%s on a full disk', async (command) => {
    using folder = temporary();
    const home = path.join(folder.path, 'h');
    expectRefusal(await onDisk(folder.path, 'size=1m', [command, '--home', home]).ended, 1, home, 'full', '--home');
  });

  test.each(['start', 'cluster'])('%s on a disk that is read-only', async (command) => {
    using folder = temporary();
    const home = path.join(folder.path, 'h');
    expectRefusal(await onDisk(folder.path, 'ro', [command, '--home', home]).ended, 1, home, 'EROFS', '--home');
  });
});

test.skipIf(process.getuid?.() === 0)('a home without the right to write', async () => {
  using folder = temporary();
  chmodSync(folder.path, 0o500);
  const home = path.join(folder.path, 'h');
  expectRefusal(await atelier(['start', '--home', home]).ended, 1, home, 'EACCES', '--home');
});

test('a port that is busy leaves no lock', async () => {
  using folder = temporary();
  const home = path.join(folder.path, 'h');
  const busy = createServer().listen(0, '127.0.0.1');
  await once(busy, 'listening');
  const { port } = busy.address() as AddressInfo;
  expectRefusal(
    await atelier(['start', '--home', home, '--port', `${port}`]).ended,
    1,
    `port ${port} is busy`,
    '--port',
  );
  expect(existsSync(path.join(home, 'start.lock'))).toBe(false);
  expectRefusal(await atelier(['cluster', '--home', home, '--port', `${port}`]).ended, 1, `${port}`, '--port');
  busy.close();
});

test('no bash', async () => {
  using folder = temporary();
  const home = path.join(folder.path, 'h');
  expectRefusal(await atelier(['start', '--home', home], { PATH: folder.path }).ended, 1, 'bash', 'install');
  expect(existsSync(home)).toBe(false);
});

describe.concurrent('kubeconfigs', () => {
  const cluster = { name: 'c', cluster: { server: 'https://127.0.0.1:2' } };
  const context = { name: 'dev', context: { cluster: 'c', user: 'u' } };
  const users = [{ name: 'u', user: { token: 'x' } }];
  const unreachable = JSON.stringify({ clusters: [cluster], contexts: [context], users, 'current-context': 'dev' });
  const cases: [what: string, text: string | undefined, words: string[], told: string[]][] = [
    ['missing', undefined, [], ['no kubeconfig', '--kubeconfig']],
    ['malformed', 'clusters: [', [], ['cannot be read', '--kubeconfig']],
    ['no mapping', 'hello', [], ['--kubeconfig']],
    ['empty', '', [], ['--kubeconfig']],
    ['context unknown', unreachable, ['--context', 'prod'], ['"prod"', 'dev', '--context']],
    ['unreachable', unreachable, [], ['https://127.0.0.1:2', 'ECONNREFUSED', '--context']],
  ];
  test.each(cases)('%s', async (_, text, words, told) => {
    using folder = temporary();
    const [home, file] = [path.join(folder.path, 'h'), path.join(folder.path, 'k')];
    mkdirSync(home);
    if (text !== undefined) writeFileSync(file, text);
    const args = ['start', '--home', home, '--port', '0', '--kubeconfig', file, ...words];
    expectRefusal(await atelier(args).ended, 1, ...told);
    expect(existsSync(path.join(home, 'start.lock'))).toBe(false);
  });
});
