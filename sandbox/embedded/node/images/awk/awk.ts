import { allLines } from '../applets/inputs.ts';
import { applet, parseOptions, UsageError } from '../applets/options.ts';
import { Machine } from './machine.ts';
import { AwkParser } from './parser.ts';

export const awk = applet(async (call) => {
  const { values, all, rest } = parseOptions(call.args, 'F:v:f:', { stopEarly: true });
  const file = values.get('f');
  const source = file === undefined ? rest.shift() : (await allLines(call, all('f'))).lines.join('\n');
  if (source === undefined) throw new UsageError('missing program');
  const variables = all('v').map(
    (word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)] as [string, string],
  );
  const separator = values.get('F');
  if (separator !== undefined)
    variables.unshift(['FS', separator === 't' ? '\t' : separator.replace(/\\t/g, '\t').replace(/^\\\|$/, '|')]);
  return new Machine(call, new AwkParser(source).program(), variables).run(rest);
});
