import {
  type Credentials,
  FileError,
  type FileStat,
  type FileSystem,
  type Volume,
  type VolumeBackend,
} from '../file-system.ts';
import { MemoryTree } from './memory.ts';
import { absolutePath, baseName, joinPath, parentPath } from './paths.ts';

interface Mount {
  path: string;
  volume: Volume;
}

interface Location {
  /** After links, as the container sees it. */
  path: string;
  /** The same inside the mount. */
  inner: string;
  mount: Mount;
  fs: VolumeBackend;
}

const BITS = { r: 4, w: 2, x: 1 };

/** The files of a container: its image's layer under a writable one, and what is mounted. `readOnly` is the pod's `readOnlyRootFilesystem`. */
export function createFileSystem(
  layer: MemoryTree = new MemoryTree(),
  options: { readOnly?: boolean } = {},
): FileSystem {
  const tree = layer.copy();
  const volume: Volume = { kind: 'memory', readOnly: options.readOnly ?? false, source: 'overlay', fs: tree };
  return new RootFileSystem([{ path: '/', volume }], { uid: 0, gid: 0, pid: 1 });
}

class RootFileSystem implements FileSystem {
  /** Deepest first, shared by all views of one container. */
  private readonly table: Mount[];
  private readonly who: Credentials;

  constructor(table: Mount[], who: Credentials) {
    this.table = table;
    this.who = who;
  }

  as(credentials: Credentials): FileSystem {
    return new RootFileSystem(this.table, credentials);
  }

  private locate(path: string): Location {
    for (const mount of this.table) {
      if (mount.path === '/') return { path, inner: path, mount, fs: mount.volume.fs };
      if (path === mount.path) return { path, inner: '/', mount, fs: mount.volume.fs };
      if (path.startsWith(`${mount.path}/`))
        return { path, inner: path.slice(mount.path.length), mount, fs: mount.volume.fs };
    }
    throw new FileError('ENOENT', path);
  }

  private statAt(place: Location): FileStat {
    return place.fs.stat(place.inner, { followLinks: false });
  }

  private may(stat: FileStat, mode: 'r' | 'w' | 'x'): boolean {
    if (this.who.uid === 0) return mode !== 'x' || stat.type === 'directory' || (stat.mode & 0o111) !== 0;
    const inGroup = stat.gid === this.who.gid || (this.who.groups ?? []).includes(stat.gid);
    const shift = stat.uid === this.who.uid ? 6 : inGroup ? 3 : 0;
    return ((stat.mode >> shift) & BITS[mode]) !== 0;
  }

  private demand(place: Location, mode: 'r' | 'w' | 'x', asked: string): FileStat {
    const stat = this.statAt(place);
    if (mode === 'w' && place.mount.volume.readOnly && stat.type !== 'device') throw new FileError('EROFS', asked);
    if (!this.may(stat, mode)) throw new FileError('EACCES', asked);
    return stat;
  }

  /** Walks the path as the kernel does: links expanded where they stand, search permission asked of every directory. */
  private resolve(asked: string, follow: boolean): Location {
    let rest = asked.split('/').filter((part) => part !== '' && part !== '.');
    let place = this.locate('/');
    let hops = 0;
    while (rest.length > 0) {
      const [part, ...after] = rest as [string, ...string[]];
      rest = after;
      const here = this.statAt(place);
      if (here.type !== 'directory') throw new FileError('ENOTDIR', asked);
      if (!this.may(here, 'x')) throw new FileError('EACCES', asked);
      if (part === '..') {
        place = this.locate(parentPath(place.path));
        continue;
      }
      const next = this.locate(joinPath(place.path, part));
      if (rest.length === 0 && !follow) return next;
      const target = this.linkTarget(next, rest.length === 0, asked);
      if (target === undefined) {
        place = next;
        continue;
      }
      if (++hops > 40) throw new FileError('ELOOP', asked);
      if (target.startsWith('/')) place = this.locate('/');
      rest = [...target.split('/').filter((piece) => piece !== '' && piece !== '.'), ...rest];
    }
    return place;
  }

  private linkTarget(place: Location, last: boolean, asked: string): string | undefined {
    if (place.path === '/proc/self') return String(this.who.pid ?? 1);
    try {
      return this.statAt(place).type === 'symlink' ? place.fs.readLink(place.inner) : undefined;
    } catch (error) {
      // The last part may be missing: it is about to be made.
      if (last && error instanceof FileError && error.code === 'ENOENT') return undefined;
      throw error instanceof FileError ? new FileError(error.code, asked) : error;
    }
  }

  private exists(place: Location): boolean {
    try {
      this.statAt(place);
      return true;
    } catch {
      return false;
    }
  }

  /** The directory that gets or loses an entry must be ours to write. */
  private demandParent(place: Location, asked: string, losing = false): void {
    const parent = this.locate(parentPath(place.path));
    const stat = this.demand(parent, 'w', asked);
    if (stat.type !== 'directory') throw new FileError('ENOTDIR', asked);
    if (parent.mount !== place.mount) throw new FileError('EBUSY', asked);
    if (losing && stat.mode & 0o1000 && this.who.uid !== 0 && stat.uid !== this.who.uid) {
      if (this.statAt(place).uid !== this.who.uid) throw new FileError('EPERM', asked);
    }
  }

  private demandOwner(place: Location, asked: string): void {
    const stat = this.statAt(place);
    if (place.mount.volume.readOnly) throw new FileError('EROFS', asked);
    if (this.who.uid !== 0 && stat.uid !== this.who.uid) throw new FileError('EPERM', asked);
  }

  stat(path: string, options: { followLinks?: boolean } = {}): FileStat {
    return this.statAt(this.resolve(path, options.followLinks ?? true));
  }

