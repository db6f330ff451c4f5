import { expect, it } from 'vitest';
import { writeYaml } from '../../../../../../sandbox/embedded/control-plane/apiserver/yaml.ts';

it('is written as Go writes it', () => {
  const value = { b10: 1, b9: [{ x: 'yes', c: '2026-11-21T13:39:38Z' }], a: `${'long '.repeat(40)}end`, '.': {} };
  expect(writeYaml(value).split('\n')).toEqual([
    '".": {}',
    `a: ${value.a}`,
    'b9:',
    '- c: "2026-11-21T13:39:38Z"',
    '  x: "yes"',
    'b10: 1',
    '',
  ]);
});
