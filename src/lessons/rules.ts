import { re2 } from '../../cel/functions.ts';
import { closest } from '../../cel/suggest.ts';
import { compileCheck } from '../checks/conditions.ts';
import { customSiblings, findResource, isCustom, resourceNames } from '../cluster/resources.ts';
import type { LessonFolder } from './load.ts';
import type { LessonProblem } from './problem.ts';
import type { Check, Hint, Watch } from './schema.ts';
import { fill, isVariable, placeholders, references, VARIABLES } from './variables.ts';

type Path = (string | number)[];

/** What a schema cannot say of `lesson.yaml`: ids, kinds, names of resources, variables, and every expression. */
export function checkPlan({ lesson, source }: LessonFolder): LessonProblem[] {
  const problems: LessonProblem[] = [];
  const report = (path: Path, message: string, remedy?: string) => problems.push(source.problem(path, message, remedy));

  unique(
    lesson.steps.map((step) => step.id),
    (index, id) => report(['steps', index, 'id'], `there are two steps \`${id}\``, 'give one another id'),
  );
  lesson.steps.forEach((step, s) => {
    const ids = step.checks.map((check) => check.id);
    unique(ids, (index, id) =>
      report(
        ['steps', s, 'checks', index, 'id'],
        `step \`${step.id}\` has two checks \`${id}\``,
        'give one another id',
      ),
    );
    step.checks.forEach((check, c) => {
      const path: Path = ['steps', s, 'checks', c];
      checkKind(check, path, report);
      checkQuestion(check, path, report);
      checkOrder(check, ids, path, report);
      unique(
        (check.hints ?? []).map((hint) => hint.id),
        (index, id) =>
          report(
            [...path, 'hints', index, 'id'],
            `check \`${check.id}\` has two hints \`${id}\``,
            'give one another id',
          ),
      );
      for (const [h, hint] of (check.hints ?? []).entries()) checkHint(hint, check, [...path, 'hints', h], report);
      for (const [watch, at] of watchesOf(check, path)) checkResource(watch, at, report);
      // Texts are checked with stand-ins as long as the variables, so that every offset is that of the file.
      const { problems: wrong } = compileCheck(`${step.id}/${check.id}`, fill(check, placeholders()));
      for (const { path: inner, message, remedy, start, end } of wrong) {
        const at =
          inner[0] === 'answer' || inner[0] === 'expect' || inner[0] === 'watch' || inner[0] === 'hints' ? inner : [];
        problems.push(source.problem([...path, ...at], message, remedy, { start, end }));
      }
    });
  });
  for (const [path, text] of texts(lesson))
    for (const { name, offset } of references(text))
      if (!isVariable(name))
        problems.push(
          source.problem(path, `\`\${${name}}\` is no variable`, variableRemedy(name), {
            start: offset,
            end: offset + name.length + 3,
          }),
        );
  return problems;
}

type Report = (path: Path, message: string, remedy?: string) => void;

function checkKind(check: Check, path: Path, report: Report): void {
  const kinds = (['watch', 'release', 'http', 'dns', 'answer'] as const).filter((kind) => check[kind] !== undefined);
  const asks = check.http ?? check.dns;
  // An answer, or what is asked of the world, may be compared with the objects of one watch; all else stands alone.
  const several = kinds.filter((kind) =>
    kind === 'answer' ? asks : kind === 'watch' ? !asks || check.answer || check.release : true,
  );
  if (kinds.length === 0)
    report(
      path,
      `check \`${check.id}\` says not what it looks at`,
      'add one of `watch`, `release`, `http`, `dns` or `answer`',
    );
  else if (several.length > 1)
    report(path, `check \`${check.id}\` is of several kinds: ${kinds.join(', ')}`, 'make each a check of its own');
  if (check.answer) {
    const { is, choice, match, from, expect } = check.answer;
    if (!is && !choice && !match && !from && !expect)
      report(
        [...path, 'answer'],
        'nothing says which answer is right',
        'add one of `is`, `choice`, `match`, `from` or `expect`',
      );
    if (check.expect)
      report([...path, 'expect'], 'a check with an `answer` has no `expect` of its own', 'move it into `answer`');
    if (from && !from.log && !from.value)
      report(
        [...path, 'answer', 'from'],
        'the truth is not named',
        'add `value`, a CEL over `item` or `items`, or `log`',
      );
  } else if (!check.expect && kinds.length > 0)
    report(path, `check \`${check.id}\` has no \`expect\``, 'add the CEL that is true when the check is passed');
}

