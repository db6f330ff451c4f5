import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { selects } from '../../../../kubernetes/selectors.ts';
import { forbidden, invalid, notSupported, required } from '../schema/field-errors.ts';
import { claimSpecFaults } from './claim-validation.ts';
import {
  amountOf,
  annotations,
  immutable,
  intOrPercent,
  isEmptySelector,
  label,
  labelSelector,
  labels,
  nonNegative,
  notMoreThanAll,
} from './faults.ts';
import { podSpecFaults } from './pod-validation.ts';
import type { FieldError, Strategy } from './strategy.ts';

export type Rules = Pick<Strategy, 'validate' | 'validateUpdate' | 'validateStatusUpdate'>;

const at = 'spec.template';

export function templateFaults(path: string, template: Loose, added?: string[]): FieldError[] {
  const metadata = template?.metadata ?? {};
  return [
    ...labels(`${path}.labels`, metadata.labels),
    ...annotations(`${path}.annotations`, metadata.annotations),
    ...podSpecFaults(`${path}.spec`, template?.spec ?? {}, added),
  ];
}

const mismatch = '`selector` does not match template `labels`';

function selectorFaults(selector: Loose, kind: string): FieldError[] {
  if (!selector) return [required('spec.selector')];
  const faults = labelSelector('spec.selector', selector);
  return isEmptySelector(selector)
    ? [...faults, invalid('spec.selector', selector, `empty selector is invalid for ${kind}`)]
    : faults;
}

/** A selector that is missing selects nothing, an empty one everything. */
export function matchFaults({ selector, template }: Loose): FieldError[] {
  const own = template?.metadata?.labels;
  if (!isReadable(selector) || selects(selector, own)) return [];
  return [invalid(`${at}.metadata.labels`, own ?? null, mismatch)];
}

export const isReadable = (selector: Loose): boolean =>
  (selector?.matchExpressions ?? []).every(({ operator, values = [] }: Loose) => {
    if (operator === 'In' || operator === 'NotIn') return values.length > 0;
    return (operator === 'Exists' || operator === 'DoesNotExist') && values.length === 0;
  });

/** The template of a workload whose selector can be read; of another, that it cannot. */
function selectedTemplateFaults(spec: Loose, kind: string, unreadable: string, claims?: string[]): FieldError[] {
  if (!isReadable(spec.selector)) return [invalid('spec.selector', spec.selector, unreadable)];
  return [...matchFaults(spec), ...templateFaults(at, spec.template, claims), ...alwaysFaults(spec, kind)];
}

function alwaysFaults(spec: Loose, kind: string): FieldError[] {
  const { restartPolicy, activeDeadlineSeconds } = spec.template?.spec ?? {};
  const faults: FieldError[] = [];
  if (restartPolicy !== 'Always')
    faults.push(notSupported(`${at}.spec.restartPolicy`, restartPolicy ?? '', ['Always']));
  if (activeDeadlineSeconds !== undefined)
    faults.push(forbidden(`${at}.spec.activeDeadlineSeconds`, `activeDeadlineSeconds in ${kind} is not Supported`));
  return faults;
}

const immutableSelector = (object: KubeObject, old: KubeObject): FieldError[] =>
  immutable('spec.selector', object.spec.selector, old.spec.selector);

/** As the server's own type writes it. */
const goStrategy = ({ type, rollingUpdate }: Loose): Loose => ({ Type: type, RollingUpdate: rollingUpdate ?? null });

