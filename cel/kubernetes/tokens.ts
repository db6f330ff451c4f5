import { Uint } from './values.ts';

/** One fault of an expression; `at` counts characters from its start. */
export interface Fault {
  at: number;
  message: string;
}

export class ParseFault extends Error {
  readonly faults: Fault[];
  constructor(faults: Fault[]) {
    super(faults[0]?.message);
    this.faults = faults;
  }
}

export interface Token {
  kind: 'name' | 'quoted' | 'sign' | 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'end';
  text: string;
  at: number;
  value?: unknown;
}

const space = /(?:[ \t\r\n\f]+|\/\/[^\n]*)+/y;
const name = /[A-Za-z_][A-Za-z0-9_]*/y;
const quoted = /`([A-Za-z0-9_.\-/ ]+)`/y;
const number =
  /0x([0-9a-fA-F]+)([uU])?|(\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)|(\d+)([uU])?/y;
const text = /([rR]?[bB]?|[bB][rR])(?:"""([\s\S]*?)"""|'''([\s\S]*?)'''|"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)')/y;
const rawText = /([rR][bB]?|[bB][rR])(?:"""([\s\S]*?)"""|'''([\s\S]*?)'''|"([^"\n]*)"|'([^'\n]*)')/y;
const sign = /==|!=|<=|>=|&&|\|\||[-+*/%<>!?:.,()[\]{}]/y;

/** Splits an expression; what is no token is a fault and left out. */
export function tokenize(source: string): { tokens: Token[]; faults: Fault[] } {
  const tokens: Token[] = [];
  const faults: Fault[] = [];
  let at = 0;
  const match = (expression: RegExp): RegExpExecArray | null => {
    expression.lastIndex = at;
    return expression.exec(source);
  };
  while (at < source.length) {
    const blank = match(space);
    if (blank) {
      at += blank[0].length;
      continue;
    }
    const raw = match(rawText);
    const string = raw ?? match(text);
    if (string) {
      tokens.push(textToken(string, at, raw !== null, faults));
      at += string[0].length;
      continue;
    }
    const digits = /[\d.]/.test(source[at] ?? '') ? match(number) : null;
    if (digits) {
      tokens.push(numberToken(digits, at));
      at += digits[0].length;
      continue;
    }
    const found = match(name);
    const inTicks = match(quoted);
    const operator = match(sign);
    if (found) tokens.push({ kind: 'name', text: found[0], at });
    else if (inTicks) tokens.push({ kind: 'quoted', text: inTicks[1] ?? '', at });
    else if (operator) tokens.push({ kind: 'sign', text: operator[0], at });
    else faults.push(strange(source, at));
    at += (found ?? inTicks ?? operator)?.[0].length ?? 1;
  }
  tokens.push({ kind: 'end', text: '', at: source.length });
  return { tokens, faults };
}

function strange(source: string, at: number): Fault {
  const sign = source[at] ?? '';
  // The lexer had begun to read `==`, `&&`, `||`, or a text that does not end.
  const rest = /['"]/.test(sign) ? source.slice(at) : '=&|'.includes(sign) ? source.slice(at, at + 2) : sign;
  return { at, message: `Syntax error: token recognition error at: '${rest}'` };
}

function numberToken(found: RegExpExecArray, at: number): Token {
  const [whole, hex, hexUnsigned, float, int, unsigned] = found;
  if (float !== undefined) return { kind: 'double', text: whole, at, value: Number(float) };
  const value = hex === undefined ? BigInt(int ?? '0') : BigInt(`0x${hex}`);
  if (hexUnsigned || unsigned) return { kind: 'uint', text: whole, at, value: new Uint(value) };
  return { kind: 'int', text: whole, at, value };
}

function textToken(found: RegExpExecArray, at: number, raw: boolean, faults: Fault[]): Token {
  const [whole, prefix = '', ...bodies] = found;
  const body = bodies.find((one) => one !== undefined) ?? '';
  const bytes = /b/i.test(prefix);
  const value = raw ? body : unescapeText(body, at, bytes, faults);
  if (!bytes) return { kind: 'string', text: whole, at, value };
  return { kind: 'bytes', text: whole, at, value: new Uint8Array(Buffer.from(value, raw ? 'utf8' : 'latin1')) };
}

const simple: Record<string, string> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '?': '?',
  '"': '"',
  "'": "'",
  '`': '`',
};

function unescapeText(body: string, at: number, bytes: boolean, faults: Fault[]): string {
  const plain = bytes ? Buffer.from(body, 'utf8').toString('latin1') : body;
  return plain.replace(
    /\\(?:x([0-9a-fA-F]{2})|X([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|([\s\S]?))/g,
    (_, x, bigX, u, bigU, octal, one) => {
      const code = x ?? bigX ?? u ?? bigU;
      if (code !== undefined) return String.fromCodePoint(Number.parseInt(code, 16));
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
      const known = simple[one];
      if (known === undefined) faults.push({ at, message: 'invalid string literal: unable to unescape string' });
      return known ?? '';
    },
  );
}
