import { allLines } from './inputs.ts';
import { applet, parseOptions } from './options.ts';
import { expandEscapes } from './text-output.ts';

export const rev = applet(async (call) => {
  const { lines, status } = await allLines(call, call.args);
  await call.print(lines.map((line) => `${[...line].reverse().join('')}\n`).join(''));
  return status;
});

export const tac = applet(async (call) => {
  const { lines, status } = await allLines(call, call.args);
  await call.print(
    lines
      .reverse()
      .map((line) => `${line}\n`)
      .join(''),
  );
  return status;
});

export const nl = applet(async (call) => {
  const { flags, rest } = parseOptions(call.args, 'b:w:s:');
  const { lines, status } = await allLines(call, rest);
  let number = 0;
  for (const line of lines)
    await call.print(line === '' && !flags.has('b') ? '       \n' : `${String(++number).padStart(6)}\t${line}\n`);
  return status;
});

export const paste = applet(async (call) => {
  const { flags, values, rest } = parseOptions(call.args, 'sd:');
  const delimiter = expandEscapes(values.get('d') ?? '\t').text;
  const columns: string[][] = [];
  for (const name of rest.length > 0 ? rest : ['-']) columns.push((await allLines(call, [name])).lines);
  if (flags.has('s')) for (const lines of columns) await call.print(`${lines.join(delimiter)}\n`);
  else {
    const length = Math.max(...columns.map((lines) => lines.length));
    for (let row = 0; row < length; row += 1)
      await call.print(`${columns.map((lines) => lines[row] ?? '').join(delimiter)}\n`);
  }
  return 0;
});
