import { FileError, fileErrorText } from '../file-system.ts';
import { openInput, openOutput, resolvePath } from '../process/open.ts';
import { readLines } from '../process/streams.ts';
import { allLines, openFile } from './inputs.ts';
import { type AppletCall, applet, parseOptions, UsageError } from './options.ts';
import { type Address, type Command, ScriptReader } from './sed-script.ts';

/** Puts `&`, `\1`, `\n`, `\U…` into a replacement. */
function expandReplacement(template: string, groups: (string | undefined)[]): string {
  let mode = '';
  let once = '';
  let result = '';
  const add = (text: string) => {
    let value = mode === 'U' ? text.toUpperCase() : mode === 'L' ? text.toLowerCase() : text;
    if (once !== '' && value !== '') {
      value = (once === 'u' ? (value[0] as string).toUpperCase() : (value[0] as string).toLowerCase()) + value.slice(1);
      once = '';
    }
    result += value;
  };
  for (let at = 0; at < template.length; at += 1) {
    const char = template[at] as string;
    if (char === '&') add(groups[0] ?? '');
    else if (char !== '\\') add(char);
    else {
      const next = template[++at] ?? '\\';
      if (/\d/.test(next)) add(groups[Number(next)] ?? '');
      else if (next === 'n') add('\n');
      else if (next === 't') add('\t');
      else if (/[UL]/.test(next)) mode = next;
      else if (next === 'E') mode = '';
      else if (/[ul]/.test(next)) once = next;
      else add(next);
    }
  }
  return result;
}

/** Runs a script over lines: the pattern space, the hold space, and where output goes. */
class Editor {
  private readonly commands: Command[];
  private readonly call: AppletCall;
  private readonly quiet: boolean;
  private lines!: AsyncGenerator<{ text: string; ended: boolean }>;
  private upcoming: { text: string; ended: boolean } | undefined;
  private number = 0;
  private space = '';
  private hold = '';
  private ended = true;
  private appended: string[] = [];
  private lastPattern: RegExp | undefined;
  private write: (text: string) => Promise<void>;
  quit: number | undefined;

  constructor(call: AppletCall, commands: Command[], quiet: boolean) {
    this.call = call;
    this.commands = commands;
    this.quiet = quiet;
    this.write = (text) => call.print(text);
  }

  async run(
    lines: AsyncGenerator<{ text: string; ended: boolean }>,
    write?: (text: string) => Promise<void>,
  ): Promise<void> {
    this.lines = lines;
    if (write) {
      this.write = write;
      this.number = 0;
    }
    this.upcoming = await this.fetch();
    while (this.upcoming && this.quit === undefined) {
      await this.advance();
      let again = true;
      while (again) again = await this.cycle();
    }
  }

  private async fetch(): Promise<{ text: string; ended: boolean } | undefined> {
    const next = await this.lines.next();
    return next.done ? undefined : next.value;
  }

  private async advance(): Promise<void> {
    const line = this.upcoming as { text: string; ended: boolean };
    this.upcoming = await this.fetch();
    this.space = line.text;
    this.ended = line.ended;
    this.number += 1;
  }

  private print(text: string): Promise<void> {
    return this.write(this.ended || this.upcoming ? `${text}\n` : text);
  }

  private async finishCycle(silent = false): Promise<void> {
    if (!this.quiet && !silent) await this.print(this.space);
    for (const text of this.appended.splice(0)) await this.write(text);
  }

  /** One pass of the script; true when it is to be run again on what is left (`D`). */
  private async cycle(): Promise<boolean> {
    let substituted = false;
    for (let at = 0; at < this.commands.length; at += 1) {
      await this.call.process.breathe();
      const command = this.commands[at] as Command;
      if (this.selects(command) === command.negated) {
        if (command.name === '{') at = (command.end as number) - 1;
        continue;
      }
      switch (command.name) {
        case 's':
          if (await this.substitute(command)) substituted = true;
          break;
        case 'y':
          this.space = [...this.space]
            .map((char) => [...(command.replacement ?? '')][[...command.text].indexOf(char)] ?? char)
            .join('');
          break;
        case 'd':
          await this.finishCycle(true);
          return false;
        case 'D': {
          const cut = this.space.indexOf('\n');
          await this.finishCycle(true);
          if (cut < 0) return false;
          this.space = this.space.slice(cut + 1);
          return true;
        }
        case 'p':
          await this.print(this.space);
          break;
        case 'P':
          await this.write(`${this.space.split('\n')[0]}\n`);
          break;
        case 'n':
          if (!this.quiet) await this.print(this.space);
          if (!this.upcoming) {
            this.quit = 0;
            return false;
          }
          await this.advance();
          break;
        case 'N': {
          if (!this.upcoming) {
            await this.finishCycle();
            return false;
          }
          const before = this.space;
          await this.advance();
          this.space = `${before}\n${this.space}`;
          break;
        }
        case 'g':
          this.space = this.hold;
          break;
        case 'G':
          this.space += `\n${this.hold}`;
          break;
        case 'h':
          this.hold = this.space;
          break;
        case 'H':
          this.hold += `\n${this.space}`;
          break;
        case 'x':
          [this.space, this.hold] = [this.hold, this.space];
          break;
        case 'z':
          this.space = '';
          break;
        case '=':
          await this.write(`${this.number}\n`);
          break;
        case 'l':
          await this.write(`${JSON.stringify(this.space).slice(1, -1).replace(/\\"/g, '"')}$\n`);
          break;
        case 'a':
          this.appended.push(`${command.text}\n`);
          break;
        case 'i':
          await this.write(`${command.text}\n`);
          break;
        case 'c':
          if (!command.to || !command.active || command.negated) await this.write(`${command.text}\n`);
          await this.finishCycle(true);
          return false;
        case 'r':
          this.appended.push(await this.fileText(command.file ?? ''));
          break;
        case 'w':
          await openOutput(this.call.process, command.file ?? '', true).write(`${this.space}\n`);
          break;
        case 'q':
        case 'Q':
          this.quit = Number(command.text || 0);
          await this.finishCycle(command.name === 'Q');
          return false;
        case 'b':
        case 't':
        case 'T': {
          const jumps = command.name === 'b' || substituted === (command.name === 't');
          if (command.name !== 'b') substituted = false;
          if (jumps) at = this.label(command.text);
        }
      }
    }
    await this.finishCycle();
    return false;
  }

