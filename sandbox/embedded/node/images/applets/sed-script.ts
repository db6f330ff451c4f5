import { UsageError } from './options.ts';
import { posixRegExp } from './regular-expression.ts';

export type Address =
  | { line: number }
  | { last: true }
  | { pattern: RegExp | undefined }
  | { first: number; step: number };

export interface Command {
  from?: Address;
  to?: Address | { count: number };
  negated: boolean;
  name: string;
  text: string;
  pattern?: RegExp | undefined;
  replacement?: string;
  global?: boolean;
  print?: boolean;
  occurrence?: number;
  file?: string;
  /** Where a `{` ends. */
  end?: number;
  active: boolean;
  until: number;
}

/** Reads sed scripts. */
export class ScriptReader {
  private at = 0;
  private readonly source: string;
  private readonly extended: boolean;
  readonly commands: Command[] = [];
  private readonly open: number[] = [];

  constructor(source: string, extended: boolean) {
    this.source = source;
    this.extended = extended;
  }

  read(): Command[] {
    for (;;) {
      this.skip(/[\s;]/);
      if (this.at >= this.source.length) break;
      this.command();
    }
    if (this.open.length > 0) throw new UsageError('unmatched {');
    return this.commands;
  }

  private skip(what: RegExp): void {
    while (this.at < this.source.length && what.test(this.source[this.at] as string)) this.at += 1;
  }

  private take(regex: RegExp): string {
    const found = new RegExp(regex.source, 'y');
    found.lastIndex = this.at;
    const text = found.exec(this.source)?.[0] ?? '';
    this.at += text.length;
    return text;
  }

  /** Up to the delimiter, which is taken; an escaped delimiter is itself. */
  private delimited(delimiter: string): string {
    let text = '';
    for (let inBracket = false; ; this.at += 1) {
      const char = this.source[this.at];
      if (char === undefined) throw new UsageError(`unmatched '${delimiter}'`);
      if (char === '\\') {
        const next = this.source[this.at + 1] ?? '';
        text += next === delimiter ? (/[|+?(){}&]/.test(delimiter) ? next : delimiter) : char + next;
        this.at += 1;
      } else if (char === delimiter && !inBracket) break;
      else {
        if (char === '[' && this.source.indexOf(']', this.at + 2) > 0) inBracket = true;
        else if (char === ']') inBracket = false;
        text += char;
      }
    }
    this.at += 1;
    return text;
  }

  private regex(source: string, flags = ''): RegExp | undefined {
    return source === '' ? undefined : posixRegExp(source, { extended: this.extended, flags });
  }

  private address(): Address | undefined {
    const number = this.take(/\d+/);
    if (number !== '') {
      const step = this.take(/~\d+/);
      return step === '' ? { line: Number(number) } : { first: Number(number), step: Number(step.slice(1)) };
    }
    if (this.take(/\$/) !== '') return { last: true };
    if (this.take(/\\./) !== '') {
      const source = this.delimited(this.source[this.at - 1] as string);
      return { pattern: this.regex(source, this.take(/I/) ? 'i' : '') };
    }
    if (this.take(/\//) === '') return undefined;
    const source = this.delimited('/');
    return { pattern: this.regex(source, this.take(/I/) ? 'i' : '') };
  }

  private command(): void {
    const command: Command = { negated: false, name: '', text: '', active: false, until: 0 };
    const from = this.address();
    if (from) command.from = from;
    this.skip(/\s/);
    if (from && this.take(/,/) !== '') {
      this.skip(/\s/);
      const plus = this.take(/\+\d+/);
      const to = plus === '' ? this.address() : { count: Number(plus.slice(1)) };
      if (!to) throw new UsageError('no address after comma');
      command.to = to;
    }
    this.skip(/\s/);
    while (this.take(/!\s*/) !== '') command.negated = true;
    command.name = this.take(/./s);
    this.body(command);
  }

  private body(command: Command): void {
    const { commands } = this;
    switch (command.name) {
      case '{':
        this.open.push(commands.push(command) - 1);
        return;
      case '}': {
        const start = this.open.pop();
        if (start === undefined) throw new UsageError('unexpected }');
        (commands[start] as Command).end = commands.length;
        return;
      }
      case '#':
        this.take(/[^\n]*/);
        return;
      case 's':
        this.substitution(command);
        break;
      case 'y': {
        const delimiter = this.take(/./s);
        command.text = this.delimited(delimiter);
        command.replacement = this.delimited(delimiter);
        break;
      }
      case 'a':
      case 'i':
      case 'c':
        this.take(/[ \t]*\\?\n?[ \t]*/);
        command.text = this.take(/(?:[^\n\\]|\\[\s\S])*/).replace(/\\([\s\S])/g, '$1');
        break;
      case ':':
      case 'b':
      case 't':
      case 'T':
        this.skip(/[ \t]/);
        command.text = this.take(/[^\s;}]*/);
        break;
      case 'r':
      case 'w':
        this.skip(/[ \t]/);
        command.file = this.take(/[^\n]*/);
        break;
      case 'q':
      case 'Q':
        this.skip(/[ \t]/);
        command.text = this.take(/\d*/);
        break;
      default:
        if (!'=dDgGhHlnNpPxz'.includes(command.name)) throw new UsageError(`unsupported command ${command.name}`);
    }
    commands.push(command);
  }

  private substitution(command: Command): void {
    const delimiter = this.take(/./s);
    const source = this.delimited(delimiter);
    command.replacement = this.delimited(delimiter);
    let flags = '';
    for (let flag = this.take(/[gpiIe\dm]/); flag !== ''; flag = this.take(/[gpiIe\dm]/)) {
      if (flag === 'g') command.global = true;
      else if (flag === 'p') command.print = true;
      else if (/\d/.test(flag)) command.occurrence = Number(`${command.occurrence ?? ''}${flag}`);
      else if (/i/i.test(flag)) flags = 'i';
    }
    if (this.take(/w[ \t]*/) !== '') command.file = this.take(/[^\n]*/);
    command.pattern = this.regex(source, `g${flags}`);
  }
}
