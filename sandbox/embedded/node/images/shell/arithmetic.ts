/** Arithmetic expansion: C's integer expressions over shell variables, 64 bits. */
export interface Variables {
  get(name: string): string | undefined;
  set(name: string, value: string): void;
}

export class ArithmeticError extends Error {}

const BINARY: Record<string, { level: number; apply: (a: bigint, b: bigint) => bigint }> = {
  '||': { level: 1, apply: (a, b) => bool(a !== 0n || b !== 0n) },
  '&&': { level: 2, apply: (a, b) => bool(a !== 0n && b !== 0n) },
  '|': { level: 3, apply: (a, b) => a | b },
  '^': { level: 4, apply: (a, b) => a ^ b },
  '&': { level: 5, apply: (a, b) => a & b },
  '==': { level: 6, apply: (a, b) => bool(a === b) },
  '!=': { level: 6, apply: (a, b) => bool(a !== b) },
  '<': { level: 7, apply: (a, b) => bool(a < b) },
  '>': { level: 7, apply: (a, b) => bool(a > b) },
  '<=': { level: 7, apply: (a, b) => bool(a <= b) },
  '>=': { level: 7, apply: (a, b) => bool(a >= b) },
  '<<': { level: 8, apply: (a, b) => a << (b & 63n) },
  '>>': { level: 8, apply: (a, b) => a >> (b & 63n) },
  '+': { level: 9, apply: (a, b) => a + b },
  '-': { level: 9, apply: (a, b) => a - b },
  '*': { level: 10, apply: (a, b) => a * b },
  '/': { level: 10, apply: divide },
  '%': { level: 10, apply: (a, b) => a - divide(a, b) * b },
  '**': { level: 11, apply: (a, b) => a ** (b < 0n ? 0n : b > 4096n ? 4096n : b) },
};
const TOKEN =
  /\s*(0[xX][0-9a-fA-F]+|\d+|[A-Za-z_]\w*|<<=|>>=|\*\*|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|[-+*/%<>=!~&|^?:(),])\s*/y;

function bool(value: boolean): bigint {
  return value ? 1n : 0n;
}

function divide(a: bigint, b: bigint): bigint {
  if (b === 0n) throw new ArithmeticError('divide by zero');
  return a / b;
}

export function evaluateArithmetic(text: string, variables: Variables, depth = 0): bigint {
  if (depth > 32) throw new ArithmeticError('expression recursion loop detected');
  const tokens: string[] = [];
  const source = text.trim();
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const token = TOKEN.exec(source)?.[1];
    if (token === undefined) throw new ArithmeticError('arithmetic syntax error');
    tokens.push(token);
  }
  if (tokens.length === 0) return 0n;
  let at = 0;
  const peek = () => tokens[at];
  const take = () => tokens[at++];
  const bad = (): never => {
    throw new ArithmeticError('arithmetic syntax error');
  };
  const isName = (token: string | undefined): token is string => token !== undefined && /^[A-Za-z_]/.test(token);
  const load = (name: string): bigint => evaluateArithmetic(variables.get(name) ?? '0', variables, depth + 1);
  const store = (name: string, value: bigint): bigint => {
    variables.set(name, String(BigInt.asIntN(64, value)));
    return value;
  };

  const number = (token: string): bigint => {
    if (/^0[0-7]+$/.test(token)) return BigInt(`0o${token.slice(1)}`);
    if (/^0\d/.test(token)) return bad();
    return BigInt(token);
  };
  const primary = (): bigint => {
    const token = take();
    if (token === '(') {
      const value = comma();
      return take() === ')' ? value : bad();
    }
    if (isName(token)) {
      const value = load(token);
      if (peek() === '++' || peek() === '--') store(token, take() === '++' ? value + 1n : value - 1n);
      return value;
    }
    return token !== undefined && /^\d/.test(token) ? number(token) : bad();
  };
  const unary = (): bigint => {
    switch (peek()) {
      case '-':
        take();
        return -unary();
      case '+':
        take();
        return unary();
      case '!':
        take();
        return bool(unary() === 0n);
      case '~':
        take();
        return ~unary();
      case '++':
      case '--': {
        const step = take() === '++' ? 1n : -1n;
        const name = take();
        return isName(name) ? store(name, load(name) + step) : bad();
      }
    }
    return primary();
  };
  const binary = (level: number): bigint => {
    let left = unary();
    for (let operator = BINARY[peek() ?? '']; operator && operator.level >= level; operator = BINARY[peek() ?? '']) {
      const name = take();
      // What && and || need not look at has no effect; its value is not asked for, either.
      if ((name === '&&' && left === 0n) || (name === '||' && left !== 0n)) {
        skip(operator.level + 1);
        left = bool(left !== 0n);
      } else left = operator.apply(left, binary(operator.level + 1));
    }
    return BigInt.asIntN(64, left);
  };
  const skip = (level: number): void => {
    const quiet = { get: () => '1', set: () => undefined };
    const kept = variables;
    variables = quiet;
    try {
      binary(level);
    } finally {
      variables = kept;
    }
  };
  const conditional = (): bigint => {
    const condition = binary(1);
    if (peek() !== '?') return condition;
    take();
    const yes = assignment();
    if (take() !== ':') bad();
    const no = conditional();
    return condition !== 0n ? yes : no;
  };
  const assignment = (): bigint => {
    const name = peek();
    const operator = tokens[at + 1];
    if (!isName(name) || operator === undefined || !/^(?:[-+*/%&|^]|<<|>>)?=$/.test(operator)) return conditional();
    at += 2;
    const value = assignment();
    const apply = BINARY[operator.slice(0, -1)]?.apply;
    return store(name, apply ? apply(load(name), value) : value);
  };
  const comma = (): bigint => {
    let value = assignment();
    while (peek() === ',') {
      take();
      value = assignment();
    }
    return value;
  };

  const value = comma();
  return at < tokens.length ? bad() : value;
}
