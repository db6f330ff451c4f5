import { posixRegExp } from '../applets/regular-expression.ts';

/** A text's records by RS: a character, a regular expression, or '' for paragraphs. */
export async function* splitRecords(text: string, separator: string): AsyncGenerator<{ text: string; ended: boolean }> {
  const parts =
    separator === ''
      ? text.replace(/^\n+|\n+$/g, '').split(/\n\n+/)
      : text.replace(/\n$/, '').split(separator.length === 1 ? separator : posixRegExp(separator, { extended: true }));
  for (const part of parts) yield { text: part, ended: true };
}
