import type { Clock } from '../../../clock.ts';

const remembered = 2000;

/**
 * How old things are by the cluster's clock. What this process made itself it knows to the millisecond;
 * of the rest the time stamped on it tells, whose second a skip may share.
 */
export class Ages {
  #clock: Clock;
  #made = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Marks something as made now. */
  mark(name: string): void {
    this.#made.delete(name);
    this.#made.set(name, this.#clock.monotonic());
    if (this.#made.size > remembered) this.#made.delete(this.#made.keys().next().value ?? '');
  }

  /** Milliseconds since it was made, skips included. */
  of(name: string, stamp: string | undefined): number {
    const made = this.#made.get(name);
    return made === undefined ? this.#clock.since(stamp) : this.#clock.monotonic() - made;
  }
}
