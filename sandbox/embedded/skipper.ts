import { setTimeout as pause } from 'node:timers/promises';
import type { SkippableClock } from './clock.ts';

/** A skip is made in so many strides at most, of a second at least. */
const strides = 300;
const shortest = 1000;
/** How long a stride waits for what it set off, and all strides together, in real milliseconds. */
const patience = 200;
const budget = 8000;

export interface SkipperOptions {
  clock: SkippableClock;
  /** Moves the node's clock too; answers how many timers that fired. */
  skipNode(milliseconds: number): Promise<number>;
  /** Grows with every write to the cluster. */
  revision(): number;
}

/**
 * Skips as if time had passed: both processes step by step, and between two steps controllers and kubelet have a moment
 * to do what the timers set off. Calls are carried out one after the other.
 */
export function createSkipper({ clock, skipNode, revision }: SkipperOptions): (milliseconds: number) => Promise<void> {
  let before: Promise<void> = Promise.resolve();

  async function skip(milliseconds: number): Promise<void> {
    const end = performance.now() + budget;
    const stride = Math.max(shortest, milliseconds / strides);
    for (let left = milliseconds; left > 0; left -= stride) {
      const start = revision();
      const step = Math.min(stride, left);
      const fired = clock.skip(step) + (await skipNode(step));
      if (fired > 0 || revision() !== start) await settle(end);
    }
  }

  /** Returns when nothing has been written for a moment. */
  async function settle(end: number): Promise<void> {
    const latest = Math.min(performance.now() + patience, end);
    let seen: number;
    do {
      seen = revision();
      await pause(4);
    } while (revision() !== seen && performance.now() < latest);
  }

  return (milliseconds) => {
    const run = before.then(() => skip(milliseconds));
    before = run.catch(() => {});
    return run;
  };
}
