import { mountType } from '../file-system/proc.ts';
import { fileErrorText } from '../file-system.ts';
import { resolvePath } from '../process/open.ts';
import { parseSignal } from '../process/signals.ts';
import { readAll } from '../process/streams.ts';
import { database, idOf, nameOf } from './files.ts';
import { humanSize } from './listing.ts';
import type { AppletCall } from './options.ts';
import { applet, parseOptions, UsageError } from './options.ts';
import { formatDate } from './time.ts';

export const env = applet(async (call) => {
  const { flags, all, rest } = parseOptions(call.args, 'iu:0', { stopEarly: true });
  const variables: Record<string, string> = flags.has('i') ? {} : { ...call.process.env };
  for (const name of all('u')) delete variables[name];
  while (rest[0]?.includes('=')) {
    const word = rest.shift() as string;
    variables[word.slice(0, word.indexOf('='))] = word.slice(word.indexOf('=') + 1);
  }
  if (rest.length === 0) {
    for (const [name, value] of Object.entries(variables)) await call.print(`${name}=${value}\n`);
    return 0;
  }
  return execute(call, rest, variables);
});

/** Becomes another command, with the message and status of a failed exec. */
export async function execute(call: AppletCall, argv: string[], variables?: Record<string, string>): Promise<number> {
  const { found } = call.process.find(argv[0] ?? '', variables?.PATH ?? call.process.env.PATH);
  if (found !== 'program' && found !== 'script') {
    await call.complain(
      `can't execute '${argv[0]}': ${found === 'missing' ? 'No such file or directory' : 'Permission denied'}`,
    );
    return found === 'missing' ? 127 : 126;
  }
  return call.process.exec({ argv, ...(variables ? { env: variables } : {}) });
}

export const printenv = applet(async ({ process, args, print }) => {
  if (args.length === 0) for (const [name, value] of Object.entries(process.env)) await print(`${name}=${value}\n`);
  let status = 0;
  for (const name of args) {
    const value = process.env[name];
    if (value === undefined) status = 1;
    else await print(`${value}\n`);
  }
  return status;
});

export const id = applet(async (call) => {
  const { flags, rest } = parseOptions(call.args, 'ugnGr');
  const { process } = call;
  let { uid, gid, groups } = process;
  if (rest[0] !== undefined) {
    const row = database(process, '/etc/passwd').find((fields) => fields[0] === rest[0] || fields[2] === rest[0]);
    if (!row) throw new UsageError(`unknown user ${rest[0]}`);
    [uid, gid, groups] = [Number(row[2]), Number(row[3]), []];
  }
  const user = nameOf(process, '/etc/passwd', uid);
  const all = [...new Set([gid, ...groups])];
  const group = (number: number) => nameOf(process, '/etc/group', number);
  const shown = (name: string | undefined, number: number) =>
    flags.has('n') ? (name ?? String(number)) : String(number);
  if (flags.has('u')) await call.print(`${shown(user, uid)}\n`);
  else if (flags.has('g')) await call.print(`${shown(group(gid), gid)}\n`);
  else if (flags.has('G')) await call.print(`${all.map((number) => shown(group(number), number)).join(' ')}\n`);
  else {
    const named = (number: number, name: string | undefined) => `${number}${name ? `(${name})` : ''}`;
    const list =
      all.length > 1 || group(gid) ? ` groups=${all.map((number) => named(number, group(number))).join(',')}` : '';
    await call.print(`uid=${named(uid, user)} gid=${named(gid, group(gid))}${list}\n`);
  }
  return 0;
});

export const whoami = applet(async ({ process, print }) => {
  const name = nameOf(process, '/etc/passwd', process.uid);
  if (name === undefined) throw new UsageError(`unknown uid ${process.uid}`);
  await print(`${name}\n`);
  return 0;
});

export const hostname = applet(async ({ process, args, print, complain }) => {
  const { pod } = process.container;
  if (args[0] === '-i' || args[0] === '-I') await print(`${pod.ip}\n`);
  else if (args[0] === undefined || args[0] === '-s' || args[0] === '-f') await print(`${pod.hostname}\n`);
  else {
    await complain('sethostname: Operation not permitted');
    return 1;
  }
  return 0;
});

export const uname = applet(async ({ process, args, print }) => {
  const { flags } = parseOptions(args, 'asnrvmpio');
  const parts: [string, string][] = [
    ['s', 'Linux'],
    ['n', process.container.pod.hostname],
    ['r', '6.1.0-atelier'],
    ['v', '#1 SMP (simulated)'],
    ['m', 'x86_64'],
    ['o', 'GNU/Linux'],
  ];
  const wanted = flags.size === 0 ? ['s'] : [...flags];
  await print(
    `${parts
      .filter(([letter]) => flags.has('a') || wanted.includes(letter))
      .map(([, text]) => text)
      .join(' ')}\n`,
  );
  return 0;
});

