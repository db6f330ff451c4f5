import { labelValue, outside, qualifiedName } from '../../../../kubernetes/names.ts';
import type { Loose } from '../../../../kubernetes/object.ts';
import { invalid, notSupported, required } from '../schema/field-errors.ts';
import { containerFaults, hostPortFaults, initContainerFaults } from './container-validation.ts';
import { each, label, labelSelector, labels, oneOf, subdomain } from './faults.ts';
import { podSecurityFaults } from './security-validation.ts';
import type { FieldError } from './strategy.ts';
import { volumeFaults } from './volume-validation.ts';

const restartPolicies = ['Always', 'OnFailure', 'Never'];
const dnsPolicies = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];
const preemptionPolicies = ['PreemptLowerPriority', 'Never'];

/** What is wrong with a pod's spec, in the real server's order. `volumes` are those a StatefulSet adds by its claims. */
export function podSpecFaults(path: string, spec: Loose, added: string[] = []): FieldError[] {
  const faults: FieldError[] = [];
  const { known, faults: wrongVolumes } = volumeFaults(`${path}.volumes`, spec.volumes ?? []);
  for (const name of added) known.add(name);
  faults.push(...wrongVolumes);
  const containers: Loose[] = spec.containers ?? [];
  if (containers.length === 0) faults.push(required(`${path}.containers`));
  faults.push(...containerFaults(`${path}.containers`, containers, known));
  faults.push(...hostPortFaults(`${path}.containers`, containers));
  faults.push(...initContainerFaults(`${path}.initContainers`, spec.initContainers ?? [], containers, known));
  faults.push(...oneOf(`${path}.restartPolicy`, spec.restartPolicy, restartPolicies));
  faults.push(...oneOf(`${path}.dnsPolicy`, spec.dnsPolicy, dnsPolicies));
  faults.push(...labels(`${path}.nodeSelector`, spec.nodeSelector));
  faults.push(...podSecurityFaults(`${path}.securityContext`, spec.securityContext ?? {}, spec));
  faults.push(...affinityFaults(`${path}.affinity`, spec.affinity ?? {}));
  faults.push(...spreadFaults(`${path}.topologySpreadConstraints`, spec.topologySpreadConstraints ?? []));
  if (spec.serviceAccountName) faults.push(...subdomain(`${path}.serviceAccountName`, spec.serviceAccountName));
  if (spec.nodeName) faults.push(...subdomain(`${path}.nodeName`, spec.nodeName));
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined && (deadline < 1 || deadline > 2_147_483_647))
    faults.push(invalid(`${path}.activeDeadlineSeconds`, deadline, outside(1, 2_147_483_647)));
  if (spec.hostname) faults.push(...label(`${path}.hostname`, spec.hostname));
  if (spec.subdomain) faults.push(...label(`${path}.subdomain`, spec.subdomain));
  faults.push(...tolerationFaults(`${path}.tolerations`, spec.tolerations ?? []));
  if (spec.priorityClassName) faults.push(...subdomain(`${path}.priorityClassName`, spec.priorityClassName));
  if (spec.runtimeClassName !== undefined) faults.push(...subdomain(`${path}.runtimeClassName`, spec.runtimeClassName));
  if (spec.preemptionPolicy)
    faults.push(...oneOf(`${path}.preemptionPolicy`, spec.preemptionPolicy, preemptionPolicies));
  return faults;
}

