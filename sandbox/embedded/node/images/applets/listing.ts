import { joinPath } from '../file-system/paths.ts';
import { mountType } from '../file-system/proc.ts';
import { type FileStat, fileErrorText } from '../file-system.ts';
import { resolvePath } from '../process/open.ts';
import { nameOf } from './files.ts';
import { type AppletCall, applet, parseOptions } from './options.ts';
import { formatDate } from './time.ts';

/** `drwxr-xr-x`. */
export function modeText(stat: FileStat): string {
  const bits = (shift: number, special: number, letter: string) => {
    const value = stat.mode >> shift;
    const run = value & 1;
    const last = stat.mode & special ? (run ? letter : letter.toUpperCase()) : run ? 'x' : '-';
    return `${value & 4 ? 'r' : '-'}${value & 2 ? 'w' : '-'}${last}`;
  };
  const type = { directory: 'd', symlink: 'l', device: 'c', file: '-' }[stat.type];
  return type + bits(6, 0o4000, 's') + bits(3, 0o2000, 's') + bits(0, 0o1000, 't');
}

/** `1.5K`, as `ls -h`, `du -h` and `df -h` tell sizes. */
export function humanSize(bytes: number): string {
  const units = ['', 'K', 'M', 'G', 'T'];
  let [value, unit] = [bytes, 0];
  for (; value >= 1024 && unit < units.length - 1; unit += 1) value /= 1024;
  return unit === 0 ? String(value) : `${value.toFixed(1)}${units[unit]}`;
}

interface Entry {
  name: string;
  path: string;
  stat: FileStat;
}

export const ls = applet(async (call) => {
  const { flags, rest } = parseOptions(call.args, '1aAlLdRhrtSinsFpCxck', {
    long: { color: '1', all: 'a', 'almost-all': 'A' },
  });
  if (flags.has('n')) flags.add('l');
  const { process } = call;
  let status = 0;
  const files: Entry[] = [];
  const folders: Entry[] = [];
  for (const name of rest.length > 0 ? rest : ['.']) {
    try {
      const path = resolvePath(process, name);
      const link = process.fs.stat(path, { followLinks: false });
      const stat =
        flags.has('l') && !flags.has('L') && !name.endsWith('/') && link.type === 'symlink'
          ? link
          : process.fs.stat(path);
      (stat.type === 'directory' && !flags.has('d') ? folders : files).push({ name, path, stat });
    } catch (error) {
      await call.complain(`${name}: ${fileErrorText(error)}`);
      status = 1;
    }
  }
  const order = (entries: Entry[]) => {
    const byName = (a: Entry, b: Entry) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
    entries.sort((a, b) => {
      if (flags.has('t')) return b.stat.modified.getTime() - a.stat.modified.getTime() || byName(a, b);
      if (flags.has('S')) return b.stat.size - a.stat.size || byName(a, b);
      return byName(a, b);
    });
    return flags.has('r') ? entries.reverse() : entries;
  };
  if (files.length > 0) await show(call, order(files), flags);
  let first = files.length === 0;
  const list = async (folder: Entry, titled: boolean): Promise<void> => {
    let names: string[];
    try {
      names = process.fs.list(folder.path);
    } catch (error) {
      await call.complain(`can't open '${folder.name}': ${fileErrorText(error)}`);
      status = 1;
      return;
    }
    if (titled) await call.print(`${first ? '' : '\n'}${folder.name}:\n`);
    first = false;
    if (flags.has('a')) names.unshift('.', '..');
    const shown = names.filter((name) => flags.has('a') || flags.has('A') || !name.startsWith('.'));
    const entries = order(
      shown.map((name) => {
        const path = joinPath(folder.path, name);
        return { name, path, stat: process.fs.stat(path, { followLinks: flags.has('L') }) };
      }),
    );
    if (flags.has('l') || flags.has('s')) await call.print(`total ${blocks(entries)}\n`);
    await show(call, entries, flags);
    if (!flags.has('R')) return;
    for (const entry of entries)
      if (entry.stat.type === 'directory' && entry.name !== '.' && entry.name !== '..')
        await list({ ...entry, name: joinPath(folder.name, entry.name) }, true);
  };
  for (const folder of order(folders)) await list(folder, rest.length > 1 || flags.has('R'));
  return status;
});

