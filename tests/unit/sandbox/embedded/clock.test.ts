import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createClock } from '../../../../sandbox/embedded/clock.ts';
import { startNodeProcess } from '../../../../sandbox/embedded/node-process.ts';
import { createSkipper } from '../../../../sandbox/embedded/skipper.ts';

test('a skip fires what is due, in order, those armed on the way too, and nothing beyond', () => {
  const clock = createClock();
  const fired: string[] = [];
  clock.after(60_000, () => fired.push('minute'));
  clock.after(10_000, () => {
    fired.push('first');
    clock.after(10_000, () => fired.push('on the way'));
  });
  clock.after(30_000, () => fired.push('cancelled')).cancel();
  const later = clock.after(60_001, () => fired.push('too late'));
  expect(clock.skip(60_000)).toBe(3);
  expect(fired).toEqual(['first', 'on the way', 'minute']);
  later.cancel();
});

test('what takes real time is not hurried', async () => {
  const clock = createClock();
  const start = performance.now();
  const answered = new Promise<number>((resolve) => {
    clock.after(5000, () => resolve(performance.now() - start), 40);
  });
  expect(clock.skip(60_000)).toBe(0);
  expect(await answered).toBeGreaterThanOrEqual(39);
});

test('no time is stamped ahead; ages and the calendar know what was skipped', () => {
  const clock = createClock();
  const before = new Date(Date.now() - 5000).toISOString();
  clock.skip(3_600_000);
  clock.skip(3_600_000);
  expect(Math.abs(clock.now().getTime() - Date.now())).toBeLessThan(100);
  expect(clock.since(before)).toBeGreaterThanOrEqual(2 * 3_600_000 + 5000);
  expect(clock.since(new Date(Date.now() + 2000).toISOString())).toBeLessThan(0);
  expect(clock.calendar().getTime() - Date.now()).toBeGreaterThan(2 * 3_600_000 - 100);
  // Another process goes on from there.
  expect(createClock(clock.skips).since(before)).toBeGreaterThanOrEqual(2 * 3_600_000 + 5000);
});

test('skips at the same time are made one after the other, in strides that the node follows', async () => {
  const clock = createClock();
  const node: number[] = [];
  let at = 0;
  const skip = createSkipper({
    clock,
    skipNode: async (milliseconds) => {
      node.push(milliseconds);
      return 0;
    },
    revision: () => at,
  });
  const rounds: number[] = [];
  const again = () => {
    rounds.push(clock.monotonic());
    at += 1;
    // As a controller does: the next round is asked for only after some work.
    setImmediate(() => clock.after(15_000, again));
  };
  clock.after(15_000, again);
  await Promise.all([skip(60_000), skip(240_000)]);
  expect(rounds.length).toBeGreaterThanOrEqual(18);
  expect(node.reduce((sum, one) => sum + one)).toBe(300_000);
});

test('a node that is started again learns what was skipped, and none is waited for that is gone', async () => {
  const main = join(tmpdir(), `atelier-clock-node-${process.pid}.mjs`);
  writeFileSync(
    main,
    `process.on('message', (m) => {
      if (m.type === 'open') process.send({ type: 'ready', name: m.name, skips: m.skips });
      else if (m.milliseconds === 13) process.exit(1);
      else process.send({ type: 'skipped', name: m.name, fired: 7 });
    });`,
  );
  const clock = createClock();
  const opened: unknown[] = [];
  let ready = () => {};
  const onMessage = (message: object) => {
    opened.push((message as { skips: unknown }).skips);
    ready();
  };
  const told = () =>
    new Promise<void>((resolve) => {
      ready = resolve;
    });
  const node = startNodeProcess({ clock: createClock(), log: () => {}, onMessage, main });
  let next = told();
  node.open({ name: 'a', kubeconfig: '', directory: '', trusted: '', domain: '', skips: clock.skips });
  await next;
  expect(await node.skip('a', 1000)).toBe(7);
  clock.skip(5000);
  next = told();
  expect(await node.skip('a', 13)).toBe(0);
  expect(await node.skip('a', 1000)).toBe(0);
  await next;
  expect(opened).toEqual([[], [{ at: expect.any(Number), milliseconds: 5000 }]]);
  await node.stop();
});
