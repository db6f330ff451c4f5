import type { KubeObject } from '../../../../kubernetes/object.ts';
import {
  type FieldTerm,
  matchFields,
  matchLabels,
  parseFieldSelector,
  parseLabelSelector,
  type Requirement,
} from '../../../../kubernetes/selectors.ts';
import { badRequest } from './errors.ts';
import type { ResourceType } from './resource-type.ts';

/** What a list or watch asks for, beyond its namespace. */
export interface Selection {
  /** Everything. */
  all: boolean;
  /** The only name it can match, when a field selector or the path says one. */
  name?: string;
  matches(object: KubeObject): boolean;
}

/** Throws 400 in the parser's own words. */
export function readSelection(type: ResourceType, query: URLSearchParams, pathName: string): Selection {
  const labelText = query.get('labelSelector') ?? '';
  const fieldText = query.get('fieldSelector') ?? '';
  if (labelText === '' && fieldText === '' && pathName === '') return { all: true, matches: () => true };
  let labels: Requirement[] = [];
  let fields: FieldTerm[] = [];
  try {
    if (labelText) labels = parseLabelSelector(labelText);
    if (fieldText) fields = parseFieldSelector(fieldText);
  } catch (error) {
    throw badRequest((error as Error).message);
  }
  if (pathName) fields.push({ field: 'metadata.name', equal: true, value: pathName });
  for (const term of fields) checkField(type, term.field);
  const name = fields.find((term) => term.field === 'metadata.name' && term.equal)?.value;
  return {
    all: false,
    ...(name !== undefined && { name }),
    matches: (object) =>
      (labels.length === 0 || matchLabels(labels, object.metadata.labels)) &&
      (fields.length === 0 || matchFields(fields, (field) => fieldOf(type, object, field))),
  };
}

function checkField(type: ResourceType, field: string): void {
  if (field === 'metadata.name' || field === 'metadata.namespace') return;
  const selectable = type.strategy.selectableFields;
  if (selectable && Object.hasOwn(selectable, field)) return;
  throw badRequest(
    selectable || type.definition
      ? `field label not supported: ${field}`
      : `"${field}" is not a known field selector: only "metadata.name", "metadata.namespace"`,
  );
}

function fieldOf(type: ResourceType, object: KubeObject, field: string): string {
  if (field === 'metadata.name') return object.metadata.name ?? '';
  if (field === 'metadata.namespace') return object.metadata.namespace ?? '';
  return type.strategy.selectableFields?.[field]?.(object) ?? '';
}
