import type { FileSystem } from '../file-system.ts';
import type { Input, Output } from '../image.ts';

const encoder = new TextEncoder();

export function toBytes(data: string | Uint8Array): Uint8Array {
  return typeof data === 'string' ? encoder.encode(data) : data;
}

/** Nobody reads the other end any more. */
export class BrokenPipe extends Error {
  constructor() {
    super('Broken pipe');
  }
}

/** What an Input's iteration is made of. */
export async function* iterate(input: Pick<Input, 'read'>): AsyncGenerator<Uint8Array> {
  for (let data = await input.read(); data; data = await input.read()) yield data;
}

/** pipe(7): 64 KiB between a writer and a reader. */
export class Pipe implements Input, Output {
  private readonly chunks: Uint8Array[] = [];
  private size = 0;
  private writers = 0;
  private ended = false;
  private closed = false;
  private wakeReader: (() => void) | undefined;
  private readonly wakeWriters = new Set<() => void>();

  [Symbol.asyncIterator]() {
    return iterate(this);
  }

  hold(): () => void {
    this.writers += 1;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.writers -= 1;
      if (this.writers === 0) this.end();
    };
  }

  end(): void {
    this.ended = true;
    this.wakeReader?.();
  }

  close(): void {
    this.closed = true;
    this.chunks.length = 0;
    for (const wake of this.wakeWriters) wake();
  }

  async write(data: string | Uint8Array, signal?: AbortSignal): Promise<void> {
    const bytes = toBytes(data);
    while (this.size >= 65_536 && !this.closed) {
      await wait(
        (wake) => this.wakeWriters.add(wake),
        (wake) => this.wakeWriters.delete(wake),
        signal,
      );
    }
    if (this.closed) throw new BrokenPipe();
    if (bytes.length === 0) return;
    this.chunks.push(bytes);
    this.size += bytes.length;
    this.wakeReader?.();
  }

  async read(signal?: AbortSignal): Promise<Uint8Array | undefined> {
    while (this.chunks.length === 0) {
      if (this.ended || this.closed) return undefined;
      await wait(
        (wake) => {
          this.wakeReader = wake;
        },
        () => {
          this.wakeReader = undefined;
        },
        signal,
      );
    }
    const chunk = this.chunks.shift() as Uint8Array;
    this.size -= chunk.length;
    for (const wake of this.wakeWriters) wake();
    return chunk;
  }

  unread(data: Uint8Array): void {
    if (data.length === 0) return;
    this.chunks.unshift(data);
    this.size += data.length;
  }
}

/** Resolves when woken, rejects with the signal's reason when that comes first. */
function wait(
  add: (wake: () => void) => void,
  remove: (wake: () => void) => void,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const done = () => {
      remove(wake);
      signal?.removeEventListener('abort', abort);
    };
    const wake = () => {
      done();
      resolve();
    };
    const abort = () => {
      done();
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', abort);
    add(wake);
  });
}

/** Bytes that are there already: a here-document, a file opened for reading, /dev/null. */
export class BytesInput implements Input {
  private rest: Uint8Array;

  constructor(data: string | Uint8Array = '') {
    this.rest = toBytes(data);
  }

  [Symbol.asyncIterator]() {
    return iterate(this);
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.rest.length === 0) return undefined;
    const chunk = this.rest.subarray(0, 65_536);
    this.rest = this.rest.subarray(chunk.length);
    return chunk;
  }

  unread(data: Uint8Array): void {
    this.rest = this.rest.length === 0 ? data : Buffer.concat([data, this.rest]);
  }
}

/** /dev/zero, /dev/urandom: as much as is asked for. */
export class EndlessInput implements Input {
  private readonly make: () => Uint8Array;

  constructor(make: () => Uint8Array) {
    this.make = make;
  }

  [Symbol.asyncIterator]() {
    return iterate(this);
  }

  async read(): Promise<Uint8Array> {
    return this.make();
  }

  unread(): void {}
}

/** What the kubelet hands over as stdin. Read only when a process asks. */
export class IterableInput implements Input {
  private readonly source: AsyncIterator<Uint8Array>;
  private readonly back: Uint8Array[] = [];
  private pending: Promise<IteratorResult<Uint8Array>> | undefined;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.source = source[Symbol.asyncIterator]();
  }

  [Symbol.asyncIterator]() {
    return iterate(this);
  }

  async read(signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const back = this.back.shift();
    if (back) return back;
    // Kept when a reader gives up, so that the bytes go to the next one.
    this.pending ??= this.source.next();
    const arrived = this.pending.then(
      () => undefined,
      () => undefined,
    );
    await wait(
      (wake) => void arrived.then(wake),
      () => undefined,
      signal,
    );
    const pending = this.pending;
    this.pending = undefined;
    const result = await pending.catch(() => ({ done: true, value: undefined }) as const);
    return result.done ? undefined : result.value;
  }

  unread(data: Uint8Array): void {
    if (data.length > 0) this.back.unshift(data);
  }
}

export class FunctionOutput implements Output {
  private readonly take: (data: Uint8Array) => void | Promise<void>;

  constructor(take: (data: Uint8Array) => void | Promise<void>) {
    this.take = take;
  }

  async write(data: string | Uint8Array): Promise<void> {
    const bytes = toBytes(data);
    if (bytes.length > 0) await this.take(bytes);
  }
}

/** An open file: what is written goes to its end. */
export class FileOutput implements Output {
  private readonly fs: FileSystem;
  private readonly path: string;

  constructor(fs: FileSystem, path: string) {
    this.fs = fs;
    this.path = path;
  }

  async write(data: string | Uint8Array): Promise<void> {
    this.fs.write(this.path, data, { append: true });
  }
}

/** Collects what is written; command substitution and applets that need all their input. */
export async function readAll(input: Input, signal?: AbortSignal): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for (let data = await input.read(signal); data; data = await input.read(signal)) chunks.push(data);
  return Buffer.concat(chunks);
}

/** Lines of text (UTF-8); `ended` tells whether the newline was there. */
export async function* readLines(input: Input, signal?: AbortSignal): AsyncGenerator<{ text: string; ended: boolean }> {
  let rest = '';
  for (let data = await input.read(signal); data; data = await input.read(signal)) {
    const text = rest + Buffer.from(data.buffer, data.byteOffset, data.length).toString('latin1');
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      yield { text: decode(text.slice(start, end)), ended: true };
      start = end + 1;
    }
    rest = text.slice(start);
  }
  if (rest !== '') yield { text: decode(rest), ended: false };
}

function decode(latin1: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what needs no decoding
  return /^[\x00-\x7f]*$/.test(latin1) ? latin1 : Buffer.from(latin1, 'latin1').toString();
}
