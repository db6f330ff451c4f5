/** A field that is not there (yet): never an error, only *not known*. */
export class Absent {
  readonly path: string;
  constructor(path: string) {
    this.path = path;
  }
}

/** What went wrong, and where in the expression (offsets of characters). */
export class CelError extends Error {
  readonly start: number;
  readonly end: number;
  constructor(message: string, at: { start: number; end: number } = { start: 0, end: 0 }) {
    super(message);
    this.start = at.start;
    this.end = at.end;
  }
}

/** The budget is spent: ends the whole evaluation, no operator absorbs it. */
export class BudgetSpent extends Error {}

/** Counts the work of one evaluation: about one unit a node visited or ten characters searched. */
export interface Budget {
  spend(units: number): void;
}

export function createBudget(units: number): Budget {
  let left = units;
  return {
    spend(used) {
      left -= used;
      if (left < 0) throw new BudgetSpent(`the expression costs more than ${units} steps`);
    },
  };
}

export class Timestamp {
  readonly milliseconds: number;
  readonly text: string;
  constructor(text: string) {
    this.milliseconds = Date.parse(text);
    this.text = text;
    if (Number.isNaN(this.milliseconds)) throw new CelError(`"${text}" is not a timestamp (RFC 3339)`);
  }
}

export class Duration {
  readonly milliseconds: number;
  constructor(milliseconds: number) {
    this.milliseconds = milliseconds;
  }
}

const UNITS: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1, us: 1e-3, µs: 1e-3, ns: 1e-6 };

/** A duration as Go writes it: `1h30m`, `15s`, `-2ms`. */
export function parseDuration(text: string): Duration {
  if (!/^-?(\d+(\.\d+)?(h|ms|m|us|µs|ns|s))+$/.test(text))
    throw new CelError(`"${text}" is not a duration, like 1h30m`);
  let milliseconds = 0;
  for (const [, amount = '0', unit = 's'] of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|us|µs|ns|s)/g))
    milliseconds += Number(amount) * (UNITS[unit] ?? 0);
  return new Duration(text.startsWith('-') ? -milliseconds : milliseconds);
}

/** A value that may be missing on purpose: `a.?b.orValue(1)`. */
export class Optional {
  readonly value: unknown;
  constructor(value: unknown) {
    this.value = value;
  }
  get present(): boolean {
    return this.value !== undefined;
  }
}

export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Equality across numbers' types, deep in lists and maps. */
export function equal(left: unknown, right: unknown, budget: Budget): boolean {
  budget.spend(1);
  if (left === right) return true;
  const kind = typeof left;
  if ((kind === 'bigint' || kind === 'number') && (typeof right === 'bigint' || typeof right === 'number'))
    // Neither less nor more: 1n and 1.0 are equal, and large ints are not rounded.
    return (left as number) >= right && (left as number) <= right;
  if (Array.isArray(left))
    return (
      Array.isArray(right) &&
      left.length === right.length &&
      left.every((element, index) => equal(element, right[index], budget))
    );
  if (left instanceof Timestamp || left instanceof Duration)
    return right?.constructor === left.constructor && left.milliseconds === (right as Duration).milliseconds;
  if (left instanceof Optional)
    return right instanceof Optional && equal(left.value ?? null, right.value ?? null, budget);
  if (left instanceof Uint8Array) return right instanceof Uint8Array && Buffer.compare(left, right) === 0;
  if (!isObject(left) || !isObject(right)) return false;
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length &&
    names.every((name) => Object.hasOwn(right, name) && equal(left[name], right[name], budget))
  );
}

/** A value as a hint or a *why* shows it, at most 200 characters. */
export function asText(value: unknown): string {
  return shorten(plain(value));
}

function plain(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return 'null';
  if (value instanceof Timestamp) return value.text;
  if (value instanceof Duration) return `${value.milliseconds / 1000}s`;
  if (value instanceof Optional) return value.present ? plain(value.value) : 'none';
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.slice(0, 20).map(plain).join(', ');
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (isObject(value) && isObject(value.metadata) && typeof value.metadata.name === 'string')
    return value.metadata.name;
  if (isObject(value)) return JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? Number(inner) : inner));
  return String(value);
}

function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}
