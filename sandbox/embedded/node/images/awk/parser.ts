import { UsageError } from '../applets/options.ts';
import type { AwkProgram, Expression, Rule, Statement } from './syntax.ts';
import { type Token, tokenize } from './tokens.ts';

const BINARY: Record<string, number> = {
  '||': 1,
  '&&': 2,
  '~': 4,
  '!~': 4,
  '<': 5,
  '<=': 5,
  '==': 5,
  '!=': 5,
  '>': 5,
  '>=': 5,
  '+': 7,
  '-': 7,
  '*': 8,
  '/': 8,
  '%': 8,
};
const CONCATENATION = 6;
const BARE = new Set(['length', 'getline']);
const WORDS = new Set([
  'if',
  'else',
  'while',
  'for',
  'do',
  'in',
  'print',
  'printf',
  'next',
  'exit',
  'break',
  'continue',
  'return',
  'delete',
  'function',
  'func',
  'BEGIN',
  'END',
]);

export class AwkParser {
  private readonly tokens: Token[];
  private at = 0;
  /** Inside print's arguments `>` redirects; inside `for (` `in` belongs to the loop. */
  private noGreater = false;
  private noIn = false;

  constructor(source: string) {
    this.tokens = tokenize(source);
  }

  private get token(): Token {
    return this.tokens[this.at] as Token;
  }

  private is(text: string): boolean {
    const { kind } = this.token;
    return this.token.text === text && kind !== 'string' && kind !== 'regex';
  }

  private take(text: string): boolean {
    if (!this.is(text)) return false;
    this.at += 1;
    return true;
  }

  private expect(text: string): void {
    if (!this.take(text)) throw new UsageError('cmd. line:1: Unexpected token');
  }

  private skipLines(): void {
    while (this.token.kind === 'newline' || this.is(';')) this.at += 1;
  }

  private newlines(): void {
    while (this.token.kind === 'newline') this.at += 1;
  }

  program(): AwkProgram {
    const program: AwkProgram = { rules: [], functions: new Map() };
    for (this.skipLines(); this.token.kind !== 'end'; this.skipLines()) {
      if (this.take('function') || this.take('func')) {
        const name = this.tokens[this.at++]?.text ?? '';
        this.expect('(');
        const parameters: string[] = [];
        while (!this.take(')')) {
          parameters.push(this.tokens[this.at++]?.text ?? '');
          this.take(',');
        }
        this.newlines();
        program.functions.set(name, { parameters, body: this.block() });
      } else program.rules.push(this.rule());
    }
    return program;
  }

  private rule(): Rule {
    const rule: Rule = { when: 'always', active: false };
    if (this.take('BEGIN')) rule.when = 'BEGIN';
    else if (this.take('END')) rule.when = 'END';
    else if (!this.is('{')) {
      rule.when = this.expression();
      if (this.take(',')) {
        this.newlines();
        rule.until = this.expression();
      }
    }
    if (this.is('{')) rule.body = this.block();
    return rule;
  }

  private block(): Statement {
    this.expect('{');
    const body: Statement[] = [];
    for (this.skipLines(); !this.take('}'); this.skipLines()) body.push(this.statement());
    return { kind: 'block', body };
  }

  private endStatement(): void {
    if (this.is('}') || this.token.kind === 'end') return;
    if (!this.take(';') && this.token.kind !== 'newline') throw new UsageError('cmd. line:1: Unexpected token');
    this.newlines();
  }

  private statement(): Statement {
    this.newlines();
    if (this.is('{')) return this.block();
    if (this.take(';')) return { kind: 'block', body: [] };
    if (this.take('if')) {
      this.expect('(');
      const condition = this.expression();
      this.expect(')');
      this.newlines();
      const then = this.statement();
      this.skipLines();
      if (!this.take('else')) return { kind: 'if', condition, then };
      return { kind: 'if', condition, then, otherwise: this.statement() };
    }
    if (this.take('while')) {
      this.expect('(');
      const condition = this.expression();
      this.expect(')');
      if (this.take(';')) return { kind: 'while', condition, body: { kind: 'block', body: [] }, after: false };
      return { kind: 'while', condition, body: this.statement(), after: false };
    }
    if (this.take('do')) {
      const body = this.statement();
      this.skipLines();
      this.expect('while');
      this.expect('(');
      const condition = this.expression();
      this.expect(')');
      return { kind: 'while', condition, body, after: true };
    }
    if (this.take('for')) return this.forStatement();
    const statement = this.simple();
    this.endStatement();
    return statement;
  }

