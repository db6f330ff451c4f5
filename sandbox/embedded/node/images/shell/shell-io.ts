import { FileError, fileErrorText } from '../file-system.ts';
import type { ContainerProcess, Input, Output } from '../image.ts';
import { openInput, openOutput } from '../process/open.ts';
import { SIGNAL_NUMBERS } from '../process/signals.ts';
import { BytesInput } from '../process/streams.ts';
import { ShellFailure } from './control.ts';
import type { Expander } from './expansion.ts';
import type { ShellState } from './state.ts';
import type { Redirect } from './syntax.ts';

/** What a number stands for in a redirection. */
export interface Descriptor {
  input?: Input;
  output?: Output;
}

/** A shell's descriptors and signals: the part of the interpreter that faces the process. */
export abstract class ShellIo {
  readonly state: ShellState;
  readonly process: ContainerProcess;
  descriptors: Map<number, Descriptor>;
  abstract readonly expander: Expander;
  protected readonly pendingTraps: string[] = [];
  private wakeWait: (() => void) | undefined;

  constructor(state: ShellState, process: ContainerProcess, descriptors?: Map<number, Descriptor>) {
    this.state = state;
    this.process = process;
    this.descriptors = new Map(descriptors);
    this.descriptors.set(0, { input: process.stdin });
    this.descriptors.set(1, { output: process.stdout });
    this.descriptors.set(2, { output: process.stderr });
  }

  abstract source(text: string): Promise<number>;
  /** The promise's value, unless the process was ended meanwhile. */
  abstract alive<T>(promise: Promise<T>): Promise<T>;

  get input(): Input {
    return this.descriptors.get(0)?.input ?? new BytesInput();
  }

  get output(): Output {
    return this.descriptors.get(1)?.output ?? CLOSED;
  }

  get errors(): Output {
    return this.descriptors.get(2)?.output ?? CLOSED;
  }

  /** A message in the shell's own name. */
  complain(text: string): Promise<void> {
    const place = this.state.isFile ? `line ${this.state.line}: ` : '';
    // ash names the line after a builtin's name, counted from 0 after -c; at a prompt it does not.
    const builtin = /^(?:cd|local|\.|read|set|shift|trap|export|getopts): /.exec(text)?.[0];
    const message = !builtin
      ? place + text
      : this.state.options.has('i')
        ? text
        : `${builtin}line ${this.state.isFile ? this.state.line : this.state.line - 1}: ${text.slice(builtin.length)}`;
    return this.errors.write(`${this.state.name}: ${message}\n`);
  }

  protected async redirected(redirects: Redirect[], body: () => Promise<number>): Promise<number> {
    if (redirects.length === 0) return body();
    const restore = await this.redirect(redirects);
    if (!restore) return 1;
    try {
      return await body();
    } catch (error) {
      // Said here, where the redirection still holds.
      if (!(error instanceof ShellFailure) || error.message === '') throw error;
      await this.complain(error.message);
      throw new ShellFailure('', error.code);
    } finally {
      restore();
    }
  }

  /** Redirects; the returned function takes it back. Undefined, and a message, when a file cannot be opened. */
  protected async redirect(redirects: Redirect[]): Promise<(() => void) | undefined> {
    const before = this.descriptors;
    const now = new Map(before);
    for (const { descriptor, operator, target } of redirects) {
      const text = await this.expander.text(target);
      try {
        this.open(now, descriptor, operator, text);
      } catch (error) {
        if (error instanceof ShellFailure) await this.complain(error.message);
        else if (error instanceof FileError) {
          const verb = operator.startsWith('<') ? 'open' : 'create';
          const why = verb === 'create' && error.code === 'ENOENT' ? 'nonexistent directory' : fileErrorText(error);
          await this.complain(
            `can't ${verb} ${text}: ${verb === 'open' && error.code === 'ENOENT' ? 'no such file' : why}`,
          );
        } else throw error;
        return undefined;
      }
    }
    this.descriptors = now;
    return () => {
      this.descriptors = before;
    };
  }

  private open(now: Map<number, Descriptor>, descriptor: number, operator: Redirect['operator'], text: string): void {
    const view: ContainerProcess = Object.create(this.process, {
      stdin: { value: now.get(0)?.input ?? new BytesInput() },
      stdout: { value: now.get(1)?.output ?? CLOSED },
      stderr: { value: now.get(2)?.output ?? CLOSED },
    });
    switch (operator) {
      case '<':
      case '<>':
        now.set(descriptor, { input: openInput(view, text) });
        return;
      case '<<':
        now.set(descriptor, { input: new BytesInput(text) });
        return;
      case '<&':
      case '>&': {
        if (text === '-') {
          now.delete(descriptor);
          return;
        }
        if (operator === '>&' && !/^\d+$/.test(text)) {
          this.open(now, descriptor, '&>', text);
          return;
        }
        const source = now.get(Number(text));
        if (!source) throw new ShellFailure(`${text}: Bad file descriptor`);
        now.set(descriptor, source);
        return;
      }
      default: {
        const noClobber = operator === '>' && this.state.options.has('C');
        if (noClobber && this.process.fs.access(text, 'r')) throw new ShellFailure(`can't create ${text}: File exists`);
        const output = openOutput(view, text, operator === '>>');
        now.set(operator === '&>' ? 1 : descriptor, { output });
        if (operator === '&>') now.set(2, { output });
      }
    }
  }

  /** Makes a signal wait for the end of the command at hand, then run its trap; '' ignores it. */
  arm(signal: string): void {
    const name = `SIG${signal}`;
    if (!(name in SIGNAL_NUMBERS)) return;
    const action = this.state.traps.get(signal);
    this.process.onSignal(
      name as keyof typeof SIGNAL_NUMBERS,
      action === undefined
        ? undefined
        : () => {
            if (action === '') return;
            this.pendingTraps.push(signal);
            this.wakeWait?.();
          },
    );
  }

  protected async runTraps(): Promise<void> {
    for (let signal = this.pendingTraps.shift(); signal !== undefined; signal = this.pendingTraps.shift()) {
      const { status } = this.state;
      await this.source(this.state.traps.get(signal) ?? '');
      this.state.status = status;
    }
  }

  /** Waits for a child, or until a trapped signal arrives: then 128 + its number. */
  async waitFor(exit: Promise<number>): Promise<number> {
    const interrupted = new Promise<number>((resolve) => {
      this.wakeWait = () => {
        const signal = `SIG${this.pendingTraps.at(-1)}` as keyof typeof SIGNAL_NUMBERS;
        resolve(128 + (SIGNAL_NUMBERS[signal] ?? 0));
      };
    });
    try {
      if (this.pendingTraps.length > 0) this.wakeWait?.();
      return await this.alive(Promise.race([exit, interrupted]));
    } finally {
      this.wakeWait = undefined;
    }
  }
}

const CLOSED: Output = {
  async write() {
    throw new ShellFailure('write error: Bad file descriptor', 1);
  },
};
