import { gunzipSync, gzipSync } from 'node:zlib';
import { absolutePath, joinPath, parentPath } from '../file-system/paths.ts';
import { FileError, type FileStat, fileErrorText } from '../file-system.ts';
import type { Input } from '../image.ts';
import { openInput, openOutput, resolvePath } from '../process/open.ts';
import { readAll } from '../process/streams.ts';
import { matchesPattern } from '../shell/pattern.ts';
import { nameOf, statOf } from './files.ts';
import { modeText } from './listing.ts';
import { type AppletCall, applet, parseOptions, UsageError } from './options.ts';
import { formatDate } from './time.ts';

/** Reads exact lengths from a stream. */
class BlockReader {
  private readonly input: Input;
  constructor(input: Input) {
    this.input = input;
  }

  /** Up to `size` bytes; fewer only at the end. */
  async take(size: number): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    let left = size;
    while (left > 0) {
      const data = await this.input.read();
      if (!data) break;
      parts.push(data.subarray(0, left));
      if (data.length > left) this.input.unread(data.subarray(left));
      left -= Math.min(left, data.length);
    }
    return Buffer.concat(parts);
  }
}

interface TarEntry {
  name: string;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  modified: Date;
  type: string;
  link: string;
}

/** POSIX ustar, with GNU's long names (type L). */
function tarHeader(entry: TarEntry): Buffer {
  const block = Buffer.alloc(512);
  const name = Buffer.from(entry.name);
  const octal = (value: number, length: number) =>
    `${Math.max(0, Math.floor(value))
      .toString(8)
      .padStart(length - 1, '0')}\0`;
  block.write(name.subarray(0, 100).toString('latin1'), 0, 'latin1');
  block.write(octal(entry.mode & 0o7777, 8), 100);
  block.write(octal(entry.uid, 8), 108);
  block.write(octal(entry.gid, 8), 116);
  block.write(octal(entry.size, 12), 124);
  block.write(octal(entry.modified.getTime() / 1000, 12), 136);
  block.write('        ', 148);
  block.write(entry.type, 156);
  block.write(entry.link, 157, 100);
  block.write('ustar\0' + '00', 257, 'latin1');
  block.write(
    `${block
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  );
  return block;
}

function readHeader(block: Buffer): TarEntry | undefined {
  if (block.length < 512 || block.every((byte) => byte === 0)) return undefined;
  const text = (from: number, length: number) => {
    const field = block.subarray(from, from + length);
    const end = field.indexOf(0);
    return field.subarray(0, end < 0 ? length : end).toString();
  };
  const octal = (from: number, length: number) => Number.parseInt(text(from, length).trim() || '0', 8);
  const prefix = text(257, 5) === 'ustar' && block[262] === 0 ? text(345, 155) : '';
  return {
    name: prefix ? `${prefix}/${text(0, 100)}` : text(0, 100),
    mode: octal(100, 8),
    uid: octal(108, 8),
    gid: octal(116, 8),
    size: octal(124, 12),
    modified: new Date(octal(136, 12) * 1000),
    type: text(156, 1) || '0',
    link: text(157, 100),
  };
}

function padding(size: number): Buffer {
  return Buffer.alloc((512 - (size % 512)) % 512);
}

interface TarCall {
  call: AppletCall;
  flags: Set<string>;
  folder: string;
  excluded: string[];
}

async function* create(
  { call, flags, folder, excluded }: TarCall,
  names: string[],
  failed: () => void,
): AsyncGenerator<Buffer> {
  const { process } = call;
  let told = false;
  async function* add(name: string): AsyncGenerator<Buffer> {
    await process.breathe();
    if (
      excluded.some((pattern) => matchesPattern(pattern, name) || matchesPattern(pattern, name.split('/').at(-1) ?? ''))
    )
      return;
    const path = absolutePath(name, folder);
    let stat: FileStat;
    let data: Uint8Array = new Uint8Array();
    let entries: string[] = [];
    try {
      stat = process.fs.stat(path, { followLinks: flags.has('h') });
      if (stat.type === 'file') data = process.fs.read(path);
      if (stat.type === 'directory') entries = process.fs.list(path);
    } catch (error) {
      await call.complain(`${name}: ${fileErrorText(error)}`);
      failed();
      return;
    }
    if (stat.type === 'device') return;
    if (name.startsWith('/') && !told) {
      told = true;
      await call.complain("removing leading '/' from member names");
    }
    const stored = name.replace(/^\/+/, '') + (stat.type === 'directory' && !name.endsWith('/') ? '/' : '');
    if (flags.has('v')) await process.stderr.write(`${stored}\n`);
    if (stored !== '') {
      const link = stat.type === 'symlink' ? process.fs.readLink(path) : '';
      const type = { file: '0', directory: '5', symlink: '2', device: '3' }[stat.type];
      const entry = { ...stat, name: stored, size: data.length, type, link };
      if (Buffer.byteLength(stored) > 100) {
        const long = Buffer.from(`${stored}\0`);
        yield tarHeader({ ...entry, name: '././@LongLink', type: 'L', size: long.length, link: '' });
        yield Buffer.concat([long, padding(long.length)]);
      }
      yield tarHeader(entry);
      if (data.length > 0) yield Buffer.concat([data, padding(data.length)]);
    }
    for (const entry of entries) yield* add(joinPath(name, entry));
  }
  for (const name of names) yield* add(name);
  yield Buffer.alloc(1024);
}

async function extract(
  { call, flags, folder, excluded }: TarCall,
  input: Input,
  wanted: string[],
  strip: number,
): Promise<number> {
  const { process } = call;
  const reader = new BlockReader(input);
  let status = 0;
  let seen = false;
  let longName: string | undefined;
  let longLink: string | undefined;
  const list = flags.has('t');
  const folders: TarEntry[] = [];
  for (;;) {
    const block = await reader.take(512);
    const header = readHeader(block);
    if (!header) {
      if (!seen && block.length < 512) throw new UsageError('short read');
      break;
    }
    seen = true;
    const data = await reader.take(header.size);
    if (data.length < header.size) throw new UsageError('short read');
    await reader.take(padding(header.size).length);
    if (header.type === 'L' || header.type === 'K') {
      const text = data.toString().replace(/\0.*$/s, '');
      if (header.type === 'L') longName = text;
      else longLink = text;
      continue;
    }
    if (header.type === 'x' || header.type === 'g') {
      longName = /\d+ path=([^\n]*)\n/.exec(data.toString())?.[1] ?? longName;
      continue;
    }
    const entry = { ...header, name: longName ?? header.name, link: longLink ?? header.link };
    longName = undefined;
    longLink = undefined;
    // As busybox: what would leave the folder is made relative, or refused.
    const name = entry.name.replace(/^\/+/, '');
    if (name.split('/').includes('..')) {
      await call.complain(`name with '..' skipped: '${entry.name}'`);
      continue;
    }
    const parts = name.replace(/\/+$/, '').split('/').slice(strip);
    const bare = parts.join('/');
    if (
      bare === '' ||
      (wanted.length > 0 &&
        !wanted.some((want) => bare === want.replace(/\/+$/, '') || name.startsWith(`${want.replace(/\/+$/, '')}/`)))
    )
      continue;
    if (excluded.some((pattern) => matchesPattern(pattern, bare))) continue;
    if (list || flags.has('v')) {
      const kind = { '5': 'directory', '2': 'symlink' }[entry.type] ?? 'file';
      const stat = { ...entry, type: kind as FileStat['type'] };
      const owner = `${nameOf(process, '/etc/passwd', entry.uid) ?? entry.uid}/${nameOf(process, '/etc/group', entry.gid) ?? entry.gid}`;
      const long =
        list && flags.has('v')
          ? `${modeText(stat)} ${owner} ${String(entry.size).padStart(9)} ${formatDate('%F %T', entry.modified)} `
          : '';
      await call.print(`${long}${entry.name}${long && entry.type === '2' ? ` -> ${entry.link}` : ''}\n`);
    }
    if (list) continue;
    if (flags.has('O')) {
      await process.stdout.write(data);
      continue;
    }
    if (entry.type === '5') folders.push({ ...entry, name: absolutePath(bare, folder) });
    status |= await unpack(call, flags, entry, absolutePath(bare, folder), data, folder);
  }
  // A directory may be read-only: its mode is set when all is in it.
  for (const made of folders) if (statOf(process, made.name)) process.fs.chmod(made.name, made.mode);
  while (await input.read());
  return status;
}

async function unpack(
  call: AppletCall,
  flags: Set<string>,
  entry: TarEntry,
  path: string,
  data: Buffer,
  folder: string,
): Promise<number> {
  const { process } = call;
  try {
    if (entry.type === '5') {
      if (statOf(process, path)?.type !== 'directory') process.fs.makeDirectory(path, { recursive: true, mode: 0o755 });
      return 0;
    }
    process.fs.makeDirectory(parentPath(path), { recursive: true });
    const old = statOf(process, path, false);
    if (old && old.type !== 'directory') process.fs.remove(path);
    if (entry.type === '2') {
      process.fs.link(entry.link, path, { symbolic: true });
      return 0;
    }
    if (entry.type === '1') process.fs.link(absolutePath(entry.link, folder), path);
    else process.fs.write(path, data, { mode: entry.mode & (process.uid === 0 || flags.has('p') ? 0o7777 : 0o755) });
    if (process.uid === 0 && !flags.has('o') && entry.type !== '1') process.fs.chown(path, entry.uid, entry.gid);
    if (!flags.has('m')) process.fs.touch(path, entry.modified);
    return 0;
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    await call.complain(`can't open '${entry.name}': ${fileErrorText(error)}`);
    return 1;
  }
}

