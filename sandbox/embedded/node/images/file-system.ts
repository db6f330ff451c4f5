/** A container's root: in-memory layers with volumes mounted into them. Paths are absolute and normal. */
export interface FileSystem {
  stat(path: string, options?: { followLinks?: boolean }): FileStat;
  read(path: string): Uint8Array;
  write(
    path: string,
    data: Uint8Array | string,
    options?: { append?: boolean; mode?: number; uid?: number; gid?: number },
  ): void;
  list(path: string): string[];
  makeDirectory(path: string, options?: { recursive?: boolean; mode?: number; uid?: number; gid?: number }): void;
  remove(path: string, options?: { recursive?: boolean }): void;
  rename(from: string, to: string): void;
  link(target: string, path: string, options?: { symbolic: boolean }): void;
  readLink(path: string): string;
  chmod(path: string, mode: number): void;
  chown(path: string, uid: number, gid: number): void;
  touch(path: string, time: Date): void;
  /** Mounts a volume; what was below is hidden. Throws FileError as POSIX does (EROFS on a read-only mount). */
  mount(path: string, volume: Volume): void;
  mounts(): { path: string; volume: Volume }[];
}

export interface FileStat {
  type: 'file' | 'directory' | 'symlink';
  size: number;
  mode: number;
  uid: number;
  gid: number;
  modified: Date;
}

/** Where a mount's bytes are: memory (emptyDir), a folder of the machine (a PersistentVolume), or live objects (ConfigMap, Secret). */
export interface Volume {
  readonly kind: 'memory' | 'folder' | 'projected';
  readonly readOnly: boolean;
  /** As `df` and `mount` show it. */
  readonly source: string;
  readonly fs: VolumeBackend;
}

/** The same verbs as {@link FileSystem}, rooted at the volume. */
export type VolumeBackend = Omit<FileSystem, 'mount' | 'mounts'>;

export class FileError extends Error {
  readonly code:
    | 'ENOENT'
    | 'EEXIST'
    | 'ENOTDIR'
    | 'EISDIR'
    | 'ENOTEMPTY'
    | 'EACCES'
    | 'EROFS'
    | 'EINVAL'
    | 'ELOOP'
    | 'ENOSPC'
    | 'EXDEV';
  readonly path: string;
  constructor(code: FileError['code'], path: string) {
    super(`${code}: ${path}`);
    this.name = 'FileError';
    this.code = code;
    this.path = path;
  }
}
