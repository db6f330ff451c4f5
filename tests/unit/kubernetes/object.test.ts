import { expect, test } from 'vitest';
import { copyOf } from '../../../kubernetes/object.ts';

test('a copy shares nothing that can change', () => {
  const object = { metadata: { labels: { app: 'a' } }, list: [{ n: 1 }, [2]], none: null, flag: false };
  const copy = copyOf(object);
  expect(copy).toEqual(object);
  copy.metadata.labels.app = 'b';
  (copy.list[0] as { n: number }).n = 9;
  (copy.list[1] as number[]).push(3);
  expect(object).toEqual({ metadata: { labels: { app: 'a' } }, list: [{ n: 1 }, [2]], none: null, flag: false });
});

test('a field that is named like a prototype stays a field', () => {
  const object = JSON.parse('{"__proto__":{"polluted":{"deep":1}}}');
  const copy = copyOf(object);
  expect(JSON.stringify(copy)).toBe(JSON.stringify(object));
  expect(copy.polluted).toBeUndefined();
});
