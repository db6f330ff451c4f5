import type { Clock, Timer } from '../clock.ts';

export interface WorkQueueOptions {
  clock: Clock;
  signal: AbortSignal;
  /** Does what the key asks for; a rejection is tried again, later each time. */
  work: (key: string) => Promise<void>;
  /** Called for each rejection; `attempt` starts at 1. */
  onError?: (error: unknown, key: string, attempt: number) => void;
  /** Keys in work at once; one key never is twice. */
  concurrency?: number;
  /** Milliseconds between the ends and starts of one key's runs: a burst of changes costs two runs. */
  spacing?: number;
  /** First and longest wait after a rejection, in milliseconds. */
  retry?: { first: number; longest: number };
}

/** Keys waiting for work, each at most once. */
export interface WorkQueue {
  add(key: string): void;
  /** Adds the key once `milliseconds` have passed; of several calls the earliest counts. */
  addAfter(key: string, milliseconds: number): void;
  /** The next rejection of the key waits as short as the first. */
  forget(key: string): void;
}

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { clock, signal, work, concurrency = 8, spacing = 0, retry = { first: 5, longest: 60_000 } } = options;
  const ready = new Set<string>();
  const busy = new Set<string>();
  /** Asked for again while in work. */
  const again = new Set<string>();
  const attempts = new Map<string, number>();
  const timers = new Map<string, { due: number; timer: Timer }>();
  /** Until when a key rests, by spacing. */
  const rests = new Map<string, Timer>();
  let scheduled = false;

  signal.addEventListener('abort', () => {
    for (const { timer } of timers.values()) timer.cancel();
    for (const timer of rests.values()) timer.cancel();
    timers.clear();
    rests.clear();
    ready.clear();
    again.clear();
  });

  function add(key: string): void {
    if (signal.aborted) return;
    if (busy.has(key) || rests.has(key)) again.add(key);
    else {
      ready.add(key);
      pump();
    }
  }

  function addAfter(key: string, milliseconds: number): void {
    if (signal.aborted) return;
    if (milliseconds <= 0) {
      add(key);
      return;
    }
    const due = clock.monotonic() + milliseconds;
    const waiting = timers.get(key);
    if (waiting) {
      if (waiting.due <= due) return;
      waiting.timer.cancel();
    }
    const timer = clock.after(milliseconds, () => {
      timers.delete(key);
      add(key);
    });
    timers.set(key, { due, timer });
  }

  // A microtask gathers what one event handler adds before the first key is taken.
  function pump(): void {
    if (scheduled) return;
    scheduled = true;
    queueMicrotask(() => {
      scheduled = false;
      for (const key of ready) {
        if (busy.size >= concurrency) break;
        ready.delete(key);
        void run(key);
      }
    });
  }

  async function run(key: string): Promise<void> {
    busy.add(key);
    try {
      await work(key);
      attempts.delete(key);
    } catch (error) {
      if (!signal.aborted) {
        const attempt = (attempts.get(key) ?? 0) + 1;
        attempts.set(key, attempt);
        options.onError?.(error, key, attempt);
        addAfter(key, Math.min(retry.longest, retry.first * 2 ** (attempt - 1)));
      }
    }
    busy.delete(key);
    if (signal.aborted) return;
    if (spacing > 0) {
      const timer = clock.after(spacing, () => {
        rests.delete(key);
        if (again.delete(key)) add(key);
      });
      rests.set(key, timer);
    } else if (again.delete(key)) ready.add(key);
    if (ready.size > 0) pump();
  }

  return { add, addAfter, forget: (key) => void attempts.delete(key) };
}
