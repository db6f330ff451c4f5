/** The only source of time in the embedded cluster: a skip fires timers early and never stamps the future. */
export interface Clock {
  /** The real time now. */
  now(): Date;
  /** Milliseconds that only grow, skips included; for durations and deadlines. */
  monotonic(): number;
  /** The time by which schedules run: the real one, moved on by what was skipped. */
  calendar(): Date;
  /** Milliseconds since a real time, what was skipped in between included; 0 for none. */
  since(stamp: string | undefined): number;
  /**
   * Calls `run` once `milliseconds` have passed or been skipped.
   * @param least real milliseconds that must pass in any case: programs outside, and work under way, know of no skip
   */
  after(milliseconds: number, run: () => void, least?: number): Timer;
}

export interface Timer {
  cancel(): void;
}

/** What was skipped in one second. */
export interface Skip {
  /** When, in real milliseconds of the epoch, cut to the second as timestamps are. */
  at: number;
  milliseconds: number;
}

export interface SkippableClock extends Clock {
  /** All skips so far, oldest first; grows in place. */
  readonly skips: readonly Skip[];
  /** Fires every timer due within `milliseconds`, in order, as if they had passed; answers how many. */
  skip(milliseconds: number): number;
}

interface Pending {
  due: number;
  /** The real time, as `performance.now()` tells it, before which it does not fire. */
  earliest: number;
  run: () => void;
  handle: NodeJS.Timeout;
}

/** @param before what another process has skipped already, for a clock that goes on from there */
export function createClock(before: readonly Skip[] = []): SkippableClock {
  let skipped = 0;
  const skips: Skip[] = before.map((skip) => ({ ...skip }));
  const pending = new Set<Pending>();
  /** The earliest timer armed since a skip looked at them all. */
  let newest = Infinity;
  const monotonic = () => performance.now() + skipped;
  const left = (entry: Pending) => Math.max(entry.due - monotonic(), entry.earliest - performance.now());

  function arm(entry: Pending): void {
    // setTimeout takes at most 2^31-1 ms; a longer wait is armed again when that is over.
    const wait = Math.min(Math.max(0, left(entry)), 2_147_483_647);
    entry.handle = setTimeout(() => {
      if (left(entry) > 1) return arm(entry);
      pending.delete(entry);
      entry.run();
    }, wait);
  }

  /** Fires what is due until `end`; a timer armed meanwhile may come before the rest. */
  function fire(end: number): number {
    let fired = 0;
    for (;;) {
      newest = Infinity;
      const due = [...pending].filter((entry) => entry.due <= end && entry.earliest <= performance.now());
      if (due.length === 0) return fired;
      due.sort((a, b) => a.due - b.due);
      for (const entry of due) {
        if (newest < entry.due) break;
        if (!pending.delete(entry)) continue;
        skipped += Math.max(0, entry.due - monotonic());
        clearTimeout(entry.handle);
        fired += 1;
        entry.run();
      }
    }
  }

  return {
    skips,
    now: () => new Date(),
    monotonic,
    calendar: () => new Date(Date.now() + skips.reduce((sum, skip) => sum + skip.milliseconds, 0)),
    since(stamp) {
      if (!stamp) return 0;
      const from = Date.parse(stamp);
      let age = Date.now() - from;
      for (const { at, milliseconds } of skips) if (Math.floor(from / 1000) * 1000 <= at) age += milliseconds;
      return age;
    },
    after(milliseconds, run, least = 0) {
      const entry = { due: monotonic() + milliseconds, earliest: performance.now() + least, run } as Pending;
      pending.add(entry);
      newest = Math.min(newest, entry.due);
      arm(entry);
      return {
        cancel() {
          pending.delete(entry);
          clearTimeout(entry.handle);
        },
      };
    },
    skip(milliseconds) {
      const at = Math.floor(Date.now() / 1000) * 1000;
      const end = monotonic() + milliseconds;
      const last = skips.at(-1);
      if (last?.at === at) last.milliseconds += milliseconds;
      else skips.push({ at, milliseconds });
      const fired = fire(end);
      skipped += Math.max(0, end - monotonic());
      for (const entry of pending) {
        clearTimeout(entry.handle);
        arm(entry);
      }
      return fired;
    },
  };
}
