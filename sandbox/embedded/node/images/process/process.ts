import type { MemoryMeter } from '../../usage/memory-meter.ts';
import type { FileSystem } from '../file-system.ts';
import type {
  Container,
  ContainerProcess,
  FoundProgram,
  Input,
  Output,
  Program,
  Signal,
  SpawnOptions,
  StartedProcess,
  Terminal,
} from '../image.ts';
import { Ended, SIGNAL_NUMBERS } from './signals.ts';
import { BrokenPipe, iterate } from './streams.ts';

/** What a process needs of the table it stands in. */
export interface ProcessHost {
  container: Container;
  memory: MemoryMeter;
  spawn(parent: Process, options: SpawnOptions): StartedProcess;
  ended(process: Process): void;
  /** What its argv names; ends the process with 127 or 126 where that is nothing. */
  program(process: Process): Program | undefined;
  find(process: Process, name: string, path: string): FoundProgram;
}

export interface ProcessOptions {
  pid: number;
  parent: number;
  group: number;
  argv: string[];
  env: Record<string, string>;
  cwd: string;
  uid: number;
  gid: number;
  groups: number[];
  stdin: Input;
  stdout: Output;
  stderr: Output;
  tty?: Terminal | undefined;
}

/** How long a process may run before it lets others, and how it then rests: milliseconds. */
const SLICE = 4;
const BUSY = 300;

export class Process implements ContainerProcess {
  readonly pid: number;
  parent: number;
  group: number;
  argv: string[];
  env: Record<string, string>;
  cwd: string;
  readonly uid: number;
  readonly gid: number;
  readonly groups: number[];
  readonly fs: FileSystem;
  stdin: Input;
  stdout: Output;
  stderr: Output;
  readonly tty?: Terminal;
  readonly container: Container;
  readonly startedAt: Date;
  readonly exit: Promise<number>;
  private readonly host: ProcessHost;
  private readonly handlers = new Map<Signal, () => void>();
  private readonly stop = new AbortController();
  private readonly releases: (() => void)[] = [];
  private settle!: (code: number) => void;
  private alive = true;
  private sliceStart = performance.now();
  private busy = 0;
  /** Milliseconds of the slice in which it waited for something else. */
  private waited = 0;

  constructor(host: ProcessHost, options: ProcessOptions) {
    this.host = host;
    this.container = host.container;
    this.pid = options.pid;
    this.parent = options.parent;
    this.group = options.group;
    this.argv = options.argv;
    this.env = options.env;
    this.cwd = options.cwd;
    this.uid = options.uid;
    this.gid = options.gid;
    this.groups = options.groups;
    this.fs = host.container.fs.as({ uid: this.uid, gid: this.gid, groups: this.groups, pid: this.pid });
    if (options.tty) this.tty = options.tty;
    this.stdin = new ProcessInput(this, options.stdin);
    this.stdout = this.output(options.stdout);
    this.stderr = options.stderr === options.stdout ? this.stdout : this.output(options.stderr);
    this.startedAt = host.container.clock.now();
    this.exit = new Promise((resolve) => {
      this.settle = resolve;
    });
  }

  get killed(): AbortSignal {
    return this.stop.signal;
  }

  /** `granted` is awaited first: a container at its CPU limit starts late, too. */
  run(program: Program, granted?: Promise<void>): void {
    Promise.resolve(granted)
      .then(() => (this.alive ? program(this) : 137))
      .then(
        (code) => this.finish(code & 255),
        (error: unknown) => {
          if (error instanceof Ended) this.finish(error.code);
          else if (error instanceof BrokenPipe) this.finish(128 + SIGNAL_NUMBERS.SIGPIPE);
          else {
            // A defect of ours must not pass for the learner's: it is named, and the process fails as one that crashed.
            const text = `${this.argv[0]}: simulated program failed: ${(error as Error)?.stack ?? error}\n`;
            void this.stderr.write(text).catch(() => undefined);
            this.finish(139);
          }
        },
      );
  }

  /** The process is over; whatever its program still does is not seen any more. */
  finish(code: number): void {
    if (!this.alive) return;
    this.alive = false;
    this.stop.abort(new Ended(code));
    for (const release of this.releases) release();
    this.host.ended(this);
    this.settle(code);
  }

  onSignal(signal: Signal, handler: (() => void) | undefined): void {
    if (handler) this.handlers.set(signal, handler);
    else this.handlers.delete(signal);
  }

