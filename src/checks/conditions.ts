import type { CelProblem, Scope } from '../../cel/check.ts';
import { compileExpression, type Expression } from '../../cel/expression.ts';
import { re2 } from '../../cel/functions.ts';
import { BOOL, type CelType, DYN, INT, listOf, mapOf, objectOf, STRING, TIMESTAMP } from '../../cel/types.ts';
import { CelError } from '../../cel/values.ts';
import { parseLabelSelector } from '../../kubernetes/selectors.ts';
import { resourceType } from '../cluster/resources.ts';
import type { Check, Hint, ReleaseWatch, Watch } from '../lessons/schema.ts';

/** A hint whose expressions are ready to run. */
export interface CompiledHint {
  hint: Hint;
  watch: Watch | undefined;
  release: ReleaseWatch | undefined;
  each: Expression | undefined;
  where: Expression | undefined;
  when: Expression | undefined;
  facts: [name: string, expression: Expression][];
}

/** A check whose expressions are ready to run; its texts are filled in. */
export interface CompiledCheck {
  /** `step/check`. */
  key: string;
  check: Check;
  expect: Expression | undefined;
  answerExpect: Expression | undefined;
  answerValue: Expression | undefined;
  hints: CompiledHint[];
  /** Fields below `before` that any of its expressions reads. */
  reads: string[][];
  /** What is wrong with it; the build would have refused it. */
  broken: string | undefined;
}

/** What is wrong in a check, at a path below it (`['hints', 0, 'where']`). */
export interface ConditionProblem extends CelProblem {
  path: (string | number)[];
}

const RELEASE = objectOf('Release', {
  name: STRING,
  namespace: STRING,
  /** deployed, superseded, failed, uninstalled, pending-install … */
  status: STRING,
  revision: INT,
  chart: objectOf('Chart', {
    name: STRING,
    version: STRING,
    appVersion: STRING,
    dependencies: listOf(objectOf('Dependency', { name: STRING, version: STRING, alias: STRING, repository: STRING })),
  }),
  /** What the learner supplied: `helm get values`. */
  values: DYN,
  /** What the manifest holds: `helm get manifest`. */
  objects: listOf(objectOf('ManifestObject', { apiVersion: STRING, kind: STRING, name: STRING })),
  updated: TIMESTAMP,
  description: STRING,
  notes: STRING,
});

const TLS = objectOf('Tls', {
  verified: BOOL,
  error: STRING,
  subject: STRING,
  issuer: STRING,
  names: listOf(STRING),
  chain: listOf(STRING),
  notBefore: TIMESTAMP,
  notAfter: TIMESTAMP,
});

const DNS_REPLY = objectOf('DnsReply', { name: STRING, type: STRING, code: STRING, answers: listOf(STRING) });

const RESPONSE = objectOf('Response', {
  /** The address that answered. */
  url: STRING,
  status: INT,
  headers: mapOf(STRING),
  body: STRING,
  /** The body, where it is JSON. */
  json: DYN,
  /** Of https alone. */
  tls: TLS,
});

function scopeOf(watch: Watch | undefined, release: ReleaseWatch | undefined): Record<string, CelType> {
  if (release) return { release: RELEASE, releases: listOf(RELEASE) };
  if (!watch) return {};
  const type = resourceType(watch.resource);
  return watch.name ? { item: type, items: listOf(type) } : { items: listOf(type) };
}

