import type { Library } from './signatures.ts';
import {
  compare,
  Duration,
  durationOf,
  EvaluationError,
  equal,
  isObject,
  Optional,
  sizeOf,
  Timestamp,
  TypeValue,
  timestampOf,
  Uint,
} from './values.ts';

type Ints = [bigint, bigint];
const int64 = (value: bigint): bigint => {
  if (BigInt.asIntN(64, value) !== value) throw new EvaluationError('integer overflow');
  return value;
};
const uint64 = (value: bigint): Uint => {
  if (BigInt.asUintN(64, value) !== value) throw new EvaluationError('unsigned integer overflow');
  return new Uint(value);
};
const unsigned = ([a, b]: unknown[]): Ints => [(a as Uint).value, (b as Uint).value];
const notZero = ([a, b]: Ints, what: string): Ints => {
  if (b === 0n) throw new EvaluationError(`${what} by zero`);
  return [a, b];
};

function arithmetic(
  sign: string,
  run: (a: bigint, b: bigint) => bigint,
  float?: (a: number, b: number) => number,
  zero = '',
): Library {
  const checked = (pair: Ints): Ints => (zero ? notZero(pair, zero) : pair);
  return {
    [`_${sign}_(int, int) int`]: (args) => int64(run(...checked(args as Ints))),
    [`_${sign}_(uint, uint) uint`]: (args) => uint64(run(...checked(unsigned(args)))),
    ...(float && { [`_${sign}_(double, double) double`]: ([a, b]) => float(a as number, b as number) }),
  };
}

const ordered = ['bool', 'int', 'uint', 'double', 'string', 'bytes', 'timestamp', 'duration'];
const numbers = ['int', 'uint', 'double'];

function order(sign: string, holds: (difference: number) => boolean): Library {
  const run = ([left, right]: unknown[]): boolean => {
    const difference = compare(left, right);
    if (difference === undefined) throw new EvaluationError('no such overload');
    return holds(difference);
  };
  const pairs = [
    ...ordered.map((one) => [one, one]),
    ...numbers.flatMap((one) => numbers.filter((other) => other !== one).map((other) => [one, other])),
  ];
  return Object.fromEntries(pairs.map(([one, other]) => [`_${sign}_(${one}, ${other}) bool`, run]));
}

const add = (from: unknown, by: unknown, sign: 1 | -1): Timestamp | Duration => {
  const total = (from as Duration).milliseconds + sign * (by as Duration).milliseconds;
  return from instanceof Timestamp ? new Timestamp(new Date(total).toISOString()) : new Duration(total);
};

/** How a value of a type reads in a text. */
export function textOf(value: unknown): string {
  if (value instanceof Timestamp) return new Date(value.milliseconds).toISOString().replace(/\.000Z$/, 'Z');
  if (value instanceof Duration) return `${value.milliseconds / 1000}s`;
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (typeof value === 'number' && !Number.isFinite(value)) return value > 0 ? '+Inf' : value < 0 ? '-Inf' : 'NaN';
  return String(value);
}

