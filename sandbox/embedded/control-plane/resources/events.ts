import { qualifiedName } from '../../../../kubernetes/names.ts';
import type { KubeObject } from '../../../../kubernetes/object.ts';
import { age } from '../apiserver/human-duration.ts';
import { invalid, required } from '../schema/field-errors.ts';
import { nameOf } from './cells.ts';
import type { FieldError, Strategy } from './strategy.ts';

const involved = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'];

/** Who says so: `kubelet, node-1`. */
function sourceOf({ source, reportingComponent, reportingInstance }: KubeObject): string {
  return [source?.component || reportingComponent || '', source?.host || reportingInstance].filter(Boolean).join(', ');
}

/** The rules of an event that says its time (k8s.io/kubernetes, pkg/apis/core/validation/events.go). */
function timedFaults(event: KubeObject, controller: string): FieldError[] {
  const { reportingComponent = '', reportingInstance = '', action = '', reason = '' } = event;
  const tooLong = (field: string, text: string, most: number) =>
    text.length > most ? [invalid(field, '', `can have at most ${most} characters`)] : [];
  const needed = (field: string, text: string) => (text ? [] : [required(field, '')]);
  return [
    ...needed(controller, reportingComponent),
    ...qualifiedName(reportingComponent).map((why) => invalid(controller, reportingComponent, why)),
    ...needed('reportingInstance', reportingInstance),
    ...tooLong('reportingInstance', reportingInstance, 128),
    ...needed('action', action),
    ...tooLong('action', action, 128),
    ...needed('reason', reason),
    ...tooLong('reason', reason, 128),
    ...tooLong('message', event.message ?? '', 1024),
  ];
}

function eventFaults(event: KubeObject, controller: string): FieldError[] {
  const { metadata, involvedObject = {}, eventTime } = event;
  const fault = invalid('involvedObject.namespace', involvedObject.namespace ?? '', 'does not match event.namespace');
  if (!eventTime) return metadata.namespace === (involvedObject.namespace || 'default') ? [] : [fault];
  const homeless = !involvedObject.namespace && !['default', 'kube-system'].includes(metadata.namespace ?? '');
  return [...(homeless ? [fault] : []), ...timedFaults(event, controller)];
}

/** What the newer API does not take any more. */
function strictFaults(event: KubeObject): FieldError[] {
  const { eventTime, type = '', series, source } = event;
  const unset = (field: string, value: unknown) => (value ? [invalid(field, '', 'needs to be unset')] : []);
  return [
    ...(series && !(series.count >= 2) ? [invalid('series.count', '', 'should be at least 2')] : []),
    ...(series && !series.lastObservedTime ? [required('series.lastObservedTime', '')] : []),
    ...(eventTime ? [] : [required('eventTime', '')]),
    ...(['Normal', 'Warning'].includes(type) ? [] : [invalid('type', '', `has invalid value: ${type}`)]),
    ...unset('firstTimestamp', event.firstTimestamp),
    ...unset('lastTimestamp', event.lastTimestamp),
    ...unset('count', event.count),
    ...unset('source', source?.component || source?.host),
  ];
}

export const events: Strategy = {
  validate: (event) => eventFaults(event, 'reportingComponent'),
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

/** The same events as events.k8s.io has them; they are stored, and read here, in the older form. */
export const newerEvents: Strategy = {
  ...events,
  validate: (event) => [...eventFaults(event, 'reportingController'), ...strictFaults(event)],
  cells: ({ regarding, note, reportingController, ...event }, now) =>
    events.cells?.(
      {
        ...event,
        involvedObject: regarding,
        message: note,
        reportingComponent: reportingController,
        source: event.deprecatedSource,
        firstTimestamp: event.deprecatedFirstTimestamp,
        lastTimestamp: event.deprecatedLastTimestamp,
        count: event.deprecatedCount,
      },
      now,
    ) ?? [],
  selectableFields: {
    ...Object.fromEntries(
      involved.map((field) => [`regarding.${field}`, ({ regarding }: KubeObject) => regarding?.[field] ?? '']),
    ),
    reason: ({ reason }) => reason ?? '',
    reportingController: ({ reportingController }) => reportingController ?? '',
    type: ({ type }) => type ?? '',
  },
};
