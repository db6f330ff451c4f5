import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const sources = globSync('{src,sandbox,kubernetes,cel}/**/*.{ts,mjs,astro,svelte}', { cwd: ROOT });

/** Every import of a file that stays inside the project, as a path from its root. */
function importsOf(file: string): string[] {
  const text = readFileSync(path.join(ROOT, file), 'utf8');
  const found = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, target = '']) => target);
  return found.map((target) => path.join(path.dirname(file), target));
}

/** Who may import what; the first rule whose `from` fits decides. */
const FENCES: { law: string; from: RegExp; to: RegExp; except?: RegExp }[] = [
  { law: 'facts and CEL know no house', from: /^(kubernetes|cel)\//, to: /^(src|sandbox)\// },
  { law: 'kubernetes and cel are two rooms', from: /^kubernetes\//, to: /^cel\// },
  { law: 'the sandbox knows no site', from: /^sandbox\//, to: /^src\// },
  {
    law: 'only sessions and cli open sandboxes',
    from: /^src\/(?!sessions\/|cli\/)/,
    to: /^sandbox\//,
  },
  {
    law: 'through the front door alone',
    from: /^src\//,
    to: /^sandbox\//,
    except: /^sandbox\/(index\.ts|tools\/|shell\/pty\.ts)/,
  },
  { law: 'the seam is a kubeconfig', from: /^(src|sandbox\/(?!embedded\/))/, to: /^sandbox\/embedded\// },
  {
    law: 'the node knows the API, not its server',
    from: /^sandbox\/embedded\/node\//,
    to: /^sandbox\/embedded\/control-plane\//,
  },
  {
    law: 'controllers talk through the API',
    from: /^sandbox\/embedded\/control-plane\/(controllers|scheduler)\//,
    to: /^sandbox\/embedded\/control-plane\/(store|apiserver)\//,
  },
];

test.each(FENCES)('$law', ({ from, to, except }) => {
  const crossings = sources
    .filter((file) => from.test(file))
    .flatMap((file) => importsOf(file).map((target) => ({ file, target })))
    .filter(({ target }) => to.test(target) && !except?.test(target));
  expect(crossings).toEqual([]);
});

test('the fences stand around something', () => {
  for (const { from } of FENCES) expect(sources.filter((file) => from.test(file)).length).toBeGreaterThan(0);
});

test('no file is longer than 400 lines', () => {
  const long = globSync('{src,sandbox,kubernetes,cel,tests}/**/*.{ts,mjs,astro,svelte,css,sh}', { cwd: ROOT }).filter(
    (file) => readFileSync(path.join(ROOT, file), 'utf8').split('\n').length > 401,
  );
  expect(long).toEqual([]);
});
