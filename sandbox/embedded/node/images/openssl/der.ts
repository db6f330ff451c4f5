/** One value of DER: https://www.itu.int/rec/T-REC-X.690 */
export interface DerValue {
  tag: number;
  content: Buffer;
}

/** The values that stand one after the other in a buffer; what is cut off is left out. */
export function derValues(buffer: Buffer): DerValue[] {
  const values: DerValue[] = [];
  for (let at = 0; at + 1 < buffer.length; ) {
    const tag = buffer[at]!;
    let length = buffer[at + 1]!;
    at += 2;
    if (length > 0x80) {
      const size = length - 0x80;
      length = buffer.readUIntBE(at, Math.min(size, 6));
      at += size;
    }
    if (at + length > buffer.length) break;
    values.push({ tag, content: buffer.subarray(at, at + length) });
    at += length;
  }
  return values;
}

/** An object identifier in dots. */
export function oidText(content: Buffer): string {
  const numbers: number[] = [];
  let value = 0;
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f);
    if (byte & 0x80) continue;
    numbers.push(value);
    value = 0;
  }
  const [first = 0, ...rest] = numbers;
  const root = Math.min(Math.floor(first / 40), 2);
  return [root, first - root * 40, ...rest].join('.');
}

/** Bits of a BIT STRING, the first of them number 0. */
export function bitsOf(content: Buffer): number[] {
  const bits: number[] = [];
  for (let bit = 0; bit < (content.length - 1) * 8; bit += 1)
    if ((content[1 + (bit >> 3)]! >> (7 - (bit & 7))) & 1) bits.push(bit);
  return bits;
}
