import { expect, test } from 'vitest';
import { mergePatch } from '../../../../src/sessions/merge-patch.ts';

test('what is gone is taken away, at any depth', () => {
  const before = { progress: { passed: { a: '1', b: '2' }, armed: { a: '0' } }, caughtUp: true };
  const after = { progress: { passed: { b: '3' }, armed: {} } };
  expect(mergePatch(before, after)).toEqual({
    progress: { passed: { a: null, b: '3' }, armed: { a: null } },
    caughtUp: null,
  });
});

test('lists and plain values are put in the place of what was there', () => {
  expect(mergePatch({ list: [1, 2], one: { deep: 1 } }, { list: [3], one: 'flat' })).toEqual({
    list: [3],
    one: 'flat',
  });
  expect(mergePatch(undefined, { a: { b: 1 } })).toEqual({ a: { b: 1 } });
});
