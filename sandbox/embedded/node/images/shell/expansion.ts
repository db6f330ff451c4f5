import { absolutePath, joinPath } from '../file-system/paths.ts';
import type { ContainerProcess } from '../image.ts';
import { ArithmeticError, evaluateArithmetic } from './arithmetic.ts';
import { ShellFailure } from './control.ts';
import { isPattern, patternSource, quotePattern, unescapePattern } from './pattern.ts';
import type { ShellState } from './state.ts';
import type { ParameterOperation, Script, Word } from './syntax.ts';

type Parameter = Extract<Word[number], { kind: 'parameter' }>;

/** Collects fields while a word is expanded. Text in it is a pattern: what was quoted is escaped. */
class Fields {
  readonly done: string[] = [];
  private current: string | undefined;

  add(text: string, quoted: boolean): void {
    this.current = (this.current ?? '') + (quoted ? quotePattern(text) : text);
  }

  /** Unquoted results of expansions are cut at IFS. */
  split(text: string, ifs: string): void {
    if (text === '') return;
    const blanks = [...ifs].filter((char) => ' \t\n'.includes(char)).join('');
    let at = 0;
    const skip = () => {
      while (at < text.length && blanks.includes(text[at] as string)) at += 1;
    };
    if (blanks.includes(text[0] as string)) this.flush();
    skip();
    while (at < text.length) {
      let end = at;
      while (end < text.length && !ifs.includes(text[end] as string)) end += 1;
      this.current = (this.current ?? '') + text.slice(at, end).replace(/\\/g, '\\\\');
      if (end >= text.length) return;
      at = end;
      skip();
      if (at < text.length && ifs.includes(text[at] as string) && !blanks.includes(text[at] as string)) {
        at += 1;
        skip();
      }
      this.done.push(this.current);
      this.current = undefined;
    }
  }

  flush(): void {
    if (this.current === undefined) return;
    this.done.push(this.current);
    this.current = undefined;
  }
}

/** Word expansions, in POSIX's order. `substitute` runs a command and gives its output. */
export class Expander {
  private readonly state: ShellState;
  private readonly process: ContainerProcess;
  private readonly substitute: (script: Script) => Promise<string>;

  constructor(state: ShellState, process: ContainerProcess, substitute: (script: Script) => Promise<string>) {
    this.state = state;
    this.process = process;
    this.substitute = substitute;
  }

