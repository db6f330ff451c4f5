import { Duration, isObject, Optional, Timestamp } from '../values.ts';
import type { KType } from './types.ts';

export { Duration, isObject, Optional, Timestamp };

/** Unsigned integers keep apart from signed ones. */
export class Uint {
  readonly value: bigint;
  constructor(value: bigint) {
    this.value = value;
  }
}

/** What an evaluation fails with, in the words of Kubernetes' evaluator. */
export class EvaluationError extends Error {}

/** The limit of one call is reached: nothing absorbs it. */
export class CostExceeded extends Error {
  constructor() {
    super('operation cancelled: actual cost limit exceeded');
  }
}

/** A value with an own type: its type's name, and what makes two of them equal. */
export abstract class Opaque {
  abstract readonly typeName: string;
  abstract same(other: Opaque): boolean;
}

export class TypeValue {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** JSON as it is stored becomes a CEL value by its declared type; undefined is told apart by the caller. */
export function adopt(raw: unknown, type: KType): unknown {
  if (raw === null || typeof raw === 'boolean' || typeof raw === 'bigint') return raw;
  if (typeof raw === 'number') {
    if (type.kind === 'double') return raw;
    return Number.isInteger(raw) ? BigInt(raw) : raw;
  }
  if (typeof raw !== 'string') return raw;
  if (type.kind === 'timestamp') return timestampOf(raw);
  if (type.kind === 'duration') return durationOf(raw);
  if (type.kind === 'bytes') return new Uint8Array(Buffer.from(raw, 'base64'));
  return raw;
}

/** The elements of a list that came from JSON. */
export function adoptList(list: readonly unknown[], type: KType): unknown[] {
  const of: KType = type.kind === 'list' ? type.of : { kind: 'dyn' };
  return list.map((element) => adopt(element, of));
}

export function timestampOf(text: string): Timestamp {
  const whole = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text;
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(whole) && !Number.isNaN(Date.parse(whole)))
    return new Timestamp(whole);
  throw new EvaluationError(`invalid timestamp: ${JSON.stringify(text)}`);
}

const units: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1, us: 1e-3, µs: 1e-3, ns: 1e-6 };

/** As Go reads it: `1h30m`, `-2ms`, `0`. */
export function durationOf(text: string): Duration {
  if (text !== '0' && !/^[+-]?(\d+(\.\d*)?(h|ms|m|us|µs|ns|s))+$/.test(text))
    throw new EvaluationError(`invalid duration: ${JSON.stringify(text)}`);
  let milliseconds = 0;
  for (const [, amount = '0', unit = 's'] of text.matchAll(/(\d+(?:\.\d*)?)(h|ms|m|us|µs|ns|s)/g))
    milliseconds += Number(amount) * (units[unit] ?? 0);
  return new Duration(text.startsWith('-') ? -milliseconds : milliseconds);
}

const isNumber = (value: unknown): value is bigint | number | Uint =>
  typeof value === 'bigint' || typeof value === 'number' || value instanceof Uint;

const plain = (value: bigint | number | Uint): bigint | number => (value instanceof Uint ? value.value : value);

/** Below zero, zero, above zero; undefined where the two have no order. */
export function compare(left: unknown, right: unknown): number | undefined {
  if (isNumber(left) && isNumber(right)) {
    const [a, b] = [plain(left), plain(right)];
    return a < b ? -1 : a > b ? 1 : 0;
  }
  if (typeof left === 'string' && typeof right === 'string') return left < right ? -1 : left > right ? 1 : 0;
  if (typeof left === 'boolean' && typeof right === 'boolean') return Number(left) - Number(right);
  if ((left instanceof Timestamp || left instanceof Duration) && right?.constructor === left.constructor)
    return left.milliseconds - (right as Duration).milliseconds;
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.compare(left, right);
  return undefined;
}

export function equal(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (Array.isArray(left))
    return Array.isArray(right) && left.length === right.length && left.every((one, index) => equal(one, right[index]));
  if (left instanceof Opaque) return right instanceof Opaque && left.typeName === right.typeName && left.same(right);
  if (left instanceof Optional)
    return (
      right instanceof Optional && left.present === right.present && (!left.present || equal(left.value, right.value))
    );
  if (left instanceof TypeValue) return right instanceof TypeValue && left.name === right.name;
  if (isObject(left)) {
    if (!isObject(right)) return false;
    const names = Object.keys(left);
    return (
      names.length === Object.keys(right).length &&
      names.every((name) => Object.hasOwn(right, name) && equal(left[name], right[name]))
    );
  }
  return compare(left, right) === 0;
}

/** How much there is to go through: characters, elements, entries; 1 for a scalar. */
export function sizeOf(value: unknown): number {
  if (typeof value === 'string') return [...value].length;
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length;
  return isObject(value) ? Object.keys(value).length : 1;
}