function tolerationFaults(path: string, tolerations: Loose[]): FieldError[] {
  return tolerations.flatMap(({ key = '', operator = '', value = '', effect = '', tolerationSeconds }, index) => {
    const at = `${path}[${index}]`;
    const faults: FieldError[] = key ? each(`${at}.key`, key, qualifiedName(key)) : [];
    if (!key && operator !== 'Exists') {
      const sentence = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
      faults.push(invalid(`${at}.operator`, operator, sentence));
    }
    if (tolerationSeconds !== undefined && effect !== 'NoExecute')
      faults.push(invalid(`${at}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"));
    if (operator === 'Equal' || operator === '') {
      const wrong = labelValue(value);
      if (wrong.length > 0) faults.push(invalid(`${at}.operator`, value, wrong.join(';')));
    } else if (operator === 'Exists') {
      if (value) faults.push(invalid(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'"));
    } else faults.push(notSupported(`${at}.operator`, operator, ['Equal', 'Exists']));
    if (effect) faults.push(...effectFaults(`${at}.effect`, effect));
    return faults;
  });
}

export function effectFaults(path: string, effect: string): FieldError[] {
  const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];
  return effects.includes(effect) ? [] : [notSupported(path, effect, effects)];
}

const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'];

function nodeTermFaults(path: string, term: Loose): FieldError[] {
  return (term?.matchExpressions ?? []).flatMap(({ key = '', operator, values = [] }: Loose, index: number) => {
    const at = `${path}.matchExpressions[${index}]`;
    const faults: FieldError[] = [];
    if (['In', 'NotIn'].includes(operator) && values.length === 0)
      faults.push(required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    if (['Gt', 'Lt'].includes(operator) && values.length !== 1)
      faults.push(required(`${at}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
    if (!operators.includes(operator))
      faults.push(invalid(`${at}.operator`, operator ?? '', 'not a valid selector operator'));
    return [...faults, ...each(`${at}.key`, key, qualifiedName(key))];
  });
}

function podTermFaults(path: string, term: Loose): FieldError[] {
  const faults = labelSelector(`${path}.labelSelector`, term?.labelSelector);
  if (!term?.topologyKey) faults.push(required(`${path}.topologyKey`, 'can not be empty'));
  return [...faults, ...each(`${path}.topologyKey`, term?.topologyKey ?? '', qualifiedName(term?.topologyKey ?? ''))];
}

function affinityFaults(path: string, { nodeAffinity, podAffinity, podAntiAffinity }: Loose): FieldError[] {
  const faults: FieldError[] = [];
  const must = 'requiredDuringSchedulingIgnoredDuringExecution';
  const may = 'preferredDuringSchedulingIgnoredDuringExecution';
  const weight = (at: string, value: number) => {
    if (value <= 0 || value > 100) faults.push(invalid(`${at}.weight`, value, 'must be in the range 1-100'));
  };
  if (nodeAffinity?.[must]) {
    const at = `${path}.nodeAffinity.${must}.nodeSelectorTerms`;
    const terms = nodeAffinity[must].nodeSelectorTerms ?? [];
    if (terms.length === 0) faults.push(required(at, 'must have at least one node selector term'));
    for (const [index, term] of terms.entries()) faults.push(...nodeTermFaults(`${at}[${index}]`, term));
  }
  for (const [index, term] of (nodeAffinity?.[may] ?? []).entries()) {
    const at = `${path}.nodeAffinity.${may}[${index}]`;
    weight(at, term.weight);
    faults.push(...nodeTermFaults(`${at}.preference`, term.preference));
  }
  for (const [name, affinity] of [
    ['podAffinity', podAffinity],
    ['podAntiAffinity', podAntiAffinity],
  ] as const) {
    for (const [index, term] of (affinity?.[must] ?? []).entries())
      faults.push(...podTermFaults(`${path}.${name}.${must}[${index}]`, term));
    for (const [index, term] of (affinity?.[may] ?? []).entries()) {
      const at = `${path}.${name}.${may}[${index}]`;
      weight(at, term.weight);
      faults.push(...podTermFaults(`${at}.podAffinityTerm`, term.podAffinityTerm));
    }
  }
  return faults;
}

function spreadFaults(path: string, constraints: Loose[]): FieldError[] {
  return constraints.flatMap(({ maxSkew = 0, topologyKey, whenUnsatisfiable, labelSelector: selector }, index) => {
    const at = `${path}[${index}]`;
    const faults: FieldError[] = [];
    if (maxSkew <= 0) faults.push(invalid(`${at}.maxSkew`, maxSkew, 'must be greater than zero'));
    if (!topologyKey) faults.push(required(`${at}.topologyKey`, 'can not be empty'));
    const actions = ['DoNotSchedule', 'ScheduleAnyway'];
    if (!actions.includes(whenUnsatisfiable))
      faults.push(notSupported(`${at}.whenUnsatisfiable`, whenUnsatisfiable ?? '', actions));
    return [...faults, ...labelSelector(`${at}.labelSelector`, selector)];
  });
}
