import type { CallContext, Library } from './signatures.ts';
import { compare, Duration, EvaluationError, equal, Uint } from './values.ts';

const list = (value: unknown): unknown[] => value as unknown[];

function order(left: unknown, right: unknown): number {
  const difference = compare(left, right);
  if (difference === undefined) throw new EvaluationError('no such overload');
  return difference;
}

function traverse(value: unknown, { spend }: CallContext): void {
  for (const element of list(value)) spend(typeof element === 'string' ? Math.floor(element.length * 0.1) : 1);
}

function sum(value: unknown, context: CallContext): unknown {
  traverse(value, context);
  const [declared] = context.types;
  const of = declared?.kind === 'list' ? declared.of.kind : 'dyn';
  const elements = list(value);
  if (of === 'double') return (elements as number[]).reduce((total, one) => total + one, 0);
  if (of === 'uint') return new Uint((elements as Uint[]).reduce((total, one) => total + one.value, 0n));
  if (of === 'duration')
    return new Duration((elements as Duration[]).reduce((total, one) => total + one.milliseconds, 0));
  return (elements as bigint[]).reduce((total, one) => total + one, 0n);
}

function extreme(value: unknown, name: string, sign: 1 | -1, context: CallContext): unknown {
  traverse(value, context);
  if (list(value).length === 0) throw new EvaluationError(`${name} called on empty list`);
  return list(value).reduce((best, one) => (sign * order(one, best) > 0 ? one : best));
}

function indexOf(value: unknown, wanted: unknown, last: boolean, context: CallContext): bigint {
  traverse(value, context);
  const matches = (one: unknown): boolean => equal(one, wanted);
  return BigInt(last ? list(value).findLastIndex(matches) : list(value).findIndex(matches));
}

const comparable = ['int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes'];
const addable = ['int', 'uint', 'double', 'duration'];

const over = (types: string[], signature: (type: string) => string, run: Library[string]): Library =>
  Object.fromEntries(types.map((type) => [signature(type), run]));

function flatten(value: unknown, depth: bigint): unknown[] {
  if (depth < 0n) throw new EvaluationError('level must be non-negative');
  return list(value).flatMap((one) => (Array.isArray(one) && depth > 0n ? flatten(one, depth - 1n) : [one]));
}

function distinct(value: unknown, { spend }: CallContext): unknown[] {
  const kept: unknown[] = [];
  for (const one of list(value)) {
    spend(kept.length);
    if (!kept.some((other) => equal(one, other))) kept.push(one);
  }
  return kept;
}

function slice(value: unknown, from: unknown, to: unknown): unknown[] {
  const [start, end, length] = [Number(from), Number(to), list(value).length];
  if (start < 0 || end < 0) throw new EvaluationError(`cannot slice(${start}, ${end}), negative indexes not supported`);
  if (start > end)
    throw new EvaluationError(`cannot slice(${start}, ${end}), start index must be less than or equal to end index`);
  if (end > length) throw new EvaluationError(`cannot slice(${start}, ${end}), list is length ${length}`);
  return list(value).slice(start, end);
}

const contains = (all: unknown, some: unknown, { spend }: CallContext): boolean => {
  spend(list(all).length * list(some).length);
  return list(some).every((one) => list(all).some((other) => equal(one, other)));
};

/** Kubernetes' lists, CEL's lists and sets. https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-list-library */
export const lists: Library = {
  ...over(
    comparable,
    (type) => `list(${type}).isSorted() bool`,
    ([value], context) => {
      traverse(value, context);
      return list(value).every((one, index, all) => index === 0 || order(all[index - 1], one) <= 0);
    },
  ),
  ...over(
    addable,
    (type) => `list(${type}).sum() ${type}`,
    ([value], context) => sum(value, context),
  ),
  ...over(
    comparable,
    (type) => `list(${type}).min() ${type}`,
    ([value], context) => extreme(value, 'min', -1, context),
  ),
  ...over(
    comparable,
    (type) => `list(${type}).max() ${type}`,
    ([value], context) => extreme(value, 'max', 1, context),
  ),
  'list(A).indexOf(A) int': ([value, one], context) => indexOf(value, one, false, context),
  'list(A).lastIndexOf(A) int': ([value, one], context) => indexOf(value, one, true, context),
  'list(A).slice(int, int) list(A)': ([value, from, to]) => slice(value, from, to),
  'list(list(A)).flatten() list(A)': ([value]) => flatten(value, 1n),
  'list(dyn).flatten(int) list(dyn)': ([value, depth]) => flatten(value, depth as bigint),
  'lists:range(int) list(int)': ([count], { spend }) => {
    spend(Number(count));
    return Array.from({ length: Number(count) }, (_, index) => BigInt(index));
  },
  ...over(
    comparable,
    (type) => `list(${type}).sort() list(${type})`,
    ([value], context) => {
      traverse(value, context);
      return [...list(value)].sort(order);
    },
  ),
  'list(A).distinct() list(A)': ([value], context) => distinct(value, context),
  'list(A).reverse() list(A)': ([value]) => [...list(value)].reverse(),
  'sets:contains(list(A), list(A)) bool': ([all, some], context) => contains(all, some, context),
  'sets:equivalent(list(A), list(A)) bool': ([one, other], context) =>
    contains(one, other, context) && contains(other, one, context),
  'sets:intersects(list(A), list(A)) bool': ([one, other], { spend }) => {
    spend(list(one).length * list(other).length);
    return list(one).some((element) => list(other).some((candidate) => equal(element, candidate)));
  },
};
