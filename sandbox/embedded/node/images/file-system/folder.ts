import * as disk from 'node:fs';
import { join } from 'node:path';
import { FileError, type FileStat, type Volume, type VolumeBackend } from '../file-system.ts';
import { baseName, parentPath } from './paths.ts';

interface Owner {
  uid: number;
  gid: number;
  mode?: number;
}

const CODES = new Set<string>([
  'ENOENT',
  'EEXIST',
  'ENOTDIR',
  'EISDIR',
  'ENOTEMPTY',
  'ELOOP',
  'ENOSPC',
  'EINVAL',
  'EPERM',
  'EACCES',
  'EROFS',
]);

/**
 * A folder of the machine, as a PersistentVolume. No path leaves it: every part above the last must be a directory of its
 * own (the container's links are resolved before they get here), and links are never followed by the machine.
 * Owners are kept beside the folder, for the machine's own user may not give files away.
 */
class FolderBackend implements VolumeBackend {
  private readonly root: string;
  private readonly ledger: string;
  private readonly owners: Map<string, Owner>;
  private readonly fallback: Owner;
  private saving = false;

  constructor(root: string, fallback: Owner = { uid: 0, gid: 0 }) {
    this.root = root;
    this.fallback = fallback;
    this.ledger = `${root}.owners.json`;
    this.owners = new Map(readLedger(this.ledger));
    disk.mkdirSync(root, { recursive: true });
  }

  /** The machine's path; refuses to walk through anything but directories. */
  private at(path: string): string {
    let real = this.root;
    const parts = path.split('/').filter(Boolean);
    for (const [index, part] of parts.entries()) {
      if (part === '..' || part === '.' || part.includes('\0')) throw new FileError('EINVAL', path);
      real = join(real, part);
      if (index === parts.length - 1) break;
      const entry = disk.lstatSync(real, { throwIfNoEntry: false });
      if (!entry) throw new FileError('ENOENT', path);
      if (!entry.isDirectory()) throw new FileError(entry.isSymbolicLink() ? 'ELOOP' : 'ENOTDIR', path);
    }
    return real;
  }

  private call<T>(path: string, run: (real: string) => T): T {
    try {
      return run(this.at(path));
    } catch (error) {
      const code = (error as { code?: string }).code ?? '';
      if (!(error instanceof FileError) && CODES.has(code)) throw new FileError(code as FileError['code'], path);
      throw error;
    }
  }

  private remember(path: string, owner: Owner): void {
    this.owners.set(path, owner);
    this.save();
  }

  private save(): void {
    if (this.saving) return;
    this.saving = true;
    setImmediate(() => {
      this.saving = false;
      try {
        disk.writeFileSync(this.ledger, JSON.stringify([...this.owners]));
      } catch {
        // The volume was deleted meanwhile, or the disk is full: owners fall back to the volume's.
      }
    });
  }

  stat(path: string): FileStat {
    return this.call(path, (real) => {
      const entry = disk.lstatSync(real);
      const type = entry.isDirectory() ? 'directory' : entry.isSymbolicLink() ? 'symlink' : 'file';
      const owner = this.owners.get(path) ?? this.fallback;
      const mode = owner.mode ?? entry.mode & 0o7777;
      return { type, size: entry.size, mode, uid: owner.uid, gid: owner.gid, modified: entry.mtime };
    });
  }

  read(path: string): Uint8Array {
    return this.call(path, (real) => {
      const handle = disk.openSync(real, disk.constants.O_RDONLY | disk.constants.O_NOFOLLOW);
      try {
        return disk.readFileSync(handle);
      } finally {
        disk.closeSync(handle);
      }
    });
  }

