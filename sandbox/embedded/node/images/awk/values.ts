import { UsageError } from '../applets/options.ts';
import { formatText } from '../applets/text-output.ts';

/** A number, a string, or input that looks like a number and counts as both. */
export type Value = number | string | { text: string; number: number };
export type Table = Map<string, Value>;

export class Jump extends Error {
  readonly to: string;
  readonly value: Value;
  constructor(to: string, value: Value = '') {
    super(to);
    this.to = to;
    this.value = value;
  }
}

export function toNumber(value: Value): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'object') return value.number;
  return Number.parseFloat(/^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?/.exec(value)?.[0] ?? '0') || 0;
}

export function toText(value: Value, format = '%.6g'): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'object') return value.text;
  if (Number.isInteger(value) && Math.abs(value) < 1e16) return String(value);
  return formatText(format, [String(value)], () => undefined);
}

export function toTruth(value: Value): boolean {
  return typeof value === 'number' ? value !== 0 : typeof value === 'string' ? value !== '' : value.number !== 0;
}

/** What comes from input: a number too when it looks like one. */
export function fromInput(text: string): Value {
  return /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*$/.test(text) ? { text, number: Number(text) } : text;
}

export function arithmetic(operator: string, a: number, b: number): number {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '^':
      return a ** b;
  }
  if (b === 0) throw new UsageError('Division by zero');
  return operator === '/' ? a / b : a % b;
}
