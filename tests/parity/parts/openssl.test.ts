import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { idle, run } from '../../unit/sandbox/embedded/node/images/harness.ts';
import { parseSteps } from './steps.ts';

const folder = join(import.meta.dirname, '../record/parts/openssl');
const steps = parseSteps(readFileSync(join(folder, 'answers.txt'), 'utf8'));
const target = idle('atelier.dev/utilities:1');
for (const file of readdirSync(folder)) target.fs.write(`/${file}`, readFileSync(join(folder, file)));

test.each(steps)('$command', async ({ command, output }) => {
  const { stdout, stderr, code } = await run(target, command.split(' '), { stdin: '' });
  expect(`${stdout}${stderr}exit ${code}\n`.replace(/^[0-9A-F]{16}:/gm, 'THREAD:')).toBe(output);
});