function deploymentStrategyFaults(strategy: Loose): FieldError[] {
  const path = 'spec.strategy';
  const { type, rollingUpdate } = strategy;
  if (type === 'Recreate') {
    const sentence = "may not be specified when strategy `type` is 'Recreate'";
    return rollingUpdate ? [forbidden(`${path}.rollingUpdate`, sentence)] : [];
  }
  if (type !== 'RollingUpdate') return [notSupported(path, goStrategy(strategy), ['Recreate', 'RollingUpdate'])];
  const { maxUnavailable, maxSurge } = rollingUpdate;
  const faults = [
    ...intOrPercent(`${path}.rollingUpdate.maxUnavailable`, maxUnavailable),
    ...intOrPercent(`${path}.rollingUpdate.maxSurge`, maxSurge),
  ];
  if (amountOf(maxUnavailable) === 0 && amountOf(maxSurge) === 0) {
    const field = `${path}.rollingUpdate.maxUnavailable`;
    faults.push(invalid(field, maxUnavailable, 'may not be 0 when `maxSurge` is 0'));
  }
  return [...faults, ...notMoreThanAll(`${path}.rollingUpdate.maxUnavailable`, maxUnavailable)];
}

export const validateDeployment: Rules = {
  validate({ spec }) {
    const faults = [
      ...nonNegative('spec.replicas', spec.replicas),
      ...selectorFaults(spec.selector, 'deployment'),
      ...selectedTemplateFaults(spec, 'ReplicaSet', 'invalid label selector'),
      ...deploymentStrategyFaults(spec.strategy),
      ...nonNegative('spec.minReadySeconds', spec.minReadySeconds),
      ...nonNegative('spec.revisionHistoryLimit', spec.revisionHistoryLimit),
      ...nonNegative('spec.progressDeadlineSeconds', spec.progressDeadlineSeconds),
    ];
    if (spec.progressDeadlineSeconds <= (spec.minReadySeconds ?? 0)) {
      const sentence = 'must be greater than minReadySeconds';
      faults.push(invalid('spec.progressDeadlineSeconds', spec.progressDeadlineSeconds, sentence));
    }
    return faults;
  },
  validateUpdate: immutableSelector,
  validateStatusUpdate: ({ status = {} }, { status: old = {} }) => [
    ...deploymentStatusFaults(status),
    ...((status.collisionCount ?? 0) < (old.collisionCount ?? 0)
      ? [invalid('status.collisionCount', status.collisionCount ?? 0, 'cannot be decremented')]
      : []),
  ],
};

const deploymentCounts = [
  'observedGeneration',
  'replicas',
  'updatedReplicas',
  'readyReplicas',
  'availableReplicas',
  'unavailableReplicas',
  'terminatingReplicas',
  'collisionCount',
];

function deploymentStatusFaults(status: Loose): FieldError[] {
  const count = (field: string): number => status[field] ?? 0;
  const faults = deploymentCounts.flatMap((field) => nonNegative(`status.${field}`, status[field]));
  for (const field of ['updatedReplicas', 'readyReplicas', 'availableReplicas'])
    if (count(field) > count('replicas'))
      faults.push(invalid(`status.${field}`, count(field), 'cannot be greater than status.replicas'));
  if (count('availableReplicas') > count('readyReplicas'))
    faults.push(
      invalid('status.availableReplicas', count('availableReplicas'), 'cannot be greater than readyReplicas'),
    );
  return faults;
}

export const validateReplicaSet: Rules = {
  validate: ({ spec }) => [
    ...nonNegative('spec.replicas', spec.replicas),
    ...nonNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...selectorFaults(spec.selector, 'deployment'),
    ...selectedTemplateFaults(spec, 'ReplicaSet', 'invalid label selector'),
  ],
  validateUpdate: immutableSelector,
};

