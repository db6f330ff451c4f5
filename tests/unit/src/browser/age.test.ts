import { expect, test } from 'vitest';
import { age } from '../../../../src/browser/age.ts';
import { en } from '../../../../src/i18n/en.ts';

test.each([
  [-500, '0 s'],
  [14_900, '14 s'],
  [119_000, '119 s'],
  [120_000, '2 min'],
  [7_199_000, '119 min'],
  [7_200_000, '2 h'],
  [172_800_000, '2 d'],
])('%i ms ago is %s', (milliseconds, text) => {
  expect(age(1_000_000_000, 1_000_000_000 + milliseconds, en.browser)).toBe(text);
});
