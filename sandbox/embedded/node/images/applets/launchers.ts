import { parseSignal } from '../process/signals.ts';
import { Pipe, readAll } from '../process/streams.ts';
import { applet, parseOptions, UsageError } from './options.ts';
import { execute } from './system.ts';
import { formatDate, parseDuration } from './time.ts';

export const nohup = applet(async (call) => {
  if (call.args.length === 0) throw new UsageError('missing operand');
  call.process.onSignal('SIGHUP', () => undefined);
  return call.process.spawn({ argv: call.args }).exit;
});

export const timeout = applet(async (call) => {
  const { values, rest } = parseOptions(call.args, 's:k:pv', { stopEarly: true });
  const [duration, ...argv] = rest;
  if (duration === undefined || argv.length === 0) throw new UsageError('missing operand');
  const { found } = call.process.find(argv[0] as string);
  if (found !== 'program' && found !== 'script') return execute(call, argv);
  const child = call.process.spawn({ argv });
  const signal = parseSignal(values.get('s') ?? 'TERM') ?? 'SIGTERM';
  const after = values.get('k');
  const timer = call.process.container.clock.after(parseDuration(duration) * 1000, () => {
    child.signal(signal);
    if (after !== undefined)
      call.process.container.clock.after(parseDuration(after) * 1000, () => child.signal('SIGKILL'));
  });
  const code = await child.exit;
  timer.cancel();
  return code;
});

export const time = applet(async (call) => {
  const argv = call.args.filter((word) => word !== '-p');
  const begun = call.process.container.clock.monotonic();
  const code = await call.process.spawn({ argv }).exit;
  const seconds = (call.process.container.clock.monotonic() - begun) / 1000;
  if (code === 127) await call.complain(`can't execute '${argv[0]}': No such file or directory`);
  await call.process.stderr.write(
    `real\t${Math.floor(seconds / 60)}m ${(seconds % 60).toFixed(2)}s\nuser\t0m 0.00s\nsys\t0m 0.00s\n`,
  );
  return code;
});

export const watch = applet(async (call) => {
  const { values, flags, rest } = parseOptions(call.args, 'n:td', { stopEarly: true });
  const seconds = Number(values.get('n') ?? 2);
  for (;;) {
    const pipe = new Pipe();
    const child = call.process.spawn({ argv: ['sh', '-c', rest.join(' ')], stdout: pipe, stderr: pipe });
    const text = await readAll(pipe, call.process.killed);
    await child.exit;
    const title = flags.has('t')
      ? ''
      : `Every ${seconds.toFixed(1)}s: ${rest.join(' ')}    ${formatDate('%F %T', call.process.container.clock.now())}\n\n`;
    await call.print(`\x1b[H\x1b[J${title}${text}`);
    await call.process.sleep(seconds * 1000);
  }
});

export const xargs = applet(async (call) => {
  const { flags, values, rest } = parseOptions(call.args, '0rtn:I:L:P:ps:E:', { stopEarly: true });
  const text = (await readAll(call.process.stdin)).toString();
  const template = values.get('I');
  let words: string[];
  if (flags.has('0')) words = text.split('\0').filter((word, index, all) => index < all.length - 1 || word !== '');
  else if (template !== undefined)
    words = text
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean);
  else
    words = [...text.matchAll(/(?:"[^"]*"|'[^']*'|\\[\s\S]|[^\s"'\\])+/g)].map(([word]) =>
      word.replace(/"([^"]*)"|'([^']*)'|\\([\s\S])/g, (_, a, b, c) => a ?? b ?? c ?? ''),
    );
  const command = rest.length > 0 ? rest : ['echo'];
  const size = values.has('n')
    ? Number(values.get('n'))
    : values.has('L')
      ? Number(values.get('L'))
      : template === undefined
        ? Math.max(words.length, 1)
        : 1;
  let status = 0;
  if (words.length === 0 && (flags.has('r') || template !== undefined)) return 0;
  for (let at = 0; at === 0 || at < words.length; at += size) {
    const some = words.slice(at, at + size);
    const argv =
      template === undefined ? [...command, ...some] : command.map((word) => word.replaceAll(template, some[0] ?? ''));
    if (flags.has('t')) await call.process.stderr.write(`${argv.join(' ')}\n`);
    const { found } = call.process.find(argv[0] as string);
    if (found !== 'program' && found !== 'script') {
      await call.complain(`${argv[0]}: No such file or directory`);
      return 127;
    }
    const code = await call.process.spawn({ argv }).exit;
    if (code === 255) {
      await call.complain(`${argv[0]}: exited with status 255; aborting`);
      return 124;
    }
    if (code !== 0) status = 123;
  }
  return status;
});
