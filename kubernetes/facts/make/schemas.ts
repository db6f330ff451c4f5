import type { ResourceFact } from '../../facts.ts';
import type { Loose } from '../../object.ts';
import type { Get } from './server.ts';

/** The component schemas of all group versions together, without their prose. */
export async function makeSchemas(get: Get, resources: ResourceFact[]): Promise<Record<string, Loose>> {
  const all = new Map<string, Loose>();
  const paths = new Set(resources.map(({ group, version }) => (group ? `apis/${group}/${version}` : `api/${version}`)));
  for (const path of [...paths, 'version']) {
    const document = await get(`/openapi/v3/${path}`);
    for (const [name, schema] of Object.entries<Loose>(document.components?.schemas ?? {})) {
      const known = all.get(name);
      all.set(name, known ? merged(known, strip(schema)) : strip(schema));
    }
  }
  return Object.fromEntries([...all].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** meta/v1 types carry, in each document, the group-versions-kinds of that document alone. */
function merged(known: Loose, other: Loose): Loose {
  const key = 'x-kubernetes-group-version-kind';
  if (!other[key]) return known;
  const kinds = new Map<string, Loose>();
  for (const kind of [...(known[key] ?? []), ...other[key]])
    kinds.set(`${kind.group}/${kind.version}/${kind.kind}`, kind);
  const sorted = [...kinds].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, kind]) => kind);
  return { ...known, [key]: sorted };
}

/** Drops descriptions, and the `allOf` that OpenAPI wants around a `$ref` with siblings. */
function strip(schema: Loose): Loose {
  const { description: _, properties, items, additionalProperties, allOf, oneOf, ...rest } = schema;
  const out: Loose = { ...rest };
  if (allOf?.length === 1 && allOf[0].$ref) out.$ref = allOf[0].$ref;
  else if (allOf) out.allOf = allOf.map(strip);
  if (oneOf) out.oneOf = oneOf.map(strip);
  if (out.$ref) out.$ref = out.$ref.replace('#/components/schemas/', '');
  if (properties)
    out.properties = Object.fromEntries(Object.entries<Loose>(properties).map(([name, value]) => [name, strip(value)]));
  if (items) out.items = strip(items);
  if (additionalProperties)
    out.additionalProperties = typeof additionalProperties === 'object' ? strip(additionalProperties) : true;
  return out;
}