export const ps = applet(async ({ process, args, print }) => {
  const rows = process.container.processes();
  const user = (uid: number) => nameOf(process, '/etc/passwd', uid) ?? String(uid);
  const full = args.some((word) => /^-?[a-z]*[f][a-z]*$/.test(word) && word !== '-o');
  const format = args[args.indexOf('-o') + 1];
  if (args.includes('-o') && format) {
    const columns = format.split(',');
    const value: Record<string, (row: (typeof rows)[number]) => string> = {
      pid: (row) => String(row.pid),
      ppid: (row) => String(row.parent),
      user: (row) => user(row.uid),
      args: (row) => row.argv.join(' '),
      comm: (row) => row.argv[0]?.split('/').at(-1) ?? '',
      stat: () => 'S',
    };
    await print(
      `${columns
        .map((column) =>
          column
            .toUpperCase()
            .replace('ARGS', 'COMMAND')
            .replace('COMM', 'COMMAND')
            .replace('COMMANDAND', 'COMMAND')
            .padEnd(8),
        )
        .join(' ')
        .trimEnd()}\n`,
    );
    for (const row of rows)
      await print(
        `${columns
          .map((column) => (value[column]?.(row) ?? '-').padEnd(8))
          .join(' ')
          .trimEnd()}\n`,
      );
    return 0;
  }
  await print(
    full && args.length > 0
      ? 'UID          PID    PPID  C STIME TTY          TIME CMD\n'
      : 'PID   USER     TIME  COMMAND\n',
  );
  for (const row of rows) {
    const command = row.argv.join(' ').slice(0, process.tty ? Math.max(20, process.tty.columns - 22) : undefined);
    if (full && args.length > 0)
      await print(
        `${user(row.uid).padEnd(8)} ${String(row.pid).padStart(7)} ${String(row.parent).padStart(7)}  0 ${formatDate('%H:%M', row.startedAt)} ?        00:00:00 ${command}\n`,
      );
    else await print(`${String(row.pid).padStart(5)} ${user(row.uid).slice(0, 8).padEnd(8)}  0:00 ${command}\n`);
  }
  return 0;
});

const byName = (exact: boolean) =>
  applet(async (call) => {
    const options = call.args.filter((word) => word.startsWith('-'));
    const names = call.args.filter((word) => !word.startsWith('-'));
    const signal = parseSignal((options.find((word) => !/^-[fqxl]+$/.test(word)) ?? '-TERM').slice(1)) ?? 'SIGTERM';
    const whole = options.some((word) => /f/.test(word) && word.length === 2);
    const lists = call.name === 'pgrep' || call.name === 'pidof';
    let status = lists ? 1 : 0;
    const found: number[] = [];
    for (const name of names) {
      const rows = call.process.container.processes().filter((row) => {
        if (row.pid === call.process.pid) return false;
        const own = row.argv[0]?.split('/').at(-1) ?? '';
        return exact ? own === name : new RegExp(name).test(whole ? row.argv.join(' ') : own);
      });
      if (rows.length === 0 && call.name === 'killall') await call.complain(`${name}: no process killed`);
      status = rows.length === 0 ? 1 : lists ? 0 : status;
      for (const row of rows) {
        if (lists) found.push(row.pid);
        else call.process.container.signal(row.pid, signal);
      }
    }
    if (found.length > 0)
      await call.print(
        call.name === 'pidof' ? `${found.reverse().join(' ')}\n` : found.map((pid) => `${pid}\n`).join(''),
      );
    return status;
  });

export const killall = byName(true);
export const pkill = byName(false);
export const pgrep = byName(false);
export const pidof = byName(true);

export const kill = applet(async (call) => {
  const words = [...call.args];
  let signal = parseSignal('TERM');
  if (words[0]?.startsWith('-')) {
    const option = words.shift() as string;
    const name = option === '-s' ? (words.shift() ?? '') : option.slice(1);
    signal = parseSignal(name);
    if (!signal && name !== '0') throw new UsageError(`bad signal name '${name}'`);
  }
  let status = 0;
  for (const word of words) {
    const exists = call.process.container.processes().some((row) => String(row.pid) === word);
    if (exists && signal) call.process.container.signal(Number(word), signal);
    else if (!exists) {
      await call.complain(`can't kill pid ${word}: No such process`);
      status = 1;
    }
  }
  return status;
});

export const uptime = applet(async ({ process, print }) => {
  const { clock } = process.container;
  const started = process.container.processes()[0]?.startedAt ?? clock.now();
  const minutes = Math.floor((clock.now().getTime() - started.getTime()) / 60_000);
  const up = minutes >= 60 ? `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}` : `${minutes} min`;
  await print(` ${formatDate('%T', clock.now())} up ${up},  0 users,  load average: 0.08, 0.03, 0.01\n`);
  return 0;
});