  /** Fields of a command line: split, globbed, unquoted. */
  async words(words: Word[]): Promise<string[]> {
    const result: string[] = [];
    for (const word of words) {
      const only = word[0];
      if (word.length === 1 && only?.kind === 'literal' && (only.quoted || !/[*?[~{\\]/.test(only.text))) {
        result.push(only.text);
        continue;
      }
      const fields = new Fields();
      await this.into(fields, word, true);
      fields.flush();
      for (const field of fields.done) result.push(...this.glob(field));
    }
    return result;
  }

  /** One string, as an assignment's value or a redirection's target. */
  async text(word: Word): Promise<string> {
    return unescapePattern(await this.pattern(word));
  }

  /** One string in which what was quoted is escaped, for `case` and `${x#…}`. */
  async pattern(word: Word): Promise<string> {
    const fields = new Fields();
    await this.into(fields, word, false);
    fields.flush();
    return fields.done.join(' ');
  }

  private async into(fields: Fields, word: Word, split: boolean): Promise<void> {
    for (const [index, part] of word.entries()) {
      if (part.kind === 'literal') {
        const home = index === 0 && !part.quoted && /^~(?=\/|$)/.test(part.text);
        if (home) {
          fields.add(this.state.get('HOME') ?? '~', true);
          fields.add(part.text.slice(1), false);
        } else fields.add(part.text, part.quoted);
      } else if (part.kind === 'parameter') await this.parameter(fields, part, split);
      else {
        const text =
          part.kind === 'substitution'
            ? await this.substitute(part.script)
            : String(this.arithmetic(await this.text(part.expression)));
        this.result(fields, text, part.quoted, split);
      }
    }
  }

  private result(fields: Fields, text: string, quoted: boolean, split: boolean): void {
    if (quoted) fields.add(text, true);
    else if (split) fields.split(text, this.ifs());
    else fields.add(text.replace(/\\/g, '\\\\'), false);
  }

  arithmetic(text: string): bigint {
    try {
      return evaluateArithmetic(text, {
        get: (name) => {
          const value = this.state.get(name);
          if (value === undefined && this.state.options.has('u')) throw new ShellFailure(`${name}: parameter not set`);
          return value === '' ? '0' : value;
        },
        set: (name, value) => this.state.set(name, value),
      });
    } catch (error) {
      if (error instanceof ArithmeticError) throw new ShellFailure(error.message);
      throw error;
    }
  }

  private ifs(): string {
    return this.state.get('IFS') ?? ' \t\n';
  }

  private value(name: string): string | undefined {
    const { state } = this;
    switch (name) {
      case '?':
        return String(state.status);
      case '#':
        return String(state.positional.length);
      case '$':
        return String(state.pid);
      case '!':
        return state.lastBackground === '' ? undefined : state.lastBackground;
      case '-':
        return [...state.options].filter((option) => option.length === 1).join('');
      case '0':
        return state.name;
      case '@':
      case '*':
        return state.positional.length > 0 ? state.positional.join(this.ifs()[0] ?? '') : undefined;
      case 'RANDOM':
        return String(Math.floor(Math.random() * 32768));
      case 'LINENO':
        return String(state.line);
    }
    return /^\d+$/.test(name) ? state.positional[Number(name) - 1] : state.get(name);
  }

  private async parameter(fields: Fields, part: Parameter, split: boolean): Promise<void> {
    const { name, quoted, operation } = part;
    const isList = name === '@' || (name === '*' && !quoted);
    if (isList && (!operation || (operation.operator.endsWith('-') && this.state.positional.length > 0))) {
      this.list(fields, quoted, split);
      return;
    }
    const value = this.value(name);
    if (!operation) {
      if (value === undefined && this.state.options.has('u') && !'@*'.includes(name))
        throw new ShellFailure(`${name}: parameter not set`);
      this.result(fields, value ?? '', quoted, split);
      return;
    }
    const absent = value === undefined || (operation.operator[0] === ':' && value === '');
    switch (operation.operator.replace(/^:(?=.)/, '')) {
      case '-':
        if (absent) return this.alternative(fields, operation, split);
        return this.result(fields, value, quoted, split);
      case '+':
        return absent ? (quoted ? fields.add('', true) : undefined) : this.alternative(fields, operation, split);
      case '=': {
        const text = absent ? await this.text(operation.word) : value;
        if (absent) this.state.set(name, text);
        return this.result(fields, text, quoted, split);
      }
      case '?':
        if (!absent) return this.result(fields, value, quoted, split);
        throw new ShellFailure(
          `${name}: ${(await this.text(operation.word)) || (operation.operator[0] === ':' ? 'parameter not set or null' : 'parameter not set')}`,
        );
    }
    if (value === undefined && this.state.options.has('u')) throw new ShellFailure(`${name}: parameter not set`);
    this.result(fields, await this.edited(value ?? '', operation), quoted, split);
  }

  private async alternative(fields: Fields, operation: ParameterOperation, split: boolean): Promise<void> {
    // Unquoted text of the word is split like a value; `${x:-a b}` gives two fields.
    for (const part of operation.word) {
      if (part.kind === 'literal' && !part.quoted && split) fields.split(part.text, this.ifs());
      else await this.into(fields, [part], split);
    }
  }

  private list(fields: Fields, quoted: boolean, split: boolean): void {
    for (const [index, value] of this.state.positional.entries()) {
      if (index > 0) {
        if (split) fields.flush();
        else fields.add(' ', true);
      }
      this.result(fields, value, quoted, split);
    }
  }

  private async edited(value: string, operation: ParameterOperation): Promise<string> {
    const { operator } = operation;
    if (operator === 'length') return String([...value].length);
    if (operator === ':') {
      const [from = '0', count] = (await this.text(operation.word)).split(':');
      const chars = [...value];
      const start = Number(this.arithmetic(from));
      const begin = start < 0 ? Math.max(0, chars.length + start) : start;
      const length = count === undefined ? undefined : Number(this.arithmetic(count));
      const end = length === undefined ? undefined : length < 0 ? length : begin + length;
      return chars.slice(begin, end).join('');
    }
    const pattern = await this.pattern(operation.word);
    if (operator.startsWith('/')) {
      const replacement = operation.replacement ? await this.text(operation.replacement) : '';
      if (pattern === '') return value;
      return value.replace(new RegExp(patternSource(pattern), operator === '//' ? 'g' : ''), () => replacement);
    }
    const source = patternSource(pattern, { lazy: operator === '#' });
    if (operator.startsWith('#')) return value.replace(new RegExp(`^(?:${source})`), '');
    const whole = new RegExp(`^(?:${patternSource(pattern)})$`);
    // The shortest suffix is sought from the end, the longest from the start.
    const starts = Array.from({ length: value.length + 1 }, (_, index) => index);
    if (operator === '%') starts.reverse();
    const cut = starts.find((start) => whole.test(value.slice(start)));
    return cut === undefined ? value : value.slice(0, cut);
  }

  /** Pathname expansion; a pattern that matches nothing stands for itself. */
  private glob(field: string): string[] {
    if (this.state.options.has('f') || !isPattern(field)) return [unescapePattern(field)];
    const found = this.matching(field);
    return found.length > 0 ? found.sort() : [unescapePattern(field)];
  }

  private matching(field: string): string[] {
    let places = [field.startsWith('/') ? '/' : ''];
    for (const part of field.split('/').filter((piece) => piece !== '')) {
      const next: string[] = [];
      for (const place of places) {
        const at = (name: string) => (place === '' ? name : joinPath(place, name));
        if (!isPattern(part)) {
          const path = at(unescapePattern(part));
          if (this.exists(path)) next.push(path);
          continue;
        }
        const regex = new RegExp(`^${patternSource(part)}$`);
        const hidden = part.startsWith('.');
        for (const name of this.entries(place))
          if (name.startsWith('.') === hidden && regex.test(name)) next.push(at(name));
      }
      places = next;
    }
    return field.endsWith('/') ? places.map((place) => `${place}/`) : places;
  }

  private entries(place: string): string[] {
    try {
      return this.process.fs.list(absolutePath(place, this.process.cwd));
    } catch {
      return [];
    }
  }

  private exists(path: string): boolean {
    try {
      this.process.fs.stat(absolutePath(path, this.process.cwd), { followLinks: false });
      return true;
    } catch {
      return false;
    }
  }
}
