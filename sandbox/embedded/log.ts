import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** Errors go to `errors.log` in a folder: stdout and stderr are the learner's. */
export function logTo(directory: string): (message: string) => void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, 'errors.log');
  return (message) => {
    try {
      appendFileSync(file, `${new Date().toISOString()} ${message}\n`);
    } catch {
      // A full disk must not take the server down with it.
    }
  };
}
