import { absolutePath, baseName, joinPath, parentPath } from '../file-system/paths.ts';
import { FileError, type FileStat, fileErrorText } from '../file-system.ts';
import type { ContainerProcess } from '../image.ts';
import { resolvePath } from '../process/open.ts';
import { type AppletCall, applet, parseOptions, UsageError } from './options.ts';

/** Runs a change of files; a file's error becomes a message `name: text: why`, and status 1. */
export async function attempt(call: AppletCall, text: string, change: () => void | Promise<void>): Promise<number> {
  try {
    await change();
    return 0;
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    await call.complain(`${text}: ${fileErrorText(error)}`);
    return 1;
  }
}

export function statOf(process: ContainerProcess, name: string, followLinks = true): FileStat | undefined {
  try {
    return process.fs.stat(resolvePath(process, name), { followLinks });
  } catch (error) {
    fileErrorText(error);
    return undefined;
  }
}

function need(rest: string[], least: number): void {
  if (rest.length < least) throw new UsageError('missing operand');
}

/** Where a file goes when `target` may be a directory to put it into. */
export function destination(process: ContainerProcess, from: string, target: string): string {
  return statOf(process, target)?.type === 'directory' ? joinPath(target, baseName(from)) : target;
}

async function removeTree(call: AppletCall, name: string, recursive: boolean): Promise<number> {
  const { process } = call;
  const path = resolvePath(process, name);
  const stat = statOf(process, name, false);
  if (stat?.type !== 'directory') return attempt(call, `can't remove '${name}'`, () => process.fs.remove(path));
  if (!recursive) {
    await call.complain(`'${name}' is a directory`);
    return 1;
  }
  let status = 0;
  try {
    for (const entry of process.fs.list(path)) status |= await removeTree(call, joinPath(name, entry), true);
  } catch (error) {
    await call.complain(`can't open '${name}': ${fileErrorText(error)}`);
    return 1;
  }
  return status | (await attempt(call, `can't remove '${name}'`, () => process.fs.remove(path)));
}