  private forStatement(): Statement {
    this.expect('(');
    const [name, word, array, close] = this.tokens.slice(this.at, this.at + 4);
    if (name?.kind === 'name' && word?.text === 'in' && array?.kind === 'name' && close?.text === ')') {
      this.at += 4;
      this.newlines();
      return { kind: 'each', name: name.text, array: array.text, body: this.statement() };
    }
    const loop: Extract<Statement, { kind: 'for' }> = { kind: 'for', body: { kind: 'block', body: [] } };
    if (!this.is(';')) loop.start = this.simple();
    this.expect(';');
    if (!this.is(';')) loop.condition = this.expression();
    this.expect(';');
    if (!this.is(')')) loop.step = this.simple();
    this.expect(')');
    if (!this.take(';')) loop.body = this.statement();
    return loop;
  }

  private simple(): Statement {
    const { text, kind } = this.token;
    if (kind === 'name' || kind === 'function') {
      if (text === 'print' || text === 'printf') return this.print(text === 'printf');
      if (text === 'delete') {
        this.at += 1;
        const name = this.tokens[this.at++]?.text ?? '';
        return this.take('[') ? { kind: 'delete', name, keys: this.list(']') } : { kind: 'delete', name };
      }
      if (['next', 'break', 'continue', 'exit', 'return'].includes(text)) {
        this.at += 1;
        const jump: Extract<Statement, { kind: 'jump' }> = { kind: 'jump', to: text as 'next' };
        if (!this.is(';') && !this.is('}') && this.token.kind !== 'newline' && this.token.kind !== 'end')
          jump.value = this.expression();
        return jump;
      }
    }
    return { kind: 'expression', value: this.expression() };
  }

  private print(format: boolean): Statement {
    this.at += 1;
    const outer = this.noGreater;
    this.noGreater = true;
    let args: Expression[] = [];
    const ends = () =>
      [';', '}', '>', '>>', '|'].some((text) => this.is(text)) ||
      this.token.kind === 'newline' ||
      this.token.kind === 'end';
    const start = this.at;
    if (this.take('(')) {
      this.noGreater = false;
      args = this.list(')');
      this.noGreater = true;
      // `print (1)(2)` and `print (a) > b`: only a list alone in parentheses is one.
      if (!ends()) {
        this.at = start;
        args = this.arguments();
      }
    } else if (!ends()) args = this.arguments();
    this.noGreater = outer;
    const operator = ['>>', '>', '|'].find((text) => this.take(text));
    const print: Extract<Statement, { kind: 'print' }> = { kind: 'print', args, format };
    if (operator) print.to = { operator, target: this.binary(CONCATENATION) };
    return print;
  }

  private arguments(): Expression[] {
    const args = [this.expression()];
    while (this.take(',')) {
      this.newlines();
      args.push(this.expression());
    }
    return args;
  }

  private list(close: string): Expression[] {
    this.newlines();
    if (this.take(close)) return [];
    const args = this.arguments();
    this.newlines();
    this.expect(close);
    return args;
  }

  private expression(): Expression {
    const left = this.conditional();
    const operator = this.token.text;
    if (
      this.token.kind === 'operator' &&
      /^(?:=|\+=|-=|\*=|\/=|%=|\^=|\*\*=)$/.test(operator) &&
      ['variable', 'field', 'element'].includes(left.kind)
    ) {
      this.at += 1;
      this.newlines();
      return { kind: 'assign', operator, target: left, value: this.expression() };
    }
    return left;
  }

  private conditional(): Expression {
    const condition = this.binary(1);
    if (!this.take('?')) return condition;
    this.newlines();
    const yes = this.expression();
    this.newlines();
    this.expect(':');
    this.newlines();
    return { kind: 'conditional', condition, yes, no: this.expression() };
  }

