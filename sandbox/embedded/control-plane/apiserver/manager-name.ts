import { tooLong } from '../schema/field-errors.ts';
import type { Call } from './call.ts';
import { invalid, optionsOf } from './errors.ts';

const longestManager = 128;
const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

/** Throws 422 for a field manager that is no name. */
export function checkManager({ query, method }: Call): void {
  const manager = query.get('fieldManager') ?? '';
  const faults = Buffer.byteLength(manager) > longestManager ? [tooLong('fieldManager', longestManager)] : [];
  let position = 0;
  for (const character of manager) {
    if (!printable.test(character))
      faults.push({
        field: 'fieldManager',
        reason: 'FieldValueInvalid',
        message: `Invalid value: ${goQuoted(manager)}: invalid character ${codePoint(character)} (at position ${position})`,
      });
    position += Buffer.byteLength(character);
  }
  if (faults.length > 0) throw invalid(optionsOf(method), 'meta.k8s.io', '', faults);
}

const hex = (character: string, width: number): string => character.codePointAt(0)!.toString(16).padStart(width, '0');
const codePoint = (character: string): string => `U+${hex(character, 4).toUpperCase()}`;
const shortEscapes = new Map([
  ['\u0007', '\\a'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\v', '\\v'],
]);

/** As Go's %q has it. */
function goQuoted(text: string): string {
  const inner = Array.from(text, (character) => {
    if (printable.test(character)) return character.replace(/["\\]/, '\\$&');
    const short = shortEscapes.get(character);
    if (short) return short;
    if (character <= '\u007f') return `\\x${hex(character, 2)}`;
    return character.length > 1 ? `\\U${hex(character, 8)}` : `\\u${hex(character, 4)}`;
  });
  return `"${inner.join('')}"`;
}
