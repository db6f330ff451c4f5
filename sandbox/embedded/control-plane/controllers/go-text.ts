import { loadGoTypes } from '../../../../kubernetes/facts.ts';
import type { Loose } from '../../../../kubernetes/object.ts';

/** Longest number of digits that is read as an integer. */
const digits = 18;
const binary = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const decimal = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];

/**
 * A value of the API as Go prints it for a hash, every field with its type: names of ReplicaSets are made of such texts.
 * As github.com/davecgh/go-spew does for `%#v`, without addresses and with sorted keys.
 */
export function goText(value: Loose, type: string, named = true): string {
  const absent = value === undefined || value === null;
  if (type.startsWith('*')) {
    if (absent) return named ? `(${type})<nil>` : '<nil>';
    return `${named ? `(${type})` : '<*>'}${goText(value, type.slice(1), false)}`;
  }
  return (named ? `(${type})` : '') + bareText(value, type, absent);
}

function bareText(value: Loose, type: string, absent: boolean): string {
  if (type === 'v1.Time') return '{Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}';
  if (type === 'resource.Quantity') return quantityText(absent ? '0' : String(value));
  if (type === 'intstr.IntOrString') return intOrStringText(value ?? 0);
  const form = loadGoTypes().get(type);
  if (Array.isArray(form)) {
    const fields = form.map(({ name, json, type: own }) => {
      const inner = json === undefined ? value : value?.[json];
      return `${name}:${goText(inner, own)}`;
    });
    return `{${fields.join(' ')}}`;
  }
  if (form) return bareText(value, form, absent);
  if (type.startsWith('[]')) {
    // An empty list does not survive the wire.
    if (absent || value.length === 0) return '<nil>';
    return `[${value.map((element: Loose) => goText(element, type.slice(2), false)).join(' ')}]`;
  }
  if (type.startsWith('map[')) {
    const keys = Object.keys(value ?? {}).sort();
    const element = type.slice(type.indexOf(']') + 1);
    if (keys.length === 0) return '<nil>';
    return `map[${keys.map((key) => `${key}:${goText(value[key], element, false)}`).join(' ')}]`;
  }
  if (type === 'bool') return absent ? 'false' : String(value);
  return type === 'string' || type === 'types.UID' ? (value ?? '') : String(value ?? 0);
}

function intOrStringText(value: number | string): string {
  const [type, number, text] = typeof value === 'string' ? [1, 0, value] : [0, value, ''];
  return `{Type:(intstr.Type)${type} IntVal:(int32)${number} StrVal:(string)${text}}`;
}

/** A quantity as Go holds it: a number and a power of ten, and its text where that is canonical. */
function quantityText(text: string): string {
  const print = (value: bigint, scale: number, cached: string, format: string) =>
    `{i:(resource.int64Amount){value:(int64)${value} scale:(resource.Scale)${scale}} d:(resource.infDecAmount){Dec:(*inf.Dec)<nil>} s:(string)${cached} Format:(resource.Format)${format}}`;
  if (text === '0') return print(0n, 0, '0', 'DecimalSI');
  const [, sign = '', whole = '', fraction = '', suffix = ''] =
    /^([+-]?)(\d*)(?:\.(\d*))?([A-Za-z]*[+-]?\d*)$/.exec(text) ?? [];
  const shifted = (whole.replace(/^0+(?=\d)/, '') + fraction).slice(0, digits);
  const power = binary.indexOf(suffix);
  const number = BigInt(shifted || '0') * (sign === '-' ? -1n : 1n);
  if (power > 0) {
    const canonical = (BigInt(shifted || '0') & 7n) !== 0n;
    return print(number << BigInt(10 * power), 0, canonical ? text : '', 'BinarySI');
  }
  const exponent = decimal.includes(suffix) ? 3 * (decimal.indexOf(suffix) - 3) : Number(suffix.slice(1));
  const scale = exponent - fraction.length;
  const canonical = scale % 3 === 0 && !shifted.endsWith('000') && !shifted.startsWith('0');
  return print(number, scale, canonical ? text : '', decimal.includes(suffix) ? 'DecimalSI' : 'DecimalExponent');
}
