import { absolutePath } from '../../file-system/paths.ts';
import { fileErrorText } from '../../file-system.ts';
import { ShellFailure } from '../control.ts';
import type { Interpreter } from '../interpreter.ts';
import { quoteWord } from '../quoting.ts';
import type { Builtin } from './index.ts';

const NAME = /^[A-Za-z_]\w*$/;
const SHORT: Record<string, string> = {
  e: 'errexit',
  u: 'nounset',
  x: 'xtrace',
  f: 'noglob',
  n: 'noexec',
  v: 'verbose',
  C: 'noclobber',
  a: 'allexport',
  m: 'monitor',
  b: 'notify',
};

const set: Builtin = async (shell, args) => {
  const { state } = shell;
  if (args.length === 0) {
    for (const name of state.names()) {
      const value = state.get(name);
      if (value !== undefined) await shell.output.write(`${name}='${value.replace(/'/g, `'"'"'`)}'\n`);
    }
    return 0;
  }
  const change = (option: string, on: boolean) => (on ? state.options.add(option) : state.options.delete(option));
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at] as string;
    if (word === '--') {
      state.positional = args.slice(at + 1);
      return 0;
    }
    if (!/^[-+]./.test(word)) {
      state.positional = args.slice(at);
      return 0;
    }
    for (const letter of word.slice(1)) {
      if (letter === 'o') {
        const long = args[at + 1];
        at += 1;
        if (long === undefined) {
          await shell.output.write('Current option settings\n');
          for (const [short, name] of Object.entries(SHORT))
            await shell.output.write(`${name.padEnd(16)}${state.options.has(short) ? 'on' : 'off'}\n`);
          return 0;
        }
        const short = Object.entries(SHORT).find(([, name]) => name === long)?.[0];
        if (!short && long !== 'pipefail') throw new ShellFailure(`set: illegal option -o ${long}`);
        change(short ?? long, word[0] === '-');
      } else if (letter in SHORT) change(letter, word[0] === '-');
      else throw new ShellFailure(`set: illegal option -${letter}`);
    }
  }
  return 0;
};

/** `export`, `readonly`, `local`: names, some with values. */
const declare =
  (how: 'exported' | 'readOnly' | 'local'): Builtin =>
  async (shell, args, name) => {
    const { state } = shell;
    if (how === 'local' && !state.inFunction) throw new ShellFailure('local: not in a function');
    let remove = false;
    const words = args.filter((word) => {
      if (word === '-n') remove = true;
      return !/^-[a-zA-Z]+$/.test(word);
    });
    if (words.length === 0 && how !== 'local') {
      for (const known of state.names()) {
        if (!state.isMarked(known, how)) continue;
        const value = state.get(known);
        await shell.output.write(
          `${name} ${known}${value === undefined ? '' : `='${value.replace(/'/g, `'"'"'`)}'`}\n`,
        );
      }
      return 0;
    }
    for (const word of words) {
      const [key = '', ...value] = word.split('=');
      if (!NAME.test(key)) throw new ShellFailure(`${name}: ${word}: bad variable name`);
      if (how === 'local') state.local(key);
      if (word.includes('=')) state.set(key, value.join('='));
      if (how !== 'local') state.mark(key, how, !remove);
    }
    return 0;
  };

const cd: Builtin = async (shell, args) => {
  const { process, state } = shell;
  const word = args.filter((arg) => arg !== '-P' && arg !== '-L' && arg !== '--')[0];
  const target = word === '-' ? state.get('OLDPWD') : (word ?? state.get('HOME'));
  if (target === undefined || target === '') {
    await shell.complain(`cd: ${word === '-' ? 'OLDPWD' : 'HOME'} not set`);
    return 1;
  }
  const path = absolutePath(target, process.cwd);
  let why: string | undefined;
  try {
    if (process.fs.stat(path).type !== 'directory') why = 'Not a directory';
    else if (!process.fs.access(path, 'x')) why = 'Permission denied';
  } catch (error) {
    why = fileErrorText(error);
  }
  if (why) {
    await shell.complain(`cd: can't cd to ${target}: ${why}`);
    return 2;
  }
  changeFolder(shell, args.includes('-P') ? process.fs.realPath(path) : path);
  if (word === '-') await shell.output.write(`${path}\n`);
  return 0;
};

