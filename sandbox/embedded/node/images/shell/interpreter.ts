import type { ContainerProcess, Program, SpawnOptions, StartedProcess } from '../image.ts';
import { gather } from '../process/gather.ts';
import { BytesInput, Pipe } from '../process/streams.ts';
import { type Builtin, builtins } from './builtins/index.ts';
import { runCompound } from './compound.ts';
import { FunctionReturn, LoopExit, ShellExit, ShellFailure } from './control.ts';
import { Expander } from './expansion.ts';
import { Parser } from './parser.ts';
import { quoteWord } from './quoting.ts';
import { type Descriptor, ShellIo } from './shell-io.ts';
import { ReadOnlyVariable, type ShellState } from './state.ts';
import {
  type AndOr,
  type Command,
  type Pipeline,
  type Redirect,
  type Script,
  ShellSyntaxError,
  type SimpleCommand,
} from './syntax.ts';

/** Runs a shell's syntax tree inside one process. A subshell is another interpreter in another process. */
export class Interpreter extends ShellIo {
  readonly expander: Expander;
  /** Jobs in groups of their own, messages about them: a shell at a prompt. */
  interactive = false;
  /** Above 0 while a failure is being tested, and so does not end the script under `set -e`. */
  private tested = 0;
  private loops = 0;
  /** Nothing comes after the one command this shell was forked for: a program takes its place. */
  private last = false;
  /** Status of the last command substitution: that of a command that only assigns. */
  private substituted = 0;

  constructor(state: ShellState, process: ContainerProcess, descriptors?: Map<number, Descriptor>) {
    super(state, process, descriptors);
    this.expander = new Expander(state, process, (script) => this.substitute(script));
    for (const [signal, action] of state.traps) if (action === '') this.arm(signal);
  }

  /** Runs to the end of the shell: `exit`, failures and the EXIT trap included. */
  async finish(body: () => Promise<number>): Promise<number> {
    let code: number;
    try {
      code = await this.guarded(body);
    } catch (error) {
      if (!(error instanceof ShellExit)) throw error;
      code = error.code;
    }
    const trap = this.state.traps.get('EXIT');
    if (!trap) return code;
    this.state.traps.delete('EXIT');
    this.state.status = code;
    try {
      await this.guarded(() => this.source(trap));
    } catch (error) {
      if (error instanceof ShellExit) return error.code;
      throw error;
    }
    return code;
  }

  /** Turns a shell's own failures into messages and the end of the script. */
  private async guarded(body: () => Promise<number>): Promise<number> {
    try {
      return await body();
    } catch (error) {
      throw new ShellExit(await this.report(error));
    }
  }

  /** Says what went wrong and gives its status; what is no failure of the script is thrown on. */
  async report(error: unknown): Promise<number> {
    if (error instanceof ShellSyntaxError) {
      if (this.state.isFile) this.state.line = error.line;
      await this.complain(error.message.startsWith('bad') ? error.message : `syntax error: ${error.message}`);
      return 2;
    }
    if (error instanceof ShellFailure) {
      if (error.message) await this.complain(error.message);
      return error.code;
    }
    if (error instanceof ReadOnlyVariable) {
      await this.complain(error.message);
      return 2;
    }
    if (error instanceof FunctionReturn) return error.code;
    if (error instanceof LoopExit) return this.state.status;
    if (error instanceof RangeError && error.message.includes('call stack')) {
      await this.complain('maximum function nesting exceeded');
      return 2;
    }
    throw error;
  }

  /** Runs text command by command, as it is read. */
  async source(text: string): Promise<number> {
    const parser = new Parser(text);
    let status = 0;
    for (let script = parser.next(); script; script = parser.next()) status = await this.script(script);
    return status;
  }

  async script(script: Script): Promise<number> {
    for (const item of script) {
      if (item.background) this.state.status = this.background(item);
      else await this.andOr(item);
      if (this.pendingTraps.length > 0) await this.runTraps();
    }
    return this.state.status;
  }

  private async andOr(item: AndOr): Promise<number> {
    let status = await this.pipeline(item.first, item.rest.length > 0);
    for (const [index, { operator, pipeline }] of item.rest.entries()) {
      if ((operator === '&&') !== (status === 0)) continue;
      status = await this.pipeline(pipeline, index < item.rest.length - 1);
    }
    return status;
  }

