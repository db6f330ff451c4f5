import { openInput, openOutput } from '../process/open.ts';
import { attempt } from './files.ts';
import { applet } from './options.ts';

export const dd = applet(async (call) => {
  const options = new Map(call.args.map((word) => word.split('=') as [string, string]));
  const size = (name: string, otherwise: number) => {
    const [, digits, unit = ''] = /^(\d+)([cwbkKMG]?)B?$/.exec(options.get(name) ?? '') ?? [];
    const units: Record<string, number> = { c: 1, w: 2, b: 512, k: 1024, K: 1024, M: 1_048_576, G: 1_073_741_824 };
    return digits === undefined ? otherwise : Number(digits) * (units[unit] ?? 1);
  };
  const block = size('bs', 512);
  const limit = options.has('count') ? size('count', 0) * block : Number.POSITIVE_INFINITY;
  const { process } = call;
  let [taken, skip] = [0, size('skip', 0) * block];
  const from = options.get('if');
  const to = options.get('of');
  const started = performance.now();
  const status = await attempt(call, `can't open '${from ?? to ?? ''}'`, async () => {
    const input = from === undefined ? process.stdin : openInput(process, from);
    const output =
      to === undefined ? process.stdout : openOutput(process, to, (options.get('conv') ?? '').includes('notrunc'));
    while (taken < limit) {
      await process.breathe();
      const data = await input.read();
      if (!data) break;
      const start = Math.min(skip, data.length);
      skip -= start;
      const piece = data.subarray(start, start + Math.min(data.length - start, limit - taken));
      if (start + piece.length < data.length) input.unread(data.subarray(start + piece.length));
      taken += piece.length;
      // A copy: a file keeps what it is given, and the reader's block may be used again.
      await output.write(piece.slice());
    }
  });
  if (status !== 0) return status;
  const full = Math.floor(taken / block);
  const records = `${full}+${taken % block > 0 ? 1 : 0}`;
  const seconds = (performance.now() - started) / 1000;
  if (options.get('status') !== 'none') {
    await process.stderr.write(`${records} records in\n${records} records out\n`);
    await process.stderr.write(
      `${taken} bytes (${human(taken)}) copied, ${seconds.toFixed(6)} seconds, ${human(taken / Math.max(seconds, 1e-6))}/s\n`,
    );
  }
  return 0;
});

/** `1.5MB`, as dd tells sizes. */
function human(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let [value, unit] = [bytes, 0];
  for (; value >= 1024 && unit < units.length - 1; unit += 1) value /= 1024;
  return `${value.toFixed(1)}${units[unit]}`;
}
