import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type LessonFolder, loadTracks } from './load.ts';
import { type LessonProblem, sortProblems } from './problem.ts';
import { type Prose, readProse } from './prose.ts';
import { checkProse, compareProse } from './prose-rules.ts';
import { checkPlan, suggest, variableRemedy } from './rules.ts';
import { isVariable, references } from './variables.ts';

/** Every lesson is written in these. */
const LANGUAGES = ['en', 'fr'] as const;

/**
 * Reads every lesson under `root` and collects all that is wrong, sorted by file and place.
 * @param root absolute path of the project, with `lessons/` and `manifests/`
 */
export function validateLessons(root: string): LessonProblem[] {
  const { tracks, problems } = loadTracks(root);
  for (const track of tracks) for (const lesson of track.lessons) problems.push(...validateLesson(lesson, root));
  return sortProblems(problems);
}

function validateLesson(folder: LessonFolder, root: string): LessonProblem[] {
  const problems = checkPlan(folder);
  problems.push(...checkFiles(folder, root));
  const ids = folder.lesson.steps.map((step) => step.id);
  // With an id twice, nothing can be said about which of the two the prose means.
  if (new Set(ids).size < ids.length) return problems;
  const read: Prose[] = [];
  for (const language of LANGUAGES) {
    const file = join(folder.folder, `${language}.mdx`);
    if (!existsSync(file)) {
      problems.push({
        file,
        line: 1,
        column: 1,
        message: `the translation \`${language}.mdx\` is missing`,
        remedy: 'write it beside `lesson.yaml`, with the same ids and commands',
      });
      continue;
    }
    const prose = readProse(file, readFileSync(file, 'utf8'));
    problems.push(...checkProse(folder, prose, language, root));
    read.push(prose);
  }
  const [original, ...translations] = read;
  for (const translated of translations)
    if (original && original.problems.length + translated.problems.length === 0)
      problems.push(...compareProse(original, translated));
  problems.push(...checkScripts(folder));
  return problems;
}

/** What is copied into the learner's home must be there, and name only variables that are filled in. */
function checkFiles({ lesson, source }: LessonFolder, root: string): LessonProblem[] {
  const problems: LessonProblem[] = [];
  for (const [index, { from, to = from }] of (lesson.files ?? []).entries()) {
    const path = join(root, 'manifests', from);
    const outside = [from, to].find((name) => name.startsWith('/') || name.split('/').includes('..'));
    if (outside)
      problems.push(
        source.problem(['files', index], `\`${outside}\` leads out of its folder`, 'write a path without `..`'),
      );
    else if (!existsSync(path))
      problems.push(
        source.problem(
          ['files', index, 'from'],
          `there is no \`manifests/${from}\``,
          `add it, or name what is there: ${suggest(from, namesBeside(root, from))}`,
        ),
      );
    else for (const file of filesUnder(path)) problems.push(...checkVariables(file));
  }
  return problems;
}

function namesBeside(root: string, from: string): string[] {
  const folder = join(root, 'manifests', from, '..');
  const prefix = from.includes('/') ? `${from.slice(0, from.lastIndexOf('/'))}/` : '';
  return existsSync(folder) ? readdirSync(folder).map((name) => prefix + name) : [];
}

function filesUnder(path: string): string[] {
  if (statSync(path).isFile()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function checkVariables(file: string): LessonProblem[] {
  // Scripts have variables of their own; Helm's templates have braces of their own.
  if (!/\.(ya?ml|json)$/.test(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line, index) =>
      references(line)
        .filter(({ name }) => /^[a-z]/.test(name) && !isVariable(name))
        .map(({ name, offset }) => ({
          file,
          line: index + 1,
          column: offset + 1,
          message: `\`\${${name}}\` is no variable`,
          remedy: variableRemedy(name),
          excerpt: line,
          length: name.length + 3,
        })),
    );
}

/** `solve.sh` must be there; each mistake names, in its first line, a hint that there is. */
function checkScripts({ folder, lesson }: LessonFolder): LessonProblem[] {
  const problems: LessonProblem[] = [];
  const solve = join(folder, 'solve.sh');
  if (!existsSync(solve))
    problems.push({
      file: solve,
      line: 1,
      column: 1,
      message: 'the lesson has no `solve.sh`',
      remedy: 'write the commands that turn every check green',
    });
  const mistakes = join(folder, 'mistakes');
  const hints = lesson.steps.flatMap((step) =>
    step.checks.flatMap((check) => (check.hints ?? []).map((hint) => `${step.id}/${check.id}/${hint.id}`)),
  );
  for (const name of existsSync(mistakes) ? readdirSync(mistakes).filter((file) => file.endsWith('.sh')) : []) {
    const file = join(mistakes, name);
    const excerpt = readFileSync(file, 'utf8').split('\n')[0] ?? '';
    const hint = /^# ([^\s]+)/.exec(excerpt)?.[1];
    if (hint === undefined || !hints.includes(hint))
      problems.push({
        file,
        line: 1,
        column: hint === undefined ? 1 : 3,
        message: hint === undefined ? 'the first line names no hint' : `there is no hint \`${hint}\``,
        remedy: hint === undefined ? 'begin with `# STEP/CHECK/HINT fact=value …`' : suggest(hint, hints),
        excerpt,
        ...(hint === undefined ? {} : { length: hint.length }),
      });
  }
  return problems;
}
