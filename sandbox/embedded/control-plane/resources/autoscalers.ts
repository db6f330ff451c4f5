import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { forbidden, invalid } from '../schema/field-errors.ts';
import { metricFaults, referenceFaults, scalingFaults } from './autoscaler-validation.ts';
import { named } from './cells.ts';
import type { FieldError, Strategy } from './strategy.ts';

const upRules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ],
};
const downRules = { selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] };

/** `current/target`, where nobody has measured yet `<unknown>`. */
function metricCell({ type, ...sources }: Loose, status: Loose): string {
  const kind = type ? type.charAt(0).toLowerCase() + type.slice(1) : '';
  const source = sources[kind];
  if (!source) return '<unknown type>';
  const current = status?.[kind]?.current ?? {};
  const { averageValue, averageUtilization, value } = source.target ?? {};
  if (kind === 'pods') return `${current.averageValue ?? '<unknown>'}/${averageValue}`;
  if (kind === 'resource' || kind === 'containerResource') {
    if (averageValue !== undefined) return `${source.name}: ${current.averageValue ?? '<unknown>'}/${averageValue}`;
    const shown = (percent: number | undefined, none: string) => (percent === undefined ? none : `${percent}%`);
    return `${source.name}: ${shown(current.averageUtilization, '<unknown>')}/${shown(averageUtilization, '<auto>')}`;
  }
  if (averageValue !== undefined) return `${current.averageValue ?? '<unknown>'}/${averageValue} (avg)`;
  return `${current.value ?? '<unknown>'}/${value}`;
}

/** Autoscalers of version 1 say CPU alone. */
function metricsOf({ spec, status }: KubeObject): [Loose[], Loose[]] {
  if (spec.metrics || spec.targetCPUUtilizationPercentage === undefined)
    return [spec.metrics ?? [], status?.currentMetrics ?? []];
  const utilization = (averageUtilization: number | undefined) => ({ averageUtilization });
  return [
    [{ type: 'Resource', resource: { name: 'cpu', target: utilization(spec.targetCPUUtilizationPercentage) } }],
    [{ type: 'Resource', resource: { name: 'cpu', current: utilization(status?.currentCPUUtilizationPercentage) } }],
  ];
}

function metricsCell(object: KubeObject): string {
  const [metrics, statuses] = metricsOf(object);
  if (metrics.length === 0) return '<none>';
  const list = metrics.map((metric, index) => metricCell(metric, statuses[index]));
  return list.slice(0, 2).join(', ') + (list.length > 2 ? ` + ${list.length - 2} more...` : '');
}

export const horizontalPodAutoscalers: Strategy = {
  generationFields: [],
  defaults({ apiVersion, spec }) {
    spec.minReplicas ??= 1;
    if (apiVersion === 'autoscaling/v1') return;
    if (!spec.metrics?.length)
      spec.metrics = [
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
      ];
    if (!spec.behavior) return;
    spec.behavior.scaleUp = { ...structuredClone(upRules), ...spec.behavior.scaleUp };
    spec.behavior.scaleDown = { ...structuredClone(downRules), ...spec.behavior.scaleDown };
  },
  prepareForCreate(object) {
    object.status = { desiredReplicas: 0, currentMetrics: null };
  },
  validate({ spec }) {
    const { minReplicas, maxReplicas = 0, scaleTargetRef = {} } = spec;
    const faults: FieldError[] = [];
    if (minReplicas < 1) faults.push(invalid('spec.minReplicas', minReplicas, 'must be greater than or equal to 1'));
    if (maxReplicas < 1) faults.push(invalid('spec.maxReplicas', maxReplicas, 'must be greater than 0'));
    if (maxReplicas < minReplicas)
      faults.push(invalid('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`'));
    faults.push(...referenceFaults('spec.scaleTargetRef', scaleTargetRef));
    // The one kind without a group that can be scaled.
    if (!scaleTargetRef.apiVersion?.includes('/') && scaleTargetRef.kind !== 'ReplicationController') {
      const sentence = 'apiVersion must specify API group';
      faults.push(invalid('spec.scaleTargetRef.apiVersion', scaleTargetRef.apiVersion ?? '', sentence));
    }
    const metrics: Loose[] = spec.metrics ?? [];
    for (const [index, metric] of metrics.entries()) faults.push(...metricFaults(`spec.metrics[${index}]`, metric));
    if (minReplicas === 0 && !metrics.some(({ type }) => type === 'Object' || type === 'External')) {
      const sentence = 'must specify at least one Object or External metric to support scaling to zero replicas';
      faults.push(forbidden('spec.metrics', sentence));
    }
    for (const direction of ['scaleUp', 'scaleDown'])
      if (spec.behavior?.[direction])
        faults.push(...scalingFaults(`spec.behavior.${direction}`, spec.behavior[direction]));
    return faults;
  },
  cells: named((object) => [
    `${object.spec.scaleTargetRef?.kind}/${object.spec.scaleTargetRef?.name}`,
    metricsCell(object),
    String(object.spec.minReplicas ?? '<unset>'),
    object.spec.maxReplicas ?? 0,
    object.status?.currentReplicas ?? 0,
  ]),
};
