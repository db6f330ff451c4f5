import { UsageError } from '../applets/options.ts';

export interface Token {
  kind: 'number' | 'string' | 'regex' | 'name' | 'function' | 'operator' | 'newline' | 'end';
  text: string;
}

const OPERATORS = /\*\*=|\*\*|\+\+|--|\+=|-=|\*=|\/=|%=|\^=|==|<=|>=|!=|!~|&&|\|\||>>|[-+*/%^!<>|?:~$=,;(){}[\]]/y;
const NAME = /[A-Za-z_]\w*/y;
const NUMBER = /0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?/y;

export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const match = (regex: RegExp) => {
    regex.lastIndex = at;
    return regex.exec(source)?.[0];
  };
  while (at < source.length) {
    const char = source[at] as string;
    const last = tokens.at(-1);
    if (char === '\n') {
      tokens.push({ kind: 'newline', text: '\n' });
      at += 1;
    } else if (/\s/.test(char)) at += 1;
    else if (char === '\\' && source[at + 1] === '\n') at += 2;
    else if (char === '#') at = (source.indexOf('\n', at) + 1 || source.length + 1) - 1;
    else if (char === '"') {
      const text = /^"(?:[^"\\]|\\[\s\S])*"/.exec(source.slice(at))?.[0];
      if (!text) throw new UsageError('unterminated string');
      tokens.push({
        kind: 'string',
        text: text
          .slice(1, -1)
          .replace(
            /\\([\s\S])/g,
            (whole, letter: string) => ({ n: '\n', t: '\t', r: '\r', '\\': '\\', '"': '"', '/': '/' })[letter] ?? whole,
          ),
      });
      at += text.length;
    } else if (
      char === '/' &&
      !(
        last &&
        (last.kind === 'number' ||
          last.kind === 'string' ||
          last.kind === 'name' ||
          [')', ']', '$'].includes(last.text))
      )
    ) {
      const text = /^\/(?:[^/\\\n[]|\\.|\[(?:\\.|[^\]\n])*\])*\//.exec(source.slice(at))?.[0];
      if (!text) throw new UsageError('unterminated regex');
      tokens.push({ kind: 'regex', text: text.slice(1, -1) });
      at += text.length;
    } else {
      const number = /[\d.]/.test(char) ? match(NUMBER) : undefined;
      const name = match(NAME);
      const operator = match(OPERATORS);
      const text = number ?? name ?? operator;
      if (text === undefined) throw new UsageError(`cmd. line:1: Unexpected token`);
      at += text.length;
      if (number !== undefined) tokens.push({ kind: 'number', text });
      else if (name !== undefined) tokens.push({ kind: source[at] === '(' ? 'function' : 'name', text });
      else tokens.push({ kind: 'operator', text });
    }
  }
  tokens.push({ kind: 'end', text: '' });
  return tokens;
}
