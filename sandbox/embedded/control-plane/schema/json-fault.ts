/** A step takes a byte and answers what takes the next one, or where the byte should not have stood. */
type Step = (byte: string) => Step | string;

const isSpace = (byte: string): boolean => byte === ' ' || byte === '\t' || byte === '\r' || byte === '\n';
const isDigit = (byte: string): boolean => byte >= '0' && byte <= '9';

/** Characters as Go quotes them. */
function quoted(byte: string): string {
  if (byte === "'") return String.raw`'\''`;
  if (byte === '"') return `'"'`;
  const escapes: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };
  const code = byte.charCodeAt(0);
  const hidden = code < 0x20 || (code >= 0x7f && code < 0xa1) || code === 0xad;
  const hex = code.toString(16).padStart(code < 0x80 ? 2 : 4, '0');
  return `'${escapes[byte] ?? (hidden ? `\\${code < 0x80 ? 'x' : 'u'}${hex}` : byte)}'`;
}

/**
 * What is wrong with a document, in the words of Go's `encoding/json`, which reads it byte by byte; '' when nothing is.
 * https://pkg.go.dev/encoding/json
 */
export function syntaxFault(text: string): string {
  const { begin, ended } = reader();
  let step: Step = begin;
  const take = (byte: string): string => {
    const next = step(byte);
    if (typeof next === 'string') return `invalid character ${quoted(byte)} ${next}`;
    step = next;
    return '';
  };
  for (const byte of Buffer.from(text).toString('latin1')) {
    const fault = take(byte);
    if (fault) return fault;
  }
  if (ended()) return '';
  // What a blank would end is whole; what it spoils is said of the blank.
  return take(' ') || (ended() ? '' : 'unexpected end of JSON input');
}

function reader(): { begin: Step; ended: () => boolean } {
  const open: ('key' | 'value' | 'element')[] = [];
  let whole = false;

  const begin: Step = (byte) => {
    if (isSpace(byte)) return begin;
    if (byte === '{') {
      open.push('key');
      return keyOrEnd;
    }
    if (byte === '[') {
      open.push('element');
      return elementOrEnd;
    }
    if (byte === '"') return text;
    if (byte === '-') return negative;
    if (byte === '0') return afterZero;
    if (isDigit(byte)) return digits;
    const word = ['true', 'false', 'null'].find((each) => each[0] === byte);
    return word ? literal(word, 1) : 'looking for beginning of value';
  };
  const literal =
    (word: string, place: number): Step =>
    (byte) => {
      if (byte !== word[place]) return `in literal ${word} (expecting '${word[place]}')`;
      return place === word.length - 1 ? finished() : literal(word, place + 1);
    };
  const elementOrEnd: Step = (byte) => {
    if (isSpace(byte)) return elementOrEnd;
    return byte === ']' ? afterValue(byte) : begin(byte);
  };
  const keyOrEnd: Step = (byte) => {
    if (isSpace(byte)) return keyOrEnd;
    return byte === '}' ? closed() : key(byte);
  };
  const key: Step = (byte) => {
    if (isSpace(byte)) return key;
    return byte === '"' ? text : 'looking for beginning of object key string';
  };
  const finished = (): Step => {
    if (open.length === 0) whole = true;
    return afterValue;
  };
  const closed = (): Step => {
    open.pop();
    return finished();
  };
  const afterValue: Step = (byte) => {
    if (open.length === 0) whole = true;
    if (isSpace(byte)) return afterValue;
    const inside = open.at(-1);
    if (inside === undefined) return 'after top-level value';
    if (inside === 'element') return byte === ',' ? begin : byte === ']' ? closed() : 'after array element';
    if (inside === 'value' && byte === '}') return closed();
    if (byte !== (inside === 'key' ? ':' : ','))
      return inside === 'key' ? 'after object key' : 'after object key:value pair';
    open[open.length - 1] = inside === 'key' ? 'value' : 'key';
    return inside === 'key' ? begin : key;
  };
  const text: Step = (byte) => {
    if (byte === '"') return finished();
    if (byte === '\\') return escaped;
    return byte < ' ' ? 'in string literal' : text;
  };
  const escaped: Step = (byte) => {
    if (byte === 'u') return hexadecimal(4);
    return 'bfnrt\\/"'.includes(byte) ? text : 'in string escape code';
  };
  const hexadecimal =
    (left: number): Step =>
    (byte) => {
      if (!/[0-9a-fA-F]/.test(byte)) return String.raw`in \u hexadecimal character escape`;
      return left === 1 ? text : hexadecimal(left - 1);
    };
  const negative: Step = (byte) => {
    if (byte === '0') return afterZero;
    return isDigit(byte) ? digits : 'in numeric literal';
  };
  const digits: Step = (byte) => (isDigit(byte) ? digits : afterZero(byte));
  const afterZero: Step = (byte) => {
    if (byte === '.') return fraction;
    return byte === 'e' || byte === 'E' ? exponent : afterValue(byte);
  };
  const fraction: Step = (byte) => (isDigit(byte) ? fractionDigits : 'after decimal point in numeric literal');
  const fractionDigits: Step = (byte) => {
    if (isDigit(byte)) return fractionDigits;
    return byte === 'e' || byte === 'E' ? exponent : afterValue(byte);
  };
  const exponent: Step = (byte) => (byte === '+' || byte === '-' ? exponentSign : exponentSign(byte));
  const exponentSign: Step = (byte) => (isDigit(byte) ? exponentDigits : 'in exponent of numeric literal');
  const exponentDigits: Step = (byte) => (isDigit(byte) ? exponentDigits : afterValue(byte));
  return { begin, ended: () => whole };
}
