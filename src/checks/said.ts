import { re2 } from '../../cel/functions.ts';
import type { CompiledHint } from './conditions.ts';

/** One command of the learner's, as the gateway saw it between two prompts. */
export interface SaidOutput {
  command: string;
  output: string;
  exitCode: number;
}

/** The last part of an output that is searched, in characters. */
const MAX_OUTPUT = 64 * 1024;

// biome-ignore lint/suspicious/noControlCharactersInRegex: terminal escapes begin with these
const ESCAPES = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;

/** Output as it reads: without colours and other escapes, with plain line ends. */
export function plainOutput(output: string): string {
  // The look-behind keeps a line of nothing but returns, as progress bars print, from being searched once per return.
  return output
    .slice(-MAX_OUTPUT)
    .replace(ESCAPES, '')
    .replace(/(?<!\r)\r+\n/g, '\n');
}

/** The facts of a hint whose `says` fits, from RE2's named groups; undefined where it does not. */
export function matchSaid(hint: CompiledHint, command: string, output: string): Record<string, string> | undefined {
  const says = hint.hint.says;
  if (!says) return undefined;
  if (says.command !== undefined && !re2(says.command).matcher(command).find()) return undefined;
  const pattern = re2(says.match);
  const matcher = pattern.matcher(output);
  if (!matcher.find()) return undefined;
  return Object.fromEntries(Object.keys(pattern.namedGroups()).map((name) => [name, matcher.group(name) ?? '']));
}

/**
 * What makes two commands the same try: the program and its first word that is no flag, so that
 * `kubectl port-forward svc/a 1:1` repeats `kubectl port-forward -n x svc/a 2:1`.
 */
export function commandWords(command: string): string {
  const words = command
    .trim()
    .split(/\s+/)
    .filter((word) => !/^[A-Za-z_][A-Za-z0-9_]*=/.test(word) && word !== 'sudo');
  const program = (words[0] ?? '').replace(/^.*\//, '').replace(/^k$/, 'kubectl');
  return `${program} ${words.slice(1).find((word) => !word.startsWith('-')) ?? ''}`.trim();
}