/** What would ask nobody, or the wrong one. */
function checkQuestion({ http, dns }: Check, path: Path, report: Report): void {
  if (dns && /^[a-z]+:\/\//.test(dns.name))
    report([...path, 'dns', 'name'], `\`${dns.name}\` is an address`, 'name the host alone');
  else if (dns && (dns.name.endsWith('.') || /[\s:/]|\.\./.test(dns.name)))
    report(
      [...path, 'dns', 'name'],
      `\`${dns.name}\` is no name of the DNS`,
      'write labels with dots between them, and none at the end',
    );
  for (const [index, url] of [http?.url ?? []].flat().entries())
    if (!/^(https?:\/\/|\$\{)/.test(url))
      report(
        [...path, 'http', 'url', ...(Array.isArray(http?.url) ? [index] : [])],
        `\`${url}\` is no address`,
        'begin it with `http://` or `https://`',
      );
}

function checkOrder(check: Check, ids: string[], path: Path, report: Report): void {
  if (check.after === undefined) return;
  if (check.after === check.id)
    report([...path, 'after'], `check \`${check.id}\` waits for itself`, 'name another check of the step');
  else if (!ids.includes(check.after))
    report([...path, 'after'], `there is no check \`${check.after}\` in this step`, suggest(check.after, ids));
  else if (ids.indexOf(check.after) > ids.indexOf(check.id))
    report(
      [...path, 'after'],
      `check \`${check.after}\` comes later`,
      'put it first: checks stand in the order in which they arm',
    );
}

function checkHint(hint: Hint, check: Check, path: Path, report: Report): void {
  if (!hint.where && !hint.when && !hint.says)
    report(path, `hint \`${hint.id}\` says not when it applies`, 'add `where`, `when` or `says`');
  if (hint.each && !hint.where)
    report([...path, 'each'], '`each` without `where`: nothing is tried on its elements', 'add `where`');
  const sees = hint.watch ?? hint.release ?? check.watch ?? check.release ?? check.http ?? check.dns;
  if ((hint.where || hint.when) && !sees)
    report(path, `hint \`${hint.id}\` has nothing to look at`, 'add `watch` or `release` to the hint');
}

function* watchesOf(check: Check, path: Path): Generator<[Watch, Path]> {
  if (check.watch) yield [check.watch, [...path, 'watch']];
  if (check.answer?.from?.watch) yield [check.answer.from.watch, [...path, 'answer', 'from', 'watch']];
  for (const [index, hint] of (check.hints ?? []).entries())
    if (hint.watch) yield [hint.watch, [...path, 'hints', index, 'watch']];
}

function checkResource(watch: Watch, path: Path, report: Report): void {
  const { resource } = watch;
  if (findResource(resource)) return;
  const siblings = customSiblings(resource);
  if (isCustom(resource) && (siblings.length === 0 || siblings.includes(resource))) return;
  const near = closest(resource, [...resourceNames(), ...siblings]);
  report(
    [...path, 'resource'],
    `there is no resource \`${resource}\``,
    near
      ? `did you mean \`${near}\`?`
      : 'write the plural, as `kubectl api-resources` lists it; a custom one with its group: `certificates.cert-manager.io`',
  );
}

/** The names of a hint's facts: its own, and the named groups of what it looks for in an output; undefined where those cannot be read. */
export function factNames(hint: Hint): string[] | undefined {
  const names = Object.keys(hint.facts ?? {});
  try {
    if (hint.says) names.push(...Object.keys(re2(hint.says.match).namedGroups()));
  } catch {
    return undefined;
  }
  return names;
}

export function variableRemedy(name: string): string {
  const near = closest(name, Object.keys(VARIABLES));
  return near ? `did you mean \`\${${near}}\`?` : `known are ${Object.keys(VARIABLES).join(', ')}`;
}

export function suggest(name: string, known: string[]): string {
  const near = closest(name, known);
  return near
    ? `did you mean \`${near}\`?`
    : known.length > 0
      ? `known are ${[...new Set(known)].join(', ')}`
      : 'there are none';
}

function unique(ids: string[], twice: (index: number, id: string) => void): void {
  ids.forEach((id, index) => {
    if (ids.indexOf(id) < index) twice(index, id);
  });
}

function* texts(value: unknown, path: Path = []): Generator<[Path, string]> {
  if (typeof value === 'string') yield [path, value];
  else if (typeof value === 'object' && value !== null)
    for (const [key, inner] of Object.entries(value))
      yield* texts(inner, [...path, Array.isArray(value) ? Number(key) : key]);
}