  private async pipeline(pipeline: Pipeline, tested: boolean): Promise<number> {
    const quiet = tested || pipeline.negated;
    if (quiet) this.tested += 1;
    let status: number;
    try {
      const only = pipeline.commands[0] as Command;
      status = pipeline.commands.length === 1 ? await this.command(only) : await this.pipe(pipeline.commands);
    } finally {
      if (quiet) this.tested -= 1;
    }
    if (pipeline.negated) status = status === 0 ? 1 : 0;
    this.state.status = status;
    if (status !== 0 && !quiet && this.tested === 0 && this.state.options.has('e')) throw new ShellExit(status);
    return status;
  }

  private async pipe(commands: Command[]): Promise<number> {
    const children: StartedProcess[] = [];
    let stdin: Pipe | undefined;
    let group: number | 'own' | undefined = this.interactive ? 'own' : undefined;
    for (const [index, command] of commands.entries()) {
      const next = index < commands.length - 1 ? new Pipe() : undefined;
      const child = this.fork((shell) => shell.command(command), {
        stdin: stdin ?? this.input,
        stdout: next ?? this.output,
        ...(group === undefined ? {} : { group }),
      });
      if (group === 'own') group = child.pid;
      const reads = stdin;
      if (reads) void child.exit.then(() => reads.close());
      children.push(child);
      stdin = next;
    }
    const codes = await this.inForeground(children[0]?.pid, () => Promise.all(children.map((child) => child.exit)));
    const failed = this.state.options.has('pipefail') ? codes.findLast((code) => code !== 0) : undefined;
    return failed ?? codes.at(-1) ?? 0;
  }

  /** While a job of a prompt runs, the terminal's Ctrl-C is for it. */
  async inForeground<T>(group: number | undefined, wait: () => Promise<T>): Promise<T> {
    const { tty } = this.process;
    if (!this.interactive || !tty || group === undefined) return await this.alive(wait());
    tty.foreground = group;
    try {
      return await this.alive(wait());
    } finally {
      tty.foreground = this.process.group;
      tty.setRaw(false);
    }
  }

  async alive<T>(promise: Promise<T>): Promise<T> {
    const result = await this.process.idle(promise);
    await this.process.breathe();
    return result;
  }

  /** A subshell in a process of its own. */
  fork(
    body: (shell: Interpreter) => Promise<number>,
    streams: Omit<SpawnOptions, 'argv' | 'run'> = {},
  ): StartedProcess {
    const state = this.state.fork();
    const descriptors = new Map(this.descriptors);
    const { tested, loops } = this;
    return this.process.spawn({
      argv: this.process.argv,
      stdin: this.input,
      stdout: this.output,
      stderr: this.errors,
      ...streams,
      run: (process) => {
        const shell = new Interpreter(state, process, descriptors);
        shell.tested = tested;
        shell.loops = loops;
        return shell.finish(() => body(shell));
      },
    });
  }

  private background(item: AndOr): number {
    const streams = this.interactive ? { group: 'own' as const } : { stdin: new BytesInput() };
    const [command, ...more] = item.first.commands;
    const alone = item.rest.length === 0 && !item.first.negated && command?.kind === 'simple' && more.length === 0;
    const child = this.fork((shell) => {
      shell.last = alone;
      return shell.andOr({ ...item, background: false });
    }, streams);
    const id = (this.state.jobs.at(-1)?.id ?? 0) + 1;
    const job = { id, pid: child.pid, text: item.text, child, status: undefined as number | undefined };
    void child.exit.then((code) => {
      job.status = code;
    });
    this.state.jobs.push(job);
    this.state.lastBackground = String(child.pid);
    return 0;
  }

  private async substitute(script: Script): Promise<string> {
    const pipe = new Pipe();
    const child = this.fork((shell) => shell.script(script), { stdout: pipe });
    const text = await gather(this.process, pipe);
    this.substituted = await this.alive(child.exit);
    return text.toString().replace(/\0/g, '').replace(/\n+$/, '');
  }

  private async command(command: Command): Promise<number> {
    await this.process.breathe();
    this.state.line = command.line;
    if (command.kind === 'simple') return this.simple(command);
    if (command.kind === 'function') {
      this.state.functions.set(command.name, command.body);
      return 0;
    }
    return this.redirected(command.redirects, () => runCompound(this, command));
  }

  /** Runs what `if` or `while` asks: its failure is an answer, not the end of the script. */
  async condition(script: Script): Promise<number> {
    this.tested += 1;
    try {
      return await this.script(script);
    } finally {
      this.tested -= 1;
    }
  }

  /** Takes turns until one says false or `break` leaves. */
  async loop(turn: () => Promise<boolean>): Promise<void> {
    this.loops += 1;
    try {
      for (;;) {
        await this.process.breathe();
        try {
          if (!(await turn())) return;
        } catch (error) {
          if (!(error instanceof LoopExit)) throw error;
          error.levels -= 1;
          if (error.levels > 0 && this.loops > 1) throw error;
          if (error.kind === 'break') return;
        }
      }
    } finally {
      this.loops -= 1;
    }
  }

