import { ParseFault, type Token, tokenize } from './tokens.ts';
import type { Uint } from './values.ts';

/** A value in the text. */
export type LiteralValue = bigint | number | string | boolean | null | Uint8Array | Uint;

interface Base {
  /** Where a fault of the node is reported: the operator, the bracket of a call, the dot before a field. */
  at: number;
}

export interface Select extends Base {
  kind: 'select';
  of: Node;
  field: string;
  /** `has(a.b)` */
  test: boolean;
}
export interface Call extends Base {
  kind: 'call';
  name: string;
  target?: Node;
  args: Node[];
}
export interface Fold extends Base {
  kind: 'fold';
  name: string;
  range: Node;
  variables: string[];
  filter?: Node;
  step: Node;
}
export type Node =
  | (Base & { kind: 'literal'; value: LiteralValue })
  | (Base & { kind: 'name'; name: string })
  | Select
  | Call
  | (Base & { kind: 'list'; items: Node[]; optional: Set<number> })
  | (Base & { kind: 'map'; entries: { key: Node; value: Node; optional: boolean }[] })
  | Fold;

const binary: Record<string, number> = {
  '||': 1,
  '&&': 2,
  '==': 3,
  '!=': 3,
  '<': 3,
  '<=': 3,
  '>': 3,
  '>=': 3,
  in: 3,
  '+': 4,
  '-': 4,
  '*': 5,
  '/': 5,
  '%': 5,
};

/** How many arguments a macro takes; names of several forms are told apart by it. */
const macros: Record<string, number[]> = {
  all: [2, 3],
  exists: [2, 3],
  exists_one: [2, 3],
  existsOne: [2, 3],
  map: [2, 3],
  filter: [2],
  transformList: [3, 4],
  transformMap: [3, 4],
  transformMapEntry: [3, 4],
  optMap: [2],
  optFlatMap: [2],
  sortBy: [2],
};

const start =
  "'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER";
const maxDepth = 250;

/** Reads an expression. Throws ParseFault in the words of Kubernetes' parser. */
export function parse(source: string): Node {
  const { tokens, faults } = tokenize(source);
  const parser = new Parser(tokens);
  let node: Node | undefined;
  try {
    node = parser.expression();
    parser.end();
  } catch (error) {
    if (!(error instanceof ParseFault)) throw error;
    faults.push(...error.faults);
  }
  if (faults.length > 0 || !node) throw new ParseFault(faults);
  return node;
}

class Parser {
  readonly #tokens: Token[];
  #next = 0;
  #depth = 0;

  constructor(tokens: Token[]) {
    this.#tokens = tokens;
  }

