import type { ColumnFact } from '../../../../../kubernetes/facts.ts';
import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import type { Cell } from '../../resources/strategy.ts';
import { age } from '../human-duration.ts';
import { compilePath } from './json-path.ts';

export interface Columns {
  columns: ColumnFact[];
  cells(object: KubeObject, now: Date): Cell[];
}

const name: ColumnFact = { name: 'Name', type: 'string', format: 'name', priority: 0 };

/** What `kubectl get` shows of a custom resource. https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#additional-printer-columns */
export function customColumns(version: Loose): Columns {
  const declared: Loose[] = version.additionalPrinterColumns?.length
    ? version.additionalPrinterColumns
    : [{ name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }];
  const readers = declared.map(({ type, jsonPath }) => ({ type: type as string, read: compilePath(jsonPath ?? '') }));
  return {
    columns: [
      name,
      ...declared.map((column) => ({
        name: column.name,
        type: column.type,
        format: column.format ?? '',
        priority: column.priority ?? 0,
      })),
    ],
    cells: (object, now) => [
      object.metadata.name ?? '',
      ...readers.map(({ type, read }) => cellOf(type, read(object), now)),
    ],
  };
}

function cellOf(type: string, values: Loose[], now: Date): Cell {
  const [value] = values;
  if (value === undefined || value === null) return type === 'date' ? '<unknown>' : null;
  if (type === 'string')
    return values.map((one) => (typeof one === 'object' ? JSON.stringify(one) : String(one))).join(' ');
  if (type === 'integer') return typeof value === 'number' ? Math.trunc(value) : null;
  if (type === 'number') return typeof value === 'number' ? value : null;
  if (type === 'boolean') return typeof value === 'boolean' ? value : null;
  if (type === 'date' && typeof value === 'string')
    return Number.isNaN(Date.parse(value)) ? '<invalid>' : age(value, now);
  return null;
}
