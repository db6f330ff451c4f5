import type { ShownHint, Verdict } from './evaluate.ts';

/** A lesson as a page shows it: the event `lesson` carries all of it, the event `change` what differs. */
export interface LessonState {
  steps: Record<string, { state: StepState }>;
  /** By `step/check`. */
  checks: Record<string, CheckState>;
  done: boolean;
}

type StepState = 'todo' | 'current' | 'done';

export interface CheckState {
  verdict: Verdict;
  /** What keeps it from passing: the first field of the failing comparison, with its value. */
  why?: { field: string; value: string };
  /** When it was passed; ISO. */
  at?: string;
  /** Whether it is judged at all yet. */
  armed: boolean;
  hints: ShownHint[];
}

export interface LessonChange {
  steps?: LessonState['steps'];
  checks?: LessonState['checks'];
  done?: boolean;
}

/** What differs between two states, or undefined. */
export function difference(before: LessonState | undefined, after: LessonState): LessonChange | undefined {
  const steps = changed(before?.steps, after.steps);
  const checks = changed(before?.checks, after.checks);
  const change: LessonChange = {
    ...(steps ? { steps } : {}),
    ...(checks ? { checks } : {}),
    ...(before?.done !== after.done ? { done: after.done } : {}),
  };
  return Object.keys(change).length > 0 ? change : undefined;
}

function changed<T>(before: Record<string, T> | undefined, after: Record<string, T>): Record<string, T> | undefined {
  const entries = Object.entries(after).filter(
    ([name, value]) => JSON.stringify(before?.[name]) !== JSON.stringify(value),
  );
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}
