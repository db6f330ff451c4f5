/** A container's root: in-memory layers with volumes mounted into them. Paths are absolute; `.`, `..` and links are resolved. */
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
  /** The same files seen by a process: permissions are enforced and what it creates is its own. */
  as(credentials: Credentials): FileSystem;
  /** The path after every link is followed. */
  realPath(path: string): string;
  /** Whether the process may read (r), write (w) or run (x) the file; false where there is none. */
  access(path: string, mode: 'r' | 'w' | 'x'): boolean;
}

/** Who asks. `pid` decides what /proc/self is. */
export interface Credentials {
  uid: number;
  gid: number;
  groups?: number[];
  pid?: number;
}

export interface FileStat {
  type: 'file' | 'directory' | 'symlink' | 'device';
  size: number;
  mode: number;
  uid: number;
  gid: number;
  modified: Date;
  /** Of a device: `null`, `zero`, `urandom`, `full`, `tty`. */
  device?: string;
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
export type VolumeBackend = Omit<FileSystem, 'mount' | 'mounts' | 'as' | 'realPath' | 'access'>;

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
    | 'EXDEV'
    | 'EPERM'
    | 'EBUSY';
  readonly path: string;
  constructor(code: FileError['code'], path: string) {
    // An answer rather than a fault, and asked for at every look-up: nobody reads where it came from.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(`${code}: ${path}`);
    Error.stackTraceLimit = stackTraceLimit;
    this.name = 'FileError';
    this.code = code;
    this.path = path;
  }
}

const TEXTS: Record<FileError['code'], string> = {
  ENOENT: 'No such file or directory',
  EEXIST: 'File exists',
  ENOTDIR: 'Not a directory',
  EISDIR: 'Is a directory',
  ENOTEMPTY: 'Directory not empty',
  EACCES: 'Permission denied',
  EROFS: 'Read-only file system',
  EINVAL: 'Invalid argument',
  ELOOP: 'Too many levels of symbolic links',
  ENOSPC: 'No space left on device',
  EXDEV: 'Invalid cross-device link',
  EPERM: 'Operation not permitted',
  EBUSY: 'Resource busy',
};

/** What strerror(3) of the C library says; rethrows what is not a file's error. */
export function fileErrorText(error: unknown): string {
  if (error instanceof FileError) return TEXTS[error.code];
  throw error;
}