  private label(name: string): number {
    if (name === '') return this.commands.length;
    const at = this.commands.findIndex((command) => command.name === ':' && command.text === name);
    if (at < 0) throw new UsageError(`can't find label for jump to '${name}'`);
    return at;
  }

  private async fileText(name: string): Promise<string> {
    try {
      return Buffer.from(this.call.process.fs.read(resolvePath(this.call.process, name))).toString();
    } catch (error) {
      fileErrorText(error);
      return '';
    }
  }

  private matches(address: Address): boolean {
    if ('line' in address) return this.number === address.line;
    if ('last' in address) return !this.upcoming;
    if ('first' in address)
      return address.step === 0
        ? this.number === address.first
        : this.number >= address.first && (this.number - address.first) % address.step === 0;
    const pattern = address.pattern ?? this.lastPattern;
    this.lastPattern = pattern;
    if (!pattern) return false;
    pattern.lastIndex = 0;
    return pattern.test(this.space);
  }

  private selects(command: Command): boolean {
    const { from, to } = command;
    if (!from) return true;
    if (!to) return this.matches(from);
    if (command.active) {
      if ('count' in to) command.active = this.number < command.until;
      else if ('line' in to) {
        if (this.number > to.line) {
          command.active = false;
          return this.matches(from) && this.start(command);
        }
        command.active = this.number < to.line;
      } else command.active = !this.matches(to);
      return true;
    }
    return this.matches(from) && this.start(command);
  }

  private start(command: Command): boolean {
    const { to } = command;
    if (to && 'count' in to) {
      command.until = this.number + to.count;
      command.active = to.count > 0;
    } else command.active = !(to && 'line' in to && to.line <= this.number) && !(to && 'last' in to && !this.upcoming);
    return true;
  }

  private async substitute(command: Command): Promise<boolean> {
    const pattern = command.pattern ?? (this.lastPattern && new RegExp(this.lastPattern.source, 'g'));
    if (!pattern) throw new UsageError('no previous regexp');
    this.lastPattern = pattern;
    let times = 0;
    let done = false;
    const wanted = command.occurrence ?? 1;
    this.space = this.space.replace(pattern, (...args) => {
      times += 1;
      if (times < wanted || (times > wanted && !command.global)) return args[0] as string;
      done = true;
      const groups = args.slice(
        0,
        args.findIndex((value) => typeof value === 'number'),
      ) as (string | undefined)[];
      return expandReplacement(command.replacement ?? '', groups);
    });
    if (done && command.print) await this.print(this.space);
    if (done && command.file !== undefined)
      await openOutput(this.call.process, command.file, true).write(`${this.space}\n`);
    return done;
  }
}

export const sed = applet(async (call) => {
  const args = call.args.map((word) => (/^-i.+/.test(word) && !/^-i[nErse]/.test(word) ? '-i' : word));
  const { flags, values, all, rest } = parseOptions(args, 'nErie:f:sz', {
    long: { 'in-place': 'i', quiet: 'n', silent: 'n', 'regexp-extended': 'E', expression: 'e' },
  });
  const scripts = [...all('e')];
  const file = values.get('f');
  if (file !== undefined) scripts.push((await allLines(call, [file])).lines.join('\n'));
  if (scripts.length === 0) {
    const first = rest.shift();
    if (first === undefined) {
      await call.process.stderr.write('Usage: sed [-i[SFX]] [-nrE] [-f FILE]... [-e CMD]... [FILE]...\n');
      return 1;
    }
    scripts.push(first);
  }
  const extended = flags.has('E') || flags.has('r');
  const commands = () => new ScriptReader(scripts.join('\n'), extended).read();
  const quiet = flags.has('n');
  let status = 0;
  if (flags.has('i')) {
    for (const name of rest) {
      try {
        const editor = new Editor(call, commands(), quiet);
        let text = '';
        await editor.run(readLines(openInput(call.process, name)), async (more) => {
          text += more;
        });
        call.process.fs.write(resolvePath(call.process, name), text);
      } catch (error) {
        if (!(error instanceof FileError)) throw error;
        await call.complain(`${name}: ${fileErrorText(error)}`);
        status = 1;
      }
    }
    return status;
  }
  async function* lines() {
    for (const name of rest.length > 0 ? rest : ['-']) {
      const input = await openFile(call, name, '%');
      if (input) yield* readLines(input);
      else status = 1;
    }
  }
  const editor = new Editor(call, commands(), quiet);
  await editor.run(lines());
  return editor.quit ?? status;
});
