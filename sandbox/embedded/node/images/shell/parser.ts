import type {
  AndOr,
  CaseArm,
  Command,
  CompoundBody,
  Pipeline,
  Redirect,
  Script,
  SimpleCommand,
  Word,
} from './syntax.ts';
import { TokenParser } from './token-parser.ts';

/** Recursive descent over the POSIX shell grammar, with bash's `function`, `[[` and `((` where they are cheap. */
export class Parser extends TokenParser {
  protected sub(source: string): Parser {
    return new Parser(source);
  }

  protected parseAll(source: string): Script {
    return new Parser(source).script();
  }

  /** Everything up to the end of the text. */
  script(): Script {
    const script: Script = [];
    for (let next = this.next(); next; next = this.next()) script.push(...next);
    return script;
  }

  /** The next complete command: a line, or as many as a compound command takes. Undefined at the end. */
  next(): Script | undefined {
    this.skipLines();
    if (this.at >= this.source.length) return undefined;
    const script: Script = [];
    while (this.at < this.source.length && !this.atNewline()) {
      if (!this.listItem(script)) this.unexpected();
    }
    this.newline();
    return script;
  }

  protected substitution(): Script {
    const body = this.list();
    this.expectChar(')');
    return body;
  }

  // Lists

  /** Commands up to what cannot begin one: a closing word or parenthesis, or the end. */
  private list(): Script {
    const script: Script = [];
    this.skipLines();
    while (this.listItem(script)) this.skipLines();
    return script;
  }

  private compoundList(): Script {
    const script = this.list();
    if (script.length === 0) this.unexpected();
    return script;
  }

  private listItem(script: Script): boolean {
    this.blanks();
    const start = this.at;
    const first = this.pipeline();
    if (!first) return false;
    const item: AndOr = { first, rest: [], background: false, text: '' };
    for (;;) {
      const operator = this.takes('&&') ? '&&' : this.takes('||') ? '||' : undefined;
      if (!operator) break;
      this.skipLines();
      item.rest.push({ operator, pipeline: this.pipeline() ?? this.unexpected() });
    }
    item.text = this.source.slice(start, this.at).trim();
    if (this.looksAt('&') && !this.looksAt('&>')) {
      this.at += 1;
      item.background = true;
    } else if (!this.looksAt(';;') && !this.looksAt(';&')) this.takes(';');
    script.push(item);
    return true;
  }

  private pipeline(): Pipeline | undefined {
    let negated = false;
    while (this.takesReserved('!')) negated = !negated;
    const first = this.command();
    if (!first) return negated ? this.unexpected() : undefined;
    const commands = [first];
    while (!this.looksAt('||') && this.takes('|')) {
      this.skipLines();
      commands.push(this.command() ?? this.unexpected());
    }
    return { commands, negated };
  }

  // Commands

  private command(): Command | undefined {
    this.blanks();
    const line = this.line;
    const body = this.compound();
    if (!body) return this.simple(line);
    const redirects: Redirect[] = [];
    for (let next = this.redirect(); next; next = this.redirect()) redirects.push(next);
    return { ...body, redirects, line };
  }

  private compound(): CompoundBody | undefined {
    if (this.looksAt('((')) return this.arithmeticCommand();
    if (this.takes('(')) {
      const body = this.compoundList();
      this.expectChar(')');
      return { kind: 'subshell', body };
    }
    switch (this.peekReserved()) {
      case '{': {
        this.at += 1;
        const body = this.compoundList();
        this.expect('}');
        return { kind: 'group', body };
      }
      case 'if':
        return this.ifClause();
      case 'while':
      case 'until': {
        const until = this.peekReserved() === 'until';
        this.at += 5;
        const condition = this.compoundList();
        return { kind: 'while', condition, body: this.doGroup(), until };
      }
      case 'for':
        return this.forClause();
      case 'case':
        return this.caseClause();
      case 'function': {
        this.at += 8;
        const name = this.plainWord();
        if (this.takes('(')) this.expectChar(')');
        this.skipLines();
        return { kind: 'function', name, body: this.command() ?? this.unexpected() };
      }
    }
    const definition = /^([A-Za-z_][\w-]*)[ \t]*\([ \t]*\)/.exec(this.source.slice(this.at, this.at + 120));
    if (!definition || this.peekReserved()) return undefined;
    this.at += definition[0].length;
    this.skipLines();
    return { kind: 'function', name: definition[1] as string, body: this.command() ?? this.unexpected() };
  }

