import { dns1123Label, pathSegment } from '../../../../kubernetes/names.ts';
import type { Loose } from '../../../../kubernetes/object.ts';
import { compareQuantities } from '../../../../kubernetes/quantity.ts';
import { forbidden, invalid, notSupported, required } from '../schema/field-errors.ts';
import { containerResource, each } from './faults.ts';
import type { FieldError } from './strategy.ts';

/** What an autoscaler measures and how fast it may act. https://kubernetes.io/docs/reference/kubernetes-api/autoscaling-resources/horizontal-pod-autoscaler-v2/ */

const metricTypes = ['ContainerResource', 'External', 'Object', 'Pods', 'Resource'];
/** Sources in the order in which they are looked at; the first of them alone. */
const sources = ['object', 'external', 'pods', 'resource', 'containerResource'];
const longestWindow = 3600;
const longestPeriod = 1800;

/** The version of the API is the owner's to look at. */
export const referenceFaults = (path: string, reference: Loose): FieldError[] =>
  ['kind', 'name'].flatMap((field) => segmentFaults(`${path}.${field}`, reference?.[field]));

const segmentFaults = (path: string, value: string | undefined, detail = ''): FieldError[] =>
  value ? each(path, value, pathSegment(value)) : [required(path, detail)];

export function metricFaults(path: string, metric: Loose): FieldError[] {
  const { type = '' } = metric;
  const faults: FieldError[] = [];
  const unknown = notSupported(`${path}.type`, type, metricTypes);
  if (!type) faults.push(required(`${path}.type`, 'must specify a metric source type'));
  const known = metricTypes.includes(type);
  if (!known) faults.push(unknown);
  const present = sources.filter((source) => metric[source]);
  const [first] = present;
  if (first) faults.push(...sourceFaults(`${path}.${first}`, first, metric[first]));
  const expected = type.charAt(0).toLowerCase() + type.slice(1);
  if (known && !metric[expected])
    faults.push(required(`${path}.${expected}`, 'must populate information for the given metric source'));
  // A type that nobody knows is told twice.
  if (!known) faults.push(unknown);
  if (present.length > 1)
    for (const source of present)
      if (source !== expected)
        faults.push(forbidden(`${path}.${source}`, 'must populate the given metric source only'));
  return faults;
}

function sourceFaults(path: string, kind: string, source: Loose): FieldError[] {
  const { target = {}, metric, name, container } = source;
  const faults: FieldError[] = [];
  if (kind === 'object') faults.push(...referenceFaults(`${path}.describedObject`, source.describedObject));
  if (['object', 'external', 'pods'].includes(kind))
    faults.push(...segmentFaults(`${path}.metric.name`, metric?.name, 'must specify a metric name'));
  else if (!name) faults.push(required(`${path}.name`, 'must specify a resource name'));
  else if (kind === 'containerResource') faults.push(...containerResource(`${path}.name`, name));
  if (kind === 'containerResource')
    faults.push(
      ...(container
        ? each(`${path}.container`, container, dns1123Label(container))
        : [required(`${path}.container`, 'must specify a container')]),
    );
  return [...faults, ...targetFaults(`${path}.target`, target), ...aimFaults(`${path}.target`, kind, target)];
}

function targetFaults(path: string, target: Loose): FieldError[] {
  const { type = '', averageUtilization } = target;
  const faults: FieldError[] = [];
  if (!type) faults.push(required(`${path}.type`, 'must specify a metric target type'));
  if (!['Utilization', 'Value', 'AverageValue'].includes(type))
    faults.push(invalid(`${path}.type`, type, 'must be either Utilization, Value, or AverageValue'));
  for (const field of ['value', 'averageValue'])
    if (target[field] !== undefined && compareQuantities(target[field], '0') <= 0)
      faults.push(invalid(`${path}.${field}`, target[field], 'must be positive'));
  if (averageUtilization !== undefined && averageUtilization < 1)
    faults.push(invalid(`${path}.averageUtilization`, averageUtilization, 'must be greater than 0'));
  return faults;
}

/** Which of its numbers a target of a kind must have, and which it cannot have both. */
function aimFaults(path: string, kind: string, { value, averageValue, averageUtilization }: Loose): FieldError[] {
  const none = value === undefined && averageValue === undefined;
  if (kind === 'object')
    return none ? [required(`${path}.averageValue`, 'must set either a target value or averageValue')] : [];
  if (kind === 'pods')
    return averageValue === undefined
      ? [required(`${path}.averageValue`, 'must specify a positive target averageValue')]
      : [];
  if (kind === 'external') {
    if (none)
      return [required(`${path}.averageValue`, 'must set either a target value for metric or a per-pod target')];
    return value !== undefined && averageValue !== undefined
      ? [forbidden(`${path}.value`, 'may not set both a target value for metric and a per-pod target')]
      : [];
  }
  if (averageUtilization === undefined && averageValue === undefined)
    return [required(`${path}.averageUtilization`, 'must set either a target raw value or a target utilization')];
  return averageUtilization !== undefined && averageValue !== undefined
    ? [forbidden(`${path}.averageValue`, 'may not set both a target raw value and a target utilization')]
    : [];
}

export function scalingFaults(path: string, rules: Loose): FieldError[] {
  const { stabilizationWindowSeconds: window, selectPolicy, tolerance, policies = [] } = rules;
  const faults: FieldError[] = [];
  if (window < 0)
    faults.push(invalid(`${path}.stabilizationWindowSeconds`, window, 'must be greater than or equal to zero'));
  if (window > longestWindow) {
    const sentence = `must be less than or equal to ${longestWindow}`;
    faults.push(invalid(`${path}.stabilizationWindowSeconds`, window, sentence));
  }
  const choices = ['Disabled', 'Max', 'Min'];
  if (selectPolicy !== undefined && !choices.includes(selectPolicy))
    faults.push(notSupported(`${path}.selectPolicy`, selectPolicy, choices));
  if (policies.length === 0) faults.push(required(`${path}.policies`, 'must specify at least one Policy'));
  for (const [index, policy] of policies.entries()) faults.push(...policyFaults(`${path}.policies[${index}]`, policy));
  if (tolerance !== undefined && compareQuantities(tolerance, '0') < 0)
    faults.push(invalid(`${path}.tolerance`, tolerance, 'must be greater than or equal to 0'));
  return faults;
}

function policyFaults(path: string, { type = '', value = 0, periodSeconds: period = 0 }: Loose): FieldError[] {
  const faults: FieldError[] = [];
  if (!['Pods', 'Percent'].includes(type)) faults.push(notSupported(`${path}.type`, type, ['Percent', 'Pods']));
  if (value <= 0) faults.push(invalid(`${path}.value`, value, 'must be greater than zero'));
  if (period <= 0) faults.push(invalid(`${path}.periodSeconds`, period, 'must be greater than zero'));
  if (period > longestPeriod)
    faults.push(invalid(`${path}.periodSeconds`, period, `must be less than or equal to ${longestPeriod}`));
  return faults;
}