  get #token(): Token {
    return this.#tokens[this.#next] as Token;
  }

  #is(text: string): boolean {
    return this.#token.kind === 'sign' && this.#token.text === text;
  }

  #take(text: string): Token | undefined {
    if (!this.#is(text)) return undefined;
    return this.#tokens[this.#next++];
  }

  #want(text: string, expecting: string): Token {
    return this.#take(text) ?? (this.#endsIn(text) ? this.#missing(text) : this.#fail(expecting));
  }

  /** Where one bracket alone is open at the end, the real parser closes it. */
  #endsIn(text: string): boolean {
    if (this.#token.kind !== 'end' || (text !== ')' && text !== ']')) return false;
    const signs = this.#tokens.flatMap((token) => (token.kind === 'sign' ? [token.text] : []));
    const count = (wanted: string): number => signs.filter((sign) => wanted.includes(sign.at(-1) ?? '')).length;
    return count('([{') === count(')]}') + 1;
  }

  #missing(text: string): never {
    throw new ParseFault([{ at: this.#token.at, message: `Syntax error: missing '${text}' at '<EOF>'` }]);
  }

  #fail(expecting: string): never {
    const { at, text, kind } = this.#token;
    const shown = kind === 'end' ? '<EOF>' : text;
    throw new ParseFault([{ at, message: `Syntax error: mismatched input '${shown}' expecting ${expecting}` }]);
  }

  end(): void {
    const { at, text, kind } = this.#token;
    if (kind === 'end') return;
    const last = this.#tokens[this.#next + 1]?.kind === 'end';
    const how = last ? 'extraneous' : 'mismatched';
    throw new ParseFault([{ at, message: `Syntax error: ${how} input '${text}' expecting <EOF>` }]);
  }

  expression(): Node {
    if (++this.#depth > maxDepth)
      throw new ParseFault([{ at: this.#token.at, message: `expression recursion limit exceeded: ${maxDepth}` }]);
    const condition = this.#binary(1);
    const question = this.#take('?');
    this.#depth--;
    if (!question) return condition;
    const then = this.#binary(1);
    this.#want(':', "':'");
    const other = this.expression();
    return { kind: 'call', name: '_?_:_', args: [condition, then, other], at: question.at };
  }

  #binary(level: number): Node {
    if (level > 5) return this.#unary();
    let left = this.#binary(level + 1);
    for (;;) {
      const { text, kind, at } = this.#token;
      const isOperator = kind === 'sign' || (kind === 'name' && text === 'in');
      if (!isOperator || binary[text] !== level) return left;
      this.#next++;
      const right = this.#binary(level + 1);
      left = { kind: 'call', name: text === 'in' ? '@in' : `_${text}_`, args: [left, right], at };
    }
  }

  #unary(): Node {
    const { at } = this.#token;
    if (this.#is('!') || this.#is('-')) {
      const sign = this.#token.text;
      let times = 0;
      while (this.#take(sign)) times++;
      const number = this.#token;
      if (sign === '-' && times === 1 && (number.kind === 'int' || number.kind === 'double')) {
        this.#next++;
        const value = number.value as bigint | number;
        return this.#members({ kind: 'literal', value: -value, at });
      }
      const inner = this.#members(this.#primary());
      return times % 2 === 0 ? inner : { kind: 'call', name: sign === '!' ? '!_' : '-_', args: [inner], at };
    }
    return this.#members(this.#primary());
  }

  #members(first: Node): Node {
    let node = first;
    for (;;) {
      const dot = this.#take('.');
      if (dot) {
        const optional = this.#take('?');
        const name = this.#token;
        if (name.kind !== 'name' && name.kind !== 'quoted') this.#fail('{IDENTIFIER, ESC_IDENTIFIER}');
        this.#next++;
        const open = optional ? undefined : this.#take('(');
        if (open) node = this.#memberCall(node, name.text, open.at, this.#arguments(')'));
        else if (optional)
          node = {
            kind: 'call',
            name: '_?._',
            args: [node, { kind: 'literal', value: name.text, at: name.at }],
            at: dot.at,
          };
        else node = { kind: 'select', of: node, field: name.text, test: false, at: dot.at };
        continue;
      }
      const bracket = this.#take('[');
      if (!bracket) return node;
      const optional = this.#take('?');
      const index = this.expression();
      this.#want(']', "']'");
      node = { kind: 'call', name: optional ? '_[?_]' : '_[_]', args: [node, index], at: bracket.at };
    }
  }

  #arguments(close: string): Node[] {
    const args: Node[] = [];
    if (this.#take(close)) return args;
    do {
      if (args.length === 0 && this.#token.kind === 'end') this.#fail(`{'[', '{', '(', ')'${start.slice(13)}}`);
      args.push(this.expression());
    } while (this.#take(','));
    this.#want(close, `'${close}'`);
    return args;
  }

  #primary(): Node {
    const token = this.#token;
    const { at } = token;
    if (token.kind === 'name') {
      this.#next++;
      if (token.text === 'true' || token.text === 'false') return { kind: 'literal', value: token.text === 'true', at };
      if (token.text === 'null') return { kind: 'literal', value: null, at };
      if (reserved.has(token.text)) throw new ParseFault([{ at, message: `reserved identifier: ${token.text}` }]);
      const open = this.#take('(');
      if (!open) return { kind: 'name', name: token.text, at };
      return globalCall(token.text, open.at, this.#arguments(')'));
    }
    if (['int', 'uint', 'double', 'string', 'bytes'].includes(token.kind)) {
      this.#next++;
      return { kind: 'literal', value: token.value as LiteralValue, at };
    }
    if (this.#take('(')) {
      const inner = this.expression();
      this.#want(')', "')'");
      return inner;
    }
    if (this.#take('.')) {
      // A leading dot only names the root of all names.
      const name = this.#token;
      if (name.kind !== 'name') this.#fail('IDENTIFIER');
      return this.#primary();
    }
    if (this.#take('[')) return this.#list(at);
    if (this.#take('{')) return this.#map(at);
    return this.#fail(`{${start}}`);
  }

  #list(at: number): Node {
    const items: Node[] = [];
    const optional = new Set<number>();
    while (!this.#take(']')) {
      if (this.#take('?')) optional.add(items.length);
      items.push(this.expression());
      if (!this.#take(',')) {
        if (!this.#is(']')) this.#fail("{']', ','}");
        this.#next++;
        break;
      }
    }
    return { kind: 'list', items, optional, at };
  }

  #map(at: number): Node {
    const entries: { key: Node; value: Node; optional: boolean }[] = [];
    while (!this.#take('}')) {
      const optional = this.#take('?') !== undefined;
      const key = this.expression();
      this.#want(':', "':'");
      entries.push({ key, value: this.expression(), optional });
      if (!this.#take(',')) {
        this.#want('}', "{'}', ','}");
        break;
      }
    }
    return { kind: 'map', entries, at };
  }

  #memberCall(target: Node, name: string, at: number, args: Node[]): Node {
    if (!macros[name]?.includes(args.length)) return { kind: 'call', name, target, args, at };
    const two = name.startsWith('transform') || (args.length === 3 && name !== 'map');
    const variables = args.slice(0, two ? 2 : 1).map((arg) => {
      if (arg.kind !== 'name') throw new ParseFault([{ at: arg.at, message: 'argument must be a simple name' }]);
      return arg.name;
    });
    const bodies = args.slice(variables.length);
    const step = bodies.at(-1) as Node;
    const fold: Fold = { kind: 'fold', name, range: target, variables, step, at };
    if (bodies.length === 2 && bodies[0]) fold.filter = bodies[0];
    return fold;
  }
}

const reserved = new Set(
  'as break const continue else for function if import let loop package namespace return var void while'.split(' '),
);

function globalCall(name: string, at: number, args: Node[]): Node {
  const [only] = args;
  if (name !== 'has' || args.length !== 1 || !only) return { kind: 'call', name, args, at };
  if (only.kind !== 'select') throw new ParseFault([{ at: only.at, message: 'invalid argument to has() macro' }]);
  return { ...only, test: true, at };
}
