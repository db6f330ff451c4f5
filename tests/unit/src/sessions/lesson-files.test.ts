import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { layFiles } from '../../../../src/sessions/lesson-files.ts';

function place() {
  const root = mkdtempSync(path.join(tmpdir(), 'atelier-files-'));
  const manifests = path.join(root, 'manifests');
  const home = path.join(root, 'home');
  mkdirSync(path.join(manifests, 'web', 'deep'), { recursive: true });
  mkdirSync(home);
  mkdirSync(path.join(root, 'outside'));
  const write = (name: string, text: string) => writeFileSync(path.join(manifests, 'web', name), text);
  write('a.yaml', `namespace: $\{namespace}\n`);
  write('deep/b.yaml', 'b\n');
  const lay = (anew = false) =>
    layFiles({
      anew,
      manifests,
      home,
      memory: path.join(root, 'laid.json'),
      files: [{ from: 'web', to: 'lab/web' }],
      variables: { namespace: 'alice' },
    });
  return {
    lay,
    write,
    home: (name: string) => path.join(home, 'lab/web', name),
    outside: (name: string) => path.join(root, 'outside', name),
  };
}

test('lays folders, variables filled in, once', async () => {
  const { lay, home } = place();
  expect(await lay()).toEqual([
    { file: 'lab/web/a.yaml', outcome: 'new' },
    { file: 'lab/web/deep/b.yaml', outcome: 'new' },
  ]);
  expect(readFileSync(home('a.yaml'), 'utf8')).toBe('namespace: alice\n');
  expect(await lay()).toEqual([]);
});

test('what the learner changed is kept, and a newer version comes beside it, once', async () => {
  const { lay, write, home } = place();
  await lay();
  writeFileSync(home('a.yaml'), 'mine\n');
  expect(await lay()).toEqual([]);
  write('a.yaml', 'newer\n');
  expect(await lay()).toEqual([{ file: 'lab/web/a.yaml', outcome: 'kept' }]);
  expect(readFileSync(home('a.yaml'), 'utf8')).toBe('mine\n');
  expect(readFileSync(home('a.yaml.new'), 'utf8')).toBe('newer\n');
  expect(await lay()).toEqual([]);
});

test('a lesson begun anew has its own files again, and theirs beside them', async () => {
  const { lay, home } = place();
  await lay();
  writeFileSync(home('a.yaml'), 'mine\n');
  expect(await lay(true)).toEqual([{ file: 'lab/web/a.yaml', outcome: 'moved' }]);
  expect(readFileSync(home('a.yaml'), 'utf8')).toBe('namespace: alice\n');
  expect(readFileSync(home('a.yaml.old'), 'utf8')).toBe('mine\n');
});

test('what the learner left alone is brought up to date', async () => {
  const { lay, write, home } = place();
  await lay();
  write('deep/b.yaml', 'newer\n');
  expect(await lay()).toEqual([{ file: 'lab/web/deep/b.yaml', outcome: 'updated' }]);
  expect(readFileSync(home('deep/b.yaml'), 'utf8')).toBe('newer\n');
});

test('nothing is written where a link of the learner leads', async () => {
  const { lay, write, home, outside } = place();
  mkdirSync(path.join(home(''), '..'));
  symlinkSync(outside(''), path.dirname(home('x')));
  await lay();
  expect(readdirSync(outside(''))).toEqual([]);
  expect(lstatSync(path.dirname(home('x'))).isSymbolicLink()).toBe(false);
  expect(readFileSync(home('deep/b.yaml'), 'utf8')).toBe('b\n');

  // A file that was laid, carried out and linked to: its next version takes the link's place.
  writeFileSync(outside('b'), 'b\n');
  rmSync(home('deep/b.yaml'));
  symlinkSync(outside('b'), home('deep/b.yaml'));
  write('deep/b.yaml', 'newer\n');
  await lay();
  expect(readFileSync(outside('b'), 'utf8')).toBe('b\n');
  expect(readFileSync(home('deep/b.yaml'), 'utf8')).toBe('newer\n');
});

test('a link within HOME is the learner’s way to order it', async () => {
  const { lay, home } = place();
  const real = path.join(home(''), '..', '..', 'elsewhere');
  mkdirSync(real);
  mkdirSync(path.join(home(''), '..'));
  symlinkSync(real, path.dirname(home('x')));
  await lay();
  expect(readdirSync(real).sort()).toEqual(['a.yaml', 'deep']);
});
