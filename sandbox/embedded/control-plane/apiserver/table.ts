import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { Cell } from '../resources/strategy.ts';
import { badRequest } from './errors.ts';
import { age } from './human-duration.ts';
import type { ResourceType } from './resource-type.ts';

export type IncludeObject = 'None' | 'Metadata' | 'Object';

export function readIncludeObject(query: URLSearchParams): IncludeObject {
  const text = query.get('includeObject') || 'Metadata';
  if (text === 'None' || text === 'Metadata' || text === 'Object') return text;
  const why = `includeObject: Invalid value: ${JSON.stringify(text)}: must be 'Metadata', 'Object', 'None', or empty`;
  throw badRequest(`Unable to convert to Table as requested: ${why}`);
}

/** What kubectl prints. https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables */
export function tableOf(
  type: ResourceType,
  objects: KubeObject[],
  metadata: Loose,
  include: IncludeObject,
  now: Date,
  withColumns = true,
): Loose {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: withColumns ? type.columns.map((column) => ({ ...column, description: '' })) : null,
    rows: objects.map((object) => ({
      cells: cellsOf(type, object, now),
      ...(include !== 'None' && { object: include === 'Object' ? object : partialMetadata(object) }),
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

export function partialMetadata(object: KubeObject): Loose {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}
