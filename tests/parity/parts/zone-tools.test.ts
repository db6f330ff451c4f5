import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openWholeCluster, running, type WholeCluster } from '../../unit/sandbox/embedded/whole-cluster.ts';
import { parseSteps, recordSets, shownTool } from './steps.ts';

const recording = (name: string) =>
  parseSteps(readFileSync(join(import.meta.dirname, '../record/parts/zone', name), 'utf8'));
const steps = recording('tools.txt');
let whole: WholeCluster;
/** By command. */
let said: Map<string, string>;

/** As it is asked inside the cluster. */
function line(command: string): string {
  const [tool = '', ...words] = command.split(' ');
  const given = tool === 'dig' ? ['@zone.atelier.internal', ...words] : [...words, 'zone.atelier.internal'];
  return [tool, ...given].join(' ');
}

beforeAll(async () => {
  whole = await openWholeCluster();
  whole.machines.zone.change({ create: recordSets(recording('answers.txt')[0]!.input) });
  await whole.kubectl('run', 'client', '--image=atelier.dev/utilities:1', '--', 'sleep', 'infinity');
  await whole.until({ group: '', version: 'v1', resource: 'pods' }, 'client', running);
  const script = steps.map(({ command }) => `${line(command)} 2>&1; echo "exit $?"; echo =====`).join('\n');
  const outputs = (await whole.kubectl('exec', 'client', '--', 'sh', '-c', script)).split('=====\n');
  said = new Map(steps.map(({ command }, at) => [command, outputs[at] ?? '']));
});
afterAll(() => whole.close());

/** Records of one name come in any order. */
const lines = (text: string) =>
  text
    .split('\n')
    .filter((one) => one !== '')
    .sort();

test.each(steps)('$command prints what the real one prints', ({ command, output }) => {
  expect(lines(shownTool(said.get(command) ?? ''))).toEqual(lines(output));
});
