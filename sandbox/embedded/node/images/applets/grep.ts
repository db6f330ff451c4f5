import { joinPath } from '../file-system/paths.ts';
import { fileErrorText } from '../file-system.ts';
import type { Input } from '../image.ts';
import { resolvePath } from '../process/open.ts';
import { readLines } from '../process/streams.ts';
import { allLines, openFile, Printer } from './inputs.ts';
import { type AppletCall, applet, parseOptions } from './options.ts';
import { posixRegExp } from './regular-expression.ts';

interface Search {
  call: AppletCall;
  flags: Set<string>;
  patterns: RegExp[];
  before: number;
  after: number;
  limit: number;
  named: boolean;
  printer: Printer;
}

export const grep = applet(async (call) => {
  const { flags, values, all, rest } = parseOptions(call.args, 'EFGivnclLqsoxwhHrRm:A:B:C:e:f:za', {
    long: {
      color: 'a',
      colour: 'a',
      quiet: 'q',
      'ignore-case': 'i',
      'invert-match': 'v',
      count: 'c',
      'line-number': 'n',
      'extended-regexp': 'E',
      recursive: 'r',
      'only-matching': 'o',
    },
  });
  const sources = [...all('e')];
  const file = values.get('f');
  if (file !== undefined) sources.push(...(await allLines(call, [file])).lines);
  if (sources.length === 0 && file === undefined) {
    const first = rest.shift();
    if (first === undefined) {
      await call.process.stderr.write(
        'Usage: grep [-HhnlLoqvsrRiwFE] [-m N] [-A|B|C N] { PATTERN | -e PATTERN... | -f FILE... } [FILE]...\n',
      );
      return 2;
    }
    sources.push(...first.split('\n'));
  }
  const extended = flags.has('E') || call.name === 'egrep';
  const fixed = flags.has('F') || call.name === 'fgrep';
  const patterns = sources.map((source) => {
    const inner = posixRegExp(source, { extended, fixed }).source;
    const whole = flags.has('x') ? `^(?:${inner})$` : flags.has('w') ? `(?<!\\w)(?:${inner})(?!\\w)` : inner;
    return new RegExp(whole, `g${flags.has('i') ? 'i' : ''}`);
  });
  const context = Number(values.get('C') ?? 0);
  const recursive = flags.has('r') || flags.has('R');
  const search: Search = {
    call,
    flags,
    patterns,
    before: Number(values.get('B') ?? context),
    after: Number(values.get('A') ?? context),
    limit: Number(values.get('m') ?? Number.POSITIVE_INFINITY),
    named: flags.has('H') || (!flags.has('h') && (rest.length > 1 || recursive)),
    printer: new Printer(call),
  };
  let found = false;
  let failed = false;
  for (const name of rest.length > 0 ? rest : [recursive ? '.' : '-']) {
    for (const path of recursive && name !== '-' ? walk(call, name) : [name]) {
      const input = await open(search, path);
      if (!input) failed = true;
      else if (await searchIn(search, input, path)) found = true;
      if (found && flags.has('q')) return 0;
    }
  }
  await search.printer.flush();
  return failed && !(found && flags.has('q')) ? 2 : found ? 0 : 1;
});

async function open(search: Search, path: string): Promise<Input | undefined> {
  if (!search.flags.has('s')) return openFile(search.call, path, '%');
  try {
    search.call.process.fs.stat(resolvePath(search.call.process, path));
  } catch {
    return undefined;
  }
  return openFile(search.call, path, '%');
}

function* walk(call: AppletCall, name: string): Generator<string> {
  const { process } = call;
  try {
    if (process.fs.stat(resolvePath(process, name)).type !== 'directory') {
      yield name;
      return;
    }
    for (const entry of process.fs.list(resolvePath(process, name))) yield* walk(call, joinPath(name, entry));
  } catch (error) {
    fileErrorText(error);
    yield name;
  }
}

async function searchIn(search: Search, input: Input, name: string): Promise<boolean> {
  const { flags, printer } = search;
  const label = name === '-' ? '(standard input)' : name;
  let count = 0;
  let number = 0;
  let pending = 0;
  let lastShown = 0;
  const earlier: { text: string; number: number }[] = [];
  const show = async (text: string, at: number, mark: string) => {
    if ((search.before || search.after) && lastShown > 0 && at > lastShown + 1) await printer.line('--');
    lastShown = at;
    await printer.line(`${search.named ? label + mark : ''}${flags.has('n') ? at + mark : ''}${text}`);
  };
  const quiet = ['q', 'c', 'l', 'L'].some((flag) => flags.has(flag));
  for await (const { text } of readLines(input)) {
    number += 1;
    const matches = search.patterns.some((pattern) => {
      pattern.lastIndex = 0;
      return pattern.test(text);
    });
    if (matches !== flags.has('v')) {
      count += 1;
      if (flags.has('q') || flags.has('l') || flags.has('L')) break;
      if (!quiet) {
        for (const line of earlier.splice(0)) await show(line.text, line.number, '-');
        if (!flags.has('o')) await show(text, number, ':');
        else
          for (const pattern of search.patterns)
            for (const match of text.matchAll(pattern)) if (match[0] !== '') await show(match[0], number, ':');
      }
      pending = search.after;
      if (count >= search.limit) break;
    } else if (pending > 0 && !quiet) {
      pending -= 1;
      await show(text, number, '-');
    } else if (search.before > 0) {
      earlier.push({ text, number });
      if (earlier.length > search.before) earlier.shift();
    }
  }
  if (flags.has('c')) await printer.line(`${search.named ? `${label}:` : ''}${count}`);
  if ((flags.has('l') && count > 0) || (flags.has('L') && count === 0)) await printer.line(label);
  return count > 0;
}
