import { fileErrorText } from '../../file-system.ts';
import { resolvePath } from '../../process/open.ts';
import { parseSignal } from '../../process/signals.ts';
import { FunctionReturn, LoopExit, ShellExit, ShellFailure } from '../control.ts';
import { quoteWord } from '../quoting.ts';
import type { Builtin } from './index.ts';

function numberOf(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^\d+$/.test(text)) throw new ShellFailure(`Illegal number: ${text}`);
  return Number(text);
}

const leaveLoop =
  (kind: 'break' | 'continue'): Builtin =>
  async (shell, [levels]) => {
    if (!shell.inLoop) return 0;
    throw new LoopExit(kind, Math.max(1, numberOf(levels, 1)));
  };

const source: Builtin = async (shell, [file, ...args]) => {
  if (file === undefined) return 2;
  let text: string | undefined;
  const places = file.includes('/')
    ? [file]
    : [...(shell.state.get('PATH') ?? '').split(':').map((at) => `${at}/${file}`), file];
  let why = 'not found';
  for (const place of places) {
    try {
      text = Buffer.from(shell.process.fs.read(resolvePath(shell.process, place))).toString();
      break;
    } catch (error) {
      why = fileErrorText(error);
    }
  }
  if (text === undefined) throw new ShellFailure(`.: can't open '${file}': ${why}`);
  const { positional } = shell.state;
  if (args.length > 0) shell.state.positional = args;
  try {
    return await shell.source(text);
  } catch (error) {
    if (error instanceof FunctionReturn) return error.code;
    throw error;
  } finally {
    shell.state.positional = positional;
  }
};

const trap: Builtin = async (shell, args) => {
  const { traps } = shell.state;
  const words = args[0] === '--' ? args.slice(1) : args;
  if (words.length === 0 || words[0] === '-p') {
    for (const [signal, action] of traps) await shell.output.write(`trap -- ${quoteWord(action)} ${signal}\n`);
    return 0;
  }
  const [first = '', ...rest] = words;
  const resets = rest.length === 0 || first === '-' || /^\d+$/.test(first);
  const action = resets ? undefined : first;
  for (const word of rest.length === 0 || /^\d+$/.test(first) ? words : rest) {
    const signal = word === '0' || word.toUpperCase() === 'EXIT' ? 'EXIT' : parseSignal(word)?.slice(3);
    if (signal === undefined) throw new ShellFailure(`trap: ${word}: invalid signal specification`, 1);
    if (action === undefined) traps.delete(signal);
    else traps.set(signal, action);
    shell.arm(signal);
  }
  return 0;
};

export const controlBuiltins: Record<string, Builtin> = {
  ':': async () => 0,
  true: async () => 0,
  false: async () => 1,
  break: leaveLoop('break'),
  continue: leaveLoop('continue'),
  return: async (shell, [code]) => {
    throw new FunctionReturn(numberOf(code, shell.state.status) & 255);
  },
  exit: async (shell, [code]) => {
    throw new ShellExit(numberOf(code, shell.state.status) & 255);
  },
  eval: async (shell, args) => (args.length > 0 ? shell.source(args.join(' ')) : 0),
  '.': source,
  source,
  trap,
};
