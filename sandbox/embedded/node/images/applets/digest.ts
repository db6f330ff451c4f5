import { createHash } from 'node:crypto';
import { openInput } from '../process/open.ts';
import { readAll } from '../process/streams.ts';
import { allLines, eachInput, openFile } from './inputs.ts';
import { applet, parseOptions } from './options.ts';

const sum = (algorithm: string) =>
  applet(async (call) => {
    const { flags, rest } = parseOptions(call.args, 'csbtw');
    if (flags.has('c')) {
      const { lines } = await allLines(call, rest);
      let failed = 0;
      for (const line of lines) {
        const [, wanted, name = ''] = /^(\w+) [ *](.*)$/.exec(line) ?? [];
        const input = await openFile(call, name);
        const good =
          input &&
          createHash(algorithm)
            .update(await readAll(input))
            .digest('hex') === wanted;
        if (!good) failed += 1;
        if (!flags.has('s')) await call.print(`${name}: ${good ? 'OK' : 'FAILED'}\n`);
      }
      if (failed) await call.complain(`WARNING: ${failed} of ${lines.length} computed checksums did NOT match`);
      return failed ? 1 : 0;
    }
    return eachInput(call, rest, async (input, name) => {
      const hash = createHash(algorithm);
      for await (const data of input) hash.update(data);
      await call.print(`${hash.digest('hex')}  ${name}\n`);
    });
  });

export const md5sum = sum('md5');
export const sha1sum = sum('sha1');
export const sha256sum = sum('sha256');
export const sha512sum = sum('sha512');

export const base64 = applet(async (call) => {
  const { flags, values, rest } = parseOptions(call.args, 'dw:i', { long: { decode: 'd', wrap: 'w' } });
  const input = await openFile(call, rest[0] ?? '-');
  if (!input) return 1;
  const data = await readAll(input);
  if (flags.has('d')) {
    const text = data.toString('latin1').replace(/\s/g, '');
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 === 1) {
      await call.process.stdout.write(Buffer.from(text.replace(/[^A-Za-z0-9+/].*$/s, ''), 'base64'));
      await call.complain('truncated input');
      return 1;
    }
    await call.process.stdout.write(Buffer.from(text, 'base64'));
    return 0;
  }
  const width = Number(values.get('w') ?? 76);
  const text = data.toString('base64');
  await call.print(width > 0 ? text.replace(new RegExp(`.{1,${width}}`, 'g'), '$&\n') : text);
  return 0;
});

function dump(data: Uint8Array, offset: number): string {
  const hex = [...data].map((byte) => byte.toString(16).padStart(2, '0'));
  const left = hex.slice(0, 8).join(' ').padEnd(23);
  const right = hex.slice(8).join(' ').padEnd(23);
  const text = [...data].map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.')).join('');
  return `${offset.toString(16).padStart(8, '0')}  ${left}  ${right}  |${text}|\n`;
}

export const hexdump = applet(async (call) => {
  const { flags, values, rest } = parseOptions(call.args, 'bcdoxCvn:s:e:');
  const canonical = flags.has('C') || call.name === 'hd';
  const input = rest[0] === undefined ? call.process.stdin : openInput(call.process, rest[0]);
  const data = (await readAll(input))
    .subarray(Number(values.get('s') ?? 0))
    .subarray(0, values.has('n') ? Number(values.get('n')) : undefined);
  let previous = '';
  let starred = false;
  const width = canonical ? 8 : 7;
  for (let at = 0; at < data.length; at += 16) {
    const row = data.subarray(at, at + 16);
    const same = row.toString('latin1') === previous && row.length === 16;
    previous = row.toString('latin1');
    if (same && !flags.has('v')) {
      if (!starred) await call.print('*\n');
      starred = true;
      continue;
    }
    starred = false;
    if (canonical) await call.print(dump(row, at));
    else {
      const words = [];
      for (let index = 0; index < row.length; index += 2)
        words.push(((row[index + 1] ?? 0) * 256 + (row[index] as number)).toString(16).padStart(4, '0'));
      await call.print(`${at.toString(16).padStart(7, '0')} ${words.join(' ')}\n`);
    }
  }
  if (data.length > 0) await call.print(`${data.length.toString(16).padStart(width, '0')}\n`);
  return 0;
});

const NAMED: Record<number, string> = {
  0: '\\0',
  7: '\\a',
  8: '\\b',
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
};

export const od = applet(async (call) => {
  const { flags, values, rest } = parseOptions(call.args, 'bcdoxvA:t:N:j:w:');
  const input = rest[0] === undefined ? call.process.stdin : openInput(call.process, rest[0]);
  const data = (await readAll(input))
    .subarray(Number(values.get('j') ?? 0))
    .subarray(0, values.has('N') ? Number(values.get('N')) : undefined);
  const type = values.get('t') ?? (flags.has('c') ? 'c' : flags.has('x') ? 'x2' : flags.has('b') ? 'o1' : 'o2');
  const base = { x: 16, d: 10, n: 0 }[values.get('A') ?? 'o'] ?? 8;
  const address = (at: number) => (base === 0 ? '' : at.toString(base).padStart(base === 16 ? 6 : 7, '0'));
  const size = type.startsWith('c') || type.endsWith('1') ? 1 : 2;
  for (let at = 0; at < data.length; at += 16) {
    const cells: string[] = [];
    for (let index = at; index < Math.min(at + 16, data.length); index += size) {
      const value = size === 1 ? (data[index] as number) : (data[index] as number) + 256 * (data[index + 1] ?? 0);
      if (type.startsWith('c'))
        cells.push(
          (
            NAMED[value] ??
            (value >= 32 && value < 127 ? String.fromCharCode(value) : value.toString(8).padStart(3, '0'))
          ).padStart(3),
        );
      else if (type.startsWith('x')) cells.push(value.toString(16).padStart(size * 2, '0'));
      else if (/^[du]/.test(type)) cells.push(String(value).padStart(size === 1 ? 3 : 5));
      else cells.push(value.toString(8).padStart(size * 3, '0'));
    }
    await call.print(`${address(at)} ${cells.join(' ')}\n`);
  }
  if (base !== 0) await call.print(`${address(data.length)}\n`);
  return 0;
});
