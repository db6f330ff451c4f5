import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type FinishedCommand, readMarks } from '../../../../src/gateway/marks.ts';

const SESSION =
  '\u001b]133;A\u0007$ \u001b]133;B\u0007kubectl get po\r\n\u001b]133;C;kubectl get po\u0007\u001b[31mError\u001b[0m: no\r\n\u001b]133;D;1\u0007\u001b]133;A\u0007$ \u001b]133;B\u0007';

function replay(chunks: Uint8Array[]) {
  const commands: FinishedCommand[] = [];
  const states: string[] = [];
  const marks = readMarks({
    onState: (busy, command) => states.push(busy ? `busy ${command}` : 'prompt'),
    onCommand: (finished) => commands.push(finished),
  });
  for (const chunk of chunks) marks.push(chunk);
  return { commands, states, busy: marks.busy };
}

test('tells prompt from running command, whatever the chunks', () => {
  const bytes = new TextEncoder().encode(SESSION);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 30 })), (sizes) => {
      const chunks: Uint8Array[] = [];
      let rest: Uint8Array = bytes;
      for (const size of sizes) {
        chunks.push(rest.subarray(0, size));
        rest = rest.subarray(size);
      }
      const seen = replay([...chunks, rest]);
      expect(seen.states).toEqual(['prompt', 'busy kubectl get po', 'prompt']);
      expect(seen.commands).toEqual([
        { command: 'kubectl get po', output: '\u001b[31mError\u001b[0m: no\r\n', exitCode: 1 },
      ]);
      expect(seen.busy).toBe(false);
    }),
  );
});

test('keeps the end of a long output and nothing before', () => {
  const flood = new Uint8Array(300_000).fill(120);
  const text = (value: string) => new TextEncoder().encode(value);
  const { commands } = replay([text('\u001b]133;C;yes\u0007'), flood, text('END\u001b]133;D;0\u0007')]);
  expect(commands[0]?.output.length).toBeLessThanOrEqual(64 * 1024 + 3);
  expect(commands[0]?.output.endsWith('xEND')).toBe(true);
});
