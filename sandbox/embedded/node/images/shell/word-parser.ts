import { type Script, ShellSyntaxError, type Word, type WordPart } from './syntax.ts';

const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const SPECIAL = '@*#?-$!';
const ENDS_WORD = ' \t\n;&|<>()';
const OPERATORS = [':-', ':=', ':?', ':+', '##', '%%', '//', '-', '=', '?', '+', '#', '%', '/', ':'];

/** Reads words: quotes, expansions, substitutions. The part of the parser that knows no commands. */
export abstract class WordParser {
  protected readonly source: string;
  protected at = 0;
  private parts: Word = [];

  constructor(source: string) {
    this.source = source;
  }

  /** Commands up to `)`, which is taken, too. */
  protected abstract substitution(): Script;
  protected abstract parseAll(source: string): Script;
  protected abstract sub(source: string): WordParser;

  protected get line(): number {
    let line = 1;
    for (let at = this.source.indexOf('\n'); at >= 0 && at < this.at; at = this.source.indexOf('\n', at + 1)) line += 1;
    return line;
  }

  protected fail(message: string, incomplete = false): never {
    throw new ShellSyntaxError(message, this.line, incomplete);
  }

  /** The word at the cursor, undefined where none begins. */
  protected word(): Word | undefined {
    const start = this.at;
    const parts = this.collect(() => this.unquoted((char) => ENDS_WORD.includes(char)));
    return this.at === start ? undefined : parts;
  }

  private collect(read: () => void): Word {
    const outer = this.parts;
    this.parts = [];
    try {
      read();
      return this.parts;
    } finally {
      this.parts = outer;
    }
  }

  private literal(text: string, quoted: boolean): void {
    const last = this.parts.at(-1);
    if (last?.kind === 'literal' && last.quoted === quoted) last.text += text;
    else this.parts.push({ kind: 'literal', text, quoted });
  }

  private unquoted(ends: (char: string) => boolean): void {
    while (this.at < this.source.length) {
      const char = this.source[this.at] as string;
      if (ends(char)) return;
      if (char === '\\') {
        const next = this.source[this.at + 1];
        this.at += 2;
        if (next === undefined) this.literal('\\', true);
        else if (next !== '\n') this.literal(next, true);
      } else if (char === "'") this.singleQuoted();
      else if (char === '"') {
        this.at += 1;
        this.literal('', true);
        this.doubleQuoted((quote) => quote === '"');
        if (this.source[this.at] !== '"') this.fail('unterminated quoted string', true);
        this.at += 1;
      } else if (char === '$' && this.source[this.at + 1] === "'") {
        this.at += 1;
        this.ansiQuoted();
      } else if (char === '$' || char === '`') this.expansion(false);
      else {
        this.literal(char, false);
        this.at += 1;
      }
    }
  }

  private singleQuoted(): void {
    const end = this.source.indexOf("'", this.at + 1);
    if (end < 0) this.fail('unterminated quoted string', true);
    this.literal(this.source.slice(this.at + 1, end), true);
    this.at = end + 1;
  }

  private ansiQuoted(): void {
    let text = '';
    for (this.at += 1; this.source[this.at] !== "'"; this.at += 1) {
      const char = this.source[this.at];
      if (char === undefined) this.fail('unterminated quoted string', true);
      if (char !== '\\') text += char;
      else {
        this.at += 1;
        const letter = this.source[this.at] ?? '';
        text += { n: '\n', t: '\t', r: '\r', e: '\x1b', a: '\x07', b: '\b', '0': '\0' }[letter] ?? letter;
      }
    }
    this.at += 1;
    this.literal(text, true);
  }

  private doubleQuoted(ends: (char: string) => boolean, escapable = '$`"\\'): void {
    while (this.at < this.source.length) {
      const char = this.source[this.at] as string;
      if (ends(char)) return;
      if (char === '\\') {
        const next = this.source[this.at + 1];
        if (next === '\n') this.at += 2;
        else if (next !== undefined && (escapable.includes(next) || ends(next))) {
          this.literal(next, true);
          this.at += 2;
        } else {
          this.literal('\\', true);
          this.at += 1;
        }
      } else if (char === '$' || char === '`') this.expansion(true);
      else {
        this.literal(char, true);
        this.at += 1;
      }
    }
  }

  /** A here-document's body, expanded as in double quotes, where `"` is nothing special. */
  quotedText(): Word {
    return this.collect(() => this.doubleQuoted(() => false, '$`\\'));
  }

