import type { Interpreter } from './interpreter.ts';
import { matchesPattern } from './pattern.ts';
import type { Command, SimpleCommand, Word } from './syntax.ts';

/** Runs what is between `if` and `fi`, `for` and `done`, braces or parentheses. Gives its status. */
export async function runCompound(shell: Interpreter, command: Exclude<Command, SimpleCommand>): Promise<number> {
  switch (command.kind) {
    case 'group':
      return shell.script(command.body);
    case 'subshell': {
      const options = shell.interactive ? { group: 'own' as const } : {};
      const child = shell.fork((subshell) => subshell.script(command.body), options);
      return shell.inForeground(child.pid, () => child.exit);
    }
    case 'if':
      for (const { condition, body } of command.branches)
        if ((await shell.condition(condition)) === 0) return shell.script(body);
      return command.otherwise ? shell.script(command.otherwise) : 0;
    case 'while': {
      let status = 0;
      await shell.loop(async () => {
        if (((await shell.condition(command.condition)) === 0) === command.until) return false;
        status = await shell.script(command.body);
        return true;
      });
      return status;
    }
    case 'for': {
      const words = command.words ? await shell.expander.words(command.words) : [...shell.state.positional];
      let status = 0;
      await shell.loop(async () => {
        const word = words.shift();
        if (word === undefined) return false;
        shell.state.set(command.name, word);
        status = await shell.script(command.body);
        return true;
      });
      return status;
    }
    case 'case': {
      const subject = await shell.expander.text(command.subject);
      let falling = false;
      for (const arm of command.arms) {
        if (!falling && !(await matches(shell, subject, arm.patterns))) continue;
        shell.state.status = 0;
        const status = await shell.script(arm.body);
        falling = arm.fallThrough;
        if (!falling) return status;
      }
      return 0;
    }
    default:
      return 0;
  }
}

async function matches(shell: Interpreter, subject: string, patterns: Word[]): Promise<boolean> {
  for (const pattern of patterns) if (matchesPattern(await shell.expander.pattern(pattern), subject)) return true;
  return false;
}
