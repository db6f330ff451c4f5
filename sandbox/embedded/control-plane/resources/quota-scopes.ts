import type { Loose } from '../../../../kubernetes/object.ts';
import { invalid, required } from '../schema/field-errors.ts';
import type { FieldError } from './strategy.ts';

const podScopes = ['Terminating', 'NotTerminating', 'NotBestEffort', 'PriorityClass', 'CrossNamespacePodAffinity'];
const scopes = new Set([...podScopes, 'BestEffort', 'VolumeAttributesClass']);
const compute = new Set(['cpu', 'memory', 'limits.cpu', 'limits.memory', 'requests.cpu', 'requests.memory']);
const pairs = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
];

function fits(scope: string, resource: string): boolean {
  if (scope === 'BestEffort') return resource === 'pods';
  if (scope === 'VolumeAttributesClass')
    return resource === 'persistentvolumeclaims' || resource === 'requests.storage';
  return !podScopes.includes(scope) || resource === 'pods' || compute.has(resource);
}

const existsOnly =
  "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";

/** What is wrong with the scopes of a quota; `standard` are those of its resources that Kubernetes itself counts. */
export function scopeFaults(spec: Loose, standard: string[]): FieldError[] {
  const faults: FieldError[] = [];
  const misfit = (scope: string): boolean => standard.some((resource) => !fits(scope, resource));
  const conflicting = (list: string[]): boolean => pairs.some((pair) => pair.every((scope) => list.includes(scope)));
  const list: string[] = spec.scopes ?? [];
  for (const scope of list) {
    if (!scopes.has(scope)) faults.push(invalid('spec.scopes', list, 'unsupported scope'));
    if (misfit(scope)) faults.push(invalid('spec.scopes', list, 'unsupported scope applied to resource'));
  }
  if (conflicting(list)) faults.push(invalid('spec.scopes', list, 'conflicting scopes'));
  const terms: Loose[] = spec.scopeSelector?.matchExpressions ?? [];
  const at = 'spec.scopeSelector.matchExpressions';
  const shown = {
    MatchExpressions: terms.map(({ scopeName, operator, values }) => ({
      ScopeName: scopeName,
      Operator: operator,
      Values: values ?? null,
    })),
  };
  for (const { scopeName, operator, values = [] } of terms) {
    if (!scopes.has(scopeName)) faults.push(invalid(`${at}.scopeName`, scopeName, 'unsupported scope'));
    if (misfit(scopeName)) faults.push(invalid(at, shown, 'unsupported scope applied to resource'));
    if (scopeName !== 'PriorityClass' && scopeName !== 'VolumeAttributesClass' && scopes.has(scopeName))
      if (operator !== 'Exists') faults.push(invalid(`${at}.operator`, operator, existsOnly));
    faults.push(...operatorFaults(at, operator, values ?? []));
  }
  if (conflicting(terms.map(({ scopeName }) => scopeName))) faults.push(invalid(at, shown, 'conflicting scopes'));
  return faults;
}

function operatorFaults(at: string, operator: string, values: string[]): FieldError[] {
  if (operator === 'In' || operator === 'NotIn') {
    const why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
    return values.length === 0 ? [required(`${at}.values`, why)] : [];
  }
  if (operator === 'Exists' || operator === 'DoesNotExist') {
    const why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
    return values.length > 0 ? [invalid(`${at}.values`, values, why)] : [];
  }
  return [invalid(`${at}.operator`, operator, 'not a valid selector operator')];
}
