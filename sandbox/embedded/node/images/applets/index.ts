import type { Program } from '../image.ts';
import { test } from './test.ts';
import { echo, printf, seq, yes } from './text-output.ts';
import { sleep } from './time.ts';

/** The usual commands, by name. */
export const applets: Record<string, Program> = {
  '[': test,
  '[[': test,
  echo,
  false: async () => 1,
  printf,
  seq,
  sleep,
  test,
  true: async () => 0,
  yes,
};

/** Commands as an image installs them: `{ '/bin/ls': ls, … }`. */
export function installed(folder: string, programs: Record<string, Program>): Record<string, Program> {
  return Object.fromEntries(Object.entries(programs).map(([name, program]) => [`${folder}/${name}`, program]));
}