  private binary(level: number): Expression {
    let left = this.unary();
    for (;;) {
      const { text, kind } = this.token;
      if (kind === 'name' && text === 'in' && level <= 3 && !this.noIn) {
        this.at += 1;
        left = { kind: 'in', keys: [left], name: this.tokens[this.at++]?.text ?? '' };
        continue;
      }
      if (kind === 'operator' && text === '|' && this.tokens[this.at + 1]?.text === 'getline') {
        this.at += 2;
        left = this.getline({ kind: 'getline', source: left, command: true });
        continue;
      }
      const own = kind === 'operator' ? BINARY[text] : undefined;
      if (own !== undefined && !(text === '>' && this.noGreater)) {
        if (own < level) return left;
        this.at += 1;
        this.newlines();
        left = { kind: 'binary', operator: text, left, right: this.binary(own + 1) };
      } else if (level <= CONCATENATION && this.startsOperand())
        left = { kind: 'binary', operator: ' ', left, right: this.binary(CONCATENATION + 1) };
      else return left;
    }
  }

  private startsOperand(): boolean {
    const { kind, text } = this.token;
    if (kind === 'number' || kind === 'string' || kind === 'regex' || kind === 'function')
      return !WORDS.has(text) || kind === 'string';
    if (kind === 'name') return !WORDS.has(text);
    return ['$', '(', '!', '-', '+', '++', '--'].includes(text) && kind === 'operator' && !['-', '+'].includes(text);
  }

  private unary(): Expression {
    for (const operator of ['!', '-', '+'])
      if (this.token.kind === 'operator' && this.take(operator))
        return { kind: 'unary', operator, operand: this.power(operator === '!' ? this.unary() : this.unary()) };
    return this.power(this.postfix());
  }

  private power(base: Expression): Expression {
    if (!this.take('^') && !this.take('**')) return base;
    return { kind: 'binary', operator: '^', left: base, right: this.unary() };
  }

  private postfix(): Expression {
    for (const operator of ['++', '--'] as const)
      if (this.take(operator)) return { kind: 'step', operator, prefix: true, target: this.primary() };
    const value = this.primary();
    if (['variable', 'field', 'element'].includes(value.kind))
      for (const operator of ['++', '--'] as const)
        if (this.take(operator)) return { kind: 'step', operator, prefix: false, target: value };
    return value;
  }

  private getline(base: Extract<Expression, { kind: 'getline' }>): Expression {
    if (this.is('$') || (this.token.kind === 'name' && !WORDS.has(this.token.text))) base.target = this.primary();
    if (!base.command && this.take('<')) base.source = this.binary(CONCATENATION + 1);
    return base;
  }

  private primary(): Expression {
    const { kind, text } = this.token;
    this.at += 1;
    switch (kind) {
      case 'number':
        return { kind: 'number', value: Number(text) };
      case 'string':
        return { kind: 'string', value: text };
      case 'regex':
        return { kind: 'regex', source: text };
      case 'function': {
        this.expect('(');
        return { kind: 'call', name: text, args: this.list(')') };
      }
      case 'name':
        if (text === 'getline') return this.getline({ kind: 'getline', command: false });
        if (BARE.has(text)) return { kind: 'call', name: text, args: [] };
        if (this.take('[')) return { kind: 'element', name: text, keys: this.list(']') };
        return { kind: 'variable', name: text };
    }
    if (text === '$') {
      const step = this.is('++') || this.is('--');
      return { kind: 'field', index: step ? this.postfix() : this.primary() };
    }
    if (text === '-' && kind === 'operator') return { kind: 'unary', operator: '-', operand: this.primary() };
    if (text === '(' && kind === 'operator') {
      const outer = this.noGreater;
      this.noGreater = false;
      const keys = this.list(')');
      this.noGreater = outer;
      if (keys.length > 1 && this.take('in')) return { kind: 'in', keys, name: this.tokens[this.at++]?.text ?? '' };
      if (keys.length === 1)
        return {
          kind: 'conditional',
          condition: { kind: 'number', value: 1 },
          yes: keys[0] as Expression,
          no: { kind: 'number', value: 0 },
        };
    }
    throw new UsageError('cmd. line:1: Unexpected token');
  }
}