  write(
    path: string,
    data: Uint8Array | string,
    options: { append?: boolean; mode?: number; uid?: number; gid?: number } = {},
  ): void {
    this.call(path, (real) => {
      const isNew = !disk.lstatSync(real, { throwIfNoEntry: false });
      const { O_WRONLY, O_CREAT, O_NOFOLLOW, O_APPEND, O_TRUNC } = disk.constants;
      const flags = O_WRONLY | O_CREAT | O_NOFOLLOW | (options.append ? O_APPEND : O_TRUNC);
      const handle = disk.openSync(real, flags, 0o600);
      try {
        disk.writeFileSync(handle, data);
      } finally {
        disk.closeSync(handle);
      }
      if (isNew) this.remember(path, { uid: options.uid ?? 0, gid: options.gid ?? 0, mode: options.mode ?? 0o644 });
    });
  }

  list(path: string): string[] {
    return this.call(path, (real) => {
      if (!disk.lstatSync(real).isDirectory()) throw new FileError('ENOTDIR', path);
      return disk.readdirSync(real).sort();
    });
  }

  makeDirectory(path: string, options: { recursive?: boolean; mode?: number; uid?: number; gid?: number } = {}): void {
    if (options.recursive) {
      if (path === '/') return;
      this.makeDirectory(parentPath(path), options);
      if (this.call(path, (real) => disk.lstatSync(real, { throwIfNoEntry: false })?.isDirectory())) return;
    }
    this.call(path, (real) => disk.mkdirSync(real, 0o700));
    this.remember(path, { uid: options.uid ?? 0, gid: options.gid ?? 0, mode: options.mode ?? 0o755 });
  }

  remove(path: string, options: { recursive?: boolean } = {}): void {
    if (path === '/') throw new FileError('EBUSY', path);
    this.call(path, (real) => {
      if (!disk.lstatSync(real).isDirectory()) disk.unlinkSync(real);
      else if (options.recursive) disk.rmSync(real, { recursive: true });
      else disk.rmdirSync(real);
    });
    for (const known of this.owners.keys())
      if (known === path || known.startsWith(`${path}/`)) this.owners.delete(known);
    this.save();
  }

  rename(from: string, to: string): void {
    this.call(from, (real) => disk.renameSync(real, this.at(to)));
    for (const [known, owner] of [...this.owners]) {
      if (known !== from && !known.startsWith(`${from}/`)) continue;
      this.owners.delete(known);
      this.owners.set(to + known.slice(from.length), owner);
    }
    this.save();
  }

  link(target: string, path: string, options: { symbolic: boolean } = { symbolic: false }): void {
    this.call(path, (real) =>
      options.symbolic ? disk.symlinkSync(target, real) : disk.linkSync(this.at(target), real),
    );
  }

  readLink(path: string): string {
    return this.call(path, (real) => disk.readlinkSync(real));
  }

  chmod(path: string, mode: number): void {
    this.remember(path, { ...(this.owners.get(path) ?? this.fallback), mode: mode & 0o7777 });
  }

  chown(path: string, uid: number, gid: number): void {
    this.remember(path, { ...(this.owners.get(path) ?? this.fallback), uid, gid });
  }

  touch(path: string, time: Date): void {
    this.call(path, (real) => disk.lutimesSync(real, time, time));
  }
}

function readLedger(file: string): [string, Owner][] {
  try {
    return JSON.parse(disk.readFileSync(file, 'utf8')) as [string, Owner][];
  } catch {
    return [];
  }
}

/** A PersistentVolume's folder, made if it is not there. `owner` is whose files are of which nothing else is known (fsGroup). */
export function createFolderVolume(
  folder: string,
  options: { source?: string; readOnly?: boolean; uid?: number; gid?: number; mode?: number } = {},
): Volume {
  const owner: Owner = { uid: options.uid ?? 0, gid: options.gid ?? 0 };
  const fs = new FolderBackend(folder, owner);
  fs.chmod('/', options.mode ?? 0o777);
  const source = options.source ?? `/var/lib/atelier/${baseName(folder)}`;
  return { kind: 'folder', readOnly: options.readOnly ?? false, source, fs };
}