export const tar = applet(async (call) => {
  const args = [...call.args];
  // `tar xzf a.tgz`: the first word may leave its dash out.
  if (args[0] !== undefined && !args[0].startsWith('-')) args[0] = `-${args[0]}`;
  const { flags, values, all, rest } = parseOptions(args, 'cxtvzjJOf:C:X:T:hmokp-:', {
    long: {
      create: 'c',
      extract: 'x',
      list: 't',
      verbose: 'v',
      gzip: 'z',
      file: 'f',
      directory: 'C',
      'no-same-owner': 'o',
      'no-same-permissions': 'k',
      'strip-components': 'S',
      'to-stdout': 'O',
      exclude: 'X',
      'same-permissions': 'p',
      dereference: 'h',
      touch: 'm',
    },
  });
  const strip = Number(/--strip-components=(\d+)/.exec(call.args.join(' '))?.[1] ?? 0);
  const { process } = call;
  const place = values.get('C');
  if (place && statOf(process, resolvePath(process, place))?.type !== 'directory')
    throw new UsageError(`can't change directory to '${place}': No such file or directory`);
  const folder = place ? process.fs.realPath(resolvePath(process, place)) : process.cwd;
  const file = values.get('f') ?? '-';
  const job: TarCall = { call, flags, folder, excluded: all('X') };
  try {
    if (flags.has('c')) {
      let status = 0;
      const output = file === '-' ? process.stdout : openOutput(process, file);
      const blocks = create(job, rest, () => {
        status = 1;
      });
      const whole: Buffer[] = [];
      for await (const block of blocks) {
        if (flags.has('z')) whole.push(block);
        else await output.write(block);
      }
      if (flags.has('z')) await output.write(gzipSync(Buffer.concat(whole)));
      if (status) await call.complain('error exit delayed from previous errors');
      return status;
    }
    if (!flags.has('x') && !flags.has('t')) throw new UsageError('need one of -c, -x, -t');
    let input = file === '-' ? process.stdin : openInput(process, file);
    const head = await new BlockReader(input).take(2);
    input.unread(head);
    if (head[0] === 0x1f && head[1] === 0x8b) input = openBytes(gunzipSync(await readAll(input)));
    return await extract(job, input, rest, strip);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    await call.complain(`can't open '${file}': ${fileErrorText(error)}`);
    return 1;
  }
});