function blocks(entries: Entry[]): number {
  return entries.reduce(
    (sum, { stat }) => sum + (stat.type === 'symlink' || stat.type === 'device' ? 0 : Math.ceil(stat.size / 4096) * 4),
    0,
  );
}

async function show(call: AppletCall, entries: Entry[], flags: Set<string>): Promise<void> {
  const { process } = call;
  const mark = ({ stat }: Entry) => {
    if (stat.type === 'directory' && (flags.has('F') || flags.has('p'))) return '/';
    if (!flags.has('F')) return '';
    return stat.type === 'symlink' ? '@' : stat.type === 'file' && stat.mode & 0o111 ? '*' : '';
  };
  if (!flags.has('l')) {
    const names = entries.map((entry) => entry.name + mark(entry));
    if (!process.tty || flags.has('1')) await call.print(names.map((name) => `${name}\n`).join(''));
    else await call.print(columns(names, process.tty.columns));
    return;
  }
  const now = process.container.clock.now().getTime();
  const who = (file: '/etc/passwd' | '/etc/group', id: number) =>
    flags.has('n') ? String(id) : (nameOf(process, file, id) ?? String(id));
  const rows = entries.map((entry) => {
    const { stat } = entry;
    const age = now - stat.modified.getTime();
    const recent = age > -86_400_000 && age < 15_552_000_000;
    const target = stat.type === 'symlink' ? ` -> ${process.fs.readLink(entry.path)}` : '';
    const size = stat.type === 'device' ? '1,   3' : flags.has('h') ? humanSize(stat.size) : String(stat.size);
    const date = formatDate(recent ? '%b %e %H:%M' : '%b %e  %Y', stat.modified);
    const links = stat.type === 'directory' ? 2 : 1;
    const owner = `${who('/etc/passwd', stat.uid).padEnd(8)} ${who('/etc/group', stat.gid).padEnd(8)}`;
    return `${modeText(stat)} ${String(links).padStart(4)} ${owner} ${size.padStart(9)} ${date} ${entry.name}${mark(entry)}${target}\n`;
  });
  await call.print(rows.join(''));
}

function columns(names: string[], width: number): string {
  if (names.length === 0) return '';
  const cell = Math.max(...names.map((name) => name.length)) + 2;
  const across = Math.max(1, Math.floor(width / cell));
  const rows = Math.ceil(names.length / across);
  let text = '';
  for (let row = 0; row < rows; row += 1) {
    const cells = names.filter((_, index) => index % rows === row);
    text += `${cells.map((name, index) => (index === cells.length - 1 ? name : name.padEnd(cell))).join('')}\n`;
  }
  return text;
}

export const stat = applet(async (call) => {
  const { values, flags, rest } = parseOptions(call.args, 'c:fLt');
  const { process } = call;
  let status = 0;
  for (const name of rest) {
    let info: FileStat;
    try {
      info = process.fs.stat(resolvePath(process, name), { followLinks: flags.has('L') });
    } catch (error) {
      await call.complain(`can't stat '${name}': ${fileErrorText(error)}`);
      status = 1;
      continue;
    }
    const octal = (info.mode & 0o7777).toString(8);
    const time = `${formatDate('%F %T', info.modified)}.000000000 +0000`;
    const user = nameOf(process, '/etc/passwd', info.uid) ?? 'UNKNOWN';
    const group = nameOf(process, '/etc/group', info.gid) ?? 'UNKNOWN';
    const kind = {
      directory: 'directory',
      symlink: 'symbolic link',
      device: 'character special file',
      file: info.size === 0 ? 'regular empty file' : 'regular file',
    }[info.type];
    const format = values.get('c');
    if (format !== undefined) {
      const parts: Record<string, string> = {
        a: octal,
        A: modeText(info),
        s: String(info.size),
        n: name,
        N: `'${name}'`,
        u: String(info.uid),
        U: user,
        g: String(info.gid),
        G: group,
        F: kind,
        y: time,
        Y: String(Math.floor(info.modified.getTime() / 1000)),
        x: time,
        X: String(Math.floor(info.modified.getTime() / 1000)),
        z: time,
        i: '1',
        h: '1',
        b: String(Math.ceil(info.size / 512)),
        B: '512',
        f: (info.mode | (info.type === 'directory' ? 0o40000 : 0o100000)).toString(16),
      };
      await call.print(
        `${format.replace(/%([a-zA-Z%])/g, (whole, letter: string) => (letter === '%' ? '%' : (parts[letter] ?? whole)))}\n`,
      );
      continue;
    }
    await call.print(
      `  File: ${name}\n  Size: ${String(info.size).padEnd(10)}\tBlocks: ${String(Math.ceil(info.size / 512)).padEnd(10)} IO Block: 4096   ${kind}\n` +
        `Device: 30h/48d\tInode: 1           Links: 1\nAccess: (${octal.padStart(4, '0')}/${modeText(info)})  Uid: (${String(info.uid).padStart(5)}/${user.padStart(8)})   Gid: (${String(info.gid).padStart(5)}/${group.padStart(8)})\n` +
        `Access: ${time}\nModify: ${time}\nChange: ${time}\n`,
    );
  }
  return status;
});