/** Compiles a check; every problem of all its expressions is collected. */
export function compileCheck(key: string, check: Check): { compiled: CompiledCheck; problems: ConditionProblem[] } {
  const problems: ConditionProblem[] = [];
  const reads: string[][] = [];
  const own = scopeOf(check.watch, check.release);
  const before = { before: objectOf('before', own) };
  const response = check.dns ? DNS_REPLY : check.http && RESPONSE;
  const base: Scope = { ...own, ...before, vars: mapOf(STRING), ...(response ? { response } : {}) };

  function compile(source: string | undefined, path: (string | number)[], scope: Scope, wanted?: CelType) {
    if (source === undefined) return undefined;
    const result = compileExpression(source, scope, wanted);
    for (const problem of result.problems) problems.push({ ...problem, path });
    if (result.expression) reads.push(...result.expression.reads('before'));
    return result.expression;
  }

  function pattern(source: string | undefined, path: (string | number)[]): void {
    if (source === undefined) return;
    try {
      re2(source);
    } catch (error) {
      if (!(error instanceof CelError)) throw error;
      problems.push({ message: error.message, start: 0, end: source.length, path });
    }
  }

  function selector(source: string | undefined, path: (string | number)[]): void {
    if (source === undefined) return;
    try {
      parseLabelSelector(source);
    } catch (error) {
      problems.push({
        message: `not a label selector: ${error instanceof Error ? error.message : error}`,
        remedy: 'write it as for `kubectl get -l`: `app=jupyter,tier!=test`',
        start: 0,
        end: source.length,
        path,
      });
    }
  }

  function compileHint(hint: Hint, path: (string | number)[]): CompiledHint {
    const watch = hint.watch ?? (hint.release ? undefined : check.watch);
    const release = hint.release ?? (hint.watch ? undefined : check.release);
    const scope: Scope = { ...base, ...scopeOf(watch, release) };
    selector(hint.watch?.selector, [...path, 'watch', 'selector']);
    pattern(hint.says?.match, [...path, 'says', 'match']);
    pattern(hint.says?.command, [...path, 'says', 'command']);
    const each = compile(hint.each, [...path, 'each'], scope, listOf(DYN));
    const listed = release ? scope.releases : scope.items;
    const list = each?.type ?? (hint.each ? DYN : (listed ?? DYN));
    const inner: Scope = hint.where ? { ...scope, it: list.kind === 'list' ? list.of : DYN } : scope;
    return {
      hint,
      watch,
      release,
      each,
      where: compile(hint.where, [...path, 'where'], inner, BOOL),
      when: compile(hint.when, [...path, 'when'], scope, BOOL),
      facts: Object.entries(hint.facts ?? {}).flatMap(([name, source]): [string, Expression][] => {
        const expression = compile(source, [...path, 'facts', name], inner);
        return expression ? [[name, expression]] : [];
      }),
    };
  }

  const answer = check.answer;
  selector(check.watch?.selector, ['watch', 'selector']);
  selector(answer?.from?.watch?.selector, ['answer', 'from', 'watch', 'selector']);
  selector(answer?.from?.log?.selector, ['answer', 'from', 'log', 'selector']);
  pattern(answer?.match, ['answer', 'match']);
  pattern(answer?.from?.log?.match, ['answer', 'from', 'log', 'match']);
  const compiled: CompiledCheck = {
    key,
    check,
    expect: compile(check.expect, ['expect'], base, BOOL),
    answerExpect: compile(answer?.expect, ['answer', 'expect'], { ...base, answer: STRING }, BOOL),
    answerValue: compile(answer?.from?.value, ['answer', 'from', 'value'], {
      ...base,
      ...scopeOf(answer?.from?.watch ?? check.watch, undefined),
    }),
    hints: (check.hints ?? []).map((hint, index) => compileHint(hint, ['hints', index])),
    reads,
    broken: problems[0]?.message,
  };
  return { compiled, problems };
}

/** Resources that a check's watches need; releases are Secrets of Helm's own type. */
export function resourcesOf(check: Check): string[] {
  const watches: (Watch | undefined)[] = [check.watch, check.answer?.from?.watch];
  const names: string[] = [];
  if (check.release || check.hints?.some((hint) => hint.release)) names.push(RELEASES);
  if (check.answer?.from?.log) names.push('pods');
  if (check.http?.through) names.push('services');
  for (const hint of check.hints ?? []) watches.push(hint.watch);
  for (const watch of watches) if (watch) names.push(watch.resource);
  return [...new Set(names)];
}

/** The watch of Helm's records, kept apart so that a check on releases reads no other Secret. */
export const RELEASES = 'releases';
