import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';

/** autoscaling/v1 knows CPU alone: all else of an autoscaler travels in annotations, so that nothing is lost on the way. */
const prefix = 'autoscaling.alpha.kubernetes.io/';
const names = ['metrics', 'current-metrics', 'conditions', 'behavior'] as const;

const isCpu = ({ type, resource }: Loose): boolean =>
  type === 'Resource' && resource?.name === 'cpu' && resource.target?.averageUtilization !== undefined;

const keyOf = (type: string): string => type.charAt(0).toLowerCase() + type.slice(1);

/** A metric as version 1 writes it: `word` is `target` or `current`. */
function flatten({ type, ...sources }: Loose, word: 'target' | 'current'): Loose {
  const key = keyOf(type ?? '');
  const source = sources[key];
  if (!source) return { type: type ?? '' };
  const { averageUtilization, averageValue, value } = source[word] ?? {};
  const whole = {
    ...(value !== undefined && { [`${word}Value`]: value }),
    ...(averageUtilization !== undefined && { [`${word}AverageUtilization`]: averageUtilization }),
    ...(averageValue !== undefined && { [key === 'object' ? 'averageValue' : `${word}AverageValue`]: averageValue }),
  };
  const { metric, name, container, describedObject } = source;
  const selector = metric?.selector && { [key === 'external' ? 'metricSelector' : 'selector']: metric.selector };
  return {
    type,
    [key]: {
      ...(describedObject && { target: describedObject }),
      ...(metric && { metricName: metric.name }),
      ...(name && { name }),
      ...whole,
      ...(container && { container }),
      ...selector,
    },
  };
}

/** The way back. */
function unfold({ type, ...sources }: Loose, word: 'target' | 'current'): Loose {
  const key = keyOf(type ?? '');
  const flat = sources[key];
  if (!flat) return { type: type ?? '' };
  const [value, averageUtilization] = [flat[`${word}Value`], flat[`${word}AverageUtilization`]];
  const averageValue = flat[`${word}AverageValue`] ?? (key === 'object' ? flat.averageValue : undefined);
  const kind = averageUtilization !== undefined ? 'Utilization' : averageValue !== undefined ? 'AverageValue' : 'Value';
  const selector = flat.metricSelector ?? flat.selector;
  return {
    type,
    [key]: {
      ...(key === 'object' && flat.target && { describedObject: flat.target }),
      ...(flat.metricName && { metric: { name: flat.metricName, ...(selector && { selector }) } }),
      ...(flat.name && { name: flat.name }),
      [word]: {
        ...(word === 'target' && { type: kind }),
        ...(value !== undefined && { value }),
        ...(averageUtilization !== undefined && { averageUtilization }),
        ...(averageValue !== undefined && { averageValue }),
      },
      ...(flat.container && { container: flat.container }),
    },
  };
}

/** Behaviour is written as the server's own structure, without the names of JSON. */
const capital = (value: Loose): Loose => recase(value, (key) => key.charAt(0).toUpperCase() + key.slice(1));
const small = (value: Loose): Loose => recase(value, keyOf);

function recase(value: Loose, rename: (key: string) => string): Loose {
  if (Array.isArray(value)) return value.map((one) => recase(one, rename));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries<Loose>(value).filter(([, one]) => one !== null);
  return Object.fromEntries(entries.map(([key, one]) => [rename(key), recase(one, rename)]));
}

function parsed(annotations: Record<string, string> | undefined, name: (typeof names)[number]): Loose {
  try {
    return JSON.parse(annotations?.[prefix + name] ?? 'null') ?? undefined;
  } catch {
    return undefined;
  }
}

function without(annotations: Record<string, string> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations ?? {}).filter(([key]) => !key.startsWith(prefix)));
}

function annotated(object: KubeObject, annotations: Record<string, string>): KubeObject {
  const { annotations: _before, ...metadata } = object.metadata;
  return { ...object, metadata: { ...metadata, ...(Object.keys(annotations).length > 0 && { annotations }) } };
}

export const autoscalerVersions = {
  collection: 'autoscaling/horizontalpodautoscalers',
  toStored(object: KubeObject): KubeObject {
    const { annotations } = object.metadata;
    const { targetCPUUtilizationPercentage: target, ...spec } = object.spec ?? {};
    const { currentCPUUtilizationPercentage: current, ...status } = object.status ?? {};
    const metrics: Loose[] = (parsed(annotations, 'metrics') ?? []).map((one: Loose) => unfold(one, 'target'));
    const cpu = (field: string, value: Loose): Loose => ({
      type: 'Resource',
      resource: { name: 'cpu', [field]: value },
    });
    if (target !== undefined || metrics.length === 0)
      metrics.push(cpu('target', { type: 'Utilization', averageUtilization: target ?? 80 }));
    const behavior = small(parsed(annotations, 'behavior'));
    const conditions = parsed(annotations, 'conditions');
    const statuses = parsed(annotations, 'current-metrics')?.map((one: Loose) => unfold(one, 'current'));
    const currentMetrics =
      statuses ?? (current === undefined ? undefined : [cpu('current', { averageUtilization: current })]);
    return {
      ...annotated(object, without(annotations)),
      apiVersion: 'autoscaling/v2',
      spec: { ...spec, metrics, ...(behavior && { behavior }) },
      ...(object.status && {
        status: { ...status, ...(currentMetrics && { currentMetrics }), ...(conditions && { conditions }) },
      }),
    };
  },
  fromStored(object: KubeObject): KubeObject {
    const { metrics = [], behavior, ...spec } = object.spec ?? {};
    const { currentMetrics, conditions, ...status } = object.status ?? {};
    const target = metrics.find(isCpu)?.resource.target.averageUtilization;
    const current = currentMetrics?.find(({ resource }: Loose) => resource?.name === 'cpu')?.resource.current
      ?.averageUtilization;
    const others = metrics.filter((metric: Loose) => !isCpu(metric)).map((metric: Loose) => flatten(metric, 'target'));
    const statuses = (currentMetrics ?? []).map((metric: Loose) => flatten(metric, 'current'));
    const kept: [(typeof names)[number], Loose][] = [
      ['behavior', behavior && capital(behavior)],
      ['conditions', conditions?.length > 0 ? conditions : undefined],
      ['current-metrics', statuses.length > 0 ? statuses : undefined],
      ['metrics', others.length > 0 ? others : undefined],
    ];
    const texts = kept.flatMap(([name, value]) => (value ? [[prefix + name, JSON.stringify(value)]] : []));
    return {
      ...annotated(object, { ...without(object.metadata.annotations), ...Object.fromEntries(texts) }),
      apiVersion: 'autoscaling/v1',
      spec: { ...spec, ...(target !== undefined && { targetCPUUtilizationPercentage: target }) },
      status: {
        currentReplicas: 0,
        desiredReplicas: 0,
        ...status,
        ...(current !== undefined && { currentCPUUtilizationPercentage: current }),
      },
    };
  },
};
