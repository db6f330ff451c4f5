import { applet, UsageError } from './options.ts';

/** expr(1): precedence climbing over words. */
export const expr = applet(async ({ args, print }) => {
  let at = 0;
  const levels = [['|'], ['&'], ['=', '==', '!=', '<', '<=', '>', '>='], ['+', '-'], ['*', '/', '%'], [':']];
  const number = (text: string) => {
    if (!/^-?\d+$/.test(text)) throw new UsageError('non-numeric argument', 2);
    return BigInt(text);
  };
  const primary = (): string => {
    const word = args[at++];
    if (word === undefined) throw new UsageError('syntax error', 2);
    if (word === '(') {
      const value = level(0);
      if (args[at++] !== ')') throw new UsageError('syntax error', 2);
      return value;
    }
    if (word === 'length' && args[at] !== undefined) return String((args[at++] as string).length);
    if (word === 'substr' && args.length - at >= 3) {
      const [text = '', from = '', count = ''] = args.slice(at, at + 3);
      at += 3;
      return text.slice(Number(from) - 1, Number(from) - 1 + Number(count));
    }
    return word;
  };
  const apply = (operator: string, a: string, b: string): string => {
    const truthy = (text: string) => text !== '' && text !== '0';
    switch (operator) {
      case '|':
        return truthy(a) ? a : b;
      case '&':
        return truthy(a) && truthy(b) ? a : '0';
      case '+':
        return String(number(a) + number(b));
      case '-':
        return String(number(a) - number(b));
      case '*':
        return String(number(a) * number(b));
      case '/':
      case '%': {
        if (number(b) === 0n) throw new UsageError('division by zero', 2);
        return String(operator === '/' ? number(a) / number(b) : number(a) % number(b));
      }
      case ':': {
        const match = new RegExp(`^(?:${b.replace(/\\([()])/g, '$1')})`).exec(a);
        return match?.[1] ?? (/\\\(/.test(b) ? '' : String(match?.[0].length ?? 0));
      }
    }
    const both = /^-?\d+$/.test(a) && /^-?\d+$/.test(b);
    const order = both ? Number(number(a) - number(b)) : a < b ? -1 : a > b ? 1 : 0;
    const truth = {
      '=': order === 0,
      '==': order === 0,
      '!=': order !== 0,
      '<': order < 0,
      '<=': order <= 0,
      '>': order > 0,
      '>=': order >= 0,
    }[operator];
    return truth ? '1' : '0';
  };
  const level = (depth: number): string => {
    if (depth === levels.length) return primary();
    let left = level(depth + 1);
    while (levels[depth]?.includes(args[at] ?? '')) left = apply(args[at++] as string, left, level(depth + 1));
    return left;
  };
  const value = level(0);
  if (at < args.length) throw new UsageError('syntax error', 2);
  await print(`${value}\n`);
  return value === '' || value === '0' ? 1 : 0;
});
