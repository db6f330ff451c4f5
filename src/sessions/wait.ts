import type { LessonRun } from '../checks/run.ts';
import type { CheckState, LessonState } from '../checks/state.ts';
import type { ControlAnswer } from './control.ts';

/** Seconds `atelier wait` is patient for. */
const PATIENCE = 60;

/** Waits until a step (or one check of it, `STEP/CHECK`) is ticked. What is missing then is named with field and value. */
export async function waitFor(run: LessonRun, target: string, gone: AbortSignal): Promise<ControlAnswer> {
  const missing = (state: LessonState): [string, CheckState][] =>
    Object.entries(state.checks).filter(
      ([key, check]) => (key === target || key.startsWith(`${target}/`)) && check.verdict !== 'passed',
    );
  if (!Object.keys(run.state().checks).some((key) => key === target || key.startsWith(`${target}/`))) {
    return { ok: false, text: `atelier: this lesson has no step or check ${target}` };
  }
  const ticked = await new Promise<boolean>((resolve) => {
    const settle = (value: boolean) => {
      unsubscribe();
      clearTimeout(timer);
      resolve(value);
    };
    const look = () => {
      if (missing(run.state()).length === 0) settle(true);
    };
    const unsubscribe = run.subscribe(look);
    const timer = setTimeout(() => settle(false), PATIENCE * 1000);
    gone.addEventListener('abort', () => settle(false));
    look();
  });
  if (ticked) return { ok: true, text: `${target}: done` };
  const lines = missing(run.state()).map(([key, check]) => {
    const why = check.why ? `${check.why.field} is ${check.why.value}` : check.armed ? check.verdict : 'not armed yet';
    return `${key}: ${why}`;
  });
  return { ok: false, text: [`atelier: ${target} is not done after ${PATIENCE} s`, ...lines].join('\n') };
}
