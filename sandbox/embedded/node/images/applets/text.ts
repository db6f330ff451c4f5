import { FileError, fileErrorText } from '../file-system.ts';
import type { Input } from '../image.ts';
import { gather } from '../process/gather.ts';
import { openOutput, resolvePath } from '../process/open.ts';
import { readAll, readLines } from '../process/streams.ts';
import { bracket } from '../shell/pattern.ts';
import { allLines, eachInput, openFile, Printer } from './inputs.ts';
import { type AppletCall, applet, parseOptions, UsageError } from './options.ts';
import { expandEscapes } from './text-output.ts';

export const cat = applet(async (call) => {
  const { flags, rest } = parseOptions(call.args, 'nbesAtuv');
  let number = 0;
  return eachInput(call, rest, async (input) => {
    if (flags.size === 0 || (flags.size === 1 && flags.has('u'))) {
      for (let data = await input.read(); data; data = await input.read()) await call.process.stdout.write(data);
      return;
    }
    const printer = new Printer(call);
    for await (const { text, ended } of readLines(input)) {
      const counted = flags.has('n') || (flags.has('b') && text !== '');
      const body = flags.has('A') || flags.has('t') ? text.replace(/\t/g, '^I') : text;
      const line = `${counted ? `${String(++number).padStart(6)}\t` : ''}${body}${flags.has('A') || flags.has('e') ? '$' : ''}`;
      await printer.line(line, ended);
    }
    await printer.flush();
  });
});

/** `-5` is `-n 5`, as head and tail have always taken it. */
function oldCount(args: string[]): string[] {
  return args.flatMap((word, at) =>
    /^-\d+$/.test(word) && !/^-[nc]$/.test(args[at - 1] ?? '') ? ['-n', word.slice(1)] : [word],
  );
}

function count(text: string): number {
  const [, number, unit = ''] = /^([-+]?\d+)([bkm]?)$/i.exec(text) ?? [];
  if (number === undefined) throw new UsageError(`invalid number '${text}'`);
  return Number(number) * ({ b: 512, k: 1024, m: 1_048_576 }[unit.toLowerCase()] ?? 1);
}

async function titled(call: AppletCall, names: string[], flags: Set<string>, take: (input: Input) => Promise<void>) {
  let first = true;
  return eachInput(call, names, async (input, name) => {
    if ((names.length > 1 && !flags.has('q')) || flags.has('v')) {
      await call.print(`${first ? '' : '\n'}==> ${name === '-' ? 'standard input' : name} <==\n`);
    }
    first = false;
    await take(input);
  });
}

export const head = applet(async (call) => {
  const { flags, values, rest } = parseOptions(oldCount(call.args), 'n:c:qv');
  const bytes = values.get('c');
  const limit = count(bytes ?? values.get('n') ?? '10');
  return titled(call, rest, flags, async (input) => {
    if (limit < 0) {
      const all = await readAll(input);
      const cut = bytes ? all.subarray(0, Math.max(0, all.length + limit)) : undefined;
      if (cut) return call.process.stdout.write(cut);
      const lines = all.toString().replace(/\n$/, '').split('\n').slice(0, limit);
      return call.print(lines.map((line) => `${line}\n`).join(''));
    }
    let left = limit;
    while (left > 0) {
      const data = await input.read();
      if (!data) return;
      let end = data.length;
      if (bytes) end = Math.min(left, data.length);
      else {
        end = 0;
        for (let lines = left; lines > 0 && end < data.length; lines -= 1) {
          const at = data.indexOf(10, end);
          end = at < 0 ? data.length : at + 1;
          if (at >= 0) left -= 1;
        }
      }
      if (bytes) left -= end;
      await call.process.stdout.write(data.subarray(0, end));
      if (end < data.length) input.unread(data.subarray(end));
    }
  });
});