export const rm = applet(async (call) => {
  const { flags, rest } = parseOptions(call.args, 'fiRrv', { long: { recursive: 'r', force: 'f' } });
  if (rest.length === 0 && !flags.has('f')) throw new UsageError('missing operand');
  let status = 0;
  for (const name of rest) {
    if (/(^|\/)\.\.?\/*$/.test(name)) {
      await call.complain("can't remove '.' or '..'");
      status = 1;
    } else if (!statOf(call.process, name, false)) {
      if (flags.has('f')) continue;
      status |= await attempt(call, `can't remove '${name}'`, () => {
        call.process.fs.stat(resolvePath(call.process, name), { followLinks: false });
      });
    } else status |= await removeTree(call, name, flags.has('r') || flags.has('R'));
  }
  return status;
});

/** `755`, `u+x,go-w`, `a=r`: the new mode. */
function applyMode(text: string, mode: number, isDirectory: boolean): number {
  if (/^[0-7]+$/.test(text)) return Number.parseInt(text, 8) & 0o7777;
  let result = mode;
  for (const clause of text.split(',')) {
    const match = /^([ugoa]*)((?:[-+=][rwxXst]*|[-+=][ugo])+)$/.exec(clause);
    if (!match) throw new UsageError(`invalid mode '${text}'`);
    const who = match[1] === '' || match[1]?.includes('a') ? 'ugo' : (match[1] as string);
    for (const [, operator, letters = ''] of (match[2] as string).matchAll(/([-+=])([rwxXst]*|[ugo])/g)) {
      let bits = 0;
      if (/^[ugo]$/.test(letters)) bits = (result >> { u: 6, g: 3, o: 0 }[letters as 'u']) & 7;
      if (letters.includes('r')) bits |= 4;
      if (letters.includes('w')) bits |= 2;
      if (letters.includes('x') || (letters.includes('X') && (isDirectory || result & 0o111))) bits |= 1;
      for (const person of who) {
        const shift = { u: 6, g: 3, o: 0 }[person as 'u'];
        if (operator === '=') result &= ~(7 << shift);
        if (operator === '-') result &= ~(bits << shift);
        else result |= bits << shift;
      }
      const special =
        (letters.includes('t') ? 0o1000 : 0) |
        (letters.includes('s') ? (who.includes('u') ? 0o4000 : 0) | (who.includes('g') ? 0o2000 : 0) : 0);
      if (operator === '-') result &= ~special;
      else result |= special;
    }
  }
  return result;
}

/** A name and, with -R, all below it. */
function* below(process: ContainerProcess, name: string, recursive: boolean): Generator<string> {
  yield name;
  if (!recursive || statOf(process, name, false)?.type !== 'directory') return;
  for (const entry of process.fs.list(resolvePath(process, name))) yield* below(process, joinPath(name, entry), true);
}

export const chmod = applet(async (call) => {
  const isMode = (word: string | undefined) => word !== undefined && /^-[rwxXst]+$/.test(word);
  const removed = call.args.find(isMode);
  const { flags, rest } = parseOptions(
    call.args.filter((word) => word !== removed),
    'Rvcf',
  );
  if (removed !== undefined) rest.unshift(removed);
  const [mode = '', ...names] = rest;
  need(names, 1);
  let status = 0;
  for (const top of names) {
    for (const name of below(call.process, top, flags.has('R'))) {
      status |= await attempt(call, name, () => {
        const path = resolvePath(call.process, name);
        const stat = call.process.fs.stat(path);
        call.process.fs.chmod(path, applyMode(mode, stat.mode, stat.type === 'directory'));
      });
    }
  }
  return status;
});

/** The number of a user or group; names are looked up. */
export function idOf(process: ContainerProcess, file: '/etc/passwd' | '/etc/group', name: string): number | undefined {
  if (/^\d+$/.test(name)) return Number(name);
  const row = database(process, file).find((fields) => fields[0] === name);
  return row ? Number(row[2]) : undefined;
}

export function nameOf(process: ContainerProcess, file: '/etc/passwd' | '/etc/group', id: number): string | undefined {
  return database(process, file).find((fields) => fields[2] === String(id))?.[0];
}

export function database(process: ContainerProcess, file: '/etc/passwd' | '/etc/group'): string[][] {
  try {
    return Buffer.from(process.fs.read(file))
      .toString()
      .split('\n')
      .filter(Boolean)
      .map((row) => row.split(':'));
  } catch {
    return [];
  }
}

const changeOwner = (groupOnly: boolean) =>
  applet(async (call) => {
    const { flags, rest } = parseOptions(call.args, 'RhLHPvcf', { long: { recursive: 'R' } });
    const [owner = '', ...names] = rest;
    need(names, 1);
    const { process } = call;
    const [user, group] = groupOnly ? ['', owner] : owner.split(/[:.]/);
    const uid = user ? idOf(process, '/etc/passwd', user) : -1;
    const gid = group ? idOf(process, '/etc/group', group) : -1;
    if (uid === undefined) throw new UsageError(`unknown user ${user}`);
    if (gid === undefined) throw new UsageError(`unknown group ${group}`);
    let status = 0;
    for (const top of names) {
      for (const name of below(process, top, flags.has('R'))) {
        status |= await attempt(call, name, () => {
          const path = resolvePath(process, name);
          const stat = process.fs.stat(path);
          process.fs.chown(path, uid < 0 ? stat.uid : uid, gid < 0 ? stat.gid : gid);
        });
      }
    }
    return status;
  });

export const chown = changeOwner(false);
export const chgrp = changeOwner(true);

export const mkdir = applet(async (call) => {
  const { flags, values, rest } = parseOptions(call.args, 'm:pv', { long: { parents: 'p', mode: 'm' } });
  need(rest, 1);
  let status = 0;
  const mode = applyMode(values.get('m') ?? '755', 0o755, true);
  for (const name of rest)
    status |= await attempt(call, `can't create directory '${name}'`, () =>
      call.process.fs.makeDirectory(resolvePath(call.process, name), { recursive: flags.has('p'), mode }),
    );
  return status;
});

export const rmdir = applet(async (call) => {
  const { flags, rest } = parseOptions(call.args, 'p');
  let status = 0;
  for (const name of rest) {
    status |= await attempt(call, `'${name}'`, () => {
      const { fs } = call.process;
      for (let path = resolvePath(call.process, name); ; path = parentPath(path)) {
        if (fs.stat(path, { followLinks: false }).type !== 'directory') throw new FileError('ENOTDIR', path);
        fs.remove(path);
        if (!flags.has('p') || parentPath(path) === '/') break;
      }
    });
  }
  return status;
});

export const touch = applet(async (call) => {
  const { flags, values, rest } = parseOptions(call.args, 'acmd:r:t:h', { long: { date: 'd', 'no-create': 'c' } });
  need(rest, 1);
  const { process } = call;
  let time = process.container.clock.now();
  const reference = values.get('r');
  if (reference !== undefined) time = process.fs.stat(resolvePath(process, reference)).modified;
  const given = values.get('d');
  if (given !== undefined)
    time = new Date(/^@\d+$/.test(given) ? Number(given.slice(1)) * 1000 : `${given.replace(' ', 'T')}Z`);
  const stamp = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d\d))?$/.exec(values.get('t') ?? '');
  if (stamp)
    time = new Date(
      Date.UTC(
        Number(stamp[1]),
        Number(stamp[2]) - 1,
        Number(stamp[3]),
        Number(stamp[4]),
        Number(stamp[5]),
        Number(stamp[6] ?? 0),
      ),
    );
  let status = 0;
  for (const name of rest) {
    if (!statOf(process, name) && flags.has('c')) continue;
    status |= await attempt(call, name, () => {
      const path = resolvePath(process, name);
      if (!statOf(process, name)) process.fs.write(path, '', {});
      process.fs.touch(path, time);
    });
  }
  return status;
});

export const ln = applet(async (call) => {
  const { flags, rest } = parseOptions(call.args, 'sfnvTb', { long: { symbolic: 's', force: 'f' } });
  const { process } = call;
  const target = rest.length > 1 ? (rest.pop() as string) : '.';
  need(rest, 1);
  let status = 0;
  for (const from of rest) {
    const isLink = statOf(process, target, false)?.type === 'symlink';
    const to = flags.has('T') || (flags.has('n') && isLink) ? target : destination(process, from, target);
    status |= await attempt(call, to, () => {
      const path = resolvePath(process, to);
      if (flags.has('f') && statOf(process, to, false)) process.fs.remove(path);
      process.fs.link(flags.has('s') ? from : resolvePath(process, from), path, { symbolic: flags.has('s') });
    });
  }
  return status;
});

export const readlink = applet(async (call) => {
  const { flags, rest } = parseOptions(call.args, 'fnevm');
  for (const name of rest) {
    try {
      const path = resolvePath(call.process, name);
      const text =
        flags.has('f') || flags.has('e') || flags.has('m')
          ? call.process.fs.realPath(path)
          : call.process.fs.readLink(path);
      await call.print(flags.has('n') ? text : `${text}\n`);
    } catch (error) {
      fileErrorText(error);
      if (!flags.has('f')) return 1;
      // The last part may be missing.
      const full = absolutePath(name, call.process.cwd);
      await call.print(`${full}\n`);
    }
  }
  return 0;
});

export const realpath = applet(async (call) => {
  let status = 0;
  for (const name of call.args.filter((word) => !word.startsWith('-')))
    status |= await attempt(call, name, () =>
      call.print(`${call.process.fs.realPath(resolvePath(call.process, name))}\n`),
    );
  return status;
});

export const basename = applet(async ({ args, print }) => {
  const { flags, values, rest } = parseOptions(args, 'as:');
  const suffix = values.get('s') ?? (flags.has('a') ? '' : (rest[1] ?? ''));
  for (const name of flags.has('a') || values.has('s') ? rest : rest.slice(0, 1)) {
    const base = baseName(name);
    await print(
      `${suffix !== '' && base.endsWith(suffix) && base !== suffix ? base.slice(0, -suffix.length) : base}\n`,
    );
  }
  return 0;
});

export const dirname = applet(async ({ args, print }) => {
  for (const name of args) {
    const bare = name.replace(/\/+$/, '');
    const cut = bare.lastIndexOf('/');
    await print(
      `${cut < 0 ? (bare === '' && name !== '' ? '/' : '.') : bare.slice(0, cut).replace(/\/+$/, '') || '/'}\n`,
    );
  }
  return 0;
});

export const mktemp = applet(async (call) => {
  const { flags, values, rest } = parseOptions(call.args, 'dqtup:');
  const folder = values.get('p') ?? call.process.env.TMPDIR ?? '/tmp';
  const template = rest[0] ?? joinPath(folder, 'tmp.XXXXXX');
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  const random = () => letters[Math.floor(Math.random() * letters.length)] as string;
  if (!/X{6}$/.test(template)) throw new UsageError('Invalid argument');
  const filled = template.replace(/X+$/, (run) => [...run].map(random).join(''));
  const path = rest[0] !== undefined && (flags.has('t') || values.has('p')) ? joinPath(folder, filled) : filled;
  return (
    (await attempt(call, `(null)`, () => {
      if (flags.has('u')) return;
      if (flags.has('d')) call.process.fs.makeDirectory(resolvePath(call.process, path), { mode: 0o700 });
      else call.process.fs.write(resolvePath(call.process, path), '', { mode: 0o600 });
    })) ||
    (await call.print(`${path}\n`)) ||
    0
  );
});
