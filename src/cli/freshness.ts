import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';

/** A digest of names, sizes and times of everything below these paths: changes when any of it does. */
export async function digestOf(paths: string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const root of paths) {
    const files = statSync(root).isFile()
      ? [root]
      : (await readdir(root, { recursive: true, withFileTypes: true }))
          .filter((entry) => entry.isFile())
          .map((entry) => path.join(entry.parentPath, entry.name))
          .sort();
    for (const file of files) {
      const { size, mtimeMs } = statSync(file);
      hash.update(`${file}\0${size}\0${mtimeMs}\n`);
    }
  }
  return hash.digest('hex');
}

/** Runs `make` unless its stamp says that it ran for this digest already. Without a stamp while it runs: a killed run is done again. */
export async function unlessFresh(stamp: string, digest: string, make: () => Promise<void>): Promise<void> {
  if (readStamp(stamp) === digest) return;
  rmSync(stamp, { force: true });
  await make();
  mkdirSync(path.dirname(stamp), { recursive: true });
  writeFileSync(stamp, digest);
}

function readStamp(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
