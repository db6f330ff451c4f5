import type { CelProblem } from './check.ts';

const startsValue =
  "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";

/**
 * What Kubernetes' compiler prints of an expression that is none, with the place under its line:
 * `ERROR: <input>:1:1: undeclared reference to 'foo' (in container '')`. Of a fault of syntax the words are those of
 * the nearest of the parser's sentences.
 */
export function goCompileError(source: string, problems: readonly CelProblem[]): string {
  return problems
    .map((problem) => {
      const { text, at } = problem.go ?? syntaxFault(source, problem);
      const before = source.slice(0, Math.max(0, at)).split('\n');
      const column = (before.at(-1) ?? '').length;
      const line = source.split('\n')[before.length - 1] ?? '';
      return `ERROR: <input>:${before.length}:${column + 1}: ${text}\n | ${line}\n | ${'.'.repeat(column)}^`;
    })
    .join('\n');
}

function syntaxFault(source: string, { start }: CelProblem): { text: string; at: number } {
  const rest = source.slice(start).trim();
  if (rest !== '') {
    const token = /^(\w+|"[^"]*"|'[^']*'|.)/s.exec(rest)?.[0] ?? rest;
    return { text: `Syntax error: mismatched input '${token}' expecting <EOF>`, at: start };
  }
  const open = unclosed(source);
  const ended = /[\w)\]}'"]\s*$/.test(source);
  if (open && ended) return { text: `Syntax error: missing '${open}' at '<EOF>'`, at: source.length };
  return { text: `Syntax error: mismatched input '<EOF>' expecting ${startsValue}`, at: source.length };
}

const closing: Record<string, string> = { '(': ')', '[': ']', '{': '}' };

/** The bracket that is wanted last, texts left out. */
function unclosed(source: string): string | undefined {
  const wanted: string[] = [];
  for (const sign of source.replace(/"(\\.|[^"\\])*"|'(\\.|[^'\\])*'/g, '')) {
    const close = closing[sign];
    if (close) wanted.push(close);
    else if (sign === wanted.at(-1)) wanted.pop();
  }
  return wanted.at(-1);
}
