import { formatFloat, formatText } from '../applets/text-output.ts';
import { toNumber, toText, type Value } from './values.ts';

/** What `printf` and `sprintf` make of a format and its values. */
export function format(values: Value[]): string {
  const [template, ...rest] = values.map((value) =>
    typeof value === 'number'
      ? Number.isInteger(value)
        ? String(value)
        : formatFloat('g', Math.abs(value), 17).replace(/^/, value < 0 ? '-' : '')
      : toText(value),
  );
  // awk's %d takes what is no number as 0, and %c a code as a character.
  const kinds = [...(template ?? '').matchAll(/%(?:%|[-+ 0#]*\d*(?:\.\d*)?([a-zA-Z]))/g)].flatMap((match) =>
    match[1] ? [match[1]] : [],
  );
  const args = rest.map((text, index) => {
    const kind = kinds[index] ?? 's';
    if (kind === 's') return text;
    if (kind === 'c') return typeof values[index + 1] === 'number' ? String.fromCharCode(Number(text)) : text;
    return String(toNumber(values[index + 1] as Value));
  });
  while (args.length < kinds.length) args.push('');
  return Buffer.from(
    formatText((template ?? '').replace(/\\/g, '\\\\'), args.slice(0, kinds.length), () => undefined),
    'latin1',
  ).toString();
}
