import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** One command of a scenario, as bash gets it. */
export interface Step {
  command: string;
  /** Quiet steps prepare or tidy up; they must succeed and are not compared. */
  quiet: boolean;
  /** The command is repeated until its output matches: for states that no `kubectl wait` knows. */
  until?: RegExp;
}

export interface Scenario {
  name: string;
  /** Its namespace, the same on every cluster, so that columns are as wide. */
  namespace: string;
  /** It changes what all share (nodes, say): it has a cluster to itself. */
  alone: boolean;
  /** Files that the commands name, by their relative path. */
  files: Record<string, string>;
  steps: Step[];
}

export const PARITY = import.meta.dirname;

export function scenarioNames(): string[] {
  return globSync('*.txt', { cwd: path.join(PARITY, 'scenarios') })
    .map((file) => path.basename(file, '.txt'))
    .sort();
}

export function readScenario(name: string): Scenario {
  return parseScenario(name, readFileSync(path.join(PARITY, 'scenarios', `${name}.txt`), 'utf8'));
}

/**
 * `$ command` is compared, `% command` prepares, `? regexp` before a command repeats it until its output matches,
 * `@ file` begins a file whose lines follow indented by two spaces; a command may go on in lines indented likewise.
 * `! alone` asks for a cluster to itself. Throws with name and line.
 */
function parseScenario(name: string, text: string): Scenario {
  const scenario: Scenario = { name, namespace: `parity-${name}`, alone: false, files: {}, steps: [] };
  let until: RegExp | undefined;
  let more: ((line: string) => void) | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const rest = line.slice(2);
    if (line.startsWith('$ ') || line.startsWith('% ')) {
      const step: Step = { command: rest, quiet: line.startsWith('%'), ...(until && { until }) };
      scenario.steps.push(step);
      until = undefined;
      more = (further) => {
        step.command += `\n${further}`;
      };
    } else if (line.startsWith('? ')) {
      until = new RegExp(rest);
    } else if (line === '! alone') {
      scenario.alone = true;
    } else if (line.startsWith('@ ')) {
      scenario.files[rest] = '';
      more = (further) => {
        scenario.files[rest] += `${further}\n`;
      };
    } else if (line.startsWith('  ') && more) {
      more(rest);
    } else if (line.trim() === '' || line.startsWith('#')) {
      more = undefined;
    } else {
      throw new Error(`${name}.txt:${index + 1}: "${line}" begins with none of "$ ", "% ", "? ", "@ ", "! alone", "#"`);
    }
  }
  return scenario;
}
