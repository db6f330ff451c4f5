import { expect, it } from 'vitest';
import type { Call } from '../../../../../../sandbox/embedded/control-plane/apiserver/call.ts';
import { checkManager } from '../../../../../../sandbox/embedded/control-plane/apiserver/manager-name.ts';

const check = (fieldManager: string): void =>
  checkManager({ query: new URLSearchParams({ fieldManager }), method: 'PATCH' } as Call);

it.each([
  ['x'.repeat(129), 'Too long: may not be more than 128 bytes'],
  ['é\u0001', String.raw`Invalid value: "é\x01": invalid character U+0001 (at position 2)`],
  ['a\n', String.raw`Invalid value: "a\n": invalid character U+000A (at position 1)`],
])('refuses the field manager %j', (name, why) =>
  expect(() => check(name)).toThrow(`PatchOptions.meta.k8s.io "" is invalid: fieldManager: ${why}`),
);

it('takes any other', () => expect(() => check('Größe 5 "me"')).not.toThrow());
