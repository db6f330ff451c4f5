import { expect, it } from 'vitest';
import { doubledKeys, readYaml, writeYaml } from '../../../../../../sandbox/embedded/control-plane/apiserver/yaml.ts';

it('is written as Go writes it', () => {
  const value = { b10: 1, b9: [{ x: 'yes', c: '2026-11-21T13:39:38Z' }], a: `${'long '.repeat(40)}end`, '.': {} };
  expect(writeYaml(value).split('\n')).toEqual([
    '.: {}',
    `a: ${value.a}`,
    'b9:',
    '- c: "2026-11-21T13:39:38Z"',
    '  x: "yes"',
    'b10: 1',
    '',
  ]);
});

it.each([
  ['apiVersion: [', 'line 1: did not find expected node content'],
  ['a: [b', "line 1: did not find expected ',' or ']'"],
  ['a: {b: 1', "line 1: did not find expected ',' or '}'"],
  ['a: 1\nb: [\n', 'line 2: did not find expected node content'],
  ['a: 1\nb: [c\n', "line 2: did not find expected ',' or ']'"],
  [': : :', 'did not find expected key'],
  ['a: b: c', 'mapping values are not allowed in this context'],
  ['x: 1\n  y: 2', 'line 2: mapping values are not allowed in this context'],
  ['a: 1\nb: c: d', 'line 2: mapping values are not allowed in this context'],
])('what is wrong with %j is said in the words of Go', (text, why) =>
  expect(() => readYaml(text)).toThrow(new Error(why)),
);

it('tells of keys that stand twice', () => {
  const text = 'a: 1\nb: {"x y": 1, "x y": 2}\na: 3\n';
  expect(readYaml(text, { uniqueKeys: false })).toEqual({ a: 3, b: { 'x y': 2 } });
  expect(doubledKeys(text)?.split('\n')).toEqual([
    'unmarshal errors:',
    '  line 2: key "x y" already set in map',
    '  line 3: key "a" already set in map',
  ]);
  expect(doubledKeys('a: 1')).toBeUndefined();
});