function changeFolder(shell: Interpreter, path: string): void {
  shell.state.set('OLDPWD', shell.process.cwd);
  shell.process.cwd = path;
  shell.state.set('PWD', path);
}

const getopts: Builtin = async (shell, [spec = '', name = '', ...given]) => {
  const { state } = shell;
  const args = given.length > 0 ? given : state.positional;
  let index = Number(state.get('OPTIND') ?? '1');
  let offset = Number(state.get('_OPTOFFSET') ?? '1');
  if (index === 1 && state.get('_OPTLAST') !== '1') offset = 1;
  const finish = (letter: string, argument: string | undefined, code: number) => {
    state.set('OPTIND', String(index));
    state.set('_OPTOFFSET', String(offset));
    state.set('_OPTLAST', String(index));
    state.set(name, letter);
    if (argument === undefined) state.unset('OPTARG');
    else state.set('OPTARG', argument);
    return code;
  };
  const word = args[index - 1];
  if (word === undefined || !/^-./.test(word) || word === '--') {
    if (word === '--') index += 1;
    offset = 1;
    return finish('?', undefined, 1);
  }
  const letter = word[offset] as string;
  offset += 1;
  const last = offset >= word.length;
  const place = spec.replace(/^:/, '').indexOf(letter);
  const silent = spec.startsWith(':');
  const wants = place >= 0 && spec.replace(/^:/, '')[place + 1] === ':';
  const rest = last ? undefined : word.slice(offset);
  if (last || wants) {
    index += 1;
    offset = 1;
  }
  if (place < 0 || letter === ':') {
    if (!silent) await shell.errors.write(`${state.name}: Illegal option -${letter}\n`);
    return finish('?', silent ? letter : undefined, 0);
  }
  if (!wants) return finish(letter, undefined, 0);
  const argument = rest ?? args[index - 1];
  if (rest === undefined) index += 1;
  if (argument !== undefined) return finish(letter, argument, 0);
  if (!silent) await shell.errors.write(`${state.name}: No arg for -${letter} option\n`);
  return finish(silent ? ':' : '?', silent ? letter : undefined, 0);
};

export const variableBuiltins: Record<string, Builtin> = {
  set,
  export: declare('exported'),
  readonly: declare('readOnly'),
  local: declare('local'),
  cd,
  chdir: cd,
  getopts,
  pwd: async (shell) => {
    await shell.output.write(`${shell.process.cwd}\n`);
    return 0;
  },
  unset: async (shell, args) => {
    const functions = args[0] === '-f';
    for (const name of args.filter((word) => !/^-[fv]$/.test(word))) {
      if (functions) shell.state.functions.delete(name);
      else shell.state.unset(name);
    }
    return 0;
  },
  shift: async (shell, [count = '1']) => {
    const { state } = shell;
    if (Number(count) > state.positional.length) throw new ShellFailure("shift: can't shift that many");
    state.positional = state.positional.slice(Number(count));
    return 0;
  },
  let: async (shell, args) => {
    let value = 0n;
    for (const text of args) value = shell.expander.arithmetic(text);
    return value === 0n ? 1 : 0;
  },
  alias: async (shell, args) => {
    const { aliases } = shell.state;
    if (args.length === 0)
      for (const [name, value] of aliases) await shell.output.write(`${name}=${quoteWord(value)}\n`);
    for (const word of args) {
      const cut = word.indexOf('=');
      if (cut > 0) aliases.set(word.slice(0, cut), word.slice(cut + 1));
    }
    return 0;
  },
  unalias: async (shell, args) => {
    for (const name of args) shell.state.aliases.delete(name);
    return 0;
  },
};
