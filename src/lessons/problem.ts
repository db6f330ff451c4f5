import { relative } from 'node:path';

/** Something wrong in a lesson: where, what, and what to do about it. */
export interface LessonProblem {
  /** Absolute path. */
  file: string;
  /** Both from 1. */
  line: number;
  column: number;
  /** What is wrong, with the wrong value. */
  message: string;
  /** What to do, in the imperative or as a question. */
  remedy?: string;
  /** The line of the file, to show under the message. */
  excerpt?: string;
  /** How many characters are meant, from the column on. */
  length?: number;
}

/** All problems as a compiler shows them, files relative to `root`. */
export function formatProblems(problems: readonly LessonProblem[], root: string): string {
  return problems.map((problem) => formatProblem(problem, root)).join('\n\n');
}

export function formatProblem(problem: LessonProblem, root: string): string {
  const { file, line, column, message, remedy, excerpt, length = 1 } = problem;
  const lines = [`${relative(root, file)}:${line}:${column}  ${message}`];
  if (excerpt !== undefined) {
    // A long line is shown around its column.
    const from = column > 100 ? column - 60 : 0;
    const shown = excerpt.slice(from, from + 120);
    const width = Math.max(1, Math.min(length, shown.length - (column - 1 - from)));
    lines.push(`    ${shown}`, `    ${' '.repeat(column - 1 - from)}${'^'.repeat(width)}`);
  }
  if (remedy) lines.push(`    → ${remedy}`);
  return lines.join('\n');
}

/** Sorted by file and place, each said once. */
export function sortProblems(problems: readonly LessonProblem[]): LessonProblem[] {
  const order = [...problems].sort(
    (a, b) =>
      a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column || a.message.localeCompare(b.message),
  );
  return order.filter((problem, index) => {
    const previous = order[index - 1];
    return !(
      previous &&
      previous.file === problem.file &&
      previous.line === problem.line &&
      previous.message === problem.message
    );
  });
}
