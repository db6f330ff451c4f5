import { qualifiedName } from '../../../../kubernetes/names.ts';
import type { Loose } from '../../../../kubernetes/object.ts';
import { duplicate, invalid, notSupported, required, tooMany } from '../schema/field-errors.ts';
import { each, nonNegative } from './faults.ts';
import type { FieldError } from './strategy.ts';

const actions = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
const operators = ['In', 'NotIn'];
const statuses = ['False', 'True', 'Unknown'];
const mostRules = 20;
const mostCodes = 255;

const choices = (values: readonly string[]) =>
  `valid values: [${values.map((value) => JSON.stringify(value)).join(' ')}]`;

/** https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy */
export function failurePolicyFaults(path: string, spec: Loose): FieldError[] {
  if (!spec.podFailurePolicy) return [];
  const rules: Loose[] = spec.podFailurePolicy.rules ?? [];
  const at = `${path}.podFailurePolicy.rules`;
  const podSpec = spec.template?.spec ?? {};
  const names = [...(podSpec.containers ?? []), ...(podSpec.initContainers ?? [])].map(({ name }: Loose) => name);
  return [
    ...(rules.length > mostRules ? [tooMany(at, rules.length, mostRules)] : []),
    ...rules.flatMap((rule, index) => failureRuleFaults(`${at}[${index}]`, rule, spec, names)),
  ];
}

function failureRuleFaults(at: string, rule: Loose, spec: Loose, names: string[]): FieldError[] {
  const faults: FieldError[] = [];
  const { action, onExitCodes, onPodConditions = [] } = rule;
  if (!action) faults.push(required(`${at}.action`, choices(actions)));
  else if (!actions.includes(action)) faults.push(notSupported(`${at}.action`, action, actions));
  else if (action === 'FailIndex' && spec.backoffLimitPerIndex === undefined)
    faults.push(invalid(`${at}.action`, action, 'requires the backoffLimitPerIndex to be set'));
  if (onExitCodes) faults.push(...exitCodeFaults(`${at}.onExitCodes`, onExitCodes, names));
  if (onPodConditions.length > mostRules)
    faults.push(tooMany(`${at}.onPodConditions`, onPodConditions.length, mostRules));
  for (const [index, { type = '', status }] of onPodConditions.entries()) {
    const place = `${at}.onPodConditions[${index}]`;
    faults.push(...each(`${place}.type`, type, qualifiedName(type)));
    if (!status) faults.push(required(`${place}.status`, choices(statuses)));
    else if (!statuses.includes(status)) faults.push(notSupported(`${place}.status`, status, statuses));
  }
  const both = onExitCodes && onPodConditions.length > 0;
  if (both || (!onExitCodes && onPodConditions.length === 0)) {
    const sentence = both
      ? 'specifying both OnExitCodes and OnPodConditions is not supported'
      : 'specifying one of OnExitCodes and OnPodConditions is required';
    faults.push({ field: at, reason: 'FieldValueInvalid', message: `Invalid value: ${sentence}` });
  }
  return faults;
}

function exitCodeFaults(at: string, { operator, containerName, values = [] }: Loose, names: string[]): FieldError[] {
  const faults: FieldError[] = [];
  if (!operator) faults.push(required(`${at}.operator`, choices(operators)));
  else if (!operators.includes(operator)) faults.push(notSupported(`${at}.operator`, operator, operators));
  if (containerName !== undefined && !names.includes(containerName)) {
    const sentence = 'must be one of the container or initContainer names in the pod template';
    faults.push(invalid(`${at}.containerName`, containerName, sentence));
  }
  if (values.length === 0) faults.push(invalid(`${at}.values`, values, 'at least one value is required'));
  else if (values.length > mostCodes) faults.push(tooMany(`${at}.values`, values.length, mostCodes));
  for (const [index, code] of values.entries()) {
    const place = `${at}.values[${index}]`;
    if (operator === 'In' && code === 0) faults.push(invalid(place, code, 'must not be 0 for the In operator'));
    if (values.indexOf(code) < index) faults.push(duplicate(place, code));
  }
  if (values.some((code: number, index: number) => index > 0 && values[index - 1] > code))
    faults.push(invalid(`${at}.values`, values, 'must be ordered'));
  return faults;
}

/** https://kubernetes.io/docs/concepts/workloads/controllers/job/#success-policy */
export function successPolicyFaults(path: string, spec: Loose): FieldError[] {
  const { successPolicy, completionMode, completions = 0 } = spec;
  if (!successPolicy) return [];
  const field = `${path}.successPolicy`;
  const rules: Loose[] = successPolicy.rules ?? [];
  if (completionMode !== 'Indexed') {
    // The server prints the policy as it holds it.
    const Rules = rules.map(({ succeededIndexes = null, succeededCount = null }) => ({
      SucceededIndexes: succeededIndexes,
      SucceededCount: succeededCount,
    }));
    return [invalid(field, { Rules }, 'requires indexed completion mode')];
  }
  const at = `${field}.rules`;
  const faults: FieldError[] = [];
  if (rules.length === 0)
    faults.push(required(at, 'at least one rules must be specified when the successPolicy is specified'));
  if (rules.length > mostRules) faults.push(tooMany(at, rules.length, mostRules));
  for (const [index, rule] of rules.entries()) faults.push(...successRuleFaults(`${at}[${index}]`, rule, completions));
  return faults;
}

function successRuleFaults(at: string, { succeededCount, succeededIndexes }: Loose, completions: number): FieldError[] {
  const faults: FieldError[] = [];
  if (succeededCount === undefined && succeededIndexes === undefined)
    faults.push(required(at, 'at least one of succeededCount or succeededIndexes must be specified'));
  let total: number | undefined;
  if (succeededIndexes !== undefined) {
    const counted = countIndexes(succeededIndexes, completions);
    if (typeof counted === 'number') total = counted;
    else faults.push(invalid(`${at}.succeededIndexes`, succeededIndexes, `error parsing succeededIndexes: ${counted}`));
  }
  if (succeededCount === undefined) return faults;
  const field = `${at}.succeededCount`;
  faults.push(...nonNegative(field, succeededCount));
  const above = (limit: number, what: string) => {
    if (succeededCount > limit)
      faults.push(invalid(field, succeededCount, `must be less than or equal to ${limit} (${what})`));
  };
  above(completions, 'the number of specified completions');
  if (succeededIndexes !== undefined)
    above(total ?? 0, 'the number of indexes in the specified succeededIndexes field');
  return faults;
}

/** How many indexes a text names, or what is wrong with it. */
function countIndexes(text: string, completions: number): number | string {
  if (text === '') return 0;
  let last: number | undefined;
  let total = 0;
  for (const interval of text.split(',')) {
    const limits = interval.split('-');
    if (limits.length > 2)
      return `the fragment "${interval}" violates the requirement that an index interval can have at most two parts separated by '-'`;
    const numbers: number[] = [];
    for (const limit of limits) {
      if (!/^[+-]?\d+$/.test(limit)) return `cannot convert string to integer for index: "${limit}"`;
      const index = Number(limit);
      if (index >= completions) return `too large index: "${limit}"`;
      const before = numbers[0] ?? last;
      if (before !== undefined && before >= index)
        return `non-increasing order, previous: ${before}, current: ${index}`;
      numbers.push(index);
    }
    last = numbers.at(-1)!;
    total += last - numbers[0]! + 1;
  }
  return total;
}
