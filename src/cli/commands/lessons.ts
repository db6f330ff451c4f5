import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { fetchTools } from '../../../sandbox/tools/tools.ts';
import { type LessonFolder, loadTracks, type TrackFolder } from '../../lessons/load.ts';
import { formatProblems } from '../../lessons/problem.ts';
import { validateLessons } from '../../lessons/validate.ts';
import { UserError } from '../../server/user-error.ts';
import { lessonKey } from '../../sessions/session.ts';
import { clear, furnish, replenish, requireDisposable } from '../lessons/disposable.ts';
import { perform } from '../lessons/programme.ts';
import type { Finding } from '../lessons/rehearse.ts';
import { openStage, type Stage } from '../lessons/stage.ts';
import { ROOT, say, TOOLS } from '../project.ts';

/** Whose sandbox rehearsals take place in. */
const LEARNER = 'rehearsal';
/** Embedded clusters that rehearsals take place in at once: they wait more than they work. */
const STAGES = 3;
const USAGE =
  'use `lessons check` or `lessons test [TRACK[/LESSON]…] [--kubeconfig FILE [--mark-disposable]] [--no-mistakes]`.';

/** `atelier lessons`: `check` reads all lessons, `test` walks them. */
export async function lessons(args: string[]): Promise<void> {
  const [verb, ...rest] = args;
  if (verb === 'check') return check();
  if (verb === 'test') return test(rest);
  throw new UserError(USAGE, 2);
}

async function check(): Promise<void> {
  const problems = validateLessons(ROOT);
  if (problems.length > 0)
    throw new UserError(`${problems.length} problems in the lessons\n\n${formatProblems(problems, ROOT)}`);
  say('All lessons are well.');
}

async function test(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    allowNegative: true,
    options: {
      kubeconfig: { type: 'string' },
      'mark-disposable': { type: 'boolean' },
      mistakes: { type: 'boolean', default: true },
    },
  });
  const { tracks, problems } = loadTracks(ROOT);
  if (problems.length > 0) throw new UserError(formatProblems(problems, ROOT));
  const chosen = choose(tracks, positionals);
  const tools = await fetchTools(TOOLS, say);
  const kubeconfig = values.kubeconfig && path.resolve(process.env.ATELIER_CALLED_FROM ?? '', values.kubeconfig);
  if (kubeconfig) {
    await requireDisposable(tools, kubeconfig, values['mark-disposable'] === true);
    await furnish(tools, kubeconfig, LEARNER);
  }
  const home = await mkdtemp(path.join(tmpdir(), 'atelier-lessons-'));
  const trouble: string[] = [];
  const stages: Stage[] = [];
  const findings: Finding[] = [];
  try {
    for (let index = 0; index < (kubeconfig ? 1 : STAGES); index += 1) {
      stages.push(
        await openStage({
          home: path.join(home, `stage-${index + 1}`),
          learner: LEARNER,
          tools,
          tracks,
          ...(kubeconfig && { kubeconfig }),
          onTrouble: (error) => trouble.push(error.message),
        }),
      );
    }
    await perform(stages, {
      lessons: chosen,
      mistakes: values.mistakes,
      async prepare() {
        if (kubeconfig) await replenish(tools, kubeconfig);
      },
      report: (finding) => report(finding, findings),
    });
  } finally {
    await Promise.all(stages.map((stage) => stage.close()));
    if (kubeconfig) await clear(tools, kubeconfig, LEARNER);
    await rm(home, { recursive: true, force: true });
  }
  const failed = findings.filter(({ failure }) => failure).length;
  if (failed > 0 && trouble.length > 0) say(`meanwhile: ${[...new Set(trouble)].join('; ')}`);
  process.stdout.write(`${findings.length - failed} passed, ${failed} failed\n`);
  if (failed > 0) process.exitCode = 1;
}

function report(finding: Finding, findings: Finding[]): void {
  findings.push(finding);
  process.stdout.write(`${finding.failure ? '✗' : '✓'} ${finding.name}\n`);
  if (finding.failure) process.stdout.write(`${finding.failure.replaceAll(/^/gm, '    ')}\n`);
}

function choose(tracks: TrackFolder[], names: string[]): LessonFolder[] {
  const all = tracks.flatMap((track) => track.lessons);
  if (names.length === 0) return all;
  return names.flatMap((name) => {
    const found = all.filter(
      (lesson) => name === lesson.track || [lessonKey(lesson), `${lesson.track}/${lesson.id}`].includes(name),
    );
    if (found.length > 0) return found;
    throw new UserError(`there is no lesson ${name}: choose from ${all.map(lessonKey).join(', ')}.`, 2);
  });
}
