import { RE2JS } from 're2js';
import { compareQuantities, parseQuantity, type Quantity, quantityValue } from '../kubernetes/quantity.ts';
import { BOOL, type CelType, DOUBLE, DYN, INT, isNumber, listOf, STRING, TIMESTAMP } from './types.ts';
import { type Budget, CelError, Duration, equal, isObject, parseDuration, Timestamp } from './values.ts';

/** One overload: what it takes, what it gives, and how. */
export interface CelFunction {
  /** The kind of the object before the dot; absent for `f(x)`. */
  receiver?: CelType['kind'];
  takes: CelType['kind'][];
  gives: CelType | ((receiver: CelType) => CelType);
  call(args: unknown[], budget: Budget): unknown;
}

const DURATION: CelType = { kind: 'duration' };
const QUANTITY: CelType = { kind: 'quantity' };
const URL_TYPE: CelType = { kind: 'url' };
const BYTES: CelType = { kind: 'bytes' };

/** RE2 patterns cost linear time; what JavaScript's engine does on `(a+)+$` cannot happen here. */
const patterns = new Map<string, RE2JS>();

/** @throws CelError with RE2's own sentence */
export function re2(pattern: string): RE2JS {
  let compiled = patterns.get(pattern);
  if (!compiled) {
    try {
      compiled = RE2JS.compile(pattern);
    } catch (error) {
      throw new CelError(`not a regular expression (RE2): ${error instanceof Error ? error.message : error}`);
    }
    if (patterns.size > 500) patterns.clear();
    patterns.set(pattern, compiled);
  }
  return compiled;
}

const text = (value: unknown) => value as string;
const int = (value: unknown) => BigInt(value as bigint | number);
const search = (value: unknown, budget: Budget) => {
  budget.spend(text(value).length / 10);
  return text(value);
};

function number(value: unknown, to: 'int' | 'double'): bigint | number {
  const parsed = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (parsed instanceof Timestamp) return BigInt(Math.floor(parsed.milliseconds / 1000));
  if (typeof parsed === 'bigint') return to === 'int' ? parsed : Number(parsed);
  if (typeof parsed !== 'number' || !Number.isFinite(parsed)) throw new CelError(`"${value}" is not a number`);
  return to === 'int' ? BigInt(Math.trunc(parsed)) : parsed;
}

function stringOf(value: unknown): string {
  if (value instanceof Timestamp) return value.text;
  if (value instanceof Duration) return `${value.milliseconds / 1000}s`;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (typeof value === 'object') throw new CelError('string() takes a number, a bool, bytes or a time');
  return String(value);
}

function size(value: unknown): bigint {
  if (typeof value === 'string') return BigInt([...value].length);
  if (Array.isArray(value) || value instanceof Uint8Array) return BigInt(value.length);
  if (isObject(value)) return BigInt(Object.keys(value).length);
  throw new CelError('size() takes a string, a list or a map');
}

function quantity(value: string): Quantity {
  try {
    return parseQuantity(value);
  } catch {
    throw new CelError(`"${value}" is not a quantity, like 100m or 1.5Gi`);
  }
}

function succeeds(run: () => unknown): boolean {
  try {
    run();
    return true;
  } catch {
    return false;
  }
}

function url(value: string): URL {
  if (!URL.canParse(value)) throw new CelError(`"${value}" is not an absolute URL`);
  return new URL(value);
}

function sum(list: unknown): bigint | number {
  const values = list as (bigint | number)[];
  return values.every((value) => typeof value === 'bigint')
    ? values.reduce((total, value) => total + value, 0n)
    : values.reduce<number>((total, value) => total + Number(value), 0);
}

function extreme(list: unknown, sign: 1 | -1): unknown {
  const values = list as (bigint | number)[];
  if (values.length === 0) throw new CelError('min() and max() want a list that is not empty');
  return values.reduce((best, value) => (sign * (value > best ? 1 : -1) > 0 ? value : best));
}

function position(at: unknown, within: string): number {
  const offset = Number(at);
  if (offset < 0 || offset > within.length) throw new CelError(`position ${offset} is outside of "${within}"`);
  return offset;
}

