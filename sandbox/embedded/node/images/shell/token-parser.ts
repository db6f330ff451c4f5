import type { Redirect } from './syntax.ts';
import { WordParser } from './word-parser.ts';

const RESERVED = new Set('! { } if then elif else fi while until for do done case esac in function'.split(' '));
const REDIRECTION = /(\d*)(<<-|<<|>>|<>|>\||<&|>&|&>|<|>)/y;

interface HereDocument {
  redirect: Redirect;
  end: string;
  stripTabs: boolean;
  quoted: boolean;
}

/** Blanks, reserved words, operators, redirections and here-documents: what commands are made of besides words. */
export abstract class TokenParser extends WordParser {
  private hereDocuments: HereDocument[] = [];

  protected blanks(): void {
    for (;;) {
      const char = this.source[this.at];
      if (char === ' ' || char === '\t') this.at += 1;
      else if (char === '\\' && this.source[this.at + 1] === '\n') this.at += 2;
      else break;
    }
    if (this.source[this.at] !== '#') return;
    const end = this.source.indexOf('\n', this.at);
    this.at = end < 0 ? this.source.length : end;
  }

  protected atNewline(): boolean {
    this.blanks();
    return this.source[this.at] === '\n';
  }

  protected newline(): boolean {
    this.blanks();
    if (this.source[this.at] !== '\n') return false;
    this.at += 1;
    const waiting = this.hereDocuments;
    this.hereDocuments = [];
    for (const document of waiting) this.hereBody(document);
    return true;
  }

  protected skipLines(): void {
    while (this.newline());
  }

  protected takes(text: string): boolean {
    this.blanks();
    if (!this.source.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }

  protected looksAt(text: string): boolean {
    this.blanks();
    return this.source.startsWith(text, this.at);
  }

  protected peekReserved(): string | undefined {
    this.blanks();
    const text = /^(?:[a-z]+|[!{}])(?=[\s;&|<>()]|$)/.exec(this.source.slice(this.at, this.at + 12))?.[0];
    return text !== undefined && RESERVED.has(text) ? text : undefined;
  }

  protected takesReserved(word: string): boolean {
    if (this.peekReserved() !== word) return false;
    this.at += word.length;
    return true;
  }

  protected expect(word: string): void {
    this.skipLines();
    if (!this.takesReserved(word)) this.unexpected(word);
  }

  protected expectChar(char: string): void {
    this.skipLines();
    if (!this.takes(char)) this.unexpected(char);
  }

  protected unexpected(expected?: string): never {
    this.blanks();
    const tail = expected ? ` (expecting "${expected}")` : '';
    if (this.at >= this.source.length) this.fail(`unexpected end of file${tail}`, true);
    if (this.source[this.at] === '\n') this.fail(`unexpected newline${tail}`);
    const token = /^(?:&&|\|\||;;|[;&|()<>]|[^\s;&|()<>]+)/.exec(this.source.slice(this.at))?.[0] ?? '';
    this.fail(
      token.length > 0 && /^\w/.test(token) && !RESERVED.has(token)
        ? `unexpected word${tail}`
        : `unexpected "${token}"${tail}`,
    );
  }

  // Redirections

  protected redirect(): Redirect | undefined {
    this.blanks();
    REDIRECTION.lastIndex = this.at;
    const match = REDIRECTION.exec(this.source);
    if (!match) return undefined;
    this.at += match[0].length;
    const [, number = '', operator = ''] = match;
    this.blanks();
    const target = this.word() ?? this.unexpected();
    const isHere = operator.startsWith('<<');
    const redirect: Redirect = {
      descriptor: number === '' ? (operator.startsWith('<') ? 0 : 1) : Number(number),
      operator: (isHere ? '<<' : operator) as Redirect['operator'],
      target,
    };
    if (isHere) {
      const end = target.map((part) => (part.kind === 'literal' ? part.text : '')).join('');
      const quoted = target.some((part) => part.kind === 'literal' && part.quoted);
      this.hereDocuments.push({ redirect, end, stripTabs: operator === '<<-', quoted });
    }
    return redirect;
  }

  private hereBody({ redirect, end, stripTabs, quoted }: HereDocument): void {
    let body = '';
    for (;;) {
      if (this.at >= this.source.length) break;
      const stop = this.source.indexOf('\n', this.at);
      const raw = this.source.slice(this.at, stop < 0 ? this.source.length : stop);
      this.at = stop < 0 ? this.source.length : stop + 1;
      const text = stripTabs ? raw.replace(/^\t+/, '') : raw;
      if (text === end) break;
      body += `${text}\n`;
      if (stop < 0) this.fail('unexpected end of file', true);
    }
    redirect.target = quoted ? [{ kind: 'literal', text: body, quoted: true }] : this.sub(body).quotedText();
  }
}
