import type { Why } from '../../cel/explain.ts';
import type { Expression, Outcome } from '../../cel/expression.ts';
import { asText, type JsonObject } from '../../cel/values.ts';
import type { KubeObject, Loose } from '../../kubernetes/object.ts';
import { matchLabels, parseLabelSelector } from '../../kubernetes/selectors.ts';
import { releasesOf } from '../cluster/release.ts';
import { findResource } from '../cluster/resources.ts';
import type { ClusterSource, View } from '../cluster/source.ts';
import type { ReleaseWatch, Watch } from '../lessons/schema.ts';
import { type CompiledCheck, type CompiledHint, RELEASES } from './conditions.ts';

export type Verdict = 'waiting' | 'failing' | 'passed';

/** What one evaluation of a check gives. */
export interface Judgement {
  verdict: Verdict;
  why?: Why;
}

/** A hint that applies now. */
export interface ShownHint {
  id: string;
  /** Texts for the braces in the hint's prose. */
  facts: Record<string, string>;
  /** How many more objects have the same trouble. */
  more: number;
}

/** The cluster at one moment. */
type Snapshot = Pick<ClusterSource, 'view'>;

/** What a check is judged against. */
export interface Circumstances {
  snapshot: Snapshot;
  /** The sandbox. */
  namespace: string;
  /** `vars` in CEL. */
  variables: Readonly<Record<string, string | undefined>>;
  /** The check's objects when it armed. */
  before?: JsonObject | undefined;
  /** The last answer of a probe, for `http` and `dns` checks. */
  response?: JsonObject | undefined;
}

type Bindings = Record<string, unknown>;

/** Shown as the culprit where it is the lesson that is wrong, not the cluster. */
const ITSELF = 'the check itself';

/** Judges a check; pure, so the same circumstances always give the same verdict. Answers are judged when given. */
export function judge(compiled: CompiledCheck, circumstances: Circumstances, budget?: number): Judgement {
  const { check, expect, broken } = compiled;
  if (broken) return { verdict: 'failing', why: { field: ITSELF, value: broken } };
  if (!expect) return { verdict: 'waiting' };
  const asked = check.dns ? `${check.dns.name} ${check.dns.type}` : check.http && first(check.http.url);
  if (asked && !circumstances.response) return { verdict: 'waiting', why: { field: asked, value: 'no answer yet' } };
  const bound = bindingsOf(check.watch, check.release, circumstances);
  if ('blocked' in bound) return bound.blocked;
  const bindings = { ...common(circumstances), ...bound.bindings };
  return judgementOf(expect, bindings, check.watch, check.release, budget);
}

function first(url: string | string[]): string {
  return typeof url === 'string' ? url : (url[0] ?? '');
}

/** The verdict on an expression that should be true. */
function judgementOf(
  expect: Expression,
  bindings: Bindings,
  watch: Watch | undefined,
  release: ReleaseWatch | undefined,
  budget?: number,
): Judgement {
  const outcome = expect.evaluate(bindings, budget);
  if ('value' in outcome && outcome.value === true) return { verdict: 'passed' };
  if ('error' in outcome) return { verdict: 'failing', why: { field: ITSELF, value: outcome.error } };
  // What a check names and is not there at all is no failure: nothing has been tried yet.
  if (watch?.name && bindings.item === undefined)
    return { verdict: 'waiting', why: { field: `${watch.resource}/${watch.name}`, value: 'not there yet' } };
  if (release?.name && bindings.release === undefined)
    return { verdict: 'waiting', why: { field: `release/${release.name}`, value: 'not there yet' } };
  const why = expect.explain(bindings, budget);
  return { verdict: 'absent' in outcome ? 'waiting' : 'failing', ...(why ? { why } : {}) };
}

function common({ variables, before, response }: Circumstances): Bindings {
  return { vars: variables, ...(before ? { before } : {}), ...(response ? { response } : {}) };
}

/** The variables a watch or a release gives, or why they are not known yet. */
export function bindingsOf(
  watch: Watch | undefined,
  release: ReleaseWatch | undefined,
  { snapshot, namespace }: Pick<Circumstances, 'snapshot' | 'namespace'>,
): { bindings: Bindings } | { blocked: Judgement } {
  const resource = release ? RELEASES : watch?.resource;
  if (!resource) return { bindings: {} };
  const within = release?.namespace ?? watch?.namespace ?? namespace;
  const view = snapshot.view(resource, within);
  if (view.state === 'syncing')
    return { blocked: { verdict: 'waiting', why: { field: resource, value: 'being read' } } };
  if (view.state === 'denied')
    return { blocked: { verdict: 'failing', why: { field: resource, value: view.message ?? 'not allowed to read' } } };
  if (release) {
    const releases = releasesOf(view.items, release.name);
    return { bindings: { releases, ...(release.name && releases[0] ? { release: releases[0] } : {}) } };
  }
  const items = watch ? chosen(watch, view) : [];
  return { bindings: { items, ...(watch?.name && items[0] ? { item: items[0] } : {}) } };
}