export const validateDaemonSet: Rules = {
  validate({ spec }) {
    const { type, rollingUpdate = {} } = spec.updateStrategy;
    const path = 'spec.updateStrategy';
    const faults = [
      ...labelSelector('spec.selector', spec.selector),
      ...matchFaults(spec),
      ...(spec.selector && isEmptySelector(spec.selector) ? selectorFaults(spec.selector, 'daemonset') : []),
      ...templateFaults(at, spec.template),
      ...alwaysFaults(spec, 'DaemonSet'),
      ...nonNegative('spec.minReadySeconds', spec.minReadySeconds),
    ];
    if (type === 'RollingUpdate') {
      const { maxUnavailable, maxSurge } = rollingUpdate;
      const rolling = `${path}.rollingUpdate`;
      faults.push(
        ...intOrPercent(`${rolling}.maxUnavailable`, maxUnavailable),
        ...intOrPercent(`${rolling}.maxSurge`, maxSurge),
      );
      const [down, up] = [amountOf(maxUnavailable), amountOf(maxSurge)];
      if (down && up)
        faults.push(invalid(`${rolling}.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero'));
      if (!down && !up) faults.push(required(`${rolling}.maxUnavailable`, 'cannot be 0 when maxSurge is 0'));
    } else if (type !== 'OnDelete') faults.push(notSupported(`${path}.type`, type, ['RollingUpdate', 'OnDelete']));
    return [...faults, ...nonNegative('spec.revisionHistoryLimit', spec.revisionHistoryLimit)];
  },
  validateUpdate: immutableSelector,
};

const changeable = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
];

export const validateStatefulSet: Rules = {
  validate({ spec }) {
    const faults: FieldError[] = [];
    if (!['OrderedReady', 'Parallel'].includes(spec.podManagementPolicy))
      faults.push(
        invalid('spec.podManagementPolicy', spec.podManagementPolicy, "must be 'OrderedReady' or 'Parallel'"),
      );
    const { type, rollingUpdate } = spec.updateStrategy;
    if (type === 'OnDelete' && rollingUpdate)
      faults.push(
        invalid('spec.updateStrategy.rollingUpdate', rollingUpdate, "only allowed for updateStrategy 'RollingUpdate'"),
      );
    else if (type === 'RollingUpdate')
      faults.push(...nonNegative('spec.updateStrategy.rollingUpdate.partition', rollingUpdate?.partition));
    else if (type !== 'OnDelete')
      faults.push(
        invalid('spec.updateStrategy', goStrategy(spec.updateStrategy), "must be 'RollingUpdate' or 'OnDelete'"),
      );
    for (const [index, claim] of (spec.volumeClaimTemplates ?? []).entries())
      faults.push(...claimSpecFaults(`spec.volumeClaimTemplates[${index}].spec`, claim.spec));
    const claims = (spec.volumeClaimTemplates ?? []).map(({ metadata }: Loose) => metadata?.name);
    return [
      ...faults,
      ...nonNegative('spec.replicas', spec.replicas),
      ...nonNegative('spec.minReadySeconds', spec.minReadySeconds),
      ...(spec.serviceName ? label('spec.serviceName', spec.serviceName) : []),
      ...selectorFaults(spec.selector, 'statefulset'),
      ...selectedTemplateFaults(spec, 'StatefulSet', '', claims),
    ];
  },
  validateUpdate({ spec }, old) {
    const rest = (value: Loose) =>
      Object.fromEntries(Object.entries(value).filter(([key]) => !changeable.includes(key)));
    if (isDeepStrictEqual(rest(spec), rest(old.spec))) return [];
    const sentence =
      "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
    return [forbidden('spec', sentence)];
  },
};

export const validateReplicationController: Rules = {
  validate({ spec }) {
    const own: Record<string, string> = spec.template?.metadata?.labels ?? {};
    const selector: Record<string, string> = spec.selector ?? {};
    const faults = [
      ...nonNegative('spec.minReadySeconds', spec.minReadySeconds),
      ...(Object.keys(selector).length === 0 ? [required('spec.selector')] : []),
      ...nonNegative('spec.replicas', spec.replicas),
    ];
    if (!spec.template) return [...faults, required(at)];
    if (Object.entries(selector).some(([key, value]) => own[key] !== value))
      faults.push(invalid(`${at}.metadata.labels`, own, mismatch));
    faults.push(...templateFaults(at, spec.template));
    const policy = spec.template.spec?.restartPolicy;
    if (policy && policy !== 'Always') faults.push(notSupported(`${at}.spec.restartPolicy`, policy, ['Always']));
    const deadline = spec.template.spec?.activeDeadlineSeconds;
    if (deadline !== undefined)
      faults.push(
        forbidden(
          `${at}.spec.activeDeadlineSeconds`,
          'activeDeadlineSeconds in ReplicationController is not Supported',
        ),
      );
    return faults;
  },
};
