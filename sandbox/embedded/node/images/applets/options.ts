import type { ContainerProcess, Program } from '../image.ts';
import { helpOf } from './usages.ts';

/** Options taken off a command line, getopt(3) style: clustered letters, values attached or next, `--`. */
export interface Options {
  flags: Set<string>;
  values: Map<string, string>;
  /** Every value of an option that may come more than once. */
  all(letter: string): string[];
  rest: string[];
}

/** A mistake in how a command was called; busybox answers with one line and status 1. */
export class UsageError extends Error {
  readonly code: number;
  constructor(message: string, code = 1) {
    super(message);
    this.code = code;
  }
}

/**
 * `spec` is getopt's: letters, `:` after one that takes a value. Long options are given as `long: 'x'` to the letter
 * they stand for. `stopEarly` ends options at the first other word, as for a command that runs another.
 */
export function parseOptions(
  args: string[],
  spec: string,
  settings: { long?: Record<string, string>; stopEarly?: boolean } = {},
): Options {
  const flags = new Set<string>();
  const lists = new Map<string, string[]>();
  const rest: string[] = [];
  const takesValue = (letter: string) => spec[spec.indexOf(letter) + 1] === ':';
  const add = (letter: string, value: string | undefined) => {
    flags.add(letter);
    if (value !== undefined) lists.set(letter, [...(lists.get(letter) ?? []), value]);
  };
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at] as string;
    if (word === '--') {
      rest.push(...args.slice(at + 1));
      break;
    }
    if (word.startsWith('--')) {
      const [name = '', ...attached] = word.slice(2).split('=');
      const letter = settings.long?.[name];
      if (letter === undefined) throw new UsageError(`unrecognized option '--${name}'`);
      if (!takesValue(letter)) add(letter, undefined);
      else add(letter, attached.length > 0 ? attached.join('=') : args[++at]);
    } else if (word.startsWith('-') && word.length > 1) {
      for (let place = 1; place < word.length; place += 1) {
        const letter = word[place] as string;
        if (letter === ':' || !spec.includes(letter)) throw new UsageError(`invalid option -- '${letter}'`);
        if (!takesValue(letter)) {
          add(letter, undefined);
          continue;
        }
        const value = word.slice(place + 1) || args[++at];
        if (value === undefined) throw new UsageError(`option requires an argument -- '${letter}'`);
        add(letter, value);
        break;
      }
    } else {
      rest.push(word);
      if (settings.stopEarly) {
        rest.push(...args.slice(at + 1));
        break;
      }
    }
  }
  return {
    flags,
    rest,
    values: new Map([...lists].map(([letter, values]) => [letter, values.at(-1) as string])),
    all: (letter) => lists.get(letter) ?? [],
  };
}

/** What an applet sees of itself. */
export interface AppletCall {
  process: ContainerProcess;
  name: string;
  args: string[];
  print(text: string): Promise<void>;
  /** A line in the applet's name on stderr. */
  complain(text: string): Promise<void>;
}

/** They take their arguments as they stand. */
const LITERAL = new Set(['echo', 'printf', 'test', '[', '[[', 'expr', 'yes', 'curl', 'hey', 'stress']);

/** A program of a few lines: usage errors become messages, the name is taken from argv. */
export function applet(run: (call: AppletCall) => Promise<number | undefined>): Program {
  return async (process) => {
    const name = (process.argv[0] ?? '').split('/').at(-1) ?? '';
    const complain = (text: string) => process.stderr.write(`${name}: ${text}\n`);
    if (process.argv.length === 2 && process.argv[1] === '--help' && !LITERAL.has(name)) {
      await process.stderr.write(helpOf(name));
      return 0;
    }
    try {
      const code = await run({
        process,
        name,
        args: process.argv.slice(1),
        print: (text) => process.stdout.write(text),
        complain,
      });
      return code ?? 0;
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      await complain(error.message);
      return error.code;
    }
  };
}
