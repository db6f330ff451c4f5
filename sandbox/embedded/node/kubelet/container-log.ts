export type LogStream = 'stdout' | 'stderr';

export interface LogLine {
  /** RFC 3339 with nanoseconds. */
  time: string;
  at: number;
  stream: LogStream;
  /** Without the newline. */
  text: Buffer;
  /** Whether a newline ended it: the last bytes of a process may lack one. */
  whole: boolean;
}

export interface LogOptions {
  tailLines?: number;
  /** Milliseconds since 1970. */
  since?: number;
  timestamps?: boolean;
  limitBytes?: number;
  stream?: LogStream;
}

// As containerLogMaxSize: when it is reached the older half goes.
const longest = 10 << 20;
// A line longer than this is cut into parts, as the container runtime does.
const longestLine = 16 << 10;

/** What one container wrote, by line and time. Lines are known when their newline comes. */
export class ContainerLog {
  readonly #now: () => Date;
  #lines: LogLine[] = [];
  #size = 0;
  #dropped = 0;
  #closed = false;
  readonly #open: Record<LogStream, Buffer[]> = { stdout: [], stderr: [] };
  readonly #listeners = new Set<() => void>();
  #ticks = 0;

  constructor(now: () => Date) {
    this.#now = now;
  }

  write(stream: LogStream, data: Uint8Array): void {
    const bytes = Buffer.from(data);
    const open = this.#open[stream];
    let start = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      open.push(bytes.subarray(start, end));
      this.#add(stream, Buffer.concat(open.splice(0)), true);
      start = end + 1;
    }
    if (start < bytes.length) {
      open.push(bytes.subarray(start));
      if (open.reduce((sum, part) => sum + part.length, 0) >= longestLine) {
        this.#add(stream, Buffer.concat(open.splice(0)), false);
      }
    }
    this.#tell();
  }

  /** No more will come. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const stream of ['stdout', 'stderr'] as const) {
      const open = this.#open[stream];
      if (open.length) this.#add(stream, Buffer.concat(open.splice(0)), false);
    }
    this.#tell();
    this.#listeners.clear();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Bytes it takes. */
  get size(): number {
    return this.#size;
  }

  /** The last bytes of the log, for a termination message that falls back to it. */
  tail(lines: number, bytes: number): string {
    const text = Buffer.concat(this.#lines.slice(-lines).map((line) => render(line, false)));
    return text.subarray(Math.max(0, text.length - bytes)).toString('utf8');
  }

  /** Hands over what is there; with `follow` what comes, until the log is closed or the signal says stop. */
  async read(
    options: LogOptions & { follow?: boolean; signal?: AbortSignal },
    write: (data: Buffer) => void | Promise<void>,
  ): Promise<void> {
    let left = options.limitBytes ?? Number.POSITIVE_INFINITY;
    let next = this.#dropped;
    const wanted = (line: LogLine) =>
      (options.since === undefined || line.at >= options.since) && (!options.stream || line.stream === options.stream);
    if (options.tailLines !== undefined) {
      let count = options.tailLines;
      next = this.#dropped + this.#lines.length;
      while (count > 0 && next > this.#dropped) {
        next -= 1;
        const line = this.#lines[next - this.#dropped]!;
        if (!options.stream || line.stream === options.stream) count -= 1;
      }
    }
    for (;;) {
      next = Math.max(next, this.#dropped);
      const end = this.#dropped + this.#lines.length;
      const parts: Buffer[] = [];
      for (; next < end && left > 0; next += 1) {
        const line = this.#lines[next - this.#dropped]!;
        if (!wanted(line)) continue;
        const text = render(line, options.timestamps ?? false);
        parts.push(text.subarray(0, left));
        left -= text.length;
      }
      if (parts.length) await write(Buffer.concat(parts));
      if (left <= 0 || options.signal?.aborted) return;
      if (next < this.#dropped + this.#lines.length) continue;
      if (!options.follow || this.#closed) return;
      await this.#more(options.signal);
    }
  }

  #more(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#listeners.delete(done);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      this.#listeners.add(done);
      signal?.addEventListener('abort', done);
    });
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  #add(stream: LogStream, text: Buffer, whole: boolean): void {
    const now = this.#now();
    this.#ticks = (this.#ticks + 1) % 1_000_000;
    const time = now.toISOString().replace('Z', `${String(this.#ticks).padStart(6, '0')}Z`);
    this.#lines.push({ time, at: now.getTime(), stream, text, whole });
    this.#size += text.length + 64;
    if (this.#size > longest) {
      const half = this.#lines.length >> 1;
      for (const line of this.#lines.slice(0, half)) this.#size -= line.text.length + 64;
      this.#lines = this.#lines.slice(half);
      this.#dropped += half;
    }
  }
}

function render(line: LogLine, timestamps: boolean): Buffer {
  const end = line.whole ? '\n' : '';
  return timestamps
    ? Buffer.concat([Buffer.from(`${line.time} `), line.text, Buffer.from(end)])
    : Buffer.concat([line.text, Buffer.from(end)]);
}