const elementOf = (receiver: CelType): CelType => (receiver.kind === 'list' ? receiver.of : DYN);
const seconds = (value: unknown, unit: number) => BigInt(Math.trunc((value as Duration).milliseconds / unit));
const compare = (args: unknown[]) => compareQuantities(args[0] as Quantity, args[1] as Quantity);

function method(
  receiver: CelType['kind'],
  takes: CelType['kind'][],
  gives: CelFunction['gives'],
  call: CelFunction['call'],
): CelFunction {
  return { receiver, takes, gives, call };
}

function global(takes: CelType['kind'][], gives: CelFunction['gives'], call: CelFunction['call']): CelFunction {
  return { takes, gives, call };
}

/**
 * CEL's standard functions and those of Kubernetes that checks need
 * (https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-cel-libraries): strings, lists, quantity, url.
 */
export const FUNCTIONS: Readonly<Record<string, readonly CelFunction[]>> = {
  size: [
    global(['dyn'], INT, ([value]) => size(value)),
    ...(['string', 'list', 'map', 'bytes', 'dyn'] as const).map((kind) =>
      method(kind, [], INT, ([value]) => size(value)),
    ),
  ],
  int: [global(['dyn'], INT, ([value]) => number(value, 'int'))],
  uint: [global(['dyn'], INT, ([value]) => number(value, 'int'))],
  double: [global(['dyn'], DOUBLE, ([value]) => number(value, 'double'))],
  string: [global(['dyn'], STRING, ([value]) => stringOf(value))],
  bool: [global(['dyn'], BOOL, ([value]) => value === true || value === 'true')],
  dyn: [global(['dyn'], DYN, ([value]) => value)],
  timestamp: [
    global(['string'], TIMESTAMP, ([value]) => new Timestamp(text(value))),
    global(['timestamp'], TIMESTAMP, ([value]) => value),
  ],
  duration: [
    global(['string'], DURATION, ([value]) => parseDuration(text(value))),
    global(['duration'], DURATION, ([value]) => value),
  ],
  getHours: [method('duration', [], INT, ([value]) => seconds(value, 3_600_000))],
  getMinutes: [method('duration', [], INT, ([value]) => seconds(value, 60_000))],
  getSeconds: [method('duration', [], INT, ([value]) => seconds(value, 1000))],

  matches: [
    method('string', ['string'], BOOL, ([value, pattern], budget) =>
      re2(text(pattern)).matcher(search(value, budget)).find(),
    ),
    global(['string', 'string'], BOOL, ([value, pattern], budget) =>
      re2(text(pattern)).matcher(search(value, budget)).find(),
    ),
  ],
  find: [
    method('string', ['string'], STRING, ([value, pattern], budget) => {
      const matcher = re2(text(pattern)).matcher(search(value, budget));
      return matcher.find() ? (matcher.group() ?? '') : '';
    }),
  ],
  contains: [method('string', ['string'], BOOL, ([value, part], budget) => search(value, budget).includes(text(part)))],
  startsWith: [method('string', ['string'], BOOL, ([value, part]) => text(value).startsWith(text(part)))],
  endsWith: [method('string', ['string'], BOOL, ([value, part]) => text(value).endsWith(text(part)))],
  lowerAscii: [method('string', [], STRING, ([value], budget) => search(value, budget).toLowerCase())],
  upperAscii: [method('string', [], STRING, ([value], budget) => search(value, budget).toUpperCase())],
  trim: [method('string', [], STRING, ([value], budget) => search(value, budget).trim())],
  replace: [
    method('string', ['string', 'string'], STRING, ([value, from, to], budget) => {
      const replaced = search(value, budget).replaceAll(text(from), () => text(to));
      budget.spend(replaced.length / 10);
      return replaced;
    }),
  ],
  split: [
    method('string', ['string'], listOf(STRING), ([value, by], budget) => {
      const parts = search(value, budget).split(text(by));
      budget.spend(parts.length);
      return parts;
    }),
  ],
  substring: [
    method('string', ['int'], STRING, ([value, from]) => text(value).slice(position(from, text(value)))),
    method('string', ['int', 'int'], STRING, ([value, from, to]) =>
      text(value).slice(position(from, text(value)), position(to, text(value))),
    ),
  ],
  indexOf: [
    method('string', ['string'], INT, ([value, part], budget) => BigInt(search(value, budget).indexOf(text(part)))),
    method('list', ['dyn'], INT, ([list, wanted], budget) =>
      BigInt((list as unknown[]).findIndex((element) => equal(element, wanted, budget))),
    ),
  ],
  lastIndexOf: [
    method('string', ['string'], INT, ([value, part], budget) => BigInt(search(value, budget).lastIndexOf(text(part)))),
  ],
  join: [
    method('list', [], STRING, ([list]) => (list as unknown[]).map(stringOf).join('')),
    method('list', ['string'], STRING, ([list, by]) => (list as unknown[]).map(stringOf).join(text(by))),
  ],
  sum: [method('list', [], elementOf, ([list]) => sum(list))],
  min: [method('list', [], elementOf, ([list]) => extreme(list, -1))],
  max: [method('list', [], elementOf, ([list]) => extreme(list, 1))],

  quantity: [global(['string'], QUANTITY, ([value]) => quantity(text(value)))],
  isQuantity: [global(['string'], BOOL, ([value]) => succeeds(() => quantity(text(value))))],
  isGreaterThan: [method('quantity', ['quantity'], BOOL, (args) => compare(args) > 0)],
  isLessThan: [method('quantity', ['quantity'], BOOL, (args) => compare(args) < 0)],
  compareTo: [method('quantity', ['quantity'], INT, (args) => BigInt(Math.sign(compare(args))))],
  asInteger: [method('quantity', [], INT, ([value]) => int(quantityValue(value as Quantity)))],
  asApproximateFloat: [method('quantity', [], DOUBLE, ([value]) => quantityValue(value as Quantity))],

  url: [global(['string'], URL_TYPE, ([value]) => url(text(value)))],
  isURL: [global(['string'], BOOL, ([value]) => URL.canParse(text(value)))],
  getScheme: [method('url', [], STRING, ([value]) => (value as URL).protocol.slice(0, -1))],
  getHost: [method('url', [], STRING, ([value]) => (value as URL).host)],
  getHostname: [method('url', [], STRING, ([value]) => (value as URL).hostname)],
  getPort: [method('url', [], STRING, ([value]) => (value as URL).port)],
  getEscapedPath: [method('url', [], STRING, ([value]) => (value as URL).pathname)],

  hasValue: [method('optional', [], BOOL, () => false)],
  value: [
    method(
      'optional',
      [],
      (receiver) => (receiver.kind === 'optional' ? receiver.of : DYN),
      () => undefined,
    ),
  ],
  orValue: [
    method(
      'optional',
      ['dyn'],
      (receiver) => (receiver.kind === 'optional' ? receiver.of : DYN),
      () => undefined,
    ),
  ],
  'base64.decode': [global(['string'], BYTES, ([value], budget) => Buffer.from(search(value, budget), 'base64'))],
};

