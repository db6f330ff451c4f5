import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/**
 * Held by the one process that runs the clusters of a home. It is a lock of the system on a file, taken at once or not at
 * all, and gone with its process, however that ends: nothing stale is ever left. Undefined while another process has it.
 */
export function lockHome(home: string): { release(): void } | undefined {
  const directory = join(home, 'cluster');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = new DatabaseSync(join(directory, 'lock'));
  try {
    file.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    file.close();
    if ((error as { errcode?: number }).errcode === busy) return undefined;
    throw error;
  }
  return { release: () => file.close() };
}

/** SQLITE_BUSY */
const busy = 5;