  private expansion(quoted: boolean): void {
    if (this.source[this.at] === '`') {
      this.parts.push({ kind: 'substitution', script: this.backquoted(quoted), quoted });
      return;
    }
    const rest = this.source[this.at + 1] ?? '';
    if (rest === '(') {
      this.parts.push(this.parenthesised(quoted));
      return;
    }
    if (rest === '{') {
      this.at += 2;
      this.parts.push(this.braced(quoted));
      return;
    }
    NAME.lastIndex = this.at + 1;
    const name = NAME.exec(this.source)?.[0] ?? (SPECIAL.includes(rest) || /\d/.test(rest) ? rest : '');
    this.at += 1 + name.length;
    if (name === '') this.literal('$', quoted);
    else this.parts.push({ kind: 'parameter', name, quoted });
  }

  private backquoted(quoted: boolean): Script {
    let text = '';
    for (this.at += 1; this.source[this.at] !== '`'; this.at += 1) {
      const char = this.source[this.at];
      if (char === undefined) this.fail('EOF in backquote substitution', true);
      const next = this.source[this.at + 1] ?? '';
      if (char === '\\' && ('`\\$'.includes(next) || (quoted && next === '"'))) {
        text += next;
        this.at += 1;
      } else text += char;
    }
    this.at += 1;
    return this.parseAll(text);
  }

  private parenthesised(quoted: boolean): WordPart {
    if (this.source.startsWith('$((', this.at)) {
      const end = this.arithmeticEnd(this.at + 3);
      if (end !== undefined) {
        const expression = this.sub(this.source.slice(this.at + 3, end)).quotedText();
        this.at = end + 2;
        return { kind: 'arithmetic', expression, quoted };
      }
    }
    this.at += 2;
    return { kind: 'substitution', script: this.substitution(), quoted };
  }

  /** Where the `))` stands that closes an arithmetic expansion; undefined when the text is a subshell after all. */
  private arithmeticEnd(start: number): number | undefined {
    let depth = 0;
    for (let at = start; at < this.source.length; at += 1) {
      const char = this.source[at];
      if (char === '(') depth += 1;
      else if (char === ')') {
        if (depth === 0) return this.source[at + 1] === ')' ? at : undefined;
        depth -= 1;
      }
    }
    this.fail('missing "))"', true);
  }

  private braced(quoted: boolean): WordPart {
    const bad = (): never => this.fail('bad substitution');
    let length = false;
    if (this.source[this.at] === '#' && !/^#(?:[}]|[:#%/]|-[^}])/.test(this.source.slice(this.at, this.at + 3))) {
      length = true;
      this.at += 1;
    }
    NAME.lastIndex = this.at;
    const digits = /^\d+/.exec(this.source.slice(this.at, this.at + 6))?.[0];
    const char = this.source[this.at] ?? '';
    const name = NAME.exec(this.source)?.[0] ?? digits ?? (char !== '' && SPECIAL.includes(char) ? char : bad());
    this.at += name.length;
    if (this.source[this.at] === '}') {
      this.at += 1;
      const part: WordPart = { kind: 'parameter', name, quoted };
      return length ? { ...part, operation: { operator: 'length', word: [] } } : part;
    }
    const operator = OPERATORS.find((candidate) => this.source.startsWith(candidate, this.at)) ?? bad();
    this.at += operator.length;
    const until = (ends: string) =>
      this.collect(() => {
        const stop = (end: string) => ends.includes(end);
        // Inside double quotes the word is quoted, too, unless it is a pattern.
        if (quoted && !'##%%//'.includes(operator)) this.doubleQuotedWord(stop);
        else this.unquoted(stop);
      });
    const operation: { operator: string; word: Word; replacement?: Word } = {
      operator,
      word: until(operator.startsWith('/') ? '/}' : '}'),
    };
    if (operator.startsWith('/') && this.source[this.at] === '/') {
      this.at += 1;
      operation.replacement = until('}');
    }
    if (this.source[this.at] !== '}') this.fail("syntax error: missing '}'", true);
    this.at += 1;
    return { kind: 'parameter', name, quoted, operation };
  }

  /** `"${x:-a "b" c}"`: quotes inside quotes group, and vanish. */
  private doubleQuotedWord(ends: (char: string) => boolean): void {
    while (this.at < this.source.length && !ends(this.source[this.at] as string)) {
      this.doubleQuoted((char) => ends(char) || char === '"');
      if (this.source[this.at] !== '"') continue;
      this.at += 1;
      this.doubleQuoted((char) => char === '"');
      this.at += 1;
    }
  }
}
