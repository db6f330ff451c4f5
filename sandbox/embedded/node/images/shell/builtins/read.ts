import type { Input } from '../../image.ts';
import { ShellFailure } from '../control.ts';
import type { Builtin } from './index.ts';

/** Bytes up to the delimiter, the rest put back for whoever reads next. `ended` when the delimiter was there. */
async function readUntil(input: Input, delimiter: number, limit: number): Promise<{ bytes: Buffer; ended: boolean }> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const data = await input.read();
    if (!data) return { bytes: Buffer.concat(parts), ended: false };
    const at = data.indexOf(delimiter);
    const take = Math.min(at < 0 ? data.length : at, limit - size);
    parts.push(data.subarray(0, take));
    size += take;
    if (size === limit || at >= 0) {
      input.unread(data.subarray(take + (size === limit && at !== take ? 0 : 1)));
      return { bytes: Buffer.concat(parts), ended: true };
    }
  }
}

/** `read [-r] [-p PROMPT] [-n COUNT] [-t SECONDS] [-s] [-d CHAR] [-u FD] NAME…` */
export const read: Builtin = async (shell, args) => {
  const names: string[] = [];
  let raw = false;
  let prompt = '';
  let limit = Number.POSITIVE_INFINITY;
  let delimiter = 10;
  let timeout: number | undefined;
  let input = shell.input;
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at] as string;
    const option = /^-([a-z])(.*)$/s.exec(word);
    if (!option || names.length > 0) {
      names.push(word);
      continue;
    }
    const [, letter = '', rest = ''] = option;
    const value = () => (rest !== '' ? rest : (args[++at] ?? ''));
    if (letter === 'p') prompt = value();
    else if (letter === 'n') limit = Number(value());
    else if (letter === 'd') delimiter = value().charCodeAt(0) || 0;
    else if (letter === 't') timeout = Number(value());
    else if (letter === 'u') input = shell.descriptors.get(Number(value()))?.input ?? input;
    else if (/^[rs]$/.test(letter)) raw ||= word.includes('r');
    else throw new ShellFailure(`read: illegal option -${letter}`);
  }
  for (const name of names)
    if (!/^[A-Za-z_]\w*$/.test(name)) throw new ShellFailure(`read: '${name}': bad variable name`);
  if (prompt && shell.process.tty) await shell.errors.write(prompt);
  let text = '';
  let ended = false;
  for (let going = true; going; ) {
    const line = readUntil(input, delimiter, limit);
    const late = timeout === undefined ? undefined : shell.process.sleep(timeout * 1000).then(() => undefined);
    late?.catch(() => undefined);
    const result = await (late ? Promise.race([line, late]) : line);
    if (!result) return 129;
    ended = result.ended;
    text += result.bytes.toString();
    going = false;
    if (!raw && ended && /(^|[^\\])(\\\\)*\\$/.test(text)) {
      text = text.slice(0, -1);
      going = true;
    }
  }
  assign(shell.state.get('IFS') ?? ' \t\n', raw, text, names.length > 0 ? names : ['REPLY'], (name, value) =>
    shell.state.set(name, value),
  );
  return ended ? 0 : 1;
};

/** Cuts the line at IFS; the last name gets the rest. */
function assign(
  ifs: string,
  raw: boolean,
  text: string,
  names: string[],
  set: (name: string, value: string) => void,
): void {
  const blanks = [...ifs].filter((char) => ' \t\n'.includes(char)).join('');
  const clean = (value: string) => (raw ? value : value.replace(/\\([\s\S])/g, '$1'));
  let at = 0;
  const skipBlanks = () => {
    while (at < text.length && blanks.includes(text[at] as string)) at += 1;
  };
  skipBlanks();
  for (const [index, name] of names.entries()) {
    if (index === names.length - 1) {
      let end = text.length;
      while (end > at && blanks.includes(text[end - 1] as string)) end -= 1;
      set(name, clean(text.slice(at, end)));
      return;
    }
    const start = at;
    while (at < text.length && !ifs.includes(text[at] as string)) at += !raw && text[at] === '\\' ? 2 : 1;
    set(name, clean(text.slice(start, at)));
    skipBlanks();
    if (at < text.length && ifs.includes(text[at] as string) && !blanks.includes(text[at] as string)) {
      at += 1;
      skipBlanks();
    }
  }
}
