import { joinPath } from '../file-system/paths.ts';
import { type FileStat, fileErrorText } from '../file-system.ts';
import { resolvePath } from '../process/open.ts';
import { matchesPattern } from '../shell/pattern.ts';
import { idOf, statOf } from './files.ts';
import { type AppletCall, applet, UsageError } from './options.ts';

type Test = (name: string, info: FileStat) => boolean | Promise<boolean>;

/** find(1)'s expression, read into one test. */
class FindExpression {
  private readonly words: string[];
  private readonly call: AppletCall;
  private at = 0;
  hasAction = false;
  depthFirst = false;
  maxDepth = Number.POSITIVE_INFINITY;
  minDepth = 0;
  pruned = false;
  private readonly collected = new Map<string[], string[]>();

  constructor(call: AppletCall, words: string[]) {
    this.call = call;
    this.words = words;
  }

  parse(): Test {
    if (this.words.length === 0) return () => true;
    const test = this.or();
    if (this.at < this.words.length) throw new UsageError(`unrecognized: ${this.words[this.at]}`);
    return test;
  }

  private or(): Test {
    let left = this.and();
    while (/^(-o|-or)$/.test(this.words[this.at] ?? '')) {
      this.at += 1;
      const [first, second] = [left, this.and()];
      left = async (name, info) => (await first(name, info)) || second(name, info);
    }
    return left;
  }

  private and(): Test {
    let left = this.primary();
    for (;;) {
      const word = this.words[this.at];
      if (word === undefined || word === ')' || word === '-o' || word === '-or') return left;
      if (word === '-a' || word === '-and') this.at += 1;
      const [first, second] = [left, this.primary()];
      left = async (name, info) => (await first(name, info)) && second(name, info);
    }
  }

  private value(option: string): string {
    const word = this.words[this.at++];
    if (word === undefined) throw new UsageError(`${option}: requires an argument`);
    return word;
  }

  private number(option: string): (actual: number) => boolean {
    const text = this.value(option);
    const limit = Number(text.replace(/^[-+]/, '').replace(/[a-zA-Z]$/, ''));
    return (actual) =>
      text.startsWith('+') ? actual > limit : text.startsWith('-') ? actual < limit : actual === limit;
  }

  private primary(): Test {
    const { process } = this.call;
    const word = this.words[this.at++] ?? '';
    switch (word) {
      case '(': {
        const test = this.or();
        if (this.words[this.at++] !== ')') throw new UsageError("unmatched '('");
        return test;
      }
      case '!':
      case '-not': {
        const test = this.primary();
        return async (name, info) => !(await test(name, info));
      }
      case '-name':
      case '-iname': {
        const pattern = this.value(word);
        const fold = (text: string) => (word === '-iname' ? text.toLowerCase() : text);
        return (name) => matchesPattern(fold(pattern), fold(name.replace(/\/+$/, '').split('/').at(-1) || '/'));
      }
      case '-path':
      case '-wholename': {
        const pattern = this.value(word);
        return (name) => matchesPattern(pattern, name);
      }
      case '-type': {
        const types = { f: 'file', d: 'directory', l: 'symlink', c: 'device' };
        const type = types[this.value(word) as 'f'];
        return (_, info) => info.type === type;
      }
      case '-maxdepth':
        this.maxDepth = Number(this.value(word));
        return () => true;
      case '-mindepth':
        this.minDepth = Number(this.value(word));
        return () => true;
      case '-depth':
        this.depthFirst = true;
        return () => true;
      case '-xdev':
      case '-follow':
        return () => true;
      case '-empty':
        return (name, info) =>
          info.type === 'directory' ? process.fs.list(resolvePath(process, name)).length === 0 : info.size === 0;
      case '-size': {
        const unit =
          { c: 1, k: 1024, M: 1_048_576, G: 1_073_741_824, w: 2 }[
            /[a-zA-Z]$/.exec(this.words[this.at] ?? '')?.[0] as 'c'
          ] ?? 512;
        const matches = this.number(word);
        return (_, info) => matches(Math.ceil(info.size / unit));
      }
      case '-mtime':
      case '-mmin': {
        const matches = this.number(word);
        const unit = word === '-mmin' ? 60_000 : 86_400_000;
        return (_, info) =>
          matches(Math.floor((process.container.clock.now().getTime() - info.modified.getTime()) / unit));
      }
      case '-newer': {
        const than = statOf(process, this.value(word))?.modified.getTime() ?? 0;
        return (_, info) => info.modified.getTime() > than;
      }
      case '-perm': {
        const text = this.value(word);
        const mode = Number.parseInt(text.replace(/^[-/]/, ''), 8);
        return (_, info) =>
          text.startsWith('-')
            ? (info.mode & mode) === mode
            : text.startsWith('/')
              ? (info.mode & mode) !== 0
              : (info.mode & 0o7777) === mode;
      }
      case '-user': {
        const uid = idOf(process, '/etc/passwd', this.value(word));
        return (_, info) => info.uid === uid;
      }
      case '-prune':
        return () => {
          this.pruned = true;
          return true;
        };
      case '-print':
      case '-print0':
        this.hasAction = true;
        return async (name) => {
          await this.call.print(name + (word === '-print0' ? '\0' : '\n'));
          return true;
        };
      case '-delete':
        this.hasAction = true;
        this.depthFirst = true;
        return (name) => {
          process.fs.remove(resolvePath(process, name));
          return true;
        };
      case '-exec':
      case '-ok':
        return this.exec();
      default:
        throw new UsageError(`unrecognized: ${word}`);
    }
  }

