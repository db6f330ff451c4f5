/** What is wrong with a rule, as Traefik says it after `error while parsing rule …: `. */
export class RuleError extends Error {}

export type Rule =
  | { matcher: 'and' | 'or'; left: Rule; right: Rule }
  | { matcher: string; values: string[]; not: boolean; left?: undefined };

const matchers = [
  'ClientIP',
  'Method',
  'Host',
  'HostRegexp',
  'Path',
  'PathRegexp',
  'PathPrefix',
  'Header',
  'HeaderRegexp',
  'Query',
  'QueryRegexp',
];

/** A name may be written as it is, in lower or upper case, or with a capital alone. */
const names = new Map(
  matchers.flatMap((name): [string, string][] => {
    const small = name.toLowerCase();
    return [name, small, name.toUpperCase(), small.charAt(0).toUpperCase() + small.slice(1)].map((one) => [one, name]);
  }),
);

interface Token {
  kind: 'name' | 'text' | 'sign' | 'end' | 'other';
  text: string;
  /** From 1, as Go's parser counts. */
  column: number;
}

function* tokens(rule: string): Generator<Token> {
  const pattern = /\s+|([A-Za-z_]\w*)|`([^`]*)`|("(?:[^"\\\n]|\\.)*")|(&&|\|\||[!(),])|(\S)/gy;
  for (let match = pattern.exec(rule); match; match = pattern.exec(rule)) {
    const [, name, raw, interpreted, sign, other] = match;
    const column = match.index + 1;
    if (name !== undefined) yield { kind: 'name', text: name, column };
    else if (raw !== undefined) yield { kind: 'text', text: raw, column };
    else if (interpreted !== undefined) yield { kind: 'text', text: unquote(interpreted), column };
    else if (sign !== undefined) yield { kind: 'sign', text: sign, column };
    else if (other !== undefined) yield { kind: 'other', text: other, column };
  }
  yield { kind: 'end', text: 'EOF', column: rule.length + 1 };
}

function unquote(text: string): string {
  try {
    return JSON.parse(text) as string;
  } catch {
    return text.slice(1, -1).replaceAll(/\\(.)/g, '$1');
  }
}

/** Reads a rule as `Host(…) && (PathPrefix(…) || !Method(…))`. https://doc.traefik.io/traefik/routing/routers/#rule */
export function parseRule(rule: string): Rule {
  const list = [...tokens(rule)];
  let at = 0;
  const peek = (): Token => list[at]!;
  const failed = (token: Token, expected: string): never => {
    const found = token.kind === 'end' ? "'EOF'" : token.kind === 'sign' ? `'${token.text}'` : token.text;
    throw new RuleError(`1:${token.column}: expected ${expected}, found ${found}`);
  };
  const take = (sign: string): boolean => {
    const token = peek();
    if (token.kind !== 'sign' || token.text !== sign) return false;
    at += 1;
    return true;
  };

  function either(): Rule {
    let left = both();
    while (take('||')) left = { matcher: 'or', left, right: both() };
    return left;
  }

  function both(): Rule {
    let left = one();
    while (take('&&')) left = { matcher: 'and', left, right: one() };
    return left;
  }

  function one(): Rule {
    if (take('!')) return inverted(one());
    if (take('(')) {
      const inside = either();
      if (!take(')')) failed(peek(), "')'");
      return inside;
    }
    const token = peek();
    if (token.kind !== 'name') return failed(token, 'operand');
    at += 1;
    if (!take('(')) throw new RuleError(`${token.text} is not defined`);
    const values: string[] = [];
    while (!take(')')) {
      const value = peek();
      if (value.kind !== 'text') return failed(value, value.kind === 'end' ? "')'" : 'operand');
      values.push(value.text);
      at += 1;
      if (take(',') || (peek().kind === 'sign' && peek().text === ')')) continue;
      const after = peek();
      if (after.kind === 'end') throw new RuleError(`1:${after.column}: missing ',' before newline in argument list`);
      failed(after, "')'");
    }
    const matcher = names.get(token.text);
    if (!matcher) throw new RuleError(`unsupported function: ${token.text}`);
    return { matcher, values, not: false };
  }

  const parsed = either();
  const rest = peek();
  if (rest.kind === 'other') throw new RuleError(`${rest.text} is not supported`);
  if (rest.kind !== 'end') failed(rest, "'EOF'");
  return parsed;
}

function inverted(rule: Rule): Rule {
  if (rule.left)
    return { matcher: rule.matcher === 'or' ? 'and' : 'or', left: inverted(rule.left), right: inverted(rule.right) };
  return { ...rule, not: !rule.not };
}

/** The hosts a rule names, for certificates. */
export function hostsOf(rule: Rule): string[] {
  if (rule.left) return [...hostsOf(rule.left), ...hostsOf(rule.right)];
  return rule.matcher === 'Host' ? rule.values.map((value) => value.toLowerCase()) : [];
}
