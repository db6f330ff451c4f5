import { expect, test } from 'vitest';
import { compileExpression } from '../../../cel/expression.ts';
import { goCompileError } from '../../../cel/go-text.ts';
import { DYN } from '../../../cel/types.ts';

test.each([
  ['a &&\n  b', `ERROR: <input>:2:3: undeclared reference to 'b' (in container '')\n |   b\n | ..^`],
  ['a.nope()', `ERROR: <input>:1:7: undeclared reference to 'nope' (in container '')\n | a.nope()\n | ......^`],
  ['1 && a', `ERROR: <input>:1:1: expected type 'bool' but found 'int'\n | 1 && a\n | ^`],
  ['[a', `ERROR: <input>:1:3: Syntax error: missing ']' at '<EOF>'\n | [a\n | ..^`],
])('%s', (source, text) => {
  const { problems } = compileExpression(source, { a: DYN });
  expect(goCompileError(source, problems)).toBe(text);
});