  private exec(): Test {
    this.hasAction = true;
    const command: string[] = [];
    while (this.words[this.at] !== ';' && !(this.words[this.at] === '+' && command.at(-1) === '{}'))
      command.push(this.value('-exec'));
    if (this.words[this.at++] === '+') {
      this.collected.set(command, []);
      return (name) => {
        this.collected.get(command)?.push(name);
        return true;
      };
    }
    return async (name) => (await this.run(command.map((word) => word.replaceAll('{}', name)))) === 0;
  }

  private run(argv: string[]): Promise<number> {
    return this.call.process.spawn({ argv }).exit;
  }

  async finish(): Promise<void> {
    for (const [command, names] of this.collected)
      if (names.length > 0) await this.run([...command.slice(0, -1), ...names]);
  }
}

export const find = applet(async (call) => {
  const words = call.args.filter((word) => word !== '-L' && word !== '-H');
  const start = words.findIndex((word) => /^[-(!]/.test(word));
  const names = start < 0 ? words : words.slice(0, start);
  const expression = new FindExpression(call, start < 0 ? [] : words.slice(start));
  const test = expression.parse();
  const { process } = call;
  let status = 0;
  const visit = async (name: string, depth: number): Promise<void> => {
    await process.breathe();
    let info: FileStat;
    try {
      info = process.fs.stat(resolvePath(process, name), { followLinks: false });
    } catch (error) {
      await call.complain(`${name}: ${fileErrorText(error)}`);
      status = 1;
      return;
    }
    const judge = async () => {
      if (depth < expression.minDepth) return;
      if ((await test(name, info)) && !expression.hasAction) await call.print(`${name}\n`);
    };
    expression.pruned = false;
    if (!expression.depthFirst) await judge();
    if (info.type === 'directory' && depth < expression.maxDepth && !expression.pruned) {
      let entries: string[] = [];
      try {
        entries = process.fs.list(resolvePath(process, name));
      } catch (error) {
        await call.complain(`${name}: ${fileErrorText(error)}`);
        status = 1;
      }
      for (const entry of entries) await visit(joinPath(name, entry), depth + 1);
    }
    if (expression.depthFirst) await judge();
  };
  for (const name of names.length > 0 ? names : ['.']) await visit(name, 0);
  await expression.finish();
  return status;
});