  realPath(path: string): string {
    const place = this.resolve(path, true);
    this.statAt(place);
    return place.path;
  }

  access(path: string, mode: 'r' | 'w' | 'x'): boolean {
    try {
      this.demand(this.resolve(path, true), mode, path);
      return true;
    } catch {
      return false;
    }
  }

  read(path: string): Uint8Array {
    const place = this.resolve(path, true);
    const stat = this.demand(place, 'r', path);
    if (stat.type === 'directory') throw new FileError('EISDIR', path);
    return place.fs.read(place.inner);
  }

  write(
    path: string,
    data: Uint8Array | string,
    options: { append?: boolean; mode?: number; uid?: number; gid?: number } = {},
  ): void {
    const place = this.resolve(path, true);
    if (this.exists(place)) {
      const stat = this.statAt(place);
      if (stat.type === 'directory') throw new FileError('EISDIR', path);
      this.demand(place, 'w', path);
      if (stat.type === 'device') {
        if (stat.device === 'full') throw new FileError('ENOSPC', path);
        return;
      }
    } else this.demandParent(place, path);
    place.fs.write(place.inner, data, { uid: this.who.uid, gid: this.who.gid, ...options });
  }

  list(path: string): string[] {
    const place = this.resolve(path, true);
    if (this.demand(place, 'r', path).type !== 'directory') throw new FileError('ENOTDIR', path);
    return place.fs.list(place.inner);
  }

  makeDirectory(path: string, options: { recursive?: boolean; mode?: number; uid?: number; gid?: number } = {}): void {
    const { recursive, ...rest } = options;
    if (recursive) {
      let walked = '';
      for (const part of absolutePath(path).split('/').filter(Boolean)) {
        walked += `/${part}`;
        const place = this.resolve(walked, true);
        if (!this.exists(place)) this.makeDirectory(walked, rest);
        else if (this.statAt(place).type !== 'directory') throw new FileError('ENOTDIR', path);
      }
      return;
    }
    const place = this.resolve(path, false);
    if (this.exists(place)) throw new FileError('EEXIST', path);
    this.demandParent(place, path);
    place.fs.makeDirectory(place.inner, { uid: this.who.uid, gid: this.who.gid, ...rest });
  }

  remove(path: string, options: { recursive?: boolean } = {}): void {
    const place = this.resolve(path, false);
    this.statAt(place);
    if (this.table.some((mount) => mount.path === place.path || mount.path.startsWith(`${place.path}/`)))
      throw new FileError('EBUSY', path);
    this.demandParent(place, path, true);
    place.fs.remove(place.inner, options);
  }

  rename(from: string, to: string): void {
    const source = this.resolve(from, false);
    const target = this.resolve(to, false);
    this.statAt(source);
    this.demandParent(source, from, true);
    this.demandParent(target, to);
    if (source.mount !== target.mount) throw new FileError('EXDEV', to);
    source.fs.rename(source.inner, target.inner);
  }

  link(target: string, path: string, options: { symbolic: boolean } = { symbolic: false }): void {
    const place = this.resolve(path, false);
    if (this.exists(place)) throw new FileError('EEXIST', path);
    this.demandParent(place, path);
    if (options.symbolic) {
      place.fs.link(target, place.inner, options);
      return;
    }
    const source = this.resolve(target, false);
    if (source.mount !== place.mount) throw new FileError('EXDEV', path);
    source.fs.link(source.inner, place.inner, options);
  }

  readLink(path: string): string {
    const place = this.resolve(path, false);
    if (place.path === '/proc/self') return String(this.who.pid ?? 1);
    return place.fs.readLink(place.inner);
  }

  chmod(path: string, mode: number): void {
    const place = this.resolve(path, true);
    this.demandOwner(place, path);
    place.fs.chmod(place.inner, mode);
  }

  chown(path: string, uid: number, gid: number): void {
    const place = this.resolve(path, true);
    this.demandOwner(place, path);
    if (this.who.uid !== 0 && uid !== this.who.uid) throw new FileError('EPERM', path);
    place.fs.chown(place.inner, uid, gid);
  }

  touch(path: string, time: Date): void {
    const place = this.resolve(path, true);
    if (place.mount.volume.readOnly) throw new FileError('EROFS', path);
    const stat = this.statAt(place);
    if (stat.uid !== this.who.uid && !this.may(stat, 'w')) throw new FileError('EACCES', path);
    if (stat.type !== 'device') place.fs.touch(place.inner, time);
  }

  mount(path: string, volume: Volume): void {
    const place = this.mountPoint(absolutePath(path));
    const below = this.locate(place);
    if (!this.exists(below) && below.mount.volume.kind === 'memory') {
      // The runtime makes a missing mount point, on a read-only root too.
      const single = volume.fs.stat('/').type !== 'directory';
      below.fs.makeDirectory(single ? parentPath(below.inner) : below.inner, { recursive: true });
      if (single && baseName(place) !== '/') below.fs.write(below.inner, '');
    }
    this.table.push({ path: place, volume });
    this.table.sort((a, b) => b.path.length - a.path.length);
  }

  /** Links in the existing part of the path are followed: /var/run is often one. */
  private mountPoint(path: string): string {
    if (path === '/') return path;
    const place = joinPath(this.mountPoint(parentPath(path)), baseName(path));
    const below = this.locate(place);
    if (!this.exists(below) || this.statAt(below).type !== 'symlink') return place;
    return this.resolve(place, true).path;
  }

  mounts(): { path: string; volume: Volume }[] {
    return this.table.map((mount) => ({ ...mount })).reverse();
  }
}
