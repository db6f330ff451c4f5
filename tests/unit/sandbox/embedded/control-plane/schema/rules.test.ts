import { expect, test } from 'vitest';
import type { Schema } from '../../../../../../kubernetes/facts.ts';
import type { Loose } from '../../../../../../kubernetes/object.ts';
import { fieldAt } from '../../../../../../sandbox/embedded/control-plane/schema/field-path.ts';
import { ruleFaults } from '../../../../../../sandbox/embedded/control-plane/schema/rules.ts';

const rules = (...list: Loose[]) => ({ 'x-kubernetes-validations': list });
const object = (properties: Record<string, Schema>, ...list: Loose[]): Schema =>
  ({ type: 'object', properties, ...(list.length > 0 && rules(...list)) }) as Schema;
const spec = (properties: Record<string, Schema>, ...list: Loose[]): Schema =>
  object({ spec: object(properties, ...list) });
const told = (schema: Schema, now: Loose, old?: Loose): string[] =>
  ruleFaults({ spec: now }, old && { spec: old }, schema).faults.map(({ field, message }) => `${field}: ${message}`);

test('a rule that does not hold tells its message, or itself', () => {
  const schema = spec(
    {
      a: { type: 'integer' },
      b: { type: 'integer', ...rules({ rule: 'self < 3', messageExpression: "self > 9 ? 'far too big' : ''" }) },
    },
    { rule: 'self.a > 1' },
    { rule: 'self.a != 0', message: ' no zero ', fieldPath: '.a', reason: 'FieldValueForbidden' },
  );
  expect(told(schema, { a: 0, b: 10 })).toEqual([
    'spec: Invalid value: failed rule: self.a > 1',
    'spec.a: Forbidden: no zero',
    'spec.b: Invalid value: 10: far too big',
  ]);
  expect(told(schema, { a: 2, b: 4 })).toEqual(['spec.b: Invalid value: 4: failed rule: self < 3']);
});

test('transitions: what was before is found by key in lists of type map, and not in others', () => {
  const item = object({ name: { type: 'string' }, v: { type: 'integer', ...rules({ rule: 'self >= oldSelf' }) } });
  const list = (type: 'map' | 'atomic'): Schema => ({
    type: 'array',
    items: item,
    'x-kubernetes-list-type': type,
    ...(type === 'map' && { 'x-kubernetes-list-map-keys': ['name'] }),
  });
  const old = {
    l: [
      { name: 'a', v: 5 },
      { name: 'b', v: 1 },
    ],
  };
  const now = {
    l: [
      { name: 'b', v: 2 },
      { name: 'a', v: 4 },
      { name: 'new', v: 0 },
    ],
  };
  expect(told(spec({ l: list('map') }), now, old)).toEqual([
    'spec.l[1].v: Invalid value: 4: failed rule: self >= oldSelf',
  ]);
  expect(told(spec({ l: list('atomic') }), now, old)).toEqual([]);
  expect(told(spec({ l: list('map') }), now)).toEqual([]);
});

test('optionalOldSelf is asked on creation too', () => {
  const schema = spec({
    x: {
      type: 'integer',
      ...rules({ rule: '!oldSelf.hasValue() || oldSelf.value() <= self', optionalOldSelf: true, message: 'grow' }),
    },
  });
  expect(told(schema, { x: 1 })).toEqual([]);
  expect(told(schema, { x: 1 }, { x: 2 })).toEqual(['spec.x: Invalid value: 1: grow']);
});

test('what an update does not touch only warns', () => {
  const schema = spec({ x: { type: 'integer', ...rules({ rule: 'self > 10' }) }, y: { type: 'integer' } });
  const { faults, tolerated } = ruleFaults({ spec: { x: 1, y: 2 } }, { spec: { x: 1, y: 1 } }, schema);
  expect([faults, tolerated.map(({ field }) => field)]).toEqual([[], ['spec.x']]);
  expect(told(schema, { x: 2 }, { x: 1 })).toEqual(['spec.x: Invalid value: 2: failed rule: self > 10']);
});

test('a rule that cannot be evaluated says why', () => {
  const schema = spec(
    { m: { type: 'object', additionalProperties: { type: 'string' } } },
    { rule: "self.m['k'] == 'v'" },
  );
  expect(told(schema, { m: {} })).toEqual([
    `spec: Invalid value: "object": no such key: k evaluating rule: self.m['k'] == 'v'`,
  ]);
});

test('a rule that does not end is ended', () => {
  const list: Schema = {
    type: 'array',
    items: { type: 'integer' },
    ...rules({ rule: 'self.all(x, self.all(y, self.all(z, x + y + z >= 0)))' }),
  } as Schema;
  expect(told(spec({ l: list }), { l: Array.from({ length: 500 }, (_, index) => index) })).toEqual([
    `spec.l: Invalid value: "array": 'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: self.all(x, self.all(y, self.all(z, x + y + z >= 0)))`,
  ]);
});

test('rules at the root see name and kind', () => {
  const schema = object(
    { spec: object({}) },
    { rule: "self.metadata.name.startsWith('w')", message: 'name must start with w' },
  );
  const { faults } = ruleFaults({ kind: 'W', metadata: { name: 'x' } }, undefined, schema);
  expect(faults).toEqual([
    { field: '<nil>', reason: 'FieldValueInvalid', message: 'Invalid value: name must start with w' },
  ]);
});

test('paths to fields', () => {
  const schema = object({ a: { type: 'object', additionalProperties: object({ 'b.c': { type: 'string' } }) } });
  expect(fieldAt(".a.k['b.c']", schema)).toMatchObject({ path: 'a[k].b.c', root: 'a' });
  expect(fieldAt('a', schema)).toEqual({ error: 'expected [ or . but got: a' });
  expect(fieldAt('.zz', schema)).toEqual({ error: 'does not refer to a valid field' });
});
