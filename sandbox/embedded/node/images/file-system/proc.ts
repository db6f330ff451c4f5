import { FileError, type FileStat, type Volume, type VolumeBackend } from '../file-system.ts';
import type { Container, ProcessRow } from '../image.ts';

const encoder = new TextEncoder();

/** proc(5), as far as people read it: processes, memory, cores, mounts, load. Everything is made when it is read. */
export function createProcVolume(container: Container, bootedAt: Date): Volume {
  return { kind: 'memory', readOnly: true, source: 'proc', fs: new ProcBackend(container, bootedAt) };
}

class ProcBackend implements VolumeBackend {
  private readonly container: Container;
  private readonly bootedAt: Date;

  constructor(container: Container, bootedAt: Date) {
    this.container = container;
    this.bootedAt = bootedAt;
  }

  private system(): Record<string, () => string> {
    const { limits } = this.container;
    const total = Math.round((limits.memory ?? 8 * 1024 ** 3) / 1024);
    const up = (this.container.clock.now().getTime() - this.bootedAt.getTime()) / 1000;
    return {
      cpuinfo: () => Array.from({ length: Math.max(1, Math.ceil(limits.cpu ?? 4)) }, (_, index) => cpu(index)).join(''),
      filesystems: () => 'nodev\tproc\nnodev\ttmpfs\nnodev\toverlay\n',
      loadavg: () => `0.08 0.03 0.01 1/${this.container.processes().length} ${lastPid(this.container)}\n`,
      meminfo: () =>
        [
          ['MemTotal', total],
          ['MemFree', Math.round(total * 0.6)],
          ['MemAvailable', Math.round(total * 0.8)],
          ['Buffers', Math.round(total * 0.01)],
          ['Cached', Math.round(total * 0.2)],
          ['SwapTotal', 0],
          ['SwapFree', 0],
        ]
          .map(([name, size]) => `${`${name}:`.padEnd(16)}${String(size).padStart(8)} kB\n`)
          .join(''),
      mounts: () => mountTable(this.container),
      stat: () =>
        `cpu  100 0 100 ${Math.round(up * 100)} 0 0 0 0 0 0\nbtime ${Math.floor(this.bootedAt.getTime() / 1000)}\n`,
      uptime: () => `${up.toFixed(2)} ${(up * 0.98).toFixed(2)}\n`,
      version: () => 'Linux version 6.1.0 (simulated by Atelier)\n',
    };
  }

  private process(path: string): { row: ProcessRow; file: string } | undefined {
    const [, pid, file = ''] = /^\/(\d+)(?:\/(.*))?$/.exec(path) ?? [];
    const row = this.container.processes().find((candidate) => String(candidate.pid) === pid);
    return row && { row, file };
  }

  private content(path: string): string | undefined {
    const found = this.process(path);
    if (!found) return this.system()[path.slice(1)]?.();
    const { row } = found;
    const name = (row.argv[0] ?? '').split('/').at(-1)?.slice(0, 15) ?? '';
    switch (found.file) {
      case 'cmdline':
        return row.argv.map((part) => `${part}\0`).join('');
      case 'comm':
        return `${name}\n`;
      case 'environ':
        return Object.entries(row.env)
          .map(([key, value]) => `${key}=${value}\0`)
          .join('');
      case 'mounts':
        return mountTable(this.container);
      case 'stat':
        return `${row.pid} (${name}) S ${row.parent} 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 0 4096000 200\n`;
      case 'status':
        return `Name:\t${name}\nState:\tS (sleeping)\nPid:\t${row.pid}\nPPid:\t${row.parent}\nUid:\t${Array(4).fill(row.uid).join('\t')}\nThreads:\t1\n`;
      case 'cgroup':
        return '0::/\n';
      default:
        return undefined;
    }
  }

  stat(path: string): FileStat {
    const base = { uid: 0, gid: 0, modified: this.container.clock.now(), size: 0 };
    const found = this.process(path);
    if (path === '/self' || (found && LINKS.includes(found.file))) return { ...base, type: 'symlink', mode: 0o777 };
    if (path === '/' || found?.file === '') return { ...base, type: 'directory', mode: 0o555 };
    if (this.content(path) === undefined) throw new FileError('ENOENT', path);
    return { ...base, type: 'file', mode: found?.file === 'environ' ? 0o400 : 0o444, uid: found?.row.uid ?? 0 };
  }

  read(path: string): Uint8Array {
    const content = this.content(path);
    if (content === undefined) throw new FileError(this.stat(path).type === 'directory' ? 'EISDIR' : 'ENOENT', path);
    return encoder.encode(content);
  }

  list(path: string): string[] {
    if (path === '/')
      return [...this.container.processes().map((row) => String(row.pid)), ...Object.keys(this.system()), 'self'];
    if (this.process(path)?.file === '')
      return ['cgroup', 'cmdline', 'comm', 'cwd', 'environ', 'exe', 'mounts', 'root', 'stat', 'status'];
    throw new FileError(this.content(path) === undefined ? 'ENOENT' : 'ENOTDIR', path);
  }

  readLink(path: string): string {
    const found = this.process(path);
    if (found?.file === 'cwd') return found.row.cwd;
    if (found?.file === 'root') return '/';
    if (found?.file === 'exe') return found.row.argv[0] ?? '';
    throw new FileError('EINVAL', path);
  }

  write(path: string): never {
    throw new FileError('EACCES', path);
  }
  makeDirectory(path: string): never {
    throw new FileError('EACCES', path);
  }
  remove(path: string): never {
    throw new FileError('EPERM', path);
  }
  rename(path: string): never {
    throw new FileError('EPERM', path);
  }
  link(_target: string, path: string): never {
    throw new FileError('EPERM', path);
  }
  chmod(path: string): never {
    throw new FileError('EPERM', path);
  }
  chown(path: string): never {
    throw new FileError('EPERM', path);
  }
  touch(path: string): never {
    throw new FileError('EPERM', path);
  }
}

const LINKS = ['cwd', 'root', 'exe'];

function lastPid(container: Container): number {
  return container.processes().at(-1)?.pid ?? 1;
}

function cpu(index: number): string {
  return `processor\t: ${index}\nvendor_id\t: Atelier\nmodel name\t: simulated core\ncpu MHz\t\t: 2000.000\nflags\t\t: fpu\n\n`;
}

/** Type of a mount as `mount` and /proc/mounts show it. */
export function mountType(volume: Volume): string {
  if (volume.source === 'proc' || volume.source === 'overlay') return volume.source;
  return volume.kind === 'folder' ? 'ext4' : 'tmpfs';
}

function mountTable(container: Container): string {
  return container.fs
    .mounts()
    .map(
      ({ path, volume }) =>
        `${volume.source} ${path} ${mountType(volume)} ${volume.readOnly ? 'ro' : 'rw'},relatime 0 0\n`,
    )
    .join('');
}
