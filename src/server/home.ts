import { execFileSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { UserError } from './user-error.ts';

/** Bytes below which nothing is begun: a full disk half-way loses more than a refusal. */
const LEAST_FREE = 64 * 1024 * 1024;

/** Makes the home where it is missing. Throws {@link UserError} where it cannot be written or its disk is full. */
export function openHome(home: string): void {
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    accessSync(home, constants.W_OK);
    // A read-only file system passes the check above for root.
    const probe = path.join(home, '.writable');
    writeFileSync(probe, '');
    rmSync(probe);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOSPC') throw fullDisk(home);
    if (code === 'EEXIST' || code === 'ENOTDIR')
      throw new UserError(`the home ${home} is not a folder: choose another with --home.`);
    // So says Node where it would make a folder on a read-only disk.
    const reason = code === 'ENOENT' ? 'EROFS' : code;
    throw new UserError(
      `the home ${home} cannot be written (${reason}): choose another with --home or change its rights.`,
    );
  }
  const { bavail, bsize } = statfsSync(home);
  if (bavail * bsize < LEAST_FREE) throw fullDisk(home);
}

function fullDisk(home: string): UserError {
  return new UserError(`the disk of ${home} is full: free at least 64 MB there, or choose another home with --home.`);
}

interface Holder {
  pid: number;
  url: string;
  /** When that process started, as the system says: a pid alone comes back after a reboot. */
  started: string;
}

export interface HomeLock {
  /** Says where the holder answers, for a second start to name. */
  announce(url: string): void;
  release(): void;
}

/** One start per home. Throws {@link UserError} naming the holder; a lock whose holder is gone is taken over. */
export function lockHome(home: string): HomeLock {
  const file = path.join(home, 'start.lock');
  const mine = (url: string) =>
    JSON.stringify({ pid: process.pid, url, started: startOf(process.pid) } satisfies Holder);
  for (;;) {
    try {
      writeFileSync(file, mine(''), { flag: 'wx', mode: 0o600 });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const holder = holderOf(file);
      if (holder) {
        const where = holder.url ? ` at ${holder.url}` : '';
        throw new UserError(
          `the home ${home} is in use by Atelier with pid ${holder.pid}${where}: stop that one, or choose another home with --home.`,
        );
      }
      rmSync(file, { force: true });
    }
  }
  return {
    announce: (url) => writeFileSync(file, mine(url), { mode: 0o600 }),
    release: () => rmSync(file, { force: true }),
  };
}

/** Whoever holds the home and is alive. */
function holderOf(file: string): Holder | undefined {
  try {
    const holder = JSON.parse(readFileSync(file, 'utf8')) as Holder;
    return startOf(holder.pid) === holder.started ? holder : undefined;
  } catch {
    // Unreadable, half-written, or its process is gone: stale.
    return undefined;
  }
}

function startOf(pid: number): string {
  try {
    // The 22nd field of the line, counted after the name in brackets, which may hold anything.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19] ?? '';
  } catch {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  }
}