function toInt(value: unknown): bigint {
  if (value instanceof Timestamp) return BigInt(Math.floor(value.milliseconds / 1000));
  if (value instanceof Uint) return int64(value.value);
  if (typeof value === 'number') return int64(BigInt(Math.trunc(value)));
  if (typeof value === 'bigint') return value;
  if (/^[+-]?\d+$/.test(value as string)) return int64(BigInt(value as string));
  throw new EvaluationError(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
}

function toDouble(value: unknown): number {
  if (value instanceof Uint) return Number(value.value);
  if (typeof value !== 'string') return Number(value);
  const parsed = Number(value);
  if (value.trim() === '' || Number.isNaN(parsed))
    throw new EvaluationError(`strconv.ParseFloat: parsing ${JSON.stringify(value)}: invalid syntax`);
  return parsed;
}

function toBool(text: unknown): boolean {
  if (['1', 't', 'true', 'TRUE', 'True'].includes(text as string)) return true;
  if (['0', 'f', 'false', 'FALSE', 'False'].includes(text as string)) return false;
  throw new EvaluationError(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}

const size = ([value]: unknown[]): bigint => BigInt(sizeOf(value));

/** The parts of a time in a zone; UTC without one. */
function parts(value: unknown, zone: unknown): Record<string, number> {
  const date = new Date((value as Timestamp).milliseconds);
  const shift = /^([+-])?(\d\d):(\d\d)$/.exec((zone as string | undefined) ?? '');
  if (!zone || shift) {
    const minutes = shift ? (Number(shift[2]) * 60 + Number(shift[3])) * (shift[1] === '-' ? -1 : 1) : 0;
    return utcParts(new Date(date.getTime() + minutes * 60_000));
  }
  try {
    const options = { timeZone: zone as string, hourCycle: 'h23' } as const;
    const format = new Intl.DateTimeFormat('en-US', {
      ...options,
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    const found = Object.fromEntries(format.formatToParts(date).map((part) => [part.type, Number(part.value)]));
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = found;
    return utcParts(new Date(Date.UTC(year, month - 1, day, hour, minute, second, date.getUTCMilliseconds())));
  } catch {
    throw new EvaluationError(`unknown time zone ${zone}`);
  }
}

function utcParts(date: Date): Record<string, number> {
  return {
    FullYear: date.getUTCFullYear(),
    Month: date.getUTCMonth(),
    DayOfYear: Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000),
    DayOfMonth: date.getUTCDate() - 1,
    Date: date.getUTCDate(),
    DayOfWeek: date.getUTCDay(),
    Hours: date.getUTCHours(),
    Minutes: date.getUTCMinutes(),
    Seconds: date.getUTCSeconds(),
    Milliseconds: date.getUTCMilliseconds(),
  };
}

const calendar: Library = Object.fromEntries(
  Object.keys(utcParts(new Date(0))).flatMap((part) => [
    [`timestamp.get${part}() int`, ([value]: unknown[]) => BigInt(parts(value, undefined)[part] ?? 0)],
    [`timestamp.get${part}(string) int`, ([value, zone]: unknown[]) => BigInt(parts(value, zone)[part] ?? 0)],
  ]),
);

const whole =
  (unit: number) =>
  ([value]: unknown[]) =>
    BigInt(Math.trunc((value as Duration).milliseconds / unit));

function typeOfValue(value: unknown): TypeValue {
  const names: [boolean, string][] = [
    [value === null, 'null_type'],
    [typeof value === 'bigint', 'int'],
    [typeof value === 'number', 'double'],
    [typeof value === 'string', 'string'],
    [typeof value === 'boolean', 'bool'],
    [value instanceof Uint, 'uint'],
    [value instanceof Uint8Array, 'bytes'],
    [Array.isArray(value), 'list'],
    [value instanceof Timestamp, 'google.protobuf.Timestamp'],
    [value instanceof Duration, 'google.protobuf.Duration'],
    [value instanceof Optional, 'optional_type'],
    [isObject(value), 'map'],
  ];
  return new TypeValue(names.find(([is]) => is)?.[1] ?? 'type');
}

/** Elements that are copied for nothing. */
const freeCopy = 10_000;

/** CEL's standard definitions. https://github.com/google/cel-spec/blob/master/doc/langdef.md#list-of-standard-definitions */
export const standard: Library = {
  ...arithmetic(
    '+',
    (a, b) => a + b,
    (a, b) => a + b,
  ),
  ...arithmetic(
    '-',
    (a, b) => a - b,
    (a, b) => a - b,
  ),
  ...arithmetic(
    '*',
    (a, b) => a * b,
    (a, b) => a * b,
  ),
  ...arithmetic(
    '/',
    (a, b) => a / b,
    (a, b) => a / b,
    'division',
  ),
  ...arithmetic('%', (a, b) => a % b, undefined, 'modulus'),
  '_+_(string, string) string': ([a, b]) => `${a}${b}`,
  '_+_(bytes, bytes) bytes': ([a, b]) => new Uint8Array(Buffer.concat([a as Uint8Array, b as Uint8Array])),
  '_+_(list(A), list(A)) list(A)': ([a, b], { spend }) => {
    const [left, right] = [a as unknown[], b as unknown[]];
    // Kubernetes joins lists without copying them; ours are copied, so that large ones have a price.
    if (left.length + right.length > freeCopy) spend(left.length + right.length);
    return [...left, ...right];
  },
  '_+_(timestamp, duration) timestamp': ([a, b]) => add(a, b, 1),
  '_+_(duration, timestamp) timestamp': ([a, b]) => add(b, a, 1),
  '_+_(duration, duration) duration': ([a, b]) => add(a, b, 1),
  '_-_(timestamp, duration) timestamp': ([a, b]) => add(a, b, -1),
  '_-_(duration, duration) duration': ([a, b]) => add(a, b, -1),
  '_-_(timestamp, timestamp) duration': ([a, b]) =>
    new Duration((a as Timestamp).milliseconds - (b as Timestamp).milliseconds),
  '-_(int) int': ([a]) => int64(-(a as bigint)),
  '-_(double) double': ([a]) => -(a as number),
  '!_(bool) bool': ([a]) => a !== true,
  '_==_(A, A) bool': ([a, b]) => equal(a, b),
  '_!=_(A, A) bool': ([a, b]) => !equal(a, b),
  ...order('<', (difference) => difference < 0),
  ...order('<=', (difference) => difference <= 0),
  ...order('>', (difference) => difference > 0),
  ...order('>=', (difference) => difference >= 0),
  '@in(A, list(A)) bool': ([one, list]) => (list as unknown[]).some((other) => equal(one, other)),
  '@in(A, map(A, B)) bool': ([key, map]) => Object.hasOwn(map as object, textOf(key)),
  'size(string) int': size,
  'size(bytes) int': size,
  'size(list(A)) int': size,
  'size(map(A, B)) int': size,
  'string.size() int': size,
  'bytes.size() int': size,
  'list(A).size() int': size,
  'map(A,B).size() int': size,
  'int(int) int': ([a]) => a,
  'int(uint) int': ([a]) => toInt(a),
  'int(double) int': ([a]) => toInt(a),
  'int(string) int': ([a]) => toInt(a),
  'int(timestamp) int': ([a]) => toInt(a),
  'uint(uint) uint': ([a]) => a,
  'uint(int) uint': ([a]) => uint64(a as bigint),
  'uint(double) uint': ([a]) => uint64(BigInt(Math.trunc(a as number))),
  'uint(string) uint': ([a]) => uint64(toInt(a)),
  'double(double) double': ([a]) => a,
  'double(int) double': ([a]) => toDouble(a),
  'double(uint) double': ([a]) => toDouble(a),
  'double(string) double': ([a]) => toDouble(a),
  'bool(bool) bool': ([a]) => a,
  'bool(string) bool': ([a]) => toBool(a),
  ...Object.fromEntries(
    ['string', 'bool', 'int', 'uint', 'double', 'bytes', 'timestamp', 'duration'].map((one) => [
      `string(${one}) string`,
      ([a]: unknown[]) => textOf(a),
    ]),
  ),
  'bytes(bytes) bytes': ([a]) => a,
  'bytes(string) bytes': ([a]) => new Uint8Array(Buffer.from(a as string, 'utf8')),
  'timestamp(timestamp) timestamp': ([a]) => a,
  'timestamp(int) timestamp': ([a]) => new Timestamp(new Date(Number(a) * 1000).toISOString()),
  'timestamp(string) timestamp': ([a]) => timestampOf(a as string),
  'duration(duration) duration': ([a]) => a,
  'duration(string) duration': ([a]) => durationOf(a as string),
  'dyn(A) dyn': ([a]) => a,
  'type(A) type(A)': ([a]) => typeOfValue(a),
  ...calendar,
  'duration.getHours() int': whole(3_600_000),
  'duration.getMinutes() int': whole(60_000),
  'duration.getSeconds() int': whole(1000),
  'duration.getMilliseconds() int': whole(1),
  'optional:none() optional(A)': () => new Optional(undefined),
  'optional:of(A) optional(A)': ([a]) => new Optional(a),
  'optional:ofNonZeroValue(A) optional(A)': ([a]) => new Optional(isZero(a) ? undefined : a),
  'optional:unwrap(list(optional(A))) list(A)': ([list]) =>
    (list as Optional[]).filter((one) => one.present).map((one) => one.value),
  'list(optional(A)).unwrapOpt() list(A)': ([list]) =>
    (list as Optional[]).filter((one) => one.present).map((one) => one.value),
  'optional(A).hasValue() bool': ([a]) => (a as Optional).present,
  'optional(A).value() A': ([a]) => {
    if (!(a as Optional).present) throw new EvaluationError('optional.none() dereference');
    return (a as Optional).value;
  },
  'optional(A).or(optional(A)) optional(A)': ([a, b]) => ((a as Optional).present ? a : b),
  'optional(A).orValue(A) A': ([a, b]) => ((a as Optional).present ? (a as Optional).value : b),
};

function isZero(value: unknown): boolean {
  if (value === null || value === false || value === 0n || value === 0 || value === '') return true;
  if (value instanceof Uint) return value.value === 0n;
  if (value instanceof Duration && !(value instanceof Timestamp)) return value.milliseconds === 0;
  return (Array.isArray(value) || value instanceof Uint8Array || isObject(value)) && sizeOf(value) === 0;
}
