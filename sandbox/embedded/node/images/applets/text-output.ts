import { applet, parseOptions } from './options.ts';

const ESCAPES: Record<string, string> = {
  a: '\x07',
  b: '\b',
  e: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
};

/** Backslash sequences as `echo -e` and printf know them, as bytes (latin1); `stop` is set by `\c`. */
export function expandEscapes(text: string): { text: string; stop: boolean } {
  let stop = false;
  const source = Buffer.from(text).toString('latin1');
  const result = source.replace(
    /\\(x[0-9a-fA-F]{1,2}|0[0-7]{0,3}|[1-7][0-7]{0,2}|c[\s\S]*|[\s\S])/g,
    (whole, code: string) => {
      if (code[0] === 'c') {
        stop = true;
        return '';
      }
      if (code[0] === 'x' && code.length > 1) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
      if (/^[0-7]/.test(code)) return String.fromCharCode(Number.parseInt(code, 8) & 255);
      return ESCAPES[code] ?? whole;
    },
  );
  return { text: result, stop };
}

export const echo = applet(async ({ process, args }) => {
  let newline = true;
  let escapes = false;
  let at = 0;
  for (; /^-[neE]+$/.test(args[at] ?? ''); at += 1) {
    for (const letter of (args[at] as string).slice(1)) {
      if (letter === 'n') newline = false;
      else escapes = letter === 'e';
    }
  }
  const text = args.slice(at).join(' ');
  if (!escapes) {
    await process.stdout.write(newline ? `${text}\n` : text);
    return 0;
  }
  const plain = expandEscapes(text);
  await process.stdout.write(Buffer.from(plain.text + (newline && !plain.stop ? '\n' : ''), 'latin1'));
  return 0;
});

