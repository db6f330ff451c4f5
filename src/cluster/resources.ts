import { openApiType } from '../../cel/openapi.ts';
import { type CelType, DYN } from '../../cel/types.ts';
import { loadResources, loadSchemas, schemaNames } from '../../kubernetes/facts.ts';

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

const types = new Map<string, CelType>();

/** The CEL type of a resource's objects; dyn for a custom one. */
export function resourceType(name: string): CelType {
  let type = types.get(name);
  if (!type) {
    const found = findResource(name);
    const schema = found && schemaNames().get(`${found.group}/${found.version}/${found.kind}`);
    const schemas = loadSchemas();
    type = schema && schemas[schema] ? openApiType(schemas[schema], (ref) => schemas[ref], found.kind) : DYN;
    types.set(name, type);
  }
  return type;
}