/** The overload that takes these types; `dyn` fits everything. */
export function overload(name: string, receiver: CelType | undefined, args: CelType[]): CelFunction | undefined {
  return FUNCTIONS[name]?.find(
    (candidate) =>
      (candidate.receiver === undefined) === (receiver === undefined) &&
      (!receiver || fits(receiver, candidate.receiver ?? 'dyn')) &&
      candidate.takes.length === args.length &&
      candidate.takes.every((kind, index) => fits(args[index] ?? DYN, kind)),
  );
}

function fits(given: CelType, wanted: CelType['kind']): boolean {
  if (given.kind === 'dyn' || wanted === 'dyn' || given.kind === wanted) return true;
  if (wanted === 'map') return given.kind === 'object';
  return wanted === 'double' && isNumber(given);
}

/** The kind of a value at run time, to choose an overload where the static type was open. */
export function kindOf(value: unknown): CelType {
  if (typeof value === 'string') return STRING;
  if (typeof value === 'bigint') return INT;
  if (typeof value === 'number') return DOUBLE;
  if (typeof value === 'boolean') return BOOL;
  if (value === null) return { kind: 'null' };
  if (Array.isArray(value)) return { kind: 'list', of: DYN };
  if (value instanceof Timestamp) return TIMESTAMP;
  if (value instanceof Duration) return DURATION;
  if (value instanceof Uint8Array) return BYTES;
  if (value instanceof URL) return URL_TYPE;
  if (isObject(value)) return 'nano' in value ? QUANTITY : { kind: 'map', of: DYN };
  return DYN;
}