export const tail = applet(async (call) => {
  const { flags, values, rest } = parseOptions(oldCount(call.args), 'n:c:s:fFqv');
  const text = values.get('c') ?? values.get('n') ?? '10';
  const limit = Math.abs(count(text));
  const fromStart = text.startsWith('+');
  const status = await titled(call, rest, flags, async (input) => {
    const all = await gather(call.process, input);
    if (values.has('c'))
      return call.process.stdout.write(fromStart ? all.subarray(limit - 1) : all.subarray(-limit || all.length));
    let at = fromStart ? 0 : all.length - (all.at(-1) === 10 ? 1 : 0);
    if (fromStart)
      for (let lines = 1; lines < limit && at < all.length; lines += 1) at = all.indexOf(10, at) + 1 || all.length;
    else {
      for (let lines = 0; lines < limit && at > 0; lines += 1) at = all.lastIndexOf(10, at - 1);
      at = limit === 0 ? all.length : at < 0 ? 0 : at > 0 || all[0] === 10 ? at + 1 : 0;
      if (limit > 0 && at > all.length) at = all.length;
    }
    return call.process.stdout.write(all.subarray(at));
  });
  if (!flags.has('f') && !flags.has('F')) return status;
  if (rest.length === 0) return status;
  return follow(call, rest);
});

/** Prints what is added to files, once a second, until it is killed. */
async function follow(call: AppletCall, names: string[]): Promise<number> {
  const { process } = call;
  const size = (name: string) => {
    try {
      return process.fs.stat(resolvePath(process, name)).size;
    } catch {
      return 0;
    }
  };
  const sizes = new Map(names.map((name) => [name, size(name)]));
  for (;;) {
    await process.sleep(1000);
    for (const name of names) {
      const now = size(name);
      const before = sizes.get(name) ?? 0;
      if (now > before) await process.stdout.write(process.fs.read(resolvePath(process, name)).subarray(before));
      sizes.set(name, now);
    }
  }
}

export const wc = applet(async (call) => {
  const { flags, rest } = parseOptions(call.args, 'lwcmL');
  const columns = flags.size === 0 ? ['l', 'w', 'c'] : ['l', 'w', 'm', 'c', 'L'].filter((flag) => flags.has(flag));
  const totals = new Map<string, number>();
  const show = (counts: Map<string, number>, name: string) => {
    const numbers = columns.map((column) => String(counts.get(column)));
    const text = columns.length === 1 ? numbers.join('') : numbers.map((number) => number.padStart(9)).join(' ');
    return call.print(`${text}${name === '-' ? '' : ` ${name}`}\n`);
  };
  const status = await eachInput(call, rest, async (input, name) => {
    const counts = new Map([
      ['l', 0],
      ['w', 0],
      ['c', 0],
      ['m', 0],
      ['L', 0],
    ]);
    const add = (key: string, more: number) => counts.set(key, (counts.get(key) ?? 0) + more);
    for await (const { text, ended } of readLines(input)) {
      const newline = ended ? 1 : 0;
      add('l', newline);
      add('w', text.split(/\s+/).filter(Boolean).length);
      add('c', Buffer.byteLength(text) + newline);
      add('m', [...text].length + newline);
      counts.set('L', Math.max(counts.get('L') ?? 0, text.length));
    }
    for (const [key, value] of counts) totals.set(key, (totals.get(key) ?? 0) + value);
    await show(counts, name);
  });
  if (rest.length > 1) await show(totals, 'total');
  return status;
});

/** `1,3-5,7-` as a test of a position. */
function ranges(list: string): (position: number) => boolean {
  const parts = list.split(',').map((part) => {
    const [, from, dash, to] = /^(\d*)(-?)(\d*)$/.exec(part) ?? [];
    if (part === '' || part === '-' || from === undefined) throw new UsageError(`invalid range ${list}`);
    const start = from === '' ? 1 : Number(from);
    return [start, dash === '' ? start : to === '' ? Number.POSITIVE_INFINITY : Number(to)] as const;
  });
  return (position) => parts.some(([from, to]) => position >= from && position <= to);
}

