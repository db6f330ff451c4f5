import { expect, test } from 'vitest';
import { plainOutput } from '../../../../src/checks/said.ts';

test('output as it reads, without colours and other escapes', () => {
  expect(plainOutput('\u001b[31mred\u001b[0m\r\r\n\u001b]0;title\u0007done\r\n')).toBe('red\ndone\n');
});

// Seconds, not milliseconds, where each return is tried as a beginning: the whole workshop would stand still.
test('a screenful of returns costs no more than its length', { timeout: 1000 }, () => {
  const returns = '\r'.repeat(64 * 1024);
  expect(plainOutput(returns)).toBe(returns);
});
