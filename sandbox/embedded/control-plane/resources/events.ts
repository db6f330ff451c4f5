import type { KubeObject } from '../../../../kubernetes/object.ts';
import { age } from '../apiserver/human-duration.ts';
import { invalid } from '../schema/field-errors.ts';
import { nameOf } from './cells.ts';
import type { Strategy } from './strategy.ts';

const involved = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'];

/** Who says so: `kubelet, node-1`. */
function sourceOf({ source, reportingComponent, reportingInstance }: KubeObject): string {
  return [source?.component || reportingComponent || '', source?.host || reportingInstance].filter(Boolean).join(', ');
}

export const events: Strategy = {
  validate: ({ metadata, involvedObject = {} }) => {
    const home = involvedObject.namespace || 'default';
    return metadata.namespace === home
      ? []
      : [invalid('involvedObject.namespace', involvedObject.namespace ?? '', 'does not match event.namespace')];
  },
  cells: (event, now) => {
    const { firstTimestamp, lastTimestamp, eventTime, series, involvedObject = {} } = event;
    const first = age(firstTimestamp ?? eventTime, now);
    const last = series ? age(series.lastObservedTime, now) : lastTimestamp ? age(lastTimestamp, now) : first;
    const kind = (involvedObject.kind ?? '').toLowerCase();
    return [
      last,
      event.type ?? '',
      event.reason ?? '',
      involvedObject.name ? `${kind}/${involvedObject.name}` : kind,
      involvedObject.fieldPath ?? '',
      sourceOf(event),
      (event.message ?? '').trim(),
      first,
      series?.count ?? (event.count || 1),
      nameOf(event),
    ];
  },
  selectableFields: {
    ...Object.fromEntries(
      involved.map((field) => [
        `involvedObject.${field}`,
        ({ involvedObject }: KubeObject) => involvedObject?.[field] ?? '',
      ]),
    ),
    reason: ({ reason }) => reason ?? '',
    reportingComponent: ({ reportingComponent }) => reportingComponent ?? '',
    source: ({ source, reportingComponent }) => source?.component || reportingComponent || '',
    type: ({ type }) => type ?? '',
  },
};
