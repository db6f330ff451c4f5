import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { LessonRun } from '../../checks/run.ts';
import type { CheckState } from '../../checks/state.ts';
import { decodeControl, FROM_SERVER } from '../../gateway/frames.ts';
import type { Attachment } from '../../gateway/terminal.ts';
import type { LessonFolder } from '../../lessons/load.ts';
import { fillText } from '../../lessons/variables.ts';
import { type LearnerSession, lessonKey } from '../../sessions/session.ts';
import { begun, type Finding, outcome } from './rehearse.ts';
import { runScript, solutionBefore, solutionOf } from './solution.ts';
import type { Stage } from './stage.ts';

/** Seconds a hint may take to appear: some are patient on purpose. */
const PATIENCE = 40;

interface Mistake {
  file: string;
  step: string;
  check: string;
  hint: string;
  facts: Record<string, string>;
  script: string;
}

/** The mistakes of a lesson, by their first lines: `# STEP/CHECK/HINT fact=value …`. Throws on a first line that is none. */
export function mistakesOf(folder: LessonFolder): Mistake[] {
  const place = path.join(folder.folder, 'mistakes');
  if (!existsSync(place)) return [];
  return readdirSync(place)
    .filter((name) => name.endsWith('.sh'))
    .sort()
    .map((name) => {
      const file = path.join(place, name);
      const [head = '', ...rest] = readFileSync(file, 'utf8').split('\n');
      const match = /^# ([\w-]+)\/([\w-]+)\/([\w-]+)(.*)$/.exec(head);
      if (!match) throw new Error(`${file}:1  the first line must be \`# STEP/CHECK/HINT fact=value …\``);
      const [, step = '', check = '', hint = '', facts = ''] = match;
      const pairs = [...facts.matchAll(/(\w+)=("[^"]*"|\S+)/g)].map(([, fact = '', value = '']) => [
        fact,
        value.replaceAll('"', ''),
      ]);
      return { file, step, check, hint, facts: Object.fromEntries(pairs), script: rest.join('\n').trim() };
    });
}

/** Makes one mistake in a fresh sandbox at the step where it belongs: its hint and no other must appear, the check stay red, and the solution still lead out. */
export async function makeMistake(stage: Stage, folder: LessonFolder, mistake: Mistake): Promise<Finding> {
  const { session } = stage;
  const key = lessonKey(folder);
  const name = `${key}: ${path.basename(mistake.file)} meets ${mistake.hint}`;
  const script = solutionOf(folder.folder);
  const steps = folder.lesson.steps.map(({ id }) => id);
  const before = solutionBefore(script, steps, mistake.step);
  if (before === undefined)
    return { name, failure: `solve.sh has no line \`atelier wait\` for the step before ${mistake.step}` };
  await session.reset(key);
  const opened = await session.open(key);
  try {
    await opened.run.reset();
    await begun(opened.run);
    const led = await runScript(session, key, before);
    if (led.code !== 0) return outcome(name, led, false);
    await typeIn(session, fillText(mistake.script, session.variables()));
    const full = `${mistake.step}/${mistake.check}`;
    const seen = await hintOf(opened.run, full, mistake.hint);
    const wrong = faults(seen, mistake);
    if (wrong) return { name, failure: wrong };
    const after = await runScript(session, key, script);
    return outcome(name, after, opened.run.state().done);
  } finally {
    opened.release();
  }
}

function faults(check: CheckState | undefined, mistake: Mistake): string | undefined {
  if (!check) return `there is no check ${mistake.step}/${mistake.check}`;
  if (check.verdict === 'passed') return 'the check passed all the same';
  const shown = check.hints.map(({ id }) => id);
  if (shown.join() !== mistake.hint)
    return `the hints shown are: ${shown.join(', ') || 'none'}; why: ${JSON.stringify(check.why ?? null)}`;
  const facts = check.hints[0]?.facts ?? {};
  const different = Object.entries(mistake.facts).filter(([fact, value]) => facts[fact] !== value);
  return different.length > 0 ? `the facts are ${JSON.stringify(facts)}` : undefined;
}

/** The check's state once the hint is there, or when patience ends. */
function hintOf(run: LessonRun, check: string, hint: string): Promise<CheckState | undefined> {
  return new Promise((resolve) => {
    const settle = () => {
      unsubscribe();
      clearTimeout(timer);
      resolve(run.state().checks[check]);
    };
    const look = () => {
      if (run.state().checks[check]?.hints.some(({ id }) => id === hint)) settle();
    };
    const unsubscribe = run.subscribe(look);
    const timer = setTimeout(settle, PATIENCE * 1000);
    look();
  });
}

/** Types a script into an interactive shell, as a learner would paste it, and waits until the shell is at its prompt again. */
async function typeIn(session: LearnerSession, script: string): Promise<void> {
  const size = { columns: 120, rows: 30 };
  const terminal = await session.terminal('9', size);
  let parsed = 0;
  let typed = false;
  let attachment: Attachment | undefined;
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  function onPrompt(): void {
    // What is told while attaching comes before there is anything to type into.
    if (!attachment) return;
    if (typed) finish();
    else attachment.receive({ kind: 'run', command: script });
    typed = true;
  }
  attachment = await terminal.attach(
    {
      buffered: 0,
      close: () => undefined,
      send(frame) {
        if (frame[0] === FROM_SERVER.output) parsed += frame.length - 1;
        if (frame[0] !== FROM_SERVER.control) return;
        const control = decodeControl(frame.subarray(1));
        if (control.type === 'state' && !control.busy) onPrompt();
      },
    },
    size,
  );
  if (!terminal.busy) onPrompt();
  await finished;
  attachment.receive({ kind: 'acknowledge', offset: parsed });
  attachment.detach();
}