export const cut = applet(async (call) => {
  const { flags, values, rest } = parseOptions(call.args, 'b:c:f:d:sn');
  const list = values.get('f') ?? values.get('c') ?? values.get('b');
  if (list === undefined) throw new UsageError('expected a list of bytes, characters, or fields');
  const wanted = ranges(list);
  const delimiter = values.get('d') ?? '\t';
  const printer = new Printer(call);
  const status = await eachInput(call, rest, async (input) => {
    for await (const { text } of readLines(input)) {
      if (!values.has('f')) await printer.line([...text].filter((_, index) => wanted(index + 1)).join(''));
      else if (text.includes(delimiter))
        await printer.line(
          text
            .split(delimiter)
            .filter((_, index) => wanted(index + 1))
            .join(delimiter),
        );
      else if (!flags.has('s')) await printer.line(text);
    }
  });
  await printer.flush();
  return status;
});

/** A set of tr(1), spelled out. */
function characters(text: string): string[] {
  const source = [...Buffer.from(expandEscapes(text).text, 'latin1').toString()].join('');
  const result: string[] = [];
  for (let at = 0; at < source.length; ) {
    const name = /^\[:(\w+):\]/.exec(source.slice(at));
    if (name) {
      const member = new RegExp(bracket(`[:${name[1]}:]`));
      for (let code = 0; code < 256; code += 1)
        if (member.test(String.fromCharCode(code))) result.push(String.fromCharCode(code));
      at += name[0].length;
    } else if (source[at + 1] === '-' && source[at + 2] !== undefined) {
      for (let code = source.charCodeAt(at); code <= source.charCodeAt(at + 2); code += 1)
        result.push(String.fromCharCode(code));
      at += 3;
    } else result.push(source[at++] as string);
  }
  return result;
}

export const tr = applet(async (call) => {
  const { flags, rest } = parseOptions(call.args, 'cCds', { stopEarly: true });
  const [first = '', second] = rest;
  const from = characters(first);
  const to = second === undefined ? [] : characters(second);
  const inverted = flags.has('c') || flags.has('C');
  const members = new Set(from);
  const isMember = (char: string) => members.has(char) !== inverted;
  const squeezed = new Set(
    flags.has('s') ? (second === undefined || flags.has('d') ? (second === undefined ? from : to) : to) : [],
  );
  const map = new Map(from.map((char, index) => [char, to[index] ?? to.at(-1) ?? char]));
  let last = '';
  const { stdin } = call.process;
  for (let data = await stdin.read(); data; data = await stdin.read()) {
    let output = '';
    for (const char of Buffer.from(data).toString('utf8')) {
      if (flags.has('d') && isMember(char)) continue;
      const mapped =
        flags.has('d') || to.length === 0
          ? char
          : inverted
            ? isMember(char)
              ? (to.at(-1) as string)
              : char
            : (map.get(char) ?? char);
      if (
        mapped === last &&
        (squeezed.has(mapped) || (inverted && flags.has('s') && to.length === 0 && isMember(mapped)))
      )
        continue;
      last = mapped;
      output += mapped;
    }
    await call.print(output);
  }
  return 0;
});

export const tee = applet(async (call) => {
  const { flags, rest } = parseOptions(call.args, 'ai');
  let status = 0;
  const outputs = [call.process.stdout];
  for (const name of rest) {
    try {
      outputs.push(openOutput(call.process, name, flags.has('a')));
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      await call.complain(`${name}: ${fileErrorText(error)}`);
      status = 1;
    }
  }
  for await (const data of call.process.stdin) for (const output of outputs) await output.write(data);
  return status;
});

export const uniq = applet(async (call) => {
  const { flags, values, rest } = parseOptions(call.args, 'cduizf:s:w:');
  const key = (line: string) => {
    let text = line;
    for (let skip = Number(values.get('f') ?? 0); skip > 0; skip -= 1) text = text.replace(/^\s*\S+/, '');
    text = text.slice(Number(values.get('s') ?? 0)).slice(0, values.has('w') ? Number(values.get('w')) : undefined);
    return flags.has('i') ? text.toLowerCase() : text;
  };
  const printer = new Printer(call);
  const input = await openFile(call, rest[0] ?? '-');
  if (!input) return 1;
  let line: string | undefined;
  let times = 0;
  const show = async () => {
    if (line === undefined || (flags.has('d') && times < 2) || (flags.has('u') && times > 1)) return;
    await printer.line(flags.has('c') ? `${String(times).padStart(7)} ${line}` : line);
  };
  for await (const { text } of readLines(input)) {
    if (line !== undefined && key(text) === key(line)) times += 1;
    else {
      await show();
      line = text;
      times = 1;
    }
  }
  await show();
  await printer.flush();
  return 0;
});

