/** Time as a lesson's run sees it; tests bring their own. */
export interface RunClock {
  now(): Date;
  after(milliseconds: number, run: () => void): { cancel(): void };
}

export const systemClock: RunClock = {
  now: () => new Date(),
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