  /** `((expression))` is `let`: true when the value is not 0. */
  private arithmeticCommand(): CompoundBody | undefined {
    const end = this.source.indexOf('))', this.at);
    if (end < 0) return undefined;
    const text = this.source.slice(this.at + 2, end);
    this.at = end + 2;
    const word: Word = [{ kind: 'arithmetic', expression: new Parser(text).quotedText(), quoted: true }];
    const name: Word = [{ kind: 'literal', text: 'let', quoted: true }];
    const command: SimpleCommand = {
      kind: 'simple',
      line: this.line,
      assignments: [],
      words: [name, word],
      redirects: [],
    };
    return {
      kind: 'group',
      body: [{ first: { commands: [command], negated: false }, rest: [], background: false, text: '' }],
    };
  }

  private doGroup(): Script {
    this.expect('do');
    const body = this.compoundList();
    this.expect('done');
    return body;
  }

  private ifClause(): CompoundBody {
    this.at += 2;
    const branches = [];
    let otherwise: Script | undefined;
    for (;;) {
      const condition = this.compoundList();
      this.expect('then');
      branches.push({ condition, body: this.compoundList() });
      if (this.takesReserved('elif')) continue;
      if (this.takesReserved('else')) otherwise = this.compoundList();
      this.expect('fi');
      return { kind: 'if', branches, otherwise };
    }
  }

  private plainWord(): string {
    this.blanks();
    const word = this.word() ?? this.unexpected();
    return word.map((part) => (part.kind === 'literal' ? part.text : '')).join('');
  }

  private forClause(): CompoundBody {
    this.at += 3;
    const name = this.plainWord();
    if (!/^[A-Za-z_]\w*$/.test(name)) this.fail('bad for loop variable');
    let words: Word[] | undefined;
    this.skipLines();
    if (this.takesReserved('in')) {
      words = [];
      for (this.blanks(); ; this.blanks()) {
        const word = this.word();
        if (!word) break;
        words.push(word);
      }
      if (!this.takes(';') && !this.atNewline()) this.unexpected();
    } else this.takes(';');
    return { kind: 'for', name, words, body: this.doGroup() };
  }

  private caseClause(): CompoundBody {
    this.at += 4;
    this.blanks();
    const subject = this.word() ?? this.unexpected();
    this.expect('in');
    const arms: CaseArm[] = [];
    for (;;) {
      this.skipLines();
      if (this.takesReserved('esac')) return { kind: 'case', subject, arms };
      this.takes('(');
      const patterns: Word[] = [];
      do {
        this.blanks();
        patterns.push(this.word() ?? this.unexpected());
      } while (this.takes('|'));
      if (!this.takes(')')) this.unexpected(')');
      const body = this.list();
      const fallThrough = this.looksAt(';&');
      arms.push({ patterns, body, fallThrough });
      if (!this.takes(';;') && !this.takes(';&') && this.peekReserved() !== 'esac') this.unexpected(';;');
    }
  }

  private simple(line: number): SimpleCommand | undefined {
    const command: SimpleCommand = { kind: 'simple', line, assignments: [], words: [], redirects: [] };
    for (;;) {
      this.blanks();
      if (command.words.length === 0 && command.assignments.length === 0 && command.redirects.length === 0) {
        const reserved = this.peekReserved();
        if (reserved) return undefined;
      }
      const redirect = this.redirect();
      if (redirect) {
        command.redirects.push(redirect);
        continue;
      }
      if (this.testOperator(command)) continue;
      const assignment =
        command.words.length === 0 && /^([A-Za-z_]\w*)=/.exec(this.source.slice(this.at, this.at + 200));
      if (assignment) {
        this.at += assignment[0].length;
        command.assignments.push({ name: assignment[1] as string, value: this.word() ?? [] });
        continue;
      }
      const word = this.word();
      if (!word) break;
      command.words.push(word);
    }
    const isEmpty = command.words.length + command.assignments.length + command.redirects.length === 0;
    if (!isEmpty && this.looksAt('(')) this.unexpected();
    return isEmpty ? undefined : command;
  }

  /** Between `[[` and `]]`, operators of the shell are operators of the test. */
  private testOperator(command: SimpleCommand): boolean {
    const first = command.words[0]?.[0];
    const last = command.words.at(-1)?.[0];
    if (first?.kind !== 'literal' || first.text !== '[[' || (last?.kind === 'literal' && last.text === ']]'))
      return false;
    const operator = ['&&', '||', '<', '>', '(', ')'].find((text) => this.looksAt(text));
    if (this.newline()) return true;
    if (!operator) return false;
    this.at += operator.length;
    command.words.push([{ kind: 'literal', text: operator, quoted: false }]);
    return true;
  }
}