function openBytes(data: Uint8Array): Input {
  let rest: Uint8Array | undefined = data;
  const input: Input = {
    async read() {
      const chunk = rest;
      rest = undefined;
      return chunk;
    },
    unread(more) {
      rest = rest ? Buffer.concat([more, rest]) : more;
    },
    async *[Symbol.asyncIterator]() {
      for (let chunk = await input.read(); chunk; chunk = await input.read()) yield chunk;
    },
  };
  return input;
}

const compress = (direction: 'pack' | 'unpack') =>
  applet(async (call) => {
    const { flags, rest } = parseOptions(call.args, 'cdfkqtv123456789n');
    const unpacks = direction === 'unpack' || flags.has('d') || flags.has('t');
    const { process } = call;
    const convert = (data: Buffer) => (unpacks ? gunzipSync(data) : gzipSync(data));
    if (rest.length === 0 || rest[0] === '-') {
      const data = await readAll(process.stdin);
      try {
        await process.stdout.write(convert(data));
        return 0;
      } catch {
        throw new UsageError(data.length === 0 ? 'short read' : 'invalid magic');
      }
    }
    for (const name of rest) {
      const target = unpacks ? name.replace(/\.gz$/, '').replace(/\.tgz$/, '.tar') : `${name}.gz`;
      try {
        const data = convert(Buffer.from(process.fs.read(resolvePath(process, name))));
        if (flags.has('t')) continue;
        if (flags.has('c') || call.name === 'zcat') await process.stdout.write(data);
        else {
          if (target === name) throw new UsageError(`${name}: unknown suffix - ignored`);
          process.fs.write(resolvePath(process, target), data, { mode: statOf(process, name)?.mode ?? 0o644 });
          if (!flags.has('k')) process.fs.remove(resolvePath(process, name));
        }
      } catch (error) {
        if (error instanceof UsageError) throw error;
        await call.complain(error instanceof FileError ? `${name}: ${fileErrorText(error)}` : 'invalid magic');
        return 1;
      }
    }
    return 0;
  });

export const gzip = compress('pack');
export const gunzip = compress('unpack');
export const zcat = compress('unpack');
