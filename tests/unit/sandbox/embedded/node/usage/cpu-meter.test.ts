import { expect, test } from 'vitest';
import type { Clock, Timer } from '../../../../../../sandbox/embedded/clock.ts';
import { CpuMeter } from '../../../../../../sandbox/embedded/node/usage/cpu-meter.ts';

/** Time that stands still until it is told to go on; a skip leaves the real one behind. */
class HandClock implements Clock {
  real = 1_800_000_000_000;
  only = 5000;
  private readonly timers = new Set<{ due: number; run: () => void }>();
  now = () => new Date(this.real);
  monotonic = () => this.only;
  calendar = () => new Date(this.real);
  since = () => 0;
  after(milliseconds: number, run: () => void): Timer {
    const timer = { due: this.only + milliseconds, run };
    this.timers.add(timer);
    return { cancel: () => void this.timers.delete(timer) };
  }
  async pass(milliseconds: number): Promise<void> {
    const end = this.only + milliseconds;
    for (;;) {
      await settle();
      const next = [...this.timers].filter(({ due }) => due <= end).sort((a, b) => a.due - b.due)[0];
      if (!next) break;
      this.timers.delete(next);
      this.real += next.due - this.only;
      this.only = next.due;
      next.run();
    }
    this.real += end - this.only;
    this.only = end;
    await settle();
  }
  skip(milliseconds: number): void {
    this.only += milliseconds;
  }
}

const settle = async () => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

/** Asks again and again, as a server that always has a request. */
function burn(meter: CpuMeter, cost: number): { served: number } {
  const burner = { served: 0 };
  const next = (): void => {
    const granted = meter.spend(cost) ?? Promise.resolve();
    void granted.then(() => {
      burner.served += 1;
      next();
    });
  };
  next();
  return burner;
}

test('a container at its limit gets that much and no more; who asks waits', async () => {
  const clock = new HandClock();
  const meter = new CpuMeter(clock, 0.1);
  const burner = burn(meter, 4);
  await clock.pass(60_000);
  // 0.1 core for a minute is 6,000 ms: 1,500 requests of 4 ms, and the first period's worth beforehand.
  expect(burner.served).toBeGreaterThanOrEqual(1500);
  expect(burner.served).toBeLessThan(1510);
  expect(meter.rate()).toBeCloseTo(0.1, 2);
});

test('below the limit nobody waits', () => {
  const meter = new CpuMeter(new HandClock(), 0.5);
  expect(meter.spend(4)).toBeUndefined();
  expect(new CpuMeter(new HandClock()).spend(4000)).toBeUndefined();
  expect(meter.total()).toBe(4);
});

test('containers without a limit share what the node has', async () => {
  const clock = new HandClock();
  const node = new CpuMeter(clock, 1);
  const [one, two] = [new CpuMeter(clock, undefined, node), new CpuMeter(clock, undefined, node)];
  burn(one, 10);
  burn(two, 10);
  await clock.pass(20_000);
  expect(node.rate()).toBeCloseTo(1, 1);
  expect(one.rate()).toBeCloseTo(0.5, 1);
  expect(two.rate()).toBeCloseTo(0.5, 1);
});

test('a rate is known after ten seconds, and follows what happens', async () => {
  const clock = new HandClock();
  const meter = new CpuMeter(clock);
  await clock.pass(9000);
  expect(meter.rate()).toBeUndefined();
  await clock.pass(2000);
  expect(meter.rate()).toBe(0);
  for (let second = 0; second < 12; second += 1) {
    void meter.spend(250);
    await clock.pass(1000);
  }
  expect(meter.rate()).toBeCloseTo(0.25, 1);
  await clock.pass(15_000);
  meter.rate();
  await clock.pass(11_000);
  expect(meter.rate()).toBe(0);
});

test('a skip is filled with what went on in the seconds before it', async () => {
  const clock = new HandClock();
  const [busy, over] = [new CpuMeter(clock), new CpuMeter(clock)];
  for (let second = 0; second < 20; second += 1) {
    void busy.spend(300);
    if (second < 5) void over.spend(900);
    await clock.pass(1000);
    if (second === 18) over.rate();
  }
  clock.skip(300_000);
  expect(busy.rate()).toBeCloseTo(0.3, 1);
  expect(over.rate()).toBeCloseTo(0, 2);
  expect(over.total()).toBe(4500);
});
