import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { Cell } from '../resources/strategy.ts';
import type { Call } from './call.ts';
import { badRequest } from './errors.ts';
import { age } from './human-duration.ts';
import type { FormVersion } from './negotiation.ts';
import type { ResourceType } from './resource-type.ts';

type IncludeObject = 'None' | 'Metadata' | 'Object';

function readIncludeObject(query: URLSearchParams): IncludeObject {
  const text = query.get('includeObject') || 'Metadata';
  if (text === 'None' || text === 'Metadata' || text === 'Object') return text;
  const why = `includeObject: Invalid value: ${JSON.stringify(text)}: must be 'Metadata', 'Object', 'None', or empty`;
  throw badRequest(`Unable to convert to Table as requested: ${why}`);
}

/** How the rows are wanted. */
export interface TableView {
  include: IncludeObject;
  now: Date;
  version: FormVersion;
  /** Absent: true. */
  withColumns?: boolean;
}

/** As the call asks. Throws 400. */
export const tableView = ({ query, services, accept }: Call): TableView => ({
  include: readIncludeObject(query),
  now: services.clock.now(),
  version: accept.version ?? 'v1',
});

/** What kubectl prints. https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables */
export function tableOf(
  type: ResourceType,
  objects: KubeObject[],
  metadata: Loose,
  { include, now, version, withColumns = true }: TableView,
): Loose {
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${version}`,
    metadata,
    columnDefinitions: withColumns ? type.columns.map((column) => ({ ...column, description: '' })) : null,
    rows: objects.map((object) => ({
      cells: cellsOf(type, object, now),
      object: include === 'None' ? null : include === 'Object' ? object : partialMetadata(object, version),
    })),
  };
}

function cellsOf(type: ResourceType, object: KubeObject, now: Date): Cell[] {
  return (
    type.strategy.cells?.(object, now) ??
    type.columns.map(({ name }) => {
      if (name === 'Name') return object.metadata.name ?? '';
      if (name === 'Age') return age(object.metadata.creationTimestamp, now);
      return name === 'Created At' ? (object.metadata.creationTimestamp ?? '') : '';
    })
  );
}

export function partialMetadata(object: KubeObject, version: FormVersion): Loose {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata: object.metadata };
}
