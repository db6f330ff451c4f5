import { bracket, escapeRegExp } from '../shell/pattern.ts';
import { UsageError } from './options.ts';

/** A POSIX regular expression, basic or extended, as JavaScript's; `fixed` is a plain string. */
export function posixRegExp(
  source: string,
  options: { extended?: boolean; fixed?: boolean; flags?: string } = {},
): RegExp {
  try {
    return new RegExp(
      options.fixed ? escapeRegExp(source) : translate(source, options.extended ?? false),
      options.flags,
    );
  } catch {
    throw new UsageError(`bad regex '${source}': Invalid preceding regular expression`, 2);
  }
}

function bracketEnd(source: string, start: number): number {
  let at = start + 1;
  if (source[at] === '^') at += 1;
  if (source[at] === ']') at += 1;
  for (; at < source.length; at += 1) {
    if (source.startsWith('[:', at)) at = source.indexOf(':]', at) + 1 || source.length;
    else if (source[at] === ']') return at;
  }
  throw new UsageError(`bad regex '${source}': Unmatched [, [^, [:, [., or [=`, 2);
}

function translate(source: string, extended: boolean): string {
  let result = '';
  for (let at = 0; at < source.length; at += 1) {
    const char = source[at] as string;
    if (char === '[') {
      const end = bracketEnd(source, at);
      // In POSIX a backslash in brackets is itself; \n and \t are GNU's, and everybody uses them.
      const inside = source.slice(at + 1, end);
      result += bracket(inside).replace(/\\\\([nt])/g, '\\$1');
      at = end;
    } else if (char === '\\') {
      const next = source[at + 1] ?? '\\';
      at += 1;
      if ('(){}|+?'.includes(next)) result += extended ? `\\${next}` : next;
      else if (next === '<' || next === '>') result += '\\b';
      else if (/[1-9bBwWsSnt]/.test(next)) result += `\\${next}`;
      else result += escapeRegExp(next);
    } else if ('(){}|+?'.includes(char)) {
      const literalBrace = extended && char === '{' && !/^\{\d/.test(source.slice(at));
      result += extended && !literalBrace ? char : `\\${char}`;
    } else if (char === '*') {
      const isFirst = result === '' || /(?:^|[^\\])(?:\(|\||\^)$/.test(result);
      result += isFirst ? '\\*' : '*';
    } else if (char === '^') {
      result += extended || at === 0 || /(?:\(|\|)$/.test(result) ? '^' : '\\^';
    } else if (char === '$') {
      const isLast = at === source.length - 1 || /^\$(?:\\\)|\\\|)/.test(source.slice(at));
      result += extended || isLast ? '$' : '\\$';
    } else if (char === '/') result += '\\/';
    else result += char;
  }
  return result;
}
