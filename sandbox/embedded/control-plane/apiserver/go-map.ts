import type { Loose } from '../../../../kubernetes/object.ts';

/** A value as Go's `%+v` prints it; some messages of the real server show a patch this way. */
export function goMap(value: Loose): string {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goMap).join(' ')}]`;
  if (typeof value !== 'object') return String(value);
  const keys = Object.keys(value).sort();
  return `map[${keys.map((key) => `${key}:${goMap(value[key])}`).join(' ')}]`;
}
