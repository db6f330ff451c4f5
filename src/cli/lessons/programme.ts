import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { LessonFolder } from '../../lessons/load.ts';
import { lessonKey } from '../../sessions/session.ts';
import { say } from '../project.ts';
import { makeMistake, mistakesOf } from './mistakes.ts';
import { type Finding, rehearse } from './rehearse.ts';
import { solutionOf } from './solution.ts';
import type { Stage } from './stage.ts';

/** What one stage does in one go: a lesson's rehearsal, or one of its mistakes. */
interface Turn {
  /** It opens ports of this machine that are the same each time: such turns are taken one after another. */
  opensPorts: boolean;
  run(stage: Stage): Promise<Finding[]>;
}

export interface ProgrammeOptions {
  lessons: LessonFolder[];
  mistakes: boolean;
  /** Before each attempt: what the cluster needs to have. */
  prepare(): Promise<void>;
  report(finding: Finding): void;
}

/** Rehearses lessons and their mistakes on all stages at once; the longest lessons, which come last in a track, begin. */
export async function perform(stages: Stage[], options: ProgrammeOptions): Promise<void> {
  const turns = options.lessons.toReversed().flatMap((folder) => turnsOf(folder, options));
  const first = turns.filter(({ opensPorts }) => opensPorts).values();
  const others = turns.filter(({ opensPorts }) => !opensPorts).values();
  await Promise.all(
    stages.map(async (stage, index) => {
      for (const queue of index === 0 ? [first, others] : [others]) {
        for (const turn of queue) for (const finding of await turn.run(stage)) options.report(finding);
      }
    }),
  );
}

function turnsOf(folder: LessonFolder, { mistakes, prepare }: ProgrammeOptions): Turn[] {
  const key = lessonKey(folder);
  const rehearsal = async (stage: Stage): Promise<Finding[]> => {
    const began = performance.now();
    await prepare();
    await stage.session.reset(key);
    const caughtUp = { name: `${key}: caught up in ${((performance.now() - began) / 1000).toFixed(1)} s` };
    return [caughtUp, ...(await rehearse(stage, folder))];
  };
  const attempts: ((stage: Stage) => Promise<Finding[]>)[] = [rehearsal];
  for (const mistake of mistakes ? mistakesOf(folder) : []) {
    attempts.push(async (stage) => {
      await prepare();
      return [await makeMistake(stage, folder, mistake)];
    });
  }
  const opensPorts = textsOf(folder).some((text) => text.includes('port-forward'));
  return attempts.map((attempt) => ({ opensPorts, run: (stage) => twice(() => attempt(stage)) }));
}

/** Scripts of a lesson that are typed or run. */
function textsOf(folder: LessonFolder): string[] {
  return [solutionOf(folder.folder), ...mistakesOf(folder).map(({ file }) => readFileSync(path.resolve(file), 'utf8'))];
}

/** What fails is tried once more, and says so. */
async function twice(attempt: () => Promise<Finding[]>): Promise<Finding[]> {
  const first = await attempt();
  const failed = first.filter(({ failure }) => failure);
  if (failed.length === 0) return first;
  for (const { name, failure } of failed) say(`once more: ${name}: ${failure}`);
  return (await attempt()).map((finding) => ({ ...finding, name: `${finding.name} (second try)` }));
}
