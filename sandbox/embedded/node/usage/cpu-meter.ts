import type { Clock, Timer } from '../../clock.ts';

interface Waiting {
  milliseconds: number;
  granted: () => void;
}

interface Point {
  at: number;
  total: number;
}

/** The period in which a limit is kept, as the kernel's CFS has it: milliseconds. */
const PERIOD = 100;
/** A rate is taken over at least so many milliseconds. */
const WINDOW = 10_000;

/**
 * CPU time of a container or a node, in milliseconds of one core. At the limit whoever asks waits its turn: nothing is
 * refused and nothing is made up. https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/
 */
export class CpuMeter {
  /** When it began, by the clock that only grows. */
  readonly startedAt: number;
  readonly #clock: Clock;
  readonly #parent: CpuMeter | undefined;
  #cores: number | undefined;
  #credit: number;
  #filledAt: number;
  /** What was granted, and what skips were filled with. */
  #granted = 0;
  #filled = 0;
  #timer: Timer | undefined;
  readonly #queue: Waiting[] = [];
  #points: Point[];
  /** Two moments of the last seconds, by the real clock: they tell at what pace a skip is filled. */
  #marks: [Point, Point];
  #lastSpent = 0;
  #pace = 0;
  #skippedAt = 0;
  #monotonic: number;
  #real: number;

  /** `cores` may be used at most; `parent` is what they are taken from. */
  constructor(clock: Clock, cores?: number, parent?: CpuMeter) {
    this.#clock = clock;
    this.#cores = cores;
    this.#parent = parent;
    this.#monotonic = clock.monotonic();
    this.#real = clock.now().getTime();
    this.startedAt = this.#monotonic;
    this.#filledAt = this.#real;
    this.#credit = (cores ?? 0) * PERIOD;
    this.#points = [{ at: this.#monotonic, total: 0 }];
    const mark = { at: this.#real, total: 0 };
    this.#marks = [mark, mark];
  }

  /** Another limit from now on; undefined for none. */
  limit(cores: number | undefined): void {
    this.#refill();
    this.#cores = cores;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#serve();
  }

  /** Resolves once the time is granted; undefined when that is now. */
  spend(milliseconds: number): Promise<void> | undefined {
    if (this.#queue.length === 0 && this.#grants()) return this.#grant(milliseconds);
    return new Promise((resolve) => {
      this.#queue.push({
        milliseconds,
        granted: () => {
          const more = this.#grant(milliseconds);
          if (more) void more.then(resolve);
          else resolve();
        },
      });
      this.#serve();
    });
  }

  /** All that was ever used, in milliseconds of one core. What a skip passed over counts as its last seconds did. */
  total(): number {
    const monotonic = this.#clock.monotonic();
    const real = this.#clock.now().getTime();
    const skipped = monotonic - this.#monotonic - (real - this.#real);
    // The two clocks drift apart by milliseconds; a skip is longer.
    if (skipped > 500) {
      // A long skip is made of many: the pace is that before the first.
      if (real - this.#skippedAt > 1000) this.#pace = this.#recent(real);
      this.#skippedAt = real;
      this.#filled += this.#pace * skipped;
      this.#monotonic = monotonic;
      this.#real = real;
    }
    return this.#granted + this.#filled;
  }

  /** Cores in use, over the last ten to fifteen seconds; undefined while it is too young to tell. */
  rate(): number | undefined {
    const now = this.#clock.monotonic();
    const total = this.total();
    const base = this.#points.findLast((point) => point.at <= now - WINDOW);
    this.#note(now, total, 1000);
    return base && (total - base.total) / (now - base.at);
  }

  #recent(now: number): number {
    const [mark] = this.#marks;
    return now - this.#lastSpent > 2000 || now <= mark.at ? 0 : (this.#granted - mark.total) / (now - mark.at);
  }

  #note(at: number, total: number, apart: number): void {
    if (at - (this.#points.at(-1)?.at ?? 0) < apart) return;
    this.#points.push({ at, total });
    const kept = this.#points.findLastIndex((point) => point.at <= at - WINDOW);
    if (kept > 0) this.#points = this.#points.slice(kept);
  }

  #refill(): void {
    // By the real clock: work that a skip passes over is counted, not done.
    const now = this.#clock.now().getTime();
    const cores = this.#cores ?? 0;
    this.#credit = Math.min(cores * PERIOD, this.#credit + cores * (now - this.#filledAt));
    this.#filledAt = now;
  }

  #grants(): boolean {
    if (this.#cores === undefined) return true;
    this.#refill();
    return this.#credit > 0;
  }

  #grant(milliseconds: number): Promise<void> | undefined {
    const total = this.total();
    const real = this.#clock.now().getTime();
    this.#note(this.#clock.monotonic(), total, WINDOW / 2);
    if (real - this.#marks[1].at > 1000) this.#marks = [this.#marks[1], { at: real, total: this.#granted }];
    this.#lastSpent = real;
    this.#granted += milliseconds;
    this.#credit -= milliseconds;
    return this.#parent?.spend(milliseconds);
  }

  #serve(): void {
    if (this.#timer) return;
    while (this.#queue.length > 0 && this.#grants()) this.#queue.shift()?.granted();
    if (this.#queue.length === 0) return;
    const wait = Math.max(1, (0.1 - this.#credit) / (this.#cores ?? 1));
    this.#timer = this.#clock.after(wait, () => {
      this.#timer = undefined;
      this.#serve();
    });
  }
}
