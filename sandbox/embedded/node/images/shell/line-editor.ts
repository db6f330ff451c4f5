import type { ContainerProcess, Terminal } from '../image.ts';

/** Candidates for the word before the cursor, as whole words. */
export type Completer = (line: string) => { word: string; candidates: string[] };

const KEYS: Record<string, string> = {
  '\x1b[A': 'up',
  '\x1bOA': 'up',
  '\x1b[B': 'down',
  '\x1bOB': 'down',
  '\x1b[C': 'right',
  '\x1bOC': 'right',
  '\x1b[D': 'left',
  '\x1bOD': 'left',
  '\x1b[H': 'home',
  '\x1bOH': 'home',
  '\x1b[1~': 'home',
  '\x1b[F': 'end',
  '\x1bOF': 'end',
  '\x1b[4~': 'end',
  '\x1b[3~': 'delete',
  '\x01': 'home',
  '\x02': 'left',
  '\x04': 'end-of-file',
  '\x03': 'interrupt',
  '\x05': 'end',
  '\x06': 'right',
  '\x08': 'erase',
  '\x7f': 'erase',
  '\x09': 'complete',
  '\x0a': 'enter',
  '\x0b': 'kill-right',
  '\x0c': 'clear',
  '\x0d': 'enter',
  '\x0e': 'down',
  '\x10': 'up',
  '\x15': 'kill-left',
  '\x17': 'kill-word',
};

/** Reads lines from a terminal, with editing, history and completion. */
export class LineEditor {
  readonly history: string[] = [];
  private readonly process: ContainerProcess;
  private readonly tty: Terminal;
  private readonly complete: Completer;
  private pending = '';
  private prompt = '';
  private text: string[] = [];
  private cursor = 0;
  private lastKey = '';

  constructor(process: ContainerProcess, tty: Terminal, complete: Completer) {
    this.process = process;
    this.tty = tty;
    this.complete = complete;
  }

  /** A line without its end; `interrupt` after Ctrl-C, `end` after Ctrl-D on an empty line. */
  async line(prompt: string): Promise<{ line: string } | 'interrupt' | 'end'> {
    this.prompt = prompt;
    this.text = [];
    this.cursor = 0;
    let recalled = this.history.length;
    let draft = '';
    this.tty.setRaw(true);
    try {
      await this.show(prompt);
      for (;;) {
        const key = await this.key();
        if (key === undefined) return 'end';
        const action = KEYS[key];
        if (action === 'enter') {
          await this.move(this.text.length);
          await this.show('\n');
          return this.remember(this.text.join(''));
        }
        if (action === 'interrupt') {
          await this.show('^C\n');
          return 'interrupt';
        }
        if (action === 'end-of-file' && this.text.length === 0) {
          await this.show('\n');
          return 'end';
        }
        if (action === 'up' || action === 'down') {
          const next = recalled + (action === 'up' ? -1 : 1);
          if (next < 0 || next > this.history.length) continue;
          if (recalled === this.history.length) draft = this.text.join('');
          recalled = next;
          await this.replace(this.history[next] ?? draft);
        } else await this.edit(action, key);
        this.lastKey = key;
      }
    } finally {
      this.tty.setRaw(false);
    }
  }

  private remember(line: string): { line: string } {
    if (line.trim() !== '' && this.history.at(-1) !== line) this.history.push(line);
    if (this.history.length > 256) this.history.shift();
    return { line };
  }

  private async edit(action: string | undefined, key: string): Promise<void> {
    const { cursor, text } = this;
    switch (action) {
      case 'left':
        return this.move(Math.max(0, cursor - 1));
      case 'right':
        return this.move(Math.min(text.length, cursor + 1));
      case 'home':
        return this.move(0);
      case 'end':
        return this.move(text.length);
      case 'erase':
        return cursor > 0 ? this.splice(cursor - 1, cursor, '') : undefined;
      case 'delete':
      case 'end-of-file':
        return this.splice(cursor, cursor + 1, '');
      case 'kill-right':
        return this.splice(cursor, text.length, '');
      case 'kill-left':
        return this.splice(0, cursor, '');
      case 'kill-word': {
        const before = text.slice(0, cursor).join('');
        return this.splice(before.replace(/\S+\s*$/, '').length, cursor, '');
      }
      case 'clear':
        await this.show(`\x1b[H\x1b[2J${this.prompt}${text.join('')}`);
        this.cursor = text.length;
        return this.move(cursor);
      case 'complete':
        return this.completion();
    }
    if (key >= ' ' && !key.startsWith('\x1b')) await this.splice(cursor, cursor, key);
  }

