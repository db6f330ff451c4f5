import type { Schema } from '../../../../kubernetes/facts.ts';
import type { Loose } from '../../../../kubernetes/object.ts';

/** Finds an item's counterpart: lists of type map have one by its keys, others none. */
export function correlation(schema: Schema, old: Loose): (item: Loose) => Loose {
  const keys = schema['x-kubernetes-list-map-keys'];
  if (schema['x-kubernetes-list-type'] !== 'map' || !keys || !Array.isArray(old)) return () => undefined;
  const nameOf = (item: Loose): string =>
    JSON.stringify(keys.map((key) => item?.[key] ?? schema.items?.properties?.[key]?.default));
  const known = new Map(old.map((item) => [nameOf(item), item]));
  return (item) => known.get(nameOf(item));
}
