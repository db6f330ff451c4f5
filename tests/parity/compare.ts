import { DELIBERATE } from './deliberate.ts';
import { normalise } from './normalise.ts';
import type { Outcome, Recording } from './recording.ts';
import type { Scenario } from './scenario.ts';

export interface Difference {
  command: string;
  /** Lines of the recorded answer with `-`, of the embedded cluster's with `+`. */
  diff: string;
}

/** Throws when the record does not fit the scenario: it must be recorded anew. */
export function requireFit({ name, steps }: Scenario, recording: Recording | undefined): Recording {
  const commands = steps.filter(({ quiet }) => !quiet).map(({ command }) => command);
  if (!recording) throw new Error(`${name} was never recorded: npm run parity -- record ${name} --kubeconfig FILE`);
  const stale = commands.findIndex((command, index) => recording.outcomes[index]?.command !== command);
  if (stale >= 0 || recording.outcomes.length !== commands.length) {
    throw new Error(
      `${name} has changed since it was recorded (${commands[stale] ?? 'fewer commands'}): npm run parity -- record ${name} --kubeconfig FILE`,
    );
  }
  return recording;
}

/** What differs, or undefined where the two agree. */
export function compareOutcomes(scenario: string, real: Outcome, embedded: Outcome): Difference | undefined {
  return difference(real.command, comparable(scenario, real), comparable(scenario, embedded));
}

/** Whether the two agree only because the list of deliberate differences says so. */
export function isExplained(scenario: string, real: Outcome, embedded: Outcome): boolean {
  return comparable(scenario, real, []).join('\n') !== comparable(scenario, embedded, []).join('\n');
}

/** Lines against lines. */
export function difference(command: string, before: string[], after: string[]): Difference | undefined {
  if (before.join('\n') === after.join('\n')) return undefined;
  return { command, diff: lineDiff(before, after) };
}

/** stdout, stderr and the exit code as lines, without what may differ. */
function comparable(scenario: string, outcome: Outcome, allowed = DELIBERATE): string[] {
  const { command, stdout, stderr, code, late } = outcome;
  const deliberate = allowed.filter(({ where }) => where.test(`${scenario}: ${command}`));
  const lines = (text: string, mark: string) =>
    deliberate
      .reduce((all, { lines: pattern }) => all.filter((line) => !pattern.test(line)), normalise(text).split('\n'))
      .map((line) => `${mark}${line}`);
  return [
    ...lines(stdout, ''),
    ...(stderr ? lines(stderr, 'stderr: ') : []),
    `exit ${code}`,
    ...(late ? ['the state it waits for did not come'] : []),
  ];
}

/** A line diff by longest common subsequence. */
function lineDiff(before: string[], after: string[]): string {
  const lengths = Array.from({ length: before.length + 1 }, () => new Array<number>(after.length + 1).fill(0));
  const at = (row: number, column: number) => lengths[row]?.[column] ?? 0;
  for (let row = before.length - 1; row >= 0; row--) {
    for (let column = after.length - 1; column >= 0; column--) {
      lengths[row]![column] =
        before[row] === after[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const lines: string[] = [];
  for (let row = 0, column = 0; row < before.length || column < after.length; ) {
    if (row < before.length && column < after.length && before[row] === after[column]) {
      lines.push(`  ${before[row]}`);
      row++;
      column++;
    } else if (row < before.length && (column >= after.length || at(row + 1, column) >= at(row, column + 1))) {
      lines.push(`- ${before[row++]}`);
    } else lines.push(`+ ${after[column++]}`);
  }
  return nearChanges(lines).join('\n');
}

/** Leaves out what is far from a change. */
function nearChanges(lines: string[]): string[] {
  const changed = lines.map((line) => !line.startsWith(' '));
  return lines.filter((_, index) => changed.slice(Math.max(0, index - 2), index + 3).some(Boolean));
}
