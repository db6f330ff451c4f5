import { beforeEach, expect, test } from 'vitest';
import type { Loose } from '../../../kubernetes/object.ts';
import { Ledger } from '../../soak/ledger.ts';

const object = (sequence: number, revision: number, copy = sequence): Loose => ({
  metadata: { name: 'a', resourceVersion: String(revision), labels: { sequence: String(sequence) } },
  data: { sequence: String(sequence), copy: String(copy) },
});

let ledger: Ledger;
beforeEach(() => {
  ledger = new Ledger();
  ledger.ask('a', 1);
  expect(ledger.answered('a', object(1, 10))).toBeUndefined();
});

test('what was acknowledged and is there is as it should be', () => {
  expect(ledger.settle([object(1, 10)], 10)).toEqual([]);
});

test.each<[string, Loose[], number, RegExp]>([
  ['a lost write', [], 10, /a is lost: 1 was acknowledged at 10/],
  ['half of a write', [object(1, 10, 2)], 10, /half of a write/],
  ['a state nobody asked for', [object(7, 12)], 12, /a is 7 at 12; acknowledged was 1 at 10, asked for nothing/],
  ['an older state', [object(1, 9)], 10, /a is 1 at 9/],
  ['a list from before', [object(1, 10)], 9, /the list is of 9, but 10 was told/],
])('%s is a fault', (_, there, revision, fault) => {
  expect(ledger.settle(there, revision)).toEqual([expect.stringMatching(fault)]);
});

test('a write without an answer is done wholly or not at all', () => {
  ledger.ask('a', 2);
  expect(ledger.settle([object(2, 11)], 11)).toEqual([]);
  ledger.ask('a', 3);
  expect(ledger.settle([object(2, 11)], 11)).toEqual([]);
  ledger.ask('a', 'gone');
  expect(ledger.settle([], 12)).toEqual([]);
  expect([ledger.doneInSilence, ledger.undone]).toEqual([2, 1]);
});

test('what somebody was shown does not un-happen', () => {
  ledger.ask('a', 2);
  expect(ledger.show(object(2, 11))).toBeUndefined();
  expect(ledger.settle([object(1, 10)], 11)).toEqual(['a is of 10, but was shown at 11']);
});

test('revisions of one object only grow, and name one state each', () => {
  ledger.ask('a', 2);
  expect(ledger.answered('a', object(2, 10))).toBe('a: revision 10 after 10');
  ledger.show(object(2, 11));
  expect(ledger.show(object(3, 11))).toBe('a: revision 11 was 2 and is 3');
});