  get inLoop(): boolean {
    return this.loops > 0;
  }

  // Simple commands

  private async simple(command: SimpleCommand): Promise<number> {
    this.substituted = 0;
    const words = await this.expander.words(command.words);
    const assignments: [string, string][] = [];
    for (const { name, value } of command.assignments) {
      const text = await this.expander.text(value);
      assignments.push([name, text]);
      if (words.length === 0) this.state.set(name, text);
    }
    if (this.state.options.has('x')) await this.trace(assignments, words);
    const [name, ...args] = words;
    if (name === undefined) {
      const status = this.substituted;
      return command.redirects.length > 0 ? this.redirected(command.redirects, async () => status) : status;
    }
    if (name === 'exec') return this.exec(args, command.redirects, assignments);
    if (this.last && !this.state.functions.has(name) && !builtins[name])
      return this.exec([name, ...args], command.redirects, assignments);
    return this.redirected(command.redirects, () => this.invoke(name, args, assignments));
  }

  private async trace(assignments: [string, string][], words: string[]): Promise<void> {
    const shown = [...assignments.map(([name, value]) => `${name}=${quoteWord(value)}`), ...words.map(quoteWord)];
    await this.errors.write(`${this.state.get('PS4') ?? '+ '}${shown.join(' ')}\n`);
  }

  /** Function, builtin, or program, in this order. */
  async invoke(name: string, args: string[], assignments: [string, string][] = [], functions = true): Promise<number> {
    const body = functions ? this.state.functions.get(name) : undefined;
    const builtin: Builtin | undefined = builtins[name];
    if (!body && !builtin) return this.external(name, args, assignments);
    const restore = this.state.overlay(assignments);
    try {
      if (body) return await this.callFunction(body, args);
      return await (builtin as Builtin)(this, args, name);
    } finally {
      restore();
    }
  }

  private async callFunction(body: Command, args: string[]): Promise<number> {
    const { positional } = this.state;
    this.state.positional = args;
    this.state.enterFunction();
    try {
      return await this.command(body);
    } catch (error) {
      if (error instanceof FunctionReturn) return error.code;
      throw error;
    } finally {
      this.state.leaveFunction();
      this.state.positional = positional;
    }
  }

  private async external(name: string, args: string[], assignments: [string, string][]): Promise<number> {
    const env = { ...this.state.environment(), ...Object.fromEntries(assignments) };
    const problem = await this.missing(name, env.PATH ?? this.state.get('PATH'));
    if (problem !== undefined) return problem;
    const child = this.process.spawn({
      argv: [name, ...args],
      env,
      stdin: this.input,
      stdout: this.output,
      stderr: this.errors,
      ...(this.interactive ? { group: 'own' as const } : {}),
    });
    return this.inForeground(child.pid, () => child.exit);
  }

  /** Says why a command cannot be run, and gives its status; undefined when it can. */
  private async missing(name: string, path = ''): Promise<number | undefined> {
    const { found } = this.process.find(name, path);
    if (found === 'program' || found === 'script') return undefined;
    const missing = this.state.name === 'bash' ? 'command not found' : 'not found';
    await this.complain(`${name}: ${found === 'missing' ? missing : 'Permission denied'}`);
    return found === 'missing' ? 127 : 126;
  }

  /** Runs an applet inside the shell's own process: `echo`, `test`, `printf`. */
  inline(program: Program, argv: string[]): Promise<number> {
    const view: ContainerProcess = Object.create(this.process, {
      argv: { value: argv },
      stdin: { value: this.input },
      stdout: { value: this.output },
      stderr: { value: this.errors },
      env: { get: () => this.state.environment() },
    });
    return program(view);
  }

  private async exec(args: string[], redirects: Redirect[], assignments: [string, string][]): Promise<number> {
    const restore = await this.redirect(redirects);
    if (!restore) throw new ShellExit(2);
    const [name] = args;
    if (name === undefined) return 0;
    const env = { ...this.state.environment(), ...Object.fromEntries(assignments) };
    const problem = await this.missing(name, env.PATH ?? this.state.get('PATH'));
    if (problem !== undefined) {
      restore();
      throw new ShellExit(problem);
    }
    const code = await this.process.exec({
      argv: args,
      env,
      stdin: this.input,
      stdout: this.output,
      stderr: this.errors,
    });
    // The program took the shell's place: no EXIT trap, nothing after it.
    this.state.traps.clear();
    throw new ShellExit(code);
  }
}