interface SortKey {
  from: number;
  to: number;
  flags: string;
}

function sortKey(text: string): SortKey {
  const [, from = '1', fromFlags = '', to, toFlags = ''] =
    /^(\d+)(?:\.\d+)?([a-zA-Z]*)(?:,(\d+)(?:\.\d+)?([a-zA-Z]*))?$/.exec(text) ?? [];
  return {
    from: Number(from),
    to: to === undefined ? Number.POSITIVE_INFINITY : Number(to),
    flags: fromFlags + toFlags,
  };
}

const SUFFIX: Record<string, number> = { K: 1, M: 2, G: 3, T: 4, P: 5, E: 6 };

function compareBy(flags: string): (a: string, b: string) => number {
  const number = (text: string) => Number.parseFloat(/^\s*[-+]?\d*\.?\d*(?:[eE][-+]?\d+)?/.exec(text)?.[0] || '0') || 0;
  const human = (text: string) => {
    const [, digits = '0', unit = ''] = /^\s*([-+]?[\d.]+)\s*([KMGTPE]?)/i.exec(text) ?? [];
    return Number(digits) * 1024 ** (SUFFIX[unit.toUpperCase()] ?? 0);
  };
  const fold = (text: string) => {
    let value = flags.includes('f') ? text.toUpperCase() : text;
    if (flags.includes('b')) value = value.trimStart();
    return flags.includes('d') ? value.replace(/[^\w\s]/g, '') : value;
  };
  return (a, b) => {
    if (/[ng]/.test(flags)) return number(a) - number(b);
    if (flags.includes('h')) return human(a) - human(b);
    if (flags.includes('V')) return a.localeCompare(b, 'en', { numeric: true });
    const [left, right] = [fold(a), fold(b)];
    return left < right ? -1 : left > right ? 1 : 0;
  };
}

export const sort = applet(async (call) => {
  const { flags, values, all, rest } = parseOptions(call.args, 'nrugMcszbdfihVk:o:t:T:S:');
  const { lines, status } = await allLines(call, rest);
  const global = [...flags].filter((flag) => 'ngfbdihV'.includes(flag)).join('');
  const separator = values.get('t');
  const keys = all('k').map(sortKey);
  const part = (line: string, key: SortKey) =>
    separator === undefined
      ? (line.match(/\s*\S+/g) ?? []).slice(key.from - 1, key.to).join('')
      : line
          .split(separator)
          .slice(key.from - 1, key.to)
          .join(separator);
  const whole = compareBy(keys.length > 0 ? '' : global);
  const compare = (a: string, b: string): number => {
    for (const key of keys) {
      const order = key.flags.replace('r', '') || global;
      const result = compareBy(order)(part(a, key), part(b, key));
      if (result !== 0) return key.flags.includes('r') || (key.flags === '' && flags.has('r')) ? -result : result;
    }
    if (keys.length > 0 && (flags.has('u') || flags.has('s'))) return 0;
    const result = whole(a, b) || (flags.has('u') || flags.has('s') ? 0 : compareBy('')(a, b));
    return flags.has('r') ? -result : result;
  };
  if (flags.has('c')) {
    const wrong = lines.findIndex((line, index) => index > 0 && compare(lines[index - 1] as string, line) > 0);
    if (wrong < 0) return 0;
    await call.complain(`${rest[0] ?? '-'}:${wrong + 1}: disorder: ${lines[wrong]}`);
    return 1;
  }
  let sorted = lines.sort(compare);
  if (flags.has('u'))
    sorted = sorted.filter((line, index) => index === 0 || compare(sorted[index - 1] as string, line) !== 0);
  const text = sorted.map((line) => `${line}\n`).join('');
  const file = values.get('o');
  await (file === undefined ? call.process.stdout : openOutput(call.process, file)).write(text);
  return status;
});
