import { createHash } from 'node:crypto';

/** Cut so that it ends with a letter or a digit. */
function shorten(name: string, length: number): string {
  return name.length < length ? name : name.slice(0, length).replace(/[^a-zA-Z\d]+$/, '');
}

/** The name of a Certificate's request of a revision. */
export function nameOfRevision(certificate: string, revision: number): string {
  const longest = 233;
  if (certificate.length <= longest) return `${certificate}-${revision}`;
  const hash = createHash('sha256').update(certificate).digest('hex');
  return `${shorten(certificate, longest - 64 - 1)}-${hash}-${revision}`;
}

/** A name that tells what an object is about: FNV-1 over its JSON as Go writes it. */
export function nameByHash(prefix: string, json: string): string {
  let hash = 0x811c9dc5;
  const escaped = json.replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  for (const byte of Buffer.from(escaped)) hash = (Math.imul(hash, 0x01000193) ^ byte) >>> 0;
  return `${shorten(prefix, 52)}-${hash}`;
}
