import type { JsonObject } from '../../cel/values.ts';
import type { Lesson } from '../lessons/schema.ts';

/** What is kept of a lesson's run: small JSON, for the learner's custom resource. */
export interface Progress {
  /** When each check was passed, by `step/check`; ISO. */
  passed: Record<string, string>;
  /** When each check armed, and what its objects were then. */
  armed: Record<string, { at: string; before?: JsonObject }>;
}

/** Where progress is kept. */
export interface ProgressStore {
  load(): Promise<Progress | undefined>;
  save(progress: Progress): Promise<void>;
}

export function emptyProgress(): Progress {
  return { passed: {}, armed: {} };
}

/** Drops what belongs to checks that the lesson no longer has: it may have been rewritten since. */
export function progressFor(lesson: Lesson, kept: Progress | undefined): Progress {
  const known = new Set(lesson.steps.flatMap((step) => step.checks.map((check) => `${step.id}/${check.id}`)));
  const only = <T>(record: Record<string, T> | undefined) =>
    Object.fromEntries(Object.entries(record ?? {}).filter(([key]) => known.has(key)));
  return { passed: only(kept?.passed), armed: only(kept?.armed) };
}

/** Milliseconds between arming and passing below which nobody has done anything for it. */
const BY_ITSELF = 1000;

/** Whether every tick of it came by itself: what was asked for held already when the check armed. */
export function isUntouched({ passed, armed }: Progress): boolean {
  return Object.entries(passed).every(([key, at]) => {
    const since = armed[key]?.at;
    return since !== undefined && Date.parse(at) - Date.parse(since) < BY_ITSELF;
  });
}

/** Keeps one save under way; what changes meanwhile is saved after it, and a failed save is tried again. */
export function createSaver(
  store: ProgressStore,
  after: (milliseconds: number, run: () => void) => { cancel(): void },
) {
  let pending: Progress | undefined;
  let saving = false;
  let closed = false;
  let failures = 0;

  async function drain(): Promise<void> {
    if (saving) return;
    saving = true;
    while (pending) {
      const next = pending;
      pending = undefined;
      try {
        await store.save(next);
        failures = 0;
      } catch {
        pending ??= next;
        failures++;
        if (!closed) after(Math.min(10_000, 250 * 2 ** failures), () => void drain());
        break;
      }
    }
    saving = false;
  }

  return {
    save(progress: Progress): void {
      pending = structuredClone(progress);
      void drain();
    },
    close(): void {
      closed = true;
    },
  };
}
