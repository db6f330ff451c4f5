import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LessonFolder } from './load.ts';
import type { LessonProblem } from './problem.ts';
import type { Place, Prose } from './prose.ts';
import { factNames, suggest, variableRemedy } from './rules.ts';
import { isVariable } from './variables.ts';

const TOP: Place = { line: 1, column: 1 };

/** Whether the prose and `lesson.yaml` speak of the same steps, checks, hints and answers, in their places. */
export function checkProse(folder: LessonFolder, prose: Prose, language: string, root: string): LessonProblem[] {
  if (prose.problems.length > 0 && prose.steps.length === 0) return prose.problems;
  const problems = [...prose.problems];
  const { lesson } = folder;
  const report = (place: Place, message: string, remedy?: string, length?: number) =>
    problems.push(prose.problem(place, message, remedy, length));

  if (!prose.title) report(TOP, 'the head has no `title`', 'begin the file with `---`, `title: …`, `lede: …`, `---`');
  if (!prose.lede) report(TOP, 'the head has no `lede`', 'add `lede: …`: one sentence that says what is learnt');

  const stepIds = lesson.steps.map((step) => step.id);
  for (const place of prose.steps)
    if (!stepIds.includes(place.id))
      report(place, `\`lesson.yaml\` has no step \`${place.id}\``, suggest(place.id, stepIds));
  const written = prose.steps.map((step) => step.id).filter((id) => stepIds.includes(id));
  const missing = stepIds.filter((id) => !written.includes(id));
  for (const id of missing)
    report(TOP, `the step \`${id}\` has no <Step id="${id}"> here`, 'add it, or take the step out of `lesson.yaml`');
  const firstWrong = missing.length > 0 ? -1 : written.findIndex((id, index) => id !== stepIds[index]);
  if (firstWrong >= 0) {
    const place = prose.steps.find((step) => step.id === written[firstWrong]) ?? TOP;
    report(
      place,
      `the step \`${written[firstWrong]}\` stands where \`${stepIds[firstWrong]}\` should`,
      'keep the order of `lesson.yaml`: steps arm one after another',
    );
  }

  for (const step of lesson.steps) {
    const here = <T extends { step: string }>(list: T[]) => list.filter((one) => one.step === step.id);
    const ids = step.checks.map((check) => check.id);
    const place = prose.steps.find((one) => one.id === step.id);
    if (!place) continue;
    for (const check of here(prose.checks))
      if (!ids.includes(check.id))
        report(check, `step \`${step.id}\` has no check \`${check.id}\``, suggest(check.id, ids));
    for (const check of step.checks) {
      if (!here(prose.checks).some((one) => one.id === check.id))
        report(
          place,
          `the check \`${step.id}/${check.id}\` has no <Check id="${check.id}"> in its step`,
          'say what it asks for, so that it can tick',
        );
      if (check.answer && !here(prose.answers).some((one) => one.check === check.id))
        report(
          place,
          `the question \`${step.id}/${check.id}\` has nowhere to be answered`,
          `add <Answer check="${check.id}" /> or <Choices check="${check.id}">`,
        );
      for (const hint of check.hints ?? [])
        if (!here(prose.hints).some((one) => one.check === check.id && one.id === hint.id))
          report(
            place,
            `the hint \`${check.id}/${hint.id}\` has no text`,
            `write <Hint check="${check.id}" id="${hint.id}">…</Hint> in the step`,
          );
    }
    for (const hint of here(prose.hints)) checkHintText(hint, step.checks, report);
    for (const answer of here(prose.answers)) checkAnswer(answer, step.checks, report);
  }
  for (const one of [...prose.checks, ...prose.hints, ...prose.answers])
    if (one.step === '') report(one, 'it stands outside of every <Step>', 'move it into the step it belongs to');

  for (const variable of prose.variables)
    if (!isVariable(variable.name))
      report(
        variable,
        `\`\${${variable.name}}\` is no variable`,
        variableRemedy(variable.name),
        variable.name.length + 3,
      );
  for (const { src, ...place } of prose.drawings)
    if (src && ![`${src}.${language}.svg`, `${src}.svg`].some((name) => existsSync(join(folder.folder, name))))
      report(place, `the drawing \`${src}.${language}.svg\` is missing`, 'put it beside the lesson');
  for (const { path, ...place } of prose.files)
    if (path && !isFile(path, folder, root))
      report(
        place,
        `\`${path}\` is no file of this lesson`,
        'lay it with `files` in `lesson.yaml`, or name one of `manifests/`',
      );
  return problems;
}

