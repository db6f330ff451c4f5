/** Work that waits until nothing more urgent is under way: events and tokens stand behind the status of pods. */
export interface Lane {
  /** Runs as soon as a place is free. */
  now(work: () => Promise<void>): void;
  /** Runs when nothing urgent is left, one after the other. */
  later(work: () => Promise<void>): void;
  /** Resolves when nothing is left. */
  idle(): Promise<void>;
}

export function createLane(places: number): Lane {
  const urgent: (() => Promise<void>)[] = [];
  const patient: (() => Promise<void>)[] = [];
  let running = 0;
  const waiting: (() => void)[] = [];

  function next(): void {
    while (running < places) {
      const work = urgent.shift() ?? (running < 2 ? patient.shift() : undefined);
      if (!work) break;
      running += 1;
      work()
        .catch(() => {})
        .finally(() => {
          running -= 1;
          next();
        });
    }
    if (running === 0) for (const resolve of waiting.splice(0)) resolve();
  }

  return {
    now(work) {
      urgent.push(work);
      next();
    },
    later(work) {
      patient.push(work);
      next();
    },
    idle: () =>
      new Promise((resolve) => {
        waiting.push(resolve);
        queueMicrotask(next);
      }),
  };
}
