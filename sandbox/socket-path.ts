import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';

/** Bytes a Unix socket's path may have on macOS, which allows fewest. */
const LONGEST = 103;

/**
 * `control.sock` in a private folder; where that lies too deep for a socket, a name of its own in a private folder of the
 * system's temporary one. Throws where somebody else has put theirs in its place.
 */
export function socketPath(directory: string, temporary = tmpdir()): string {
  const near = path.join(directory, 'control.sock');
  if (Buffer.byteLength(near) <= LONGEST) return near;
  const { uid } = userInfo();
  const folder = path.join(temporary, `atelier-${uid}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o077) !== 0) {
    throw new Error(`${folder} is open to others: remove it and start again`);
  }
  return path.join(folder, `${createHash('sha256').update(directory).digest('hex').slice(0, 16)}.sock`);
}
