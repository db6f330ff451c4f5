import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createClock } from '../../../../../../../sandbox/embedded/clock.ts';
import type { ZoneRecord } from '../../../../../../../sandbox/embedded/node/network/zone/records.ts';
import { createZone } from '../../../../../../../sandbox/embedded/node/network/zone/zone.ts';

let folder: string;
let file: string;
const logged: string[] = [];
const open = (domain = 'learner.localhost') =>
  createZone({ domain, file, clock: createClock(), log: (message) => logged.push(message) });
const web = (target: string, type: ZoneRecord['type'] = 'A'): ZoneRecord => ({
  name: 'Web.learner.localhost.',
  type,
  targets: [target],
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'atelier-zone-'));
  file = join(folder, 'zone.json');
  logged.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('changes are made, told, and there after opening anew', () => {
  const zone = open();
  let told = 0;
  const stop = zone.on(() => {
    told += 1;
  });
  zone.change({ create: [web('1.2.3.4')] });
  zone.change({ update: [web('1.2.3.5')], create: [web('x', 'TXT')] });
  expect(zone.list().map(({ name, type, targets }) => [name, type, ...targets])).toEqual([
    ['web.learner.localhost', 'A', '1.2.3.5'],
    ['web.learner.localhost', 'TXT', 'x'],
  ]);
  stop();
  zone.change({ delete: [web('1.2.3.4'), { name: 'never.learner.localhost', type: 'A', targets: [] }] });
  expect(told).toBe(2);
  const again = open();
  expect(again.list()).toEqual(zone.list());
  expect(again.lookup('learner.localhost', 'SOA')).toEqual(zone.lookup('learner.localhost', 'SOA'));
});

test('all or nothing: a wrong record leaves the zone as it was', () => {
  const zone = open();
  zone.change({ create: [web('1.2.3.4')] });
  expect(() => zone.change({ delete: [web('1.2.3.4')], create: [web('none', 'AAAA')] })).toThrow('no IPv6 address');
  expect(() => zone.change({ create: [web('a.example.org', 'CNAME')] })).toThrow('no records beside it');
  expect(zone.lookup('web.learner.localhost', 'A').answers).toHaveLength(1);
  expect(open().list()).toHaveLength(1);
});

test('what cannot be written is not served', () => {
  const zone = open();
  chmodSync(folder, 0o500);
  writeFails(() => zone.change({ create: [web('1.2.3.4')] }));
  chmodSync(folder, 0o700);
  zone.change({ create: [web('1.2.3.4')] });
  expect(zone.list()).toHaveLength(1);

  function writeFails(change: () => void): void {
    // Root writes everywhere: nothing to see then.
    if (process.getuid?.() === 0) return;
    expect(change).toThrow('EACCES');
    expect(zone.list()).toEqual([]);
  }
});

test('a file that is no zone is set aside, and said so', () => {
  writeFileSync(file, '{"records": [');
  expect(open().list()).toEqual([]);
  expect(logged[0]).toContain('set aside');
  expect(existsSync(`${file}.broken`)).toBe(true);
});

test('a file that cannot be read is no empty zone', () => {
  mkdirSync(file);
  const zone = open();
  expect(() => zone.lookup('web.learner.localhost', 'A')).toThrow('EISDIR');
  expect(() => zone.change({ create: [web('1.2.3.4')] })).toThrow('EISDIR');
  expect(logged[0]).toContain('EISDIR');
});

test('letters beyond ASCII are asked as the DNS spells them', () => {
  const zone = open();
  zone.change({ create: [{ name: '*.Café.learner.localhost', type: 'A', targets: ['1.2.3.4'] }] });
  expect(zone.lookup('web.xn--caf-dma.learner.localhost', 'A').answers).toHaveLength(1);
  expect(() => zone.change({ create: [{ name: 'a b.learner.localhost', type: 'A', targets: ['1.2.3.4'] }] })).toThrow(
    'no DNS name',
  );
});

test('another domain starts empty', () => {
  open().change({ create: [web('1.2.3.4')] });
  expect(open('other.localhost').list()).toEqual([]);
});

test('what was acknowledged outlives kill -9 in the middle of writing', async () => {
  const program = `
    import { createZone } from ${JSON.stringify(pathToFileURL(join(process.cwd(), 'sandbox/embedded/node/network/zone/zone.ts')).href)};
    import { createClock } from ${JSON.stringify(pathToFileURL(join(process.cwd(), 'sandbox/embedded/clock.ts')).href)};
    const zone = createZone({ domain: 'learner.localhost', file: process.argv[1], clock: createClock() });
    for (let at = 0; ; at += 1) {
      zone.change({ create: [{ name: 'n' + at + '.learner.localhost', type: 'A', targets: ['1.2.3.4'] }] });
      process.stdout.write(at + '\\n');
      await new Promise(setImmediate);
    }`;
  const acknowledged = await new Promise<number>((resolve) => {
    const child = execFile(process.execPath, ['--input-type=module-typescript', '-e', program, file]);
    let last = -1;
    child.stdout?.on('data', (text: string) => {
      last = Number(text.trim().split('\n').at(-1));
      if (last > 40) child.kill('SIGKILL');
    });
    child.on('close', () => resolve(last));
  });
  expect(acknowledged).toBeGreaterThan(40);
  expect(JSON.parse(readFileSync(file, 'utf8')).records.length).toBeGreaterThanOrEqual(acknowledged + 1);
  expect(open().lookup(`n${acknowledged}.learner.localhost`, 'A').answers).toHaveLength(1);
});
