import type { PageContext } from '../layouts/page-context.ts';
import type { TrackFolder } from '../lessons/load.ts';
import { type LearnerSession, lessonKey } from '../sessions/session.ts';

/** What a page is rendered with: who learns, where, and how far they are. */
export function pageContextOf(
  session: LearnerSession,
  tracks: TrackFolder[],
  cluster: PageContext['cluster'],
): PageContext {
  const { lessons, track, lesson } = session.record();
  const authority = session.sandbox.authority();
  const progress: PageContext['progress'] = {};
  for (const folder of tracks.flatMap((each) => each.lessons)) {
    const key = lessonKey(folder);
    const kept = lessons[key];
    if (!kept) continue;
    const passed = kept.progress.passed;
    const checks: PageContext['progress'][string]['checks'] = {};
    const steps: PageContext['progress'][string]['steps'] = {};
    let current = true;
    for (const step of folder.lesson.steps) {
      const keys = step.checks.map((check) => `${step.id}/${check.id}`);
      const done = keys.every((check) => passed[check] !== undefined);
      steps[step.id] = done ? 'done' : current ? 'current' : 'todo';
      if (!done) current = false;
      for (const check of keys) {
        const at = passed[check];
        const armed = kept.progress.armed[check] !== undefined;
        checks[check] = { verdict: at ? 'passed' : 'waiting', ...(at && { at }), armed, hints: [] };
      }
    }
    const { done, total, finished, caughtUp } = kept;
    progress[key] = { done, total, finished, steps, checks, ...(caughtUp && { caughtUp }) };
  }
  return {
    learner: { name: session.learner },
    namespace: session.sandbox.namespace,
    variables: session.variables(),
    owns: session.sandbox.ownsCluster(),
    ...(authority && { authority: { fingerprint: authority.fingerprint } }),
    cluster,
    progress,
    ...(track && lesson && { last: `${track}/${lesson}` }),
  };
}
