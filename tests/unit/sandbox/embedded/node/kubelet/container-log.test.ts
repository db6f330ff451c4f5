import { expect, test } from 'vitest';
import { ContainerLog } from '../../../../../../sandbox/embedded/node/kubelet/container-log.ts';

let now = Date.parse('2026-01-01T00:00:00Z');
const make = () => new ContainerLog(() => new Date(now));
const bytes = (text: string) => Buffer.from(text);

async function all(log: ContainerLog, options = {}): Promise<string> {
  let text = '';
  await log.read(options, (data) => {
    text += data;
  });
  return text;
}

test('a line is there when its newline is, the last one when the log ends', async () => {
  const log = make();
  log.write('stdout', bytes('one\ntw'));
  expect(await all(log)).toBe('one\n');
  log.write('stdout', bytes('o'));
  log.close();
  expect(await all(log)).toBe('one\ntwo');
});

test('lines of both streams do not mix', async () => {
  const log = make();
  log.write('stdout', bytes('a'));
  log.write('stderr', bytes('err\n'));
  log.write('stdout', bytes('b\n'));
  expect(await all(log)).toBe('err\nab\n');
  expect(await all(log, { stream: 'stderr' })).toBe('err\n');
});

test('tail, since and limit', async () => {
  const log = make();
  log.write('stdout', bytes('1\n2\n'));
  now += 60_000;
  log.write('stdout', bytes('3\n'));
  expect(await all(log, { tailLines: 2 })).toBe('2\n3\n');
  expect(await all(log, { tailLines: 0 })).toBe('');
  expect(await all(log, { since: now - 1000 })).toBe('3\n');
  expect(await all(log, { limitBytes: 3 })).toBe('1\n2');
});

test('who follows gets each line once, and the end', async () => {
  const log = make();
  log.write('stdout', bytes('1\n'));
  const text = all(log, { follow: true });
  await new Promise((resolve) => setImmediate(resolve));
  log.write('stdout', bytes('2\n3\n'));
  await new Promise((resolve) => setImmediate(resolve));
  log.write('stdout', bytes('4\n'));
  log.close();
  expect(await text).toBe('1\n2\n3\n4\n');
});

test('a log that grows beyond ten mebibytes loses its older half', async () => {
  const log = make();
  const line = bytes(`${'x'.repeat(1023)}\n`);
  for (let count = 0; count < 11_000; count += 1) log.write('stdout', line);
  const size = (await all(log)).length;
  expect(size).toBeLessThan(10 << 20);
  expect(size).toBeGreaterThan(3 << 20);
});
