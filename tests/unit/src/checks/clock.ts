/** Time that a test moves. */
export function createClock() {
  let now = Date.parse('2026-01-01T00:00:00Z');
  let timers: { due: number; run: () => void }[] = [];
  return {
    now: () => new Date(now),
    after(milliseconds: number, run: () => void) {
      const timer = { due: now + milliseconds, run };
      timers.push(timer);
      return {
        cancel() {
          timers = timers.filter((one) => one !== timer);
        },
      };
    },
    pass(milliseconds: number) {
      now += milliseconds;
      const due = timers.filter((timer) => timer.due <= now);
      timers = timers.filter((timer) => timer.due > now);
      for (const timer of due) timer.run();
    },
  };
}