/** printf(1)'s format with as many arguments as there are; the format is used again until all are taken. */
export function formatText(format: string, args: string[], complain: (text: string) => void): string {
  const queue = [...args];
  const pieces = expandEscapes(format);
  let output = '';
  do {
    const before = queue.length;
    let stop = false;
    output += pieces.text.replace(
      /%(%|([-+ 0#]*)(\*|\d+)?(?:\.(\*|\d+)?)?([a-zA-Z]))/g,
      (whole, all, flags, width, precision, type) => {
        if (stop) return '';
        if (all === '%') return '%';
        const size = width === '*' ? Number(queue.shift() ?? 0) : Number(width ?? 0);
        const digits =
          precision === '*' ? Number(queue.shift() ?? 0) : precision === undefined ? undefined : Number(precision);
        const dot = /\.\D*$/.test(whole) && digits === undefined ? 0 : digits;
        if (type === 'b') {
          const plain = expandEscapes(queue.shift() ?? '');
          stop = plain.stop;
          return pad(plain.text, flags, size);
        }
        return formatOne(type, queue.shift(), flags, size, dot, complain);
      },
    );
    if (pieces.stop || stop || queue.length === before) break;
  } while (queue.length > 0);
  return output;
}

function pad(text: string, flags: string, width: number): string {
  return flags.includes('-') ? text.padEnd(width) : text.padStart(width);
}

/** One conversion; text in and out as latin1 bytes. */
function formatOne(
  type: string,
  argument: string | undefined,
  flags: string,
  width: number,
  precision: number | undefined,
  complain: (text: string) => void,
): string {
  const text = Buffer.from(argument ?? '').toString('latin1');
  if (type === 's') return pad(text.slice(0, precision), flags, width);
  if (type === 'c') return pad(text.slice(0, 1), flags, width);
  let number = 0;
  if (/^['"]/.test(text)) number = (argument ?? '').codePointAt(1) ?? 0;
  else if (/^\s*[-+]?(0[xX][0-9a-fA-F]+)$/.test(text))
    number = Number(text.replace('-', '')) * (text.includes('-') ? -1 : 1);
  else if (/^\s*[-+]?0[0-7]+$/.test(text) && !/[eEfgG]/.test(type)) number = Number.parseInt(text, 8);
  else if (text !== '') {
    number = Number(text);
    if (Number.isNaN(number)) {
      complain(`invalid number '${argument}'`);
      number = 0;
    }
  }
  let digits: string;
  if (/[di]/.test(type)) digits = String(Math.abs(Math.trunc(number)));
  else if (type === 'u')
    digits = String(Math.trunc(number) < 0 ? BigInt.asUintN(64, BigInt(Math.trunc(number))) : Math.trunc(number));
  else if (/[xXo]/.test(type)) {
    const unsigned = BigInt.asUintN(64, BigInt(Math.trunc(number)));
    digits = (flags.includes('#') ? (type === 'o' ? '0' : `0${type}`) : '') + unsigned.toString(type === 'o' ? 8 : 16);
    if (type === 'X') digits = digits.toUpperCase();
  } else digits = formatFloat(type, Math.abs(number), precision);
  if (/[dixXou]/.test(type) && precision !== undefined) digits = digits.padStart(precision, '0');
  const sign = number < 0 && /[difFeEgG]/.test(type) ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
  if (flags.includes('0') && !flags.includes('-')) return sign + digits.padStart(width - sign.length, '0');
  return pad(sign + digits, flags, width);
}

export function formatFloat(type: string, number: number, precision = 6): string {
  const exponent = (text: string) => text.replace(/e([-+])(\d)$/, 'e$10$2');
  let text: string;
  if (/[fF]/.test(type)) text = number.toFixed(precision);
  else if (/[eE]/.test(type)) text = exponent(number.toExponential(precision));
  else {
    const significant = precision === 0 ? 1 : precision;
    const power = number === 0 ? 0 : Number(number.toExponential(significant - 1).split('e')[1]);
    text =
      power < -4 || power >= significant
        ? exponent(number.toExponential(significant - 1).replace(/\.?0+e/, 'e'))
        : number
            .toFixed(Math.max(0, significant - 1 - power))
            .replace(/(\.\d*?)0+$/, '$1')
            .replace(/\.$/, '');
  }
  return type === type.toUpperCase() ? text.toUpperCase() : text;
}

export const printf = applet(async ({ process, args }) => {
  const words = args[0] === '--' ? args.slice(1) : args;
  const [format, ...rest] = words;
  if (format === undefined) {
    await process.stderr.write('usage: printf FORMAT [ARG]...\n');
    return 2;
  }
  const problems: string[] = [];
  const text = formatText(format, rest, (problem) => problems.push(problem));
  if (text !== '') await process.stdout.write(Buffer.from(text, 'latin1'));
  // A builtin of the shell speaks in the shell's name.
  for (const problem of problems) await process.stderr.write(`sh: ${problem}\n`);
  return problems.length > 0 ? 1 : 0;
});

export const yes = applet(async ({ print, args }) => {
  const block = `${args.join(' ') || 'y'}\n`.repeat(512);
  for (;;) await print(block);
});

export const seq = applet(async ({ args, print, complain }) => {
  const { flags, values, rest } = parseOptions(
    args.map((word) => (/^-\d/.test(word) ? ` ${word}` : word)),
    'ws:',
  );
  const numbers = rest.map((word) => Number(word));
  if (rest.length === 0 || rest.length > 3 || numbers.some(Number.isNaN)) {
    await complain(`invalid number '${rest.find((word) => Number.isNaN(Number(word))) ?? ''}'`);
    return 1;
  }
  const last = numbers.at(-1) as number;
  const first = numbers.length > 1 ? (numbers[0] as number) : 1;
  const step = numbers.length === 3 ? (numbers[1] as number) : 1;
  const places = Math.max(...rest.slice(0, -1).map((word) => (word.split('.')[1] ?? '').length), 0);
  const width = flags.has('w') ? Math.max(first.toFixed(places).length, last.toFixed(places).length) : 0;
  const separator = values.get('s') ?? '\n';
  if (step === 0) return 1;
  let block = '';
  let isFirst = true;
  for (let index = 0; ; index += 1) {
    const number = first + index * step;
    if (step > 0 ? number > last + 1e-9 : number < last - 1e-9) break;
    block += (isFirst ? '' : separator) + number.toFixed(places).padStart(width, '0');
    isFirst = false;
    if (block.length > 8192) {
      await print(block);
      block = '';
    }
  }
  if (!isFirst) await print(`${block}\n`);
  return 0;
});