function chosen(watch: Watch, view: View): readonly KubeObject[] {
  let items = view.items;
  if (watch.name) items = items.filter((item) => item.metadata.name === watch.name);
  if (watch.selector) {
    const requirements = parseLabelSelector(watch.selector);
    items = items.filter((item) => matchLabels(requirements, item.metadata.labels));
  }
  // Oldest first, so that `items[0]` and hints mean the same object at every evaluation.
  return items.length < 2 ? items : [...items].sort(byAge);
}

function byAge(a: KubeObject, b: KubeObject): number {
  return (
    String(a.metadata.creationTimestamp ?? '').localeCompare(String(b.metadata.creationTimestamp ?? '')) ||
    String(a.metadata.name).localeCompare(String(b.metadata.name))
  );
}

/** Whether a hint applies, and to whom: the oldest culprit is named, the others are counted. */
export function judgeHint(hint: CompiledHint, circumstances: Circumstances, budget?: number): ShownHint | undefined {
  if (!hint.where && !hint.when) return undefined;
  const bound = bindingsOf(hint.watch, hint.release, circumstances);
  if ('blocked' in bound) return undefined;
  const bindings: Bindings = { ...common(circumstances), ...bound.bindings };
  if (hint.when && !isTrue(hint.when.evaluate(bindings, budget))) return undefined;
  const where = hint.where;
  if (!where) return { id: hint.hint.id, facts: factsOf(hint, bindings, budget), more: 0 };
  const list = hint.each
    ? known(hint.each.evaluate(bindings, budget))
    : (bound.bindings.items ?? bound.bindings.releases);
  if (!Array.isArray(list)) return undefined;
  const culprits = list.filter((it) => isTrue(where.evaluate({ ...bindings, it }, budget)));
  if (culprits.length === 0) return undefined;
  const facts = factsOf(hint, { ...bindings, it: culprits[0] }, budget);
  return { id: hint.hint.id, facts, more: culprits.length - 1 };
}

function factsOf(hint: CompiledHint, bindings: Bindings, budget?: number): Record<string, string> {
  return Object.fromEntries(
    hint.facts.map(([name, expression]) => [name, asText(known(expression.evaluate(bindings, budget)) ?? '')]),
  );
}

function isTrue(outcome: Outcome): boolean {
  return 'value' in outcome && outcome.value === true;
}

function known(outcome: Outcome): unknown {
  return 'value' in outcome ? outcome.value : undefined;
}

/** At most this much of `before` is kept with the learner's progress. */
const MAX_BEFORE_BYTES = 64 * 1024;

/**
 * The objects of a check as they are now, cut down to the fields its CEL reads: of Secrets only metadata, in all at
 * most 64 kB (then later objects keep only name and uid). Undefined where nothing reads `before`.
 */
export function takeBefore(compiled: CompiledCheck, circumstances: Circumstances): JsonObject | undefined {
  if (compiled.reads.length === 0) return undefined;
  const { watch, release } = compiled.check;
  const bound = bindingsOf(watch, release, circumstances);
  if ('blocked' in bound) return undefined;
  const secret = watch !== undefined && findResource(watch.resource)?.kind === 'Secret';
  const reads = compiled.reads.filter((path) => !secret || path.includes('metadata'));
  const before = cut(bound.bindings, reads) as JsonObject;
  if (JSON.stringify(before).length <= MAX_BEFORE_BYTES) return before;
  return cut(bound.bindings, [
    ['items', '*', 'metadata', 'name'],
    ['items', '*', 'metadata', 'uid'],
    ['item', 'metadata', 'uid'],
  ]) as JsonObject;
}

/** The part of a value that the paths name; `*` is every element. */
function cut(value: unknown, paths: string[][]): unknown {
  if (paths.some((path) => path.length === 0) || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const inner = paths.map((path) => path.slice(1));
    return value.map((element) => cut(element, inner));
  }
  const result: Loose = {};
  const every = paths.filter((path) => path[0] === '*').map((path) => path.slice(1));
  for (const [name, inner] of Object.entries(value)) {
    const wanted = paths.filter((path) => path[0] === name).map((path) => path.slice(1));
    if (wanted.length + every.length > 0) result[name] = cut(inner, [...wanted, ...every]);
  }
  return result;
}
