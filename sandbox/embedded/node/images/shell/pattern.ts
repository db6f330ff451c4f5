/** Shell patterns (`*`, `?`, `[…]`, `\` quotes the next) as regular expressions. */
export function patternSource(pattern: string, options: { path?: boolean; lazy?: boolean } = {}): string {
  const any = options.path ? '[^/]' : '[\\s\\S]';
  let source = '';
  for (let at = 0; at < pattern.length; at += 1) {
    const char = pattern[at] as string;
    if (char === '\\' && at + 1 < pattern.length) {
      at += 1;
      source += escapeRegExp(pattern[at] as string);
    } else if (char === '*') source += `${any}*${options.lazy ? '?' : ''}`;
    else if (char === '?') source += any;
    else if (char === '[') {
      const end = bracketEnd(pattern, at);
      if (end < 0) source += '\\[';
      else {
        source += bracket(pattern.slice(at + 1, end));
        at = end;
      }
    } else source += escapeRegExp(char);
  }
  return source;
}

export function matchesPattern(pattern: string, text: string): boolean {
  return new RegExp(`^${patternSource(pattern)}$`).test(text);
}

/** Whether expanding the pattern could give anything but itself. */
export function isPattern(text: string): boolean {
  return /[*?[]/.test(text.replace(/\\[\s\S]/g, ''));
}

export function unescapePattern(text: string): string {
  return text.replace(/\\([\s\S])/g, '$1');
}

/** Quotes what is special in patterns, so that the text stands for itself. */
export function quotePattern(text: string): string {
  return text.replace(/[\\*?[\]]/g, '\\$&');
}

export function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}

function bracketEnd(pattern: string, start: number): number {
  let at = start + 1;
  if (pattern[at] === '!' || pattern[at] === '^') at += 1;
  if (pattern[at] === ']') at += 1;
  for (; at < pattern.length; at += 1) {
    if (pattern.startsWith('[:', at)) {
      const close = pattern.indexOf(':]', at);
      if (close < 0) return -1;
      at = close + 1;
    } else if (pattern[at] === ']') return at;
  }
  return -1;
}

const CLASSES: Record<string, string> = {
  alpha: 'A-Za-z',
  digit: '0-9',
  alnum: 'A-Za-z0-9',
  upper: 'A-Z',
  lower: 'a-z',
  space: '\\s',
  blank: ' \\t',
  punct: '!-\\/:-@\\[-`{-~',
  print: '\\x20-\\x7e',
  graph: '\\x21-\\x7e',
  cntrl: '\\x00-\\x1f\\x7f',
  xdigit: '0-9A-Fa-f',
};

/** The inside of a bracket expression, of patterns and of POSIX regular expressions alike. */
export function bracket(inside: string): string {
  const negated = inside[0] === '!' || inside[0] === '^';
  const body = (negated ? inside.slice(1) : inside).replace(
    /\[:(\w+):\]|([\\\]^[])/g,
    (_, name?: string, char?: string) => (name ? (CLASSES[name] ?? '') : `\\${char}`),
  );
  return `[${negated ? '^' : ''}${body}]`;
}