type Report = (place: Place, message: string, remedy?: string, length?: number) => void;
type Checks = LessonFolder['lesson']['steps'][number]['checks'];

function checkHintText(text: Prose['hints'][number], checks: Checks, report: Report): void {
  const check = checks.find((one) => one.id === text.check);
  if (!check)
    return void report(
      text,
      `step \`${text.step}\` has no check \`${text.check}\``,
      suggest(
        text.check,
        checks.map((one) => one.id),
      ),
    );
  const hints = check.hints ?? [];
  const hint = hints.find((one) => one.id === text.id);
  if (!hint)
    return void report(
      text,
      `check \`${check.id}\` has no hint \`${text.id}\``,
      suggest(
        text.id,
        hints.map((one) => one.id),
      ),
    );
  const known = factNames(hint);
  for (const fact of text.facts)
    if (known && !known.includes(fact.name))
      report(
        fact,
        `hint \`${hint.id}\` has no fact \`${fact.name}\``,
        known.length > 0 ? suggest(fact.name, known) : `add \`facts: { ${fact.name}: … }\` to the hint`,
        fact.name.length + 2,
      );
}

function checkAnswer(answer: Prose['answers'][number], checks: Checks, report: Report): void {
  const check = checks.find((one) => one.id === answer.check);
  const asked = checks.filter((one) => one.answer).map((one) => one.id);
  if (!check?.answer)
    return void report(answer, `\`${answer.check}\` is no question of this step`, suggest(answer.check, asked));
  const { choice, is } = check.answer;
  const right = [choice?.is ?? [], is ?? []].flat();
  if (choice && !answer.choices)
    report(
      answer,
      `\`${answer.check}\` is a choice`,
      `write <Choices check="${answer.check}"> with a <Choice value="…"> each`,
    );
  if (answer.choices && right.length > 0 && !answer.choices.some((value) => right.includes(value)))
    report(answer, `none of the choices is the right one, \`${right.join('` or `')}\``, 'give one <Choice> that value');
}

function isFile(path: string, { lesson }: LessonFolder, root: string): boolean {
  const laid = lesson.files?.find(({ from, to = from }) => path === to || path.startsWith(`${to}/`));
  const source = laid ? laid.from + path.slice((laid.to ?? laid.from).length) : path;
  return existsSync(join(root, 'manifests', source));
}

/** Translations say the same with other words: same commands and same variables, in the same order. */
export function compareProse(original: Prose, translated: Prose): LessonProblem[] {
  const problems: LessonProblem[] = [];
  const normal = (text: string) => text.trim().replace(/\s+/g, ' ');
  const length = Math.max(original.commands.length, translated.commands.length);
  for (let index = 0; index < length; index++) {
    const [one, other] = [original.commands[index], translated.commands[index]];
    if (one && other && normal(one.text) === normal(other.text)) continue;
    if (other)
      problems.push(
        translated.problem(
          other,
          `the command \`${normal(other.text)}\` differs from ${one ? `\`${normal(one.text)}\`` : 'none'} in the other language`,
          'commands are the same in every language, in the same order',
        ),
      );
    else
      problems.push(
        translated.problem(
          TOP,
          `the command \`${normal(one?.text ?? '')}\` of the other language is missing`,
          'add it: commands are the same in every language',
        ),
      );
    break;
  }
  const names = (prose: Prose) => [...new Set(prose.variables.map((variable) => variable.name))];
  for (const name of names(original))
    if (!names(translated).includes(name))
      problems.push(translated.problem(TOP, `\`\${${name}}\` is used in the other language, and not here`));
  for (const variable of translated.variables)
    if (!names(original).includes(variable.name))
      problems.push(translated.problem(variable, `\`\${${variable.name}}\` is not used in the other language`));
  return problems;
}
