import { fileURLToPath } from 'node:url';
import { openApiType } from '../../cel/openapi.ts';
import { type CelType, DYN } from '../../cel/types.ts';
import { loadResources, loadSchemas, type Schema, schemaNames } from '../../kubernetes/facts.ts';
import { type CustomKinds, findCustomKinds, readCustomKind } from './custom-kinds.ts';

/** A collection that can be watched. */
export interface Resource {
  group: string;
  version: string;
  /** Plural. */
  resource: string;
  kind: string;
  namespaced: boolean;
}

/**
 * Finds a built-in resource by its plural, or plural and group (`ingresses.networking.k8s.io`); the first in
 * discovery order where several groups have it. Undefined for what is not built in.
 */
export function findResource(name: string): Resource | undefined {
  const [resource = '', ...group] = name.split('.');
  return loadResources().find(
    (fact) =>
      fact.resource === resource &&
      (group.length === 0 || fact.group === group.join('.')) &&
      fact.verbs.includes('list') &&
      fact.verbs.includes('watch'),
  );
}

/** A name such as `certificates.cert-manager.io`: plural and group, of a CustomResourceDefinition. */
export function isCustom(name: string): boolean {
  return /^[a-z0-9-]+\.[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(name) && !findResource(name);
}

/** Plurals that can be watched, for suggestions. */
export function resourceNames(): string[] {
  return [
    ...new Set(
      loadResources()
        .filter((fact) => fact.verbs.includes('watch'))
        .map((fact) => fact.resource),
    ),
  ];
}

/** The project's folder. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
let kinds: CustomKinds | undefined;

function customKinds(): CustomKinds {
  kinds ??= findCustomKinds(ROOT);
  return kinds;
}

/** Custom resources that we know of in the group of this one: a name that is none of them has a slip in it. */
export function customSiblings(name: string): string[] {
  const group = name.slice(name.indexOf('.') + 1);
  return [...customKinds().keys()].filter((known) => known.slice(known.indexOf('.') + 1) === group);
}

const types = new Map<string, CelType>();

/** The CEL type of a resource's objects; dyn for a custom one that nothing of ours defines. */
export function resourceType(name: string): CelType {
  let type = types.get(name);
  if (!type) {
    const found = findResource(name);
    const schema = found && schemaNames().get(`${found.group}/${found.version}/${found.kind}`);
    const schemas = loadSchemas();
    type =
      schema && schemas[schema]
        ? openApiType(schemas[schema], (ref) => schemas[ref], found.kind)
        : isCustom(name)
          ? customType(name)
          : DYN;
    types.set(name, type);
  }
  return type;
}

const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

/** A definition leaves out what every object has. */
function customType(name: string): CelType {
  const custom = readCustomKind(customKinds(), name);
  if (!custom) return DYN;
  const { properties } = custom.schema;
  const schema: Schema = { ...custom.schema, properties: { ...properties, metadata: { $ref: OBJECT_META } } };
  const schemas = loadSchemas();
  return openApiType(schema, (ref) => schemas[ref], custom.kind);
}
