import type { Interpreter } from '../interpreter.ts';
import { commandBuiltins } from './commands.ts';
import { controlBuiltins } from './control.ts';
import { jobBuiltins } from './jobs.ts';
import { read } from './read.ts';
import { variableBuiltins } from './variables.ts';

/** A command that must run inside the shell, for it changes the shell, or is too common for a process of its own. */
export type Builtin = (shell: Interpreter, args: string[], name: string) => Promise<number>;

export const builtins: Record<string, Builtin> = Object.assign(Object.create(null), {
  ...controlBuiltins,
  ...variableBuiltins,
  ...jobBuiltins,
  ...commandBuiltins,
  read,
});