  /** As the kernel delivers it. The first process of a container gets from inside only what it handles, SIGKILL included. */
  deliver(signal: Signal, from: 'inside' | 'outside'): void {
    if (!this.alive) return;
    if (signal === 'SIGKILL') {
      if (this.pid !== 1 || from === 'outside') this.finish(128 + 9);
      return;
    }
    const handler = this.handlers.get(signal);
    if (handler) handler();
    else if (signal !== 'SIGWINCH' && this.pid !== 1) this.finish(128 + SIGNAL_NUMBERS[signal]);
  }

  spawn(options: SpawnOptions): StartedProcess {
    if (!this.alive) throw this.killed.reason;
    return this.host.spawn(this, options);
  }

  sleep(milliseconds: number): Promise<void> {
    return this.idle(this.pause(milliseconds));
  }

  private pause(milliseconds: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.killed.aborted) return reject(this.killed.reason);
      const abort = () => {
        timer.cancel();
        reject(this.killed.reason);
      };
      const timer = this.container.clock.after(milliseconds, () => {
        this.killed.removeEventListener('abort', abort);
        resolve();
      });
      this.killed.addEventListener('abort', abort, { once: true });
    });
  }

  async breathe(): Promise<void> {
    if (this.killed.aborted) throw this.killed.reason;
    const ran = performance.now() - this.sliceStart;
    if (ran < SLICE) return;
    // What was waited for is not work, and costs nothing.
    const work = Math.max(0, ran - this.waited);
    this.waited = 0;
    const rests = this.busy > BUSY && work >= SLICE / 2;
    const used = Math.min(work, rests ? 4 * SLICE : SLICE);
    this.busy += Math.min(work, SLICE);
    const from = performance.now();
    await new Promise<void>((resolve) => (rests ? setTimeout(resolve, 12) : setImmediate(resolve)));
    // It rests for the sake of this machine; where it is said to run it would have gone on.
    const spent = this.container.spend(rests ? used + Math.min(performance.now() - from, 100) : used);
    if (spent) await spent;
    this.sliceStart = performance.now();
    if (this.killed.aborted) throw this.killed.reason;
  }

  async idle<T>(promise: Promise<T>): Promise<T> {
    const from = performance.now();
    try {
      return await promise;
    } finally {
      this.waited += performance.now() - from;
    }
  }

  async compute(milliseconds: number): Promise<void> {
    const granted = this.container.spend(milliseconds);
    if (granted) await granted;
    await this.sleep(milliseconds);
    this.sliceStart = performance.now();
    this.waited = 0;
  }

  hold(bytes: number): void {
    if (this.alive) this.host.memory.set(this, bytes);
    if (this.killed.aborted) throw this.killed.reason;
  }

  async exec(options: SpawnOptions): Promise<number> {
    this.argv = options.argv;
    this.env = options.env ?? this.env;
    this.cwd = options.cwd ?? this.cwd;
    this.handlers.clear();
    if (options.stdin) this.stdin = new ProcessInput(this, options.stdin);
    if (options.stdout) this.stdout = this.output(options.stdout);
    if (options.stderr) this.stderr = this.output(options.stderr);
    const program = this.host.program(this);
    return program ? program(this) : 127;
  }

  find(name: string, path?: string): FoundProgram {
    return this.host.find(this, name, path ?? this.env.PATH ?? '');
  }

  private output(given: Output): Output {
    const raw = given instanceof ProcessOutput ? given.raw : given;
    const release = raw.hold?.();
    if (release) this.releases.push(release);
    return new ProcessOutput(this, raw);
  }
}

/** A process's end of a stream: it gives up when the process is killed, and counts as a moment to let others run. */
class ProcessInput implements Input {
  readonly raw: Input;
  private readonly process: ContainerProcess;

  constructor(process: ContainerProcess, given: Input) {
    this.raw = given instanceof ProcessInput ? given.raw : given;
    this.process = process;
  }

  [Symbol.asyncIterator]() {
    return iterate(this);
  }

  async read(): Promise<Uint8Array | undefined> {
    await this.process.breathe();
    return this.process.idle(this.raw.read(this.process.killed));
  }

  unread(data: Uint8Array): void {
    this.raw.unread(data);
  }

  close(): void {
    this.raw.close?.();
  }
}

class ProcessOutput implements Output {
  readonly raw: Output;
  private readonly process: ContainerProcess;

  constructor(process: ContainerProcess, raw: Output) {
    this.raw = raw;
    this.process = process;
  }

  async write(data: string | Uint8Array): Promise<void> {
    await this.process.breathe();
    await this.process.idle(this.raw.write(data, this.process.killed));
  }

  hold(): () => void {
    return this.raw.hold?.() ?? (() => undefined);
  }
}
