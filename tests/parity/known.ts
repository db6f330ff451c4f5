import { readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * What is known to differ and should not: `NAME #NUMBER what`, a line each, the number counted from one among what is
 * compared of a scenario or of a case of requests. The suite names those that agree by now.
 */
export function readKnown(): Set<string> {
  const lines = readFileSync(path.join(import.meta.dirname, 'known.txt'), 'utf8').split('\n');
  return new Set(lines.filter((line) => /^\S+ #\d+ /.test(line)).map((line) => line.split(' ').slice(0, 2).join(' ')));
}

export const keyOf = (name: string, index: number): string => `${name} #${index + 1}`;