export const du = applet(async (call) => {
  const { flags, values, rest } = parseOptions(call.args, 'aHLd:clsxhmk');
  const depthLimit = flags.has('s') ? 0 : Number(values.get('d') ?? Number.POSITIVE_INFINITY);
  const { process } = call;
  const size = (kilobytes: number) =>
    flags.has('h')
      ? humanSize(kilobytes * 1024)
      : flags.has('m')
        ? String(Math.ceil(kilobytes / 1024))
        : String(kilobytes);
  const walk = async (name: string, depth: number): Promise<number> => {
    await process.breathe();
    const info = process.fs.stat(resolvePath(process, name), { followLinks: false });
    let total = info.type === 'symlink' ? 0 : Math.ceil(info.size / 4096) * 4;
    if (info.type === 'directory')
      for (const entry of process.fs.list(resolvePath(process, name)))
        total += await walk(joinPath(name, entry), depth + 1);
    if (depth <= depthLimit && (info.type === 'directory' || flags.has('a') || depth === 0))
      await call.print(`${size(total)}\t${name}\n`);
    return total;
  };
  let [status, sum] = [0, 0];
  for (const name of rest.length > 0 ? rest : ['.']) {
    try {
      sum += await walk(name, 0);
    } catch (error) {
      await call.complain(`${name}: ${fileErrorText(error)}`);
      status = 1;
    }
  }
  if (flags.has('c')) await call.print(`${size(sum)}\ttotal\n`);
  return status;
});

export const df = applet(async (call) => {
  const { flags, rest } = parseOptions(call.args, 'PkmhTaB:');
  const { process } = call;
  const total = 60 * 1024 * 1024;
  const size = (kilobytes: number) =>
    flags.has('h')
      ? humanSize(kilobytes * 1024)
      : flags.has('m')
        ? String(Math.round(kilobytes / 1024))
        : String(kilobytes);
  const unit = flags.has('h') ? '     Size' : flags.has('m') ? '1M-blocks' : '1K-blocks';
  const type = flags.has('T') ? 'Type       ' : '';
  await call.print(`Filesystem           ${type}${unit}      Used Available Use% Mounted on\n`);
  let mounts = process.fs.mounts().filter(({ volume }) => volume.source !== 'proc');
  if (rest.length > 0) {
    const paths = rest.map((name) => process.fs.realPath(resolvePath(process, name)));
    mounts = paths.flatMap(
      (path) =>
        mounts
          .filter((mount) => mount.path === '/' || path === mount.path || path.startsWith(`${mount.path}/`))
          .at(-1) ?? [],
    );
  }
  for (const { path, volume } of mounts) {
    const used = volume.kind === 'memory' && volume.source !== 'overlay' ? 0 : Math.round(total * 0.2);
    const kind = flags.has('T') ? `${mountType(volume).padEnd(10)} ` : '';
    const head = volume.source.length > 20 ? `${volume.source}\n${''.padEnd(20)}` : volume.source.padEnd(20);
    await call.print(
      `${head} ${kind}${size(total).padStart(9)} ${size(used).padStart(9)} ${size(total - used).padStart(9)} ${`${Math.round((used / total) * 100)}%`.padStart(4)} ${path}\n`,
    );
  }
  return 0;
});
