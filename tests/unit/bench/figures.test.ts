import { expect, test } from 'vitest';
import { type Figure, median, percentile, ratioOf, round, tableOf, verdictOf } from '../../bench/figures.ts';

const echo: Figure = {
  name: 'echo',
  value: 2.8,
  unit: 'ms',
  anchor: { name: 'bare', value: 2 },
  budget: { of: 'ratio', most: 1.4 },
};

test('a percentile is the nearest rank, whatever the order', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect([0.5, 0.95, 0.99, 1].map((share) => percentile(hundred, share))).toEqual([50, 95, 99, 100]);
  expect(percentile([7], 0.95)).toBe(7);
  expect(median([3, 1, 2])).toBe(2);
  expect(percentile([], 0.5)).toBeNaN();
});

test('ratios and their verdicts', () => {
  expect(ratioOf(echo)).toBeCloseTo(1.4);
  expect(verdictOf(echo)).toBe('within');
  expect(verdictOf({ ...echo, value: 2.9 })).toBe('over');
  expect(verdictOf({ ...echo, budget: { of: 'ratio', least: 1.5 } })).toBe('over');
  expect(verdictOf({ ...echo, budget: { of: 'figure', most: 3 } })).toBe('within');
});

test('what has no budget has no verdict, what was not measured does not pass', () => {
  const { anchor: _, ...alone } = echo;
  expect(ratioOf(alone)).toBeUndefined();
  expect(verdictOf(alone)).toBe('over');
  expect(verdictOf({ ...echo, value: Number.NaN })).toBe('over');
  expect(verdictOf({ name: 'x', value: 1, unit: 'MB' })).toBe('');
});

test('three digits, and a table that shows what each figure was held against', () => {
  expect([0.12345, 12.345, 1234.5, Number.NaN].map(round)).toEqual(['0.123', '12.3', '1235', '–']);
  const [head, , row] = tableOf([echo]).split('\n');
  expect(head?.split('|').map((cell) => cell.trim())).toEqual([
    '',
    'what',
    'figure',
    'anchor',
    'ratio',
    'budget',
    'verdict',
    '',
  ]);
  expect(row?.split('|').map((cell) => cell.trim())).toEqual([
    '',
    'echo',
    '2.8 ms',
    '2 ms (bare)',
    '1.4 ×',
    '≤ 1.4 ×',
    'within',
    '',
  ]);
});
