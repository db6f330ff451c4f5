import { readAll } from '../process/streams.ts';
import { openFile } from './inputs.ts';
import { type AppletCall, applet, parseOptions, UsageError } from './options.ts';

async function text(call: AppletCall, name: string): Promise<Buffer> {
  const input = await openFile(call, name);
  if (!input) throw new UsageError('', 2);
  return readAll(input);
}

export const cmp = applet(async (call) => {
  const { flags, rest } = parseOptions(call.args, 'sln:');
  const [first = '', second = '-'] = rest;
  const [a, b] = [await text(call, first), await text(call, second)];
  const shorter = Math.min(a.length, b.length);
  let at = 0;
  while (at < shorter && a[at] === b[at]) at += 1;
  if (at === a.length && at === b.length) return 0;
  if (!flags.has('s')) {
    if (at < shorter)
      await call.print(
        `${first} ${second} differ: char ${at + 1}, line ${a.subarray(0, at).toString('latin1').split('\n').length}\n`,
      );
    else await call.complain(`EOF on ${a.length < b.length ? first : second}`);
  }
  return 1;
});

type Edit = { kind: ' ' | '-' | '+'; line: string };

/** The longest common subsequence, by dynamic programming: files here are small. */
function edits(a: string[], b: string[]): Edit[] {
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1)
    for (let j = b.length - 1; j >= 0; j -= 1)
      lengths[i * width + j] =
        a[i] === b[j]
          ? (lengths[(i + 1) * width + j + 1] as number) + 1
          : Math.max(lengths[(i + 1) * width + j] as number, lengths[i * width + j + 1] as number);
  const result: Edit[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      result.push({ kind: ' ', line: a[i] as string });
      i += 1;
      j += 1;
    } else if (
      i < a.length &&
      (j >= b.length || (lengths[(i + 1) * width + j] as number) >= (lengths[i * width + j + 1] as number))
    )
      result.push({ kind: '-', line: a[i++] as string });
    else result.push({ kind: '+', line: b[j++] as string });
  }
  return result;
}

/** busybox diff: always unified. */
export const diff = applet(async (call) => {
  const { flags, values, rest } = parseOptions(call.args, 'uqabBdiNrsTtwU:L:', { long: { brief: 'q', unified: 'u' } });
  const [first = '', second = ''] = rest;
  const [a, b] = [(await text(call, first)).toString(), (await text(call, second)).toString()];
  if (a === b) return 0;
  if (flags.has('q')) {
    await call.print(`Files ${first} and ${second} differ\n`);
    return 1;
  }
  const lines = (source: string) => (source === '' ? [] : source.replace(/\n$/, '').split('\n'));
  const [left, right] = [lines(a), lines(b)];
  if (left.length * right.length > 25_000_000) throw new UsageError('files too large for this simulated diff', 2);
  const all = edits(left, right);
  const context = Number(values.get('U') ?? 3);
  await call.print(`--- ${first}\n+++ ${second}\n`);
  for (let at = 0; at < all.length; ) {
    const change = all.findIndex((edit, index) => index >= at && edit.kind !== ' ');
    if (change < 0) break;
    const start = Math.max(at, change - context);
    let end = change + 1;
    for (let quiet = 0; end < all.length && quiet <= 2 * context; end += 1)
      quiet = all[end]?.kind === ' ' ? quiet + 1 : 0;
    while (
      end > start &&
      all.slice(Math.max(start, end - context - 1), end).every((edit) => edit.kind === ' ') &&
      end - 1 > change
    )
      end -= 1;
    const hunk = all.slice(start, end);
    const count = (kind: '-' | '+', edits: Edit[]) =>
      edits.filter((edit) => edit.kind === ' ' || edit.kind === kind).length;
    const range = (kind: '-' | '+') => {
      const [from, size] = [count(kind, all.slice(0, start)) + 1, count(kind, hunk)];
      return size === 1 ? String(from) : `${size === 0 ? from - 1 : from},${size}`;
    };
    await call.print(
      `@@ -${range('-')} +${range('+')} @@\n${hunk.map((edit) => `${edit.kind}${edit.line}\n`).join('')}`,
    );
    at = end;
  }
  return 1;
});
