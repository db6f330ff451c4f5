import type { Input, Output, Signal, Terminal, TerminalSize } from '../image.ts';
import { iterate, Pipe, toBytes } from './streams.ts';

/**
 * A pseudo-terminal's line discipline (termios(3)): in cooked mode it echoes, edits the line and turns Ctrl-C into SIGINT
 * for the foreground process group; in raw mode keys pass through. `\n` is written as `\r\n` in both.
 */
export class TerminalDevice implements Terminal, Input, Output {
  foreground = 0;
  private raw = false;
  private line: number[] = [];
  private readonly keys = new Pipe();
  private atEnd = false;
  private readonly size: TerminalSize;
  private readonly show: (data: Uint8Array) => void | Promise<void>;
  private readonly signal: (group: number, signal: Signal) => void;

  constructor(
    size: TerminalSize,
    source: AsyncIterable<Uint8Array> | undefined,
    show: (data: Uint8Array) => void | Promise<void>,
    signal: (group: number, signal: Signal) => void,
  ) {
    this.size = size;
    this.show = show;
    this.signal = signal;
    if (source) void this.pump(source);
    size.onResize(() => this.signal(this.foreground, 'SIGWINCH'));
  }

  get columns() {
    return this.size.columns;
  }

  get rows() {
    return this.size.rows;
  }

  onResize(listener: () => void): void {
    this.size.onResize(listener);
  }

  setRaw(raw: boolean): void {
    if (this.raw === raw) return;
    this.raw = raw;
    // What was typed ahead is given to whoever reads raw; it edits the line itself.
    if (raw && this.line.length > 0) void this.keys.write(Uint8Array.from(this.line));
    if (raw) this.line = [];
  }

  [Symbol.asyncIterator]() {
    return iterate(this);
  }

  async read(signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const data = await this.keys.read(signal);
    // Ctrl-D at the start of a line ends this read, not the terminal.
    return data === ENDING ? undefined : data;
  }

  unread(data: Uint8Array): void {
    this.keys.unread(data);
  }

  async write(data: string | Uint8Array): Promise<void> {
    const bytes = toBytes(data);
    if (!bytes.includes(10)) return void (await this.show(bytes));
    await this.show(Buffer.from(Buffer.from(bytes).toString('latin1').replace(/\n/g, '\r\n'), 'latin1'));
  }

  private async pump(source: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const data of source) {
        for (const byte of data) this.type(byte);
        if (this.raw) await this.keys.write('');
      }
    } catch {
      // The connection broke: the same as its end.
    }
    this.atEnd = true;
    this.keys.end();
  }

  private type(byte: number): void {
    if (this.atEnd) return;
    if (this.raw) {
      void this.keys.write(Uint8Array.of(byte));
      return;
    }
    if (byte === 3 || byte === 28) {
      this.line = [];
      void this.write(byte === 3 ? '^C\n' : '^\\\n');
      this.signal(this.foreground, byte === 3 ? 'SIGINT' : 'SIGQUIT');
    } else if (byte === END_OF_FILE) {
      void this.keys.write(this.line.length > 0 ? Uint8Array.from(this.line) : ENDING);
      this.line = [];
    } else if (byte === 127 || byte === 8) {
      if (this.line.length > 0) void this.write('\b \b');
      while (this.line.length > 0 && ((this.line.pop() as number) & 0xc0) === 0x80);
    } else if (byte === 21) {
      void this.write('\b \b'.repeat(Buffer.from(this.line).toString().length));
      this.line = [];
    } else if (byte === 13 || byte === 10) {
      void this.write('\n');
      void this.keys.write(Uint8Array.from([...this.line, 10]));
      this.line = [];
    } else {
      this.line.push(byte);
      void this.show(byte < 32 && byte !== 9 ? toBytes(`^${String.fromCharCode(byte + 64)}`) : Uint8Array.of(byte));
    }
  }
}

const END_OF_FILE = 4;
const ENDING = Uint8Array.of(END_OF_FILE);
