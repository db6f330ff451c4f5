import { absolutePath, baseName } from '../file-system/paths.ts';
import { fileErrorText } from '../file-system.ts';
import type { ContainerProcess, Program } from '../image.ts';
import { resolvePath } from '../process/open.ts';
import { builtins } from './builtins/index.ts';
import { ShellExit } from './control.ts';
import { Interpreter } from './interpreter.ts';
import { LineEditor } from './line-editor.ts';
import { Parser } from './parser.ts';
import { ShellState } from './state.ts';
import { type Script, ShellSyntaxError } from './syntax.ts';

/** A POSIX shell in the manner of busybox ash. `prompt` is the default PS1 (`\w`, `\u`, `\h`, `\$`). */
export function createShell(options: { prompt?: string } = {}): Program {
  return (process) => runShell(process, options.prompt ?? '\\w \\$ ');
}

async function runShell(process: ContainerProcess, prompt: string): Promise<number> {
  const args = process.argv.slice(1);
  const state = new ShellState(baseName(process.argv[0] ?? 'sh').replace(/^-/, ''), [], process.pid);
  for (const [name, value] of Object.entries(process.env)) {
    if (!/^[A-Za-z_]\w*$/.test(name)) continue;
    state.set(name, value);
    state.mark(name, 'exported');
  }
  state.set('PWD', process.cwd);
  state.set('IFS', ' \t\n');
  state.set('OPTIND', '1');
  state.set('PPID', String(process.parent));
  const shell = new Interpreter(state, process);
  let command = false;
  let fromInput = false;
  let forced = false;
  while (/^[-+]./.test(args[0] ?? '')) {
    const word = args.shift() as string;
    if (word === '--') break;
    if (word.startsWith('--')) continue;
    for (const letter of word.slice(1)) {
      if (letter === 'c') command = true;
      else if (letter === 's') fromInput = true;
      else if (letter === 'i') forced = true;
      else if (letter === 'o') state.options.add(args.shift() ?? '');
      else if (letter === 'l') continue;
      else if ('euxfnvCa'.includes(letter)) state.options.add(letter);
      else {
        await process.stderr.write(`${state.name}: illegal option -${letter}\n`);
        return 2;
      }
    }
  }
  if (command) {
    const text = args.shift();
    if (text === undefined) {
      await process.stderr.write(`${state.name}: -c requires an argument\n`);
      return 2;
    }
    state.name = args.shift() ?? state.name;
    state.positional = args;
    return shell.finish(() => shell.source(text));
  }
  const file = fromInput ? undefined : args.shift();
  state.positional = args;
  if (file !== undefined) return runFile(shell, file);
  if (process.tty || forced) return new Prompt(shell, prompt).run();
  return shell.finish(() => fromStream(shell));
}

async function runFile(shell: Interpreter, file: string): Promise<number> {
  let text: string;
  try {
    text = Buffer.from(shell.process.fs.read(resolvePath(shell.process, file))).toString();
  } catch (error) {
    await shell.errors.write(`${shell.state.name}: can't open '${file}': ${fileErrorText(error)}\n`);
    return 2;
  }
  shell.state.name = file;
  shell.state.isFile = true;
  return shell.finish(() => shell.source(text));
}

/** Reads commands from stdin, no further than the line at hand: what a command reads itself is its own. */
async function fromStream(shell: Interpreter): Promise<number> {
  let text = '';
  let status = 0;
  for (let going = true; going; ) {
    const chunks: Uint8Array[] = [];
    for (;;) {
      const data = await shell.input.read();
      const end = data?.indexOf(10) ?? -1;
      if (!data) going = false;
      else chunks.push(end < 0 ? data : data.subarray(0, end + 1));
      if (data && end >= 0) shell.input.unread(data.subarray(end + 1));
      if (!data || end >= 0) break;
    }
    text += Buffer.concat(chunks).toString();
    let script: Script | undefined;
    try {
      script = new Parser(text).script();
    } catch (error) {
      if (going && error instanceof ShellSyntaxError && error.incomplete) continue;
      throw error;
    }
    text = '';
    if (script.length > 0) status = await shell.script(script);
  }
  return status;
}

/** The dialogue at a terminal. */
class Prompt {
  private readonly shell: Interpreter;
  private readonly fallback: string;
  private readonly editor: LineEditor | undefined;

  constructor(shell: Interpreter, fallback: string) {
    this.shell = shell;
    this.fallback = fallback;
    const { process, state } = shell;
    shell.interactive = true;
    state.options.add('i');
    state.options.add('m');
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGQUIT'] as const) process.onSignal(signal, () => undefined);
    if (process.tty) this.editor = new LineEditor(process, process.tty, (line) => this.candidates(line));
  }

