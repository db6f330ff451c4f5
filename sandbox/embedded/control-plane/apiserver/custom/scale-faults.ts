import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import type { FieldError } from '../../resources/strategy.ts';
import { invalid } from '../../schema/field-errors.ts';
import { goMap } from '../go-map.ts';
import type { ResourceType } from '../resource-type.ts';

const most = 2 ** 31 - 1;

/** What stands where a definition says that the numbers and the selector of a Scale are; `part` is `status` for updates of that alone. */
export function scaleFaults({ definition, version }: ResourceType, object: KubeObject, part?: string): FieldError[] {
  const one = definition?.spec.versions.find(({ name }: Loose) => name === version);
  const scale = one?.subresources?.scale;
  if (!scale) return [];
  return [
    ...(part === 'status' ? [] : countFaults(object, scale.specReplicasPath)),
    ...countFaults(object, scale.statusReplicasPath),
    ...(scale.labelSelectorPath ? selectorFaults(object, scale.labelSelectorPath) : []),
  ];
}

function countFaults(object: KubeObject, path: string): FieldError[] {
  const { value, fault } = valueAt(object, path, 'int64');
  if (fault) return [invalid(path, 0, fault)];
  if (value === undefined) return [];
  if (value < 0) return [invalid(path, value, 'should be a non-negative integer')];
  return value > most ? [invalid(path, value, `should be less than or equal to ${most}`)] : [];
}

function selectorFaults(object: KubeObject, path: string): FieldError[] {
  const { fault } = valueAt(object, path, 'string');
  return fault ? [invalid(path, '', fault)] : [];
}

/** A value of that Go type, or why there is none; neither where nothing stands. */
function valueAt(object: KubeObject, path: string, type: string): { value?: Loose; fault?: string } {
  const fields = path.replace(/^\./, '').split('.');
  const wrong = (depth: number, value: Loose, wanted: string): { fault: string } => ({
    fault: `.${fields.slice(0, depth).join('.')} accessor error: ${goMap(value)} is of the type ${goType(value)}, expected ${wanted}`,
  });
  let value: Loose = object;
  for (const [index, field] of fields.entries()) {
    if (value === null) return {};
    if (goType(value) !== 'map[string]interface {}') return wrong(index, value, 'map[string]interface{}');
    value = value[field];
    if (value === undefined) return {};
  }
  return goType(value) === type ? { value } : wrong(fields.length, value, type);
}

function goType(value: Loose): string {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'object') return 'map[string]interface {}';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'string') return 'string';
  return Number.isInteger(value) ? 'int64' : 'float64';
}
