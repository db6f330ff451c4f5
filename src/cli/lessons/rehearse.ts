import type { LessonRun } from '../../checks/run.ts';
import type { LessonChange } from '../../checks/state.ts';
import type { LessonFolder } from '../../lessons/load.ts';
import { lessonKey } from '../../sessions/session.ts';
import { runScript, solutionOf } from './solution.ts';
import type { Stage } from './stage.ts';

/** One thing that was tried, and why it failed, if it did. */
export interface Finding {
  name: string;
  failure?: string;
}

/** Walks a lesson as its `solve.sh` does: every check red when it arms, green at the end, green again after a second run. */
export async function rehearse(stage: Stage, folder: LessonFolder): Promise<Finding[]> {
  const { session } = stage;
  const key = lessonKey(folder);
  const opened = await session.open(key);
  const early: string[] = [];
  const armed = new Set<string>();
  const note = ({ checks = {} }: LessonChange) => {
    for (const [check, state] of Object.entries(checks)) {
      if (!state.armed || armed.has(check)) continue;
      armed.add(check);
      // Armed and passed in one breath: nothing had to be done for it.
      if (state.verdict === 'passed') early.push(check);
    }
  };
  const unsubscribe = opened.run.subscribe(note);
  note(opened.run.state());
  try {
    await begun(opened.run);
    const script = solutionOf(folder.folder);
    const first = await runScript(session, key, script);
    const green = outcome(`${key}: solve.sh turns every check green`, first, opened.run.state().done);
    const red: Finding = {
      name: `${key}: every check is red when it arms`,
      ...(early.length > 0 && { failure: `passed at once: ${early.join(', ')}` }),
    };
    if (green.failure) return [red, green];
    await opened.run.reset();
    await begun(opened.run);
    const second = await runScript(session, key, script);
    return [red, green, outcome(`${key}: a second run ends green too`, second, opened.run.state().done)];
  } finally {
    unsubscribe();
    opened.release();
  }
}

/** Resolves when the first step has armed: a script that began before would undo what the step is to see. */
export function begun(run: LessonRun): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!Object.values(run.state().checks).some(({ armed }) => armed)) return;
      unsubscribe();
      resolve();
    };
    const unsubscribe = run.subscribe(look);
    look();
  });
}

export function outcome(name: string, result: { code: number; output: string }, done: boolean): Finding {
  if (result.code === 0 && done) return { name };
  const why =
    result.code === 0 ? 'the script ended and the lesson is not done' : `the script ended with ${result.code}`;
  return { name, failure: `${why}:\n${result.output.trimEnd().split('\n').slice(-15).join('\n')}` };
}
