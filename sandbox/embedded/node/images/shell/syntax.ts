/** The shell's syntax tree. https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html */
export type WordPart =
  | { kind: 'literal'; text: string; quoted: boolean }
  | { kind: 'parameter'; name: string; quoted: boolean; operation?: ParameterOperation }
  | { kind: 'substitution'; script: Script; quoted: boolean }
  | { kind: 'arithmetic'; expression: Word; quoted: boolean };

export type Word = WordPart[];

export interface ParameterOperation {
  /** `:-`, `-`, `:=`, `=`, `:?`, `?`, `:+`, `+`, `#`, `##`, `%`, `%%`, `/`, `//`, `:` (substring) or `length`. */
  operator: string;
  word: Word;
  replacement?: Word;
}

export interface Redirect {
  descriptor: number;
  operator: '<' | '>' | '>>' | '<>' | '>|' | '<&' | '>&' | '<<' | '&>';
  target: Word;
}

export interface SimpleCommand {
  kind: 'simple';
  line: number;
  assignments: { name: string; value: Word }[];
  words: Word[];
  redirects: Redirect[];
}

export interface CaseArm {
  patterns: Word[];
  body: Script;
  /** `;&` goes on with the next body. */
  fallThrough: boolean;
}

export type CompoundBody =
  | { kind: 'subshell'; body: Script }
  | { kind: 'group'; body: Script }
  | { kind: 'if'; branches: { condition: Script; body: Script }[]; otherwise: Script | undefined }
  | { kind: 'while'; condition: Script; body: Script; until: boolean }
  | { kind: 'for'; name: string; words: Word[] | undefined; body: Script }
  | { kind: 'case'; subject: Word; arms: CaseArm[] }
  | { kind: 'function'; name: string; body: Command };

export type Command = SimpleCommand | (CompoundBody & { redirects: Redirect[]; line: number });

export interface Pipeline {
  commands: Command[];
  negated: boolean;
}

export interface AndOr {
  first: Pipeline;
  rest: { operator: '&&' | '||'; pipeline: Pipeline }[];
  background: boolean;
  /** Its source, for `jobs`. */
  text: string;
}

export type Script = AndOr[];

export class ShellSyntaxError extends Error {
  /** The text ended too early: an interactive shell asks for more. */
  readonly incomplete: boolean;
  readonly line: number;
  constructor(message: string, line: number, incomplete = false) {
    super(message);
    this.line = line;
    this.incomplete = incomplete;
  }
}
