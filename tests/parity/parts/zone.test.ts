import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createClock } from '../../../sandbox/embedded/clock.ts';
import { type DnsServer, serveDns } from '../../../sandbox/embedded/node/network/zone/dns-server.ts';
import { createZone } from '../../../sandbox/embedded/node/network/zone/zone.ts';
import { ask } from './ask.ts';
import { differences } from './differences.ts';
import { parseSteps, recordSets } from './steps.ts';

const [records, ...questions] = parseSteps(
  readFileSync(join(import.meta.dirname, '../record/parts/zone/answers.txt'), 'utf8'),
);
const folder = mkdtempSync(join(tmpdir(), 'atelier-zone-'));
let server: DnsServer;

beforeAll(async () => {
  const zone = createZone({ domain: 'learner.localhost', file: join(folder, 'zone.json'), clock: createClock() });
  zone.change({ create: recordSets(records!.input) });
  server = await serveDns(zone.lookup);
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What changes with each change of the zone. */
const unnumbered = (text: string) => text.replace(/(SOA .*) \d+$/gm, '$1');

test.each(questions)('the zone answers $command as BIND does', async ({ command, output }) => {
  const [name = '', type = ''] = command.split(' ');
  const [ours, theirs] = [unnumbered(await ask(server.port, name, type)), unnumbered(output)];
  if (differences.some(({ part, at }) => part === 'zone' && at === command)) {
    expect(ours).not.toBe(theirs);
    expect(ours.toLowerCase()).toBe(theirs.toLowerCase());
  } else expect(ours).toBe(theirs);
});