  run(): Promise<number> {
    return this.shell.finish(async () => {
      for (;;) {
        await this.tellJobs();
        const script = await this.read();
        if (script === 'end') return this.shell.state.status;
        if (script === 'interrupt') {
          this.shell.state.status = 130;
          continue;
        }
        await this.execute(script);
      }
    });
  }

  private async execute(script: Script): Promise<void> {
    this.editor?.release();
    try {
      await this.shell.script(script);
    } catch (error) {
      if (error instanceof ShellExit) throw error;
      this.shell.state.status = await this.shell.report(error);
    }
  }

  private async tellJobs(): Promise<void> {
    const { state } = this.shell;
    for (const job of state.jobs.filter((candidate) => candidate.status !== undefined)) {
      const done = job.status === 0 ? 'Done' : job.status === 143 ? 'Terminated' : `Done(${job.status})`;
      await this.shell.errors.write(`[${job.id}]+  ${done.padEnd(24)}${job.text}\n`);
    }
    state.jobs = state.jobs.filter((job) => job.status === undefined);
  }

  /** Lines until they make complete commands. */
  private async read(): Promise<Script | 'interrupt' | 'end'> {
    let text = '';
    for (;;) {
      const line = await this.line(text === '' ? this.prompt() : '> ');
      if (line === 'interrupt') return line;
      if (line === 'end' && text === '') return line;
      text += line === 'end' ? '' : `${this.unalias(line)}\n`;
      try {
        return new Parser(text).script();
      } catch (error) {
        if (error instanceof ShellSyntaxError && error.incomplete && line !== 'end') continue;
        this.shell.state.status = await this.shell.report(error);
        return [];
      }
    }
  }

  private async line(prompt: string): Promise<string | 'interrupt' | 'end'> {
    const result = await this.editor?.line(prompt);
    if (result) return typeof result === 'string' ? result : result.line;
    const data = await this.shell.input.read();
    return data ? Buffer.from(data).toString().replace(/\n$/, '') : 'end';
  }

  private unalias(line: string): string {
    const [, word = '', rest = ''] = /^\s*([^\s;|&]+)([\s\S]*)$/.exec(line) ?? [];
    const alias = this.shell.state.aliases.get(word);
    return alias === undefined ? line : alias + rest;
  }

  private prompt(): string {
    const { state, process } = this.shell;
    const home = state.get('HOME') ?? '';
    const inHome = home !== '/' && (process.cwd === home || process.cwd.startsWith(`${home}/`));
    const short = inHome ? `~${process.cwd.slice(home.length)}` : process.cwd;
    return (state.get('PS1') ?? this.fallback)
      .replace(/\\w/g, short)
      .replace(/\\h/g, process.container.pod.hostname)
      .replace(/\\u/g, process.uid === 0 ? 'root' : (state.get('USER') ?? userName(process)))
      .replace(/\\\$/g, process.uid === 0 ? '#' : '$');
  }

  private candidates(line: string): { word: string; candidates: string[] } {
    const word = /[^\s;|&<>]*$/.exec(line)?.[0] ?? '';
    const isCommand = /(^|[;|&(])\s*$/.test(line.slice(0, line.length - word.length)) && !word.includes('/');
    if (isCommand) {
      const names = new Set(Object.keys(builtins));
      for (const folder of (this.shell.state.get('PATH') ?? '').split(':'))
        for (const name of this.list(folder)) names.add(name);
      return { word, candidates: [...names].filter((name) => name.startsWith(word)).sort() };
    }
    const cut = word.lastIndexOf('/') + 1;
    const [folder, start] = [word.slice(0, cut), word.slice(cut)];
    const place = absolutePath(folder, this.shell.process.cwd);
    const candidates = this.list(place)
      .filter((name) => name.startsWith(start) && (start !== '' || !name.startsWith('.')))
      .map((name) => `${folder}${name}${this.isFolder(`${place}/${name}`) ? '/' : ''}`);
    return { word, candidates };
  }

  private list(folder: string): string[] {
    try {
      return this.shell.process.fs.list(folder);
    } catch {
      return [];
    }
  }

  private isFolder(path: string): boolean {
    try {
      return this.shell.process.fs.stat(path).type === 'directory';
    } catch {
      return false;
    }
  }
}

function userName(process: ContainerProcess): string {
  try {
    const rows = Buffer.from(process.fs.read('/etc/passwd')).toString().split('\n');
    return rows.map((row) => row.split(':')).find((row) => row[2] === String(process.uid))?.[0] ?? 'I have no name!';
  } catch {
    return 'I have no name!';
  }
}
