import { re2 } from '../functions.ts';
import { textOf } from './operators.ts';
import type { CallContext, Library } from './signatures.ts';
import { Duration, EvaluationError, isObject, Optional, Timestamp, Uint } from './values.ts';

const text = (value: unknown): string => value as string;
const characters = (value: unknown): string[] => [...text(value)];
const traversal = (value: unknown, { spend }: CallContext, factor = 0.1): void =>
  spend(Math.ceil(text(value).length * factor));

/** RE2, so that no pattern takes more than linear time. */
function pattern(source: unknown): ReturnType<typeof re2> {
  try {
    return re2(text(source));
  } catch (error) {
    throw new EvaluationError(`error parsing regexp: ${(error as Error).message}`);
  }
}

function searchCost(value: unknown, expression: unknown, { spend }: CallContext): void {
  spend(Math.ceil((1 + text(value).length) * 0.1) * Math.ceil(text(expression).length * 0.25));
}

function at(index: unknown, list: string[]): number {
  const offset = Number(index);
  if (offset < 0 || offset > list.length) throw new EvaluationError(`index out of range: ${offset}`);
  return offset;
}

function indexOf(args: unknown[], last: boolean): bigint {
  const [value, part] = [characters(args[0]), characters(args[1])];
  const from = args.length > 2 ? at(args[2], value) : last ? value.length : 0;
  const found = (index: number): boolean => part.every((sign, offset) => value[index + offset] === sign);
  if (last) {
    for (let index = Math.min(from, value.length - part.length); index >= 0; index--)
      if (found(index)) return BigInt(index);
  } else {
    for (let index = from; index <= value.length - part.length; index++) if (found(index)) return BigInt(index);
  }
  return -1n;
}

function replace(args: unknown[]): string {
  const [value, from, to] = args.map(text) as [string, string, string];
  let left = args.length > 3 ? Number(args[3]) : -1;
  if (left < 0) return value.replaceAll(from, () => to);
  return value.replaceAll(from, (found) => (left-- > 0 ? to : found));
}

function split(args: unknown[]): string[] {
  const parts = text(args[0]) === '' && text(args[1]) === '' ? [] : text(args[0]).split(text(args[1]));
  const limit = args.length > 2 ? Number(args[2]) : -1;
  if (limit === 0) return [];
  if (limit < 0 || parts.length <= limit) return parts;
  return [...parts.slice(0, limit - 1), parts.slice(limit - 1).join(text(args[1]))];
}

function findAll(value: string, source: unknown, limit: number): string[] {
  const matcher = pattern(source).matcher(value);
  const found: string[] = [];
  while ((limit < 0 || found.length < limit) && matcher.find()) found.push(matcher.group() ?? '');
  return found;
}

const ascii = (value: unknown, upper: boolean): string =>
  text(value).replace(upper ? /[a-z]+/g : /[A-Z]+/g, (part) => (upper ? part.toUpperCase() : part.toLowerCase()));

function quote(value: string): string {
  const signs: Record<string, string> = {
    '\n': '\\n',
    '\t': '\\t',
    '\r': '\\r',
    '\\': '\\\\',
    '"': '\\"',
    '\b': '\\b',
  };
  return `"${value.replace(/[\n\t\r\\"\b]/g, (sign) => signs[sign] ?? sign)}"`;
}

/** `'%s has %d'.format([…])` */
function format(template: string, values: unknown[]): string {
  let next = 0;
  return template.replace(/%(?:\.(\d+))?(.)/g, (_, precision, verb) => {
    if (verb === '%') return '%';
    if (next >= values.length) throw new EvaluationError(`index ${next} out of range`);
    return formatOne(verb, values[next++], precision === undefined ? 6 : Number(precision));
  });
}

function formatOne(verb: string, value: unknown, precision: number): string {
  const number = value instanceof Uint ? value.value : value;
  if (verb === 's') return shown(value);
  if (verb === 'd' && typeof number === 'bigint') return String(number);
  if (verb === 'f' && typeof number === 'number') return number.toFixed(precision);
  if (verb === 'e' && typeof number === 'number')
    return number.toExponential(precision).replace(/e([+-])(\d)$/, 'e$10$2');
  if (verb === 'b' && (typeof number === 'bigint' || typeof number === 'boolean')) return BigInt(number).toString(2);
  if (verb === 'o' && typeof number === 'bigint') return number.toString(8);
  if (verb === 'x' || verb === 'X') {
    const hex =
      typeof number === 'bigint'
        ? number.toString(16)
        : Buffer.from(typeof number === 'string' ? number : (number as Uint8Array)).toString('hex');
    return verb === 'X' ? hex.toUpperCase() : hex;
  }
  throw new EvaluationError(
    'sdfeboxX'.includes(verb)
      ? `error during formatting: %${verb} cannot be applied to this value`
      : `could not parse formatting clause: unrecognized formatting clause "${verb}"`,
  );
}

