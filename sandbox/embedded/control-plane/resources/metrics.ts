import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { addQuantities, formatQuantity, parseQuantity } from '../../../../kubernetes/quantity.ts';
import { nameOf } from './cells.ts';
import type { Cell, Strategy } from './strategy.ts';

function row(object: KubeObject, usages: Loose[]): Cell[] {
  const sum = (resource: string): string =>
    formatQuantity(
      usages.map((usage) => parseQuantity(usage?.[resource] ?? '0')).reduce((a, b) => addQuantities(a, b)),
    );
  const empty = usages.length === 0;
  return [nameOf(object), empty ? '0' : sum('cpu'), empty ? '0' : sum('memory'), object.window];
}

export const nodeMetrics: Strategy = { cells: (object) => row(object, [object.usage]) };

export const podMetrics: Strategy = {
  cells: (object) =>
    row(
      object,
      (object.containers ?? []).map(({ usage }: Loose) => usage),
    ),
};
