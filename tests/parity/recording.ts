import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PARITY } from './scenario.ts';

/** What one command answered. */
export interface Outcome {
  command: string;
  stdout: string;
  stderr: string;
  code: number;
  /** Seconds it took, with the repetitions that waited for a state; not recorded. */
  seconds?: number;
  /** The state that it was to wait for did not come. */
  late?: boolean;
}

export interface Recording {
  /** Versions of server, kubectl and helm. */
  head: string;
  outcomes: Outcome[];
}

const fileOf = (name: string) => path.join(PARITY, 'record', `${name}.txt`);

/** A command is `$` and `.` lines; stdout `1`, stderr `2`, the exit code `=`; `\` says that the text before it ends without a newline. */
export function formatRecording({ head, outcomes }: Recording): string {
  const lines = [`# ${head}`];
  for (const { command, stdout, stderr, code } of outcomes) {
    const [first, ...rest] = command.split('\n');
    lines.push('', `$ ${first}`, ...rest.map((line) => `. ${line}`));
    lines.push(...streamLines('1', stdout), ...streamLines('2', stderr), `= ${code}`);
  }
  return `${lines.join('\n')}\n`;
}

function streamLines(mark: string, text: string): string[] {
  if (text === '') return [];
  const ended = text.endsWith('\n');
  const lines = (ended ? text.slice(0, -1) : text).split('\n').map((line) => (line ? `${mark} ${line}` : mark));
  return ended ? lines : [...lines, '\\'];
}

export function parseRecording(text: string): Recording {
  const recording: Recording = { head: '', outcomes: [] };
  let last: 'stdout' | 'stderr' = 'stdout';
  for (const line of text.split('\n')) {
    const rest = line.slice(2);
    const outcome = recording.outcomes.at(-1);
    if (line.startsWith('# ') && !outcome) recording.head = rest;
    else if (line.startsWith('$ ')) recording.outcomes.push({ command: rest, stdout: '', stderr: '', code: 0 });
    else if (!outcome) continue;
    else if (line.startsWith('. ') || line === '.') outcome.command += `\n${rest}`;
    else if (line.startsWith('1') || line.startsWith('2')) {
      last = line.startsWith('1') ? 'stdout' : 'stderr';
      outcome[last] += `${rest}\n`;
    } else if (line === '\\') outcome[last] = outcome[last].slice(0, -1);
    else if (line.startsWith('= ')) outcome.code = Number(rest);
  }
  return recording;
}

export function readRecording(name: string): Recording | undefined {
  const file = fileOf(name);
  return existsSync(file) ? parseRecording(readFileSync(file, 'utf8')) : undefined;
}

export function writeRecording(name: string, recording: Recording): void {
  writeFileSync(fileOf(name), formatRecording(recording));
}
