import { randomFillSync } from 'node:crypto';
import { absolutePath } from '../file-system/paths.ts';
import { FileError } from '../file-system.ts';
import type { ContainerProcess, Input, Output } from '../image.ts';
import { BytesInput, EndlessInput, FileOutput } from './streams.ts';

/** A path as the process means it. */
export function resolvePath(process: ContainerProcess, path: string): string {
  if (path === '') throw new FileError('ENOENT', path);
  // Not normalised: `..` after a link is the file system's to judge.
  return path.startsWith('/') ? path : `${process.cwd === '/' ? '' : process.cwd}/${path}`;
}

/** A stream that is open already, named by /dev/stdout, /dev/fd/1, /proc/1/fd/1, or a link to one of them. */
function openDescriptor(process: ContainerProcess, path: string): Input | Output | undefined {
  let name = absolutePath(path);
  for (let hops = 0; hops < 8 && !/^\/proc\/(?:self|\d+)\/fd\//.test(name); hops++) {
    if (name.startsWith('/dev/fd/')) name = `/proc/self/fd/${name.slice(8)}`;
    else {
      try {
        if (process.fs.stat(name, { followLinks: false }).type !== 'symlink') return undefined;
        name = absolutePath(process.fs.readLink(name), name.slice(0, name.lastIndexOf('/')) || '/');
      } catch {
        return undefined;
      }
    }
  }
  const [, pid, number] = /^\/proc\/(self|\d+)\/fd\/(\d)$/.exec(name) ?? [];
  if (number === undefined) return undefined;
  const owner = pid === 'self' ? process : process.container.processes().find((row) => String(row.pid) === pid);
  const stream = owner && [owner.stdin, owner.stdout, owner.stderr][Number(number)];
  if (!stream) throw new FileError('ENOENT', path);
  return stream;
}

export function openInput(process: ContainerProcess, path: string): Input {
  const full = resolvePath(process, path);
  const descriptor = openDescriptor(process, full);
  if (descriptor && 'read' in descriptor) return descriptor;
  const stat = process.fs.stat(full);
  if (stat.type === 'directory') throw new FileError('EISDIR', path);
  if (stat.type !== 'device') return new BytesInput(process.fs.read(full));
  if (stat.device === 'zero' || stat.device === 'full') return new EndlessInput(() => new Uint8Array(4096));
  if (stat.device === 'urandom' || stat.device === 'random')
    return new EndlessInput(() => randomFillSync(new Uint8Array(4096)));
  return stat.device === 'tty' && process.tty ? process.stdin : new BytesInput();
}

/** Opens for writing; a file is emptied unless `append`. */
export function openOutput(process: ContainerProcess, path: string, append = false): Output {
  const full = resolvePath(process, path);
  const descriptor = openDescriptor(process, full);
  if (descriptor && 'write' in descriptor) return descriptor;
  let device: string | undefined;
  try {
    device = process.fs.stat(full).device;
  } catch (error) {
    if (!(error instanceof FileError && error.code === 'ENOENT')) throw error;
  }
  if (device === 'tty' && process.tty) return process.stdout;
  if (!device) process.fs.write(full, '', { append });
  return new FileOutput(process.fs, full);
}
