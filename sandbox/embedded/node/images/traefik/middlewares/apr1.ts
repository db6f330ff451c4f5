import { createHash } from 'node:crypto';

const letters = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const md5 = (...parts: (string | Uint8Array)[]): Buffer => {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** The password hashed with the salt of a `$apr1$SALT$…` (or `$1$`) entry. https://httpd.apache.org/docs/2.4/misc/password_encryptions.html */
export function apr1(password: string, entry: string): string {
  const [, magic = '', salt = ''] = /^(\$(?:apr1|1)\$)([^$]{0,8})/.exec(entry) ?? [];
  const inner = md5(password, salt, password);
  const parts: (string | Uint8Array)[] = [password, magic, salt];
  const length = Buffer.byteLength(password);
  for (let left = length; left > 0; left -= 16) parts.push(inner.subarray(0, Math.min(16, left)));
  const first = Buffer.from(password).subarray(0, 1);
  for (let bits = length; bits > 0; bits >>= 1) parts.push(bits & 1 ? Buffer.from([0]) : first);
  let final = md5(...parts);
  for (let round = 0; round < 1000; round += 1) {
    const turn: (string | Uint8Array)[] = [round & 1 ? password : final];
    if (round % 3) turn.push(salt);
    if (round % 7) turn.push(password);
    turn.push(round & 1 ? final : password);
    final = md5(...turn);
  }
  const at = (index: number): number => final[index]!;
  let text = '';
  const encode = (value: number, count: number): void => {
    for (let rest = value, left = count; left > 0; left -= 1, rest >>= 6) text += letters[rest & 63];
  };
  for (const [a, b, c] of [
    [0, 6, 12],
    [1, 7, 13],
    [2, 8, 14],
    [3, 9, 15],
    [4, 10, 5],
  ] as const)
    encode((at(a) << 16) | (at(b) << 8) | at(c), 4);
  encode(at(11), 2);
  return `${magic}${salt}$${text}`;
}
