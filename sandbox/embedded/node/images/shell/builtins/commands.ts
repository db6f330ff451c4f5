import { test } from '../../applets/test.ts';
import { echo, printf } from '../../applets/text-output.ts';
import type { Program } from '../../image.ts';
import { matchesPattern } from '../pattern.ts';
import type { Builtin } from './index.ts';

const inline =
  (program: Program): Builtin =>
  (shell, args, name) =>
    shell.inline(program, [name, ...args]);

const describeCommand: Builtin = async (shell, args, name) => {
  const { builtins } = await import('./index.ts');
  let status = 0;
  for (const word of args) {
    const short = name === 'command -v';
    let text: string | undefined;
    if (shell.state.functions.has(word)) text = short ? word : `${word} is a function`;
    else if (word in builtins || word === 'exec') text = short ? word : `${word} is a shell builtin`;
    else {
      const { found, path } = shell.process.find(word, shell.state.get('PATH') ?? '');
      if (found === 'program' || found === 'script') text = short ? path : `${word} is ${path}`;
    }
    if (text !== undefined) await shell.output.write(`${text}\n`);
    else {
      status = 127;
      if (!short) await shell.output.write(`${word}: not found\n`);
    }
  }
  return status;
};

const command: Builtin = async (shell, args) => {
  const [first, ...rest] = args;
  if (first === '-v') return describeCommand(shell, rest, 'command -v');
  if (first === '-V') return describeCommand(shell, rest, 'command -V');
  const words = first === '--' || first === '-p' ? rest : args;
  return words[0] === undefined ? 0 : shell.invoke(words[0], words.slice(1), [], false);
};

export const commandBuiltins: Record<string, Builtin> = {
  echo: inline(echo),
  printf: inline(printf),
  test: inline(test),
  '[': inline(test),
  '[[': async (shell, args) => {
    // A pattern on the right of == is what [[ has beyond [.
    const [left = '', operator, right = '', end] = args;
    const isMatch = operator === '==' || operator === '=' || operator === '!=';
    if (args.length === 4 && end === ']]' && isMatch)
      return matchesPattern(right, left) === (operator !== '!=') ? 0 : 1;
    if (args.length === 4 && end === ']]' && operator === '=~') return new RegExp(right).test(left) ? 0 : 1;
    return shell.inline(test, ['[[', ...args]);
  },
  command,
  type: describeCommand,
  hash: async () => 0,
  umask: async (shell, [value]) => {
    if (value === undefined) await shell.output.write('0022\n');
    return 0;
  },
  ulimit: async (shell) => {
    await shell.output.write('unlimited\n');
    return 0;
  },
  times: async (shell) => {
    await shell.output.write('0m0.00s 0m0.00s\n0m0.00s 0m0.00s\n');
    return 0;
  },
  history: async () => 0,
  help: async (shell) => {
    await shell.output.write(
      'Built-in commands:\n------------------\n\t. : [ [[ alias bg break cd command continue echo eval exec exit export false fg getopts jobs kill let local printf pwd read readonly return set shift source test times trap true type ulimit umask unalias unset wait\n',
    );
    return 0;
  },
};