function shown(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`;
  if (
    isObject(value) &&
    !(value instanceof Timestamp) &&
    !(value instanceof Duration) &&
    !(value instanceof Optional)
  ) {
    if (Object.getPrototypeOf(value) !== Object.prototype) return String(value);
    const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
    return `{${entries.map(([key, inner]) => `${key}: ${shown(inner)}`).join(', ')}}`;
  }
  return textOf(value);
}

/** Strings and regular expressions. https://kubernetes.io/docs/reference/using-api/cel/#cel-community-libraries */
export const texts: Library = {
  'string.contains(string) bool': ([a, b], context) => {
    context.spend(Math.ceil(text(a).length * 0.1) * Math.ceil(text(b).length * 0.1));
    return text(a).includes(text(b));
  },
  'string.startsWith(string) bool': ([a, b]) => text(a).startsWith(text(b)),
  'string.endsWith(string) bool': ([a, b]) => text(a).endsWith(text(b)),
  'string.matches(string) bool': ([a, b], context) => {
    searchCost(a, b, context);
    return pattern(b).matcher(text(a)).find();
  },
  'matches(string, string) bool': ([a, b], context) => {
    searchCost(a, b, context);
    return pattern(b).matcher(text(a)).find();
  },
  'string.find(string) string': ([a, b], context) => {
    searchCost(a, b, context);
    return findAll(text(a), b, 1)[0] ?? '';
  },
  'string.findAll(string) list(string)': ([a, b], context) => {
    searchCost(a, b, context);
    return findAll(text(a), b, -1);
  },
  'string.findAll(string, int) list(string)': ([a, b, limit], context) => {
    searchCost(a, b, context);
    return findAll(text(a), b, Number(limit));
  },
  'string.charAt(int) string': ([a, index]) => characters(a)[at(index, characters(a))] ?? '',
  'string.indexOf(string) int': (args, context) => {
    traversal(args[0], context);
    return indexOf(args, false);
  },
  'string.indexOf(string, int) int': (args) => indexOf(args, false),
  'string.lastIndexOf(string) int': (args, context) => {
    traversal(args[0], context);
    return indexOf(args, true);
  },
  'string.lastIndexOf(string, int) int': (args) => indexOf(args, true),
  'string.lowerAscii() string': ([a], context) => {
    traversal(a, context);
    return ascii(a, false);
  },
  'string.upperAscii() string': ([a], context) => {
    traversal(a, context);
    return ascii(a, true);
  },
  'string.trim() string': ([a], context) => {
    traversal(a, context);
    return text(a).trim();
  },
  'string.replace(string, string) string': (args, context) => {
    const result = replace(args);
    traversal(args[0], context, 0.2);
    traversal(result, context);
    return result;
  },
  'string.replace(string, string, int) string': (args, context) => {
    traversal(args[0], context, 0.2);
    return replace(args);
  },
  'string.split(string) list(string)': (args, context) => {
    traversal(args[0], context, 0.2);
    return split(args);
  },
  'string.split(string, int) list(string)': (args, context) => {
    traversal(args[0], context, 0.2);
    return split(args);
  },
  'string.substring(int) string': ([a, from]) =>
    characters(a)
      .slice(at(from, characters(a)))
      .join(''),
  'string.substring(int, int) string': ([a, from, to]) => {
    const signs = characters(a);
    if (Number(from) > Number(to)) throw new EvaluationError(`invalid substring range. start: ${from}, end: ${to}`);
    return signs.slice(at(from, signs), at(to, signs)).join('');
  },
  'list(string).join() string': ([list], context) => {
    const result = (list as string[]).join('');
    traversal(result, context, 0.2);
    return result;
  },
  'list(string).join(string) string': ([list, by], context) => {
    const result = (list as string[]).join(text(by));
    traversal(result, context, 0.2);
    return result;
  },
  'string.format(list(dyn)) string': ([template, values], context) => {
    traversal(template, context);
    return format(text(template), values as unknown[]);
  },
  'strings:quote(string) string': ([a]) => quote(text(a)),
};
