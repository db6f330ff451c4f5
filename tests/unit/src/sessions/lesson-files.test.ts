import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
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
  return { lay, write, home: (name: string) => path.join(home, 'lab/web', name) };
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
