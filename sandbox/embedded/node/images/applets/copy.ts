import { absolutePath, joinPath } from '../file-system/paths.ts';
import { FileError, fileErrorText } from '../file-system.ts';
import { resolvePath } from '../process/open.ts';
import { attempt, destination, statOf } from './files.ts';
import { type AppletCall, applet, parseOptions, UsageError } from './options.ts';

async function copyTree(call: AppletCall, from: string, to: string, flags: Set<string>): Promise<number> {
  const { process } = call;
  await process.breathe();
  const keep = flags.has('a') || flags.has('d') || flags.has('P');
  const stat = statOf(process, from, !keep && !flags.has('r') && !flags.has('R'));
  if (!stat) {
    await call.complain(`can't stat '${from}': No such file or directory`);
    return 1;
  }
  const [source, target] = [resolvePath(process, from), resolvePath(process, to)];
  const preserve = flags.has('a') || flags.has('p');
  let status = 0;
  if (stat.type === 'directory') {
    if (!flags.has('r') && !flags.has('R') && !flags.has('a')) {
      await call.complain(`omitting directory '${from}'`);
      return 1;
    }
    const made = await attempt(call, `can't create directory '${to}'`, () => {
      if (statOf(process, to)?.type !== 'directory') process.fs.makeDirectory(target, { mode: stat.mode });
    });
    if (made !== 0) return made;
    for (const name of process.fs.list(source))
      status |= await copyTree(call, joinPath(from, name), joinPath(to, name), flags);
  } else if (stat.type === 'symlink') {
    status = await attempt(call, `can't create symlink '${to}'`, () => {
      if (statOf(process, to, false)) process.fs.remove(target);
      process.fs.link(process.fs.readLink(source), target, { symbolic: true });
    });
    return status;
  } else {
    let data: Uint8Array = new Uint8Array();
    if (stat.type === 'file') {
      status = await attempt(call, `can't open '${from}'`, () => {
        data = process.fs.read(source);
      });
      if (status !== 0) return status;
    }
    status = await attempt(call, `can't create '${to}'`, () =>
      process.fs.write(target, data, { mode: stat.mode & 0o777 }),
    );
    if (status !== 0) return status;
    if (flags.has('v')) await call.print(`'${from}' -> '${to}'\n`);
  }
  if (preserve) {
    await attempt(call, `can't preserve times of '${to}'`, () => {
      process.fs.chmod(target, stat.mode);
      process.fs.touch(target, stat.modified);
      if (process.uid === 0) process.fs.chown(target, stat.uid, stat.gid);
    });
  }
  return status;
}

export const cp = applet(async (call) => {
  const { flags, values, rest } = parseOptions(call.args, 'adfiHlLpPrRsuvt:T', {
    long: { recursive: 'r', archive: 'a' },
  });
  const into = values.get('t');
  const target = into ?? rest.pop();
  if (target === undefined || rest.length === 0) throw new UsageError('missing operand');
  if (rest.length > 1 && statOf(call.process, target)?.type !== 'directory') {
    await call.complain(`target '${target}' is not a directory`);
    return 1;
  }
  let status = 0;
  for (const from of rest) {
    const to = flags.has('T') ? target : destination(call.process, from, target);
    if (absolutePath(from, call.process.cwd) === absolutePath(to, call.process.cwd)) {
      await call.complain(`'${from}' and '${to}' are the same file`);
      status = 1;
    } else status |= await copyTree(call, from, to, flags);
  }
  return status;
});

export const mv = applet(async (call) => {
  const { rest, values, flags } = parseOptions(call.args, 'fivnt:T');
  const target = values.get('t') ?? rest.pop();
  if (target === undefined || rest.length === 0) throw new UsageError('missing operand');
  const { process } = call;
  let status = 0;
  for (const from of rest) {
    const to = destination(process, from, target);
    if (flags.has('n') && statOf(process, to)) continue;
    if (!statOf(process, from, false)) {
      await call.complain(`can't rename '${from}': No such file or directory`);
      status = 1;
      continue;
    }
    try {
      process.fs.rename(resolvePath(process, from), resolvePath(process, to));
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      if (error.code !== 'EXDEV') {
        await call.complain(`can't rename '${from}': ${fileErrorText(error)}`);
        status = 1;
        continue;
      }
      const copied = await copyTree(call, from, to, new Set(['a']));
      status |= copied;
      if (copied === 0)
        status |= await attempt(call, `can't remove '${from}'`, () =>
          process.fs.remove(resolvePath(process, from), { recursive: true }),
        );
    }
  }
  return status;
});