export const free = applet(async ({ process, args, print }) => {
  const total = process.container.limits.memory ?? 8 * 1024 ** 3;
  const human = args.includes('-h');
  const unit = { '-b': 1, '-m': 1024 ** 2, '-g': 1024 ** 3 }[args[0] ?? ''] ?? 1024;
  const show = (bytes: number) => (human ? humanSize(bytes) : String(Math.floor(bytes / unit))).padStart(12);
  await print('              total        used        free      shared  buff/cache   available\n');
  await print(`Mem:   ${[total, total * 0.2, total * 0.6, 0, total * 0.2, total * 0.8].map(show).join('')}\n`);
  await print(`Swap:  ${[0, 0, 0].map(show).join('')}\n`);
  return 0;
});

export const top = applet(async ({ process, args, print }) => {
  const once = args.includes('-n') || args.some((word) => /^-b?n\d/.test(word)) || !process.tty;
  for (;;) {
    const rows = process.container.processes();
    const lines = rows.map(
      (row) =>
        `${String(row.pid).padStart(5)} ${String(row.parent).padStart(5)} ${(nameOf(process, '/etc/passwd', row.uid) ?? String(row.uid)).padEnd(8)} S     4404   0%   0% ${row.argv.join(' ')}\n`,
    );
    await print(
      `${once ? '' : '\x1b[H\x1b[J'}Mem: 1638400K used, 6750208K free, 0K shrd, 0K buff, 1638400K cached\nCPU:   1% usr   0% sys   0% nic  98% idle   0% io   0% irq   0% sirq\nLoad average: 0.08 0.03 0.01 1/${rows.length} ${process.pid}\n  PID  PPID USER     STAT   VSZ %VSZ %CPU COMMAND\n${lines.join('')}`,
    );
    if (once) return 0;
    process.tty?.setRaw(true);
    const key = await Promise.race([process.stdin.read(), process.sleep(5000).then(() => Buffer.from(' '))]);
    process.tty?.setRaw(false);
    if (!key || key.includes(113) || key.includes(3)) return 0;
  }
});

export const nproc = applet(async ({ process, print }) => {
  await print(`${Math.max(1, Math.ceil(process.container.limits.cpu ?? 4))}\n`);
  return 0;
});

export const mount = applet(async ({ process, args, print, complain }) => {
  if (args.length > 0) {
    await complain('permission denied (are you root?)');
    return 1;
  }
  for (const { path, volume } of process.fs.mounts())
    await print(`${volume.source} on ${path} type ${mountType(volume)} (${volume.readOnly ? 'ro' : 'rw'},relatime)\n`);
  return 0;
});

export const which = applet(async ({ process, args, print }) => {
  let status = 0;
  for (const name of args.filter((word) => word !== '-a')) {
    const { found, path } = process.find(name);
    if (found === 'program' || found === 'script') await print(`${path}\n`);
    else status = 1;
  }
  return status;
});

export const clear = applet(async ({ print }) => {
  await print('\x1b[H\x1b[J');
  return 0;
});

export const tty = applet(async ({ process, print }) => {
  await print(process.tty ? '/dev/pts/0\n' : 'not a tty\n');
  return process.tty ? 0 : 1;
});

/** A pager on a terminal shows a screen at a time; elsewhere it is cat. */
export const less = applet(async (call) => {
  const { rest } = parseOptions(call.args, 'EFIMNSRXemnri~');
  const { process } = call;
  let text: string;
  try {
    text = (
      rest[0] === undefined ? await readAll(process.stdin) : Buffer.from(process.fs.read(resolvePath(process, rest[0])))
    ).toString();
  } catch (error) {
    await call.complain(`can't open '${rest[0]}': ${fileErrorText(error)}`);
    return 1;
  }
  const { tty } = process;
  if (!tty || rest[0] === undefined) {
    await call.print(text);
    return 0;
  }
  const lines = text.replace(/\n$/, '').split('\n');
  tty.setRaw(true);
  try {
    for (let at = 0; at < lines.length; ) {
      const page = lines.slice(at, at + tty.rows - 1);
      await call.print(`${page.join('\n')}\n`);
      at += page.length;
      if (at >= lines.length) break;
      await call.print(`\x1b[7m${rest[0]} ${Math.round((at / lines.length) * 100)}%\x1b[0m`);
      const key = await process.stdin.read();
      await call.print('\r\x1b[K');
      if (!key || key.includes(113) || key.includes(3)) break;
    }
  } finally {
    tty.setRaw(false);
  }
  return 0;
});

export const su = applet(async (call) => {
  const user = call.args.find((word) => !word.startsWith('-')) ?? 'root';
  if (idOf(call.process, '/etc/passwd', user) === undefined) throw new UsageError(`unknown user ${user}`);
  if (call.process.uid !== 0) throw new UsageError('must be suid to work properly');
  const at = call.args.indexOf('-c');
  return call.process.exec({ argv: at >= 0 ? ['sh', '-c', call.args[at + 1] ?? ''] : ['sh'] });
});
