import { format } from './format.ts';
import { toNumber, toText, type Value } from './values.ts';

/** awk's functions whose value follows from their arguments and the record alone; undefined for any other name. */
export function builtinFunction(name: string, values: Value[], record: string, numbers: string): Value | undefined {
  const text = (index: number) => toText(values[index] ?? '', numbers);
  const number = (index: number) => toNumber(values[index] ?? 0);
  switch (name) {
    case 'length':
      return values.length > 0 ? [...text(0)].length : [...record].length;
    case 'substr': {
      const start = Math.round(number(1));
      const end = values.length > 2 ? start + Math.round(number(2)) : Number.POSITIVE_INFINITY;
      return text(0).slice(Math.max(0, start - 1), Math.max(0, end - 1));
    }
    case 'index':
      return text(0).indexOf(text(1)) + 1;
    case 'tolower':
      return text(0).toLowerCase();
    case 'toupper':
      return text(0).toUpperCase();
    case 'sprintf':
      return format(values);
    case 'int':
      return Math.trunc(number(0));
    case 'sqrt':
      return Math.sqrt(number(0));
    case 'exp':
      return Math.exp(number(0));
    case 'log':
      return Math.log(number(0));
    case 'sin':
      return Math.sin(number(0));
    case 'cos':
      return Math.cos(number(0));
    case 'atan2':
      return Math.atan2(number(0), number(1));
    default:
      return undefined;
  }
}
