import type { Loose } from '../../../../kubernetes/object.ts';
import { goText } from './go-text.ts';

const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** Digits as Kubernetes puts them into names: without vowels, so that no word appears. */
function safeName(text: string): string {
  let safe = '';
  for (const character of text) safe += alphabet[character.charCodeAt(0) % alphabet.length];
  return safe;
}

/** FNV of 32 bits, in which a byte comes before (1a) or after the product. */
function fnv(bytes: Buffer, first: boolean): string {
  let state = 0x811c9dc5;
  for (const byte of bytes) {
    state = first ? Math.imul(state ^ byte, 0x01000193) : Math.imul(state, 0x01000193) ^ byte;
  }
  return safeName(String(state >>> 0));
}

/** What Deployments and DaemonSets put into names and labels for a pod template: the same as on any cluster. */
export function templateHash(template: Loose, collisions?: number): string {
  const text = Buffer.from(goText(template, 'v1.PodTemplateSpec'));
  if (collisions === undefined) return fnv(text, true);
  const salt = Buffer.alloc(8);
  salt.writeUInt32LE(collisions);
  return fnv(Buffer.concat([text, salt]), true);
}

/** What a StatefulSet names the revision of its template by: its JSON, as Go writes it. */
export function dataHash(data: Loose, collisions: number): string {
  const json = JSON.stringify(sorted(data)).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return fnv(Buffer.from(json + collisions), false);
}

function sorted(value: Loose): Loose {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  );
}
