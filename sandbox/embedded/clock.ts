/** The only source of time in the embedded cluster: a skip fires timers early and never stamps the future. */
export interface Clock {
  /** The real time now. */
  now(): Date;
  /** Milliseconds that only grow, skips included; for durations and deadlines. */
  monotonic(): number;
  /** Calls `run` once `milliseconds` have passed or been skipped. */
  after(milliseconds: number, run: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

export interface SkippableClock extends Clock {
  /** Fires every timer due within `milliseconds`, in order, as if they had passed. */
  skip(milliseconds: number): void;
}

interface Pending {
  due: number;
  run: () => void;
  handle: NodeJS.Timeout;
}

export function createClock(): SkippableClock {
  let skipped = 0;
  const pending = new Set<Pending>();
  const monotonic = () => performance.now() + skipped;

  function arm(entry: Pending): void {
    // setTimeout takes at most 2^31-1 ms; a longer wait is armed again when that is over.
    const wait = Math.min(Math.max(0, entry.due - monotonic()), 2_147_483_647);
    entry.handle = setTimeout(() => {
      if (entry.due - monotonic() > 1) return arm(entry);
      pending.delete(entry);
      entry.run();
    }, wait);
  }

  return {
    now: () => new Date(),
    monotonic,
    after(milliseconds, run) {
      const entry = { due: monotonic() + milliseconds, run } as Pending;
      pending.add(entry);
      arm(entry);
      return {
        cancel() {
          pending.delete(entry);
          clearTimeout(entry.handle);
        },
      };
    },
    skip(milliseconds) {
      const end = monotonic() + milliseconds;
      for (;;) {
        const next = [...pending].filter((entry) => entry.due <= end).sort((a, b) => a.due - b.due)[0];
        if (!next) break;
        skipped += Math.max(0, next.due - monotonic());
        pending.delete(next);
        clearTimeout(next.handle);
        next.run();
      }
      skipped += Math.max(0, end - monotonic());
      for (const entry of pending) {
        clearTimeout(entry.handle);
        arm(entry);
      }
    },
  };
}