  private async completion(): Promise<void> {
    const before = this.text.slice(0, this.cursor).join('');
    const { word, candidates } = this.complete(before);
    if (candidates.length === 0) return;
    let common = candidates[0] as string;
    for (const candidate of candidates) while (!candidate.startsWith(common)) common = common.slice(0, -1);
    const added = common.slice(word.length) + (candidates.length === 1 && !common.endsWith('/') ? ' ' : '');
    if (added !== '') return this.splice(this.cursor, this.cursor, added);
    if (KEYS[this.lastKey] !== 'complete') return;
    const names = candidates.map((candidate) => candidate.replace(/\/$/, '').split('/').at(-1) ?? candidate);
    const { cursor } = this;
    await this.move(this.text.length);
    await this.show(`\n${names.join('  ')}\n${this.prompt}${this.text.join('')}`);
    this.cursor = this.text.length;
    await this.move(cursor);
  }

  private async replace(line: string): Promise<void> {
    await this.splice(0, this.text.length, line);
  }

  private async splice(from: number, to: number, added: string): Promise<void> {
    const chars = [...added];
    const atEnd = to >= this.text.length && from === this.cursor && to === from;
    this.text.splice(from, to - from, ...chars);
    if (atEnd) {
      await this.show(added);
      this.cursor = this.text.length;
      return this.settle();
    }
    await this.move(from);
    const tail = this.text.slice(from).join('');
    await this.show(`${tail}\x1b[J`);
    this.cursor = this.text.length;
    await this.settle();
    await this.move(from + chars.length);
  }

  /** A terminal waits at the right edge before it wraps; the cursor is brought to the next line at once. */
  private async settle(): Promise<void> {
    if ((this.width() + this.cursor) % this.tty.columns === 0) await this.show(' \r');
  }

  private width(): number {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours in a prompt take no room
    return this.prompt.replace(/\x1b\[[0-9;]*m/g, '').length;
  }

  private async move(to: number): Promise<void> {
    const columns = this.tty.columns || 80;
    const [here, there] = [this.width() + this.cursor, this.width() + to];
    const rows = Math.floor(there / columns) - Math.floor(here / columns);
    let codes = rows < 0 ? `\x1b[${-rows}A` : rows > 0 ? `\x1b[${rows}B` : '';
    const shift = (there % columns) - (here % columns);
    if (shift !== 0) codes += shift < 0 ? `\x1b[${-shift}D` : `\x1b[${shift}C`;
    this.cursor = to;
    if (codes !== '') await this.show(codes);
  }

  private show(text: string): Promise<void> {
    return this.process.stderr.write(text);
  }

  /** One key: a character, or an escape sequence as a whole. */
  private async key(): Promise<string | undefined> {
    for (;;) {
      const complete = takeKey(this.pending);
      if (complete !== undefined) {
        this.pending = this.pending.slice(complete.length);
        return Buffer.from(complete, 'latin1').toString();
      }
      const data = await this.process.stdin.read();
      if (!data) return undefined;
      this.pending += Buffer.from(data).toString('latin1');
    }
  }

  /** What was typed ahead goes to the program that runs next. */
  release(): void {
    if (this.pending !== '') this.process.stdin.unread(Buffer.from(this.pending, 'latin1'));
    this.pending = '';
  }
}

function takeKey(text: string): string | undefined {
  if (text === '') return undefined;
  if (text[0] === '\x1b') {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with one
    return /^\x1b(?:\[[0-9;]*[A-Za-z~]|O[A-Za-z]|[^[O])/.exec(text)?.[0];
  }
  const lead = text.charCodeAt(0);
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  return text.length >= length ? text.slice(0, length) : undefined;
}
