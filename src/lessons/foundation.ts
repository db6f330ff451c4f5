import type { LessonFolder, TrackFolder } from './load.ts';
import type { Lesson } from './schema.ts';

/** Whether a lesson leaves nothing behind, because all it does is ask: nobody needs to have done it to go on. */
export function onlyAsks(lesson: Lesson): boolean {
  return lesson.steps.every((step) => step.checks.every((check) => check.answer !== undefined && !check.watch));
}

/** The lessons before this one of its track that leave something this one may build on, in order. Empty: it begins without even a kubeconfig. */
export function foundationOf(folder: LessonFolder, tracks: readonly TrackFolder[]): LessonFolder[] {
  const track = tracks.find(({ id }) => id === folder.track);
  return (track?.lessons ?? []).filter(({ number, lesson }) => number < folder.number && !onlyAsks(lesson));
}
