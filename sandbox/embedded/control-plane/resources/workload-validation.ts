import { isDeepStrictEqual } from 'node:util';
import { dns1123Label } from '../../../../kubernetes/names.ts';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { selects } from '../../../../kubernetes/selectors.ts';
import { forbidden, invalid, notSupported, required } from '../schema/field-errors.ts';
import { claimSpecFaults } from './claim-validation.ts';
import { cronFault } from './cron.ts';
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
  oneOf,
} from './faults.ts';
import { internalForm } from './internal-form.ts';
import { podSpecFaults } from './pod-validation.ts';
import type { FieldError, Strategy } from './strategy.ts';

type Rules = Pick<Strategy, 'validate' | 'validateUpdate'>;

const at = 'spec.template';

function templateFaults(path: string, template: Loose, added?: string[]): FieldError[] {
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
function matchFaults({ selector, template }: Loose): FieldError[] {
  const own = template?.metadata?.labels;
  if (!isReadable(selector) || selects(selector, own)) return [];
  return [invalid(`${at}.metadata.labels`, own ?? null, mismatch)];
}

const isReadable = (selector: Loose): boolean =>
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
};

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

const counts = [
  'parallelism',
  'completions',
  'activeDeadlineSeconds',
  'backoffLimit',
  'ttlSecondsAfterFinished',
  'backoffLimitPerIndex',
];

function jobSpecFaults(path: string, spec: Loose): FieldError[] {
  const faults = counts.flatMap((count) => nonNegative(`${path}.${count}`, spec[count]));
  const mode = spec.completionMode ?? 'NonIndexed';
  if (!['NonIndexed', 'Indexed'].includes(mode))
    faults.push(notSupported(`${path}.completionMode`, mode, ['NonIndexed', 'Indexed']));
  if (mode === 'Indexed' && spec.completions === undefined)
    faults.push(required(`${path}.completions`, 'when completion mode is Indexed'));
  if (mode === 'NonIndexed')
    for (const field of ['backoffLimitPerIndex', 'maxFailedIndexes', 'successPolicy'])
      if (spec[field] !== undefined)
        faults.push(invalid(`${path}.${field}`, spec[field], 'requires indexed completion mode'));
  faults.push(...templateFaults(`${path}.template`, spec.template));
  const policy = spec.template?.spec?.restartPolicy;
  const field = `${path}.template.spec.restartPolicy`;
  if (!policy || policy === 'Always') faults.push(required(field, 'valid values: "OnFailure", "Never"'));
  else if (!['OnFailure', 'Never'].includes(policy)) faults.push(notSupported(field, policy, ['OnFailure', 'Never']));
  else if (spec.podFailurePolicy && policy !== 'Never')
    faults.push(invalid(field, policy, 'only "Never" is supported when podFailurePolicy is specified'));
  return faults;
}

function templateUpdateFaults(template: Loose, old: Loose): FieldError[] {
  if (isDeepStrictEqual(template, old)) return [];
  return [invalid(at, internalForm(template, 'PodTemplateSpec'), 'field is immutable')];
}

export const validateJob: Rules = {
  validate({ metadata, spec }) {
    const faults: FieldError[] = [];
    if (!spec.manualSelector && spec.selector) {
      const own = { 'controller-uid': metadata.uid ?? '', 'job-name': metadata.name ?? '' };
      const all = {
        ...own,
        'batch.kubernetes.io/controller-uid': own['controller-uid'],
        'batch.kubernetes.io/job-name': own['job-name'],
      };
      if (isReadable(spec.selector) && !selects(spec.selector, all))
        faults.push(invalid('spec.selector', spec.selector, '`selector` not auto-generated'));
    }
    faults.push(...jobSpecFaults('spec', spec));
    faults.push(
      ...(spec.selector ? labelSelector('spec.selector', spec.selector) : [required('spec.selector')]),
      ...matchFaults(spec),
    );
    if (spec.completionMode === 'Indexed' && spec.completions > 0) {
      const hostname = `${metadata.name}-${spec.completions - 1}`;
      if (dns1123Label(hostname).length > 0)
        faults.push(
          invalid('metadata.name', metadata.name, `will not able to create pod with invalid DNS label: ${hostname}`),
        );
    }
    return faults;
  },
  validateUpdate: ({ spec }, { spec: old }) => [
    ...(spec.completionMode === 'Indexed' ? [] : immutable('spec.completions', spec.completions, old.completions)),
    ...immutable('spec.selector', spec.selector, old.selector),
    ...(old.suspend ? [] : templateUpdateFaults(spec.template, old.template)),
    ...immutable('spec.completionMode', spec.completionMode, old.completionMode),
    ...immutable('spec.podFailurePolicy', spec.podFailurePolicy, old.podFailurePolicy),
    ...immutable('spec.backoffLimitPerIndex', spec.backoffLimitPerIndex, old.backoffLimitPerIndex),
    ...immutable('spec.managedBy', spec.managedBy, old.managedBy),
    ...immutable('spec.successPolicy', spec.successPolicy, old.successPolicy),
  ],
};

function timeZoneFaults(zone: string | undefined): FieldError[] {
  if (zone === undefined) return [];
  const field = 'spec.timeZone';
  if (zone === '') return [invalid(field, zone, 'timeZone must be nil or non-empty string')];
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return [];
  } catch {
    return [invalid(field, zone, `unknown time zone ${zone}`)];
  }
}

export const validateCronJob: Rules = {
  validate({ metadata, spec }) {
    const faults: FieldError[] = [];
    const { schedule } = spec;
    if (!schedule) faults.push(required('spec.schedule'));
    else {
      const wrong = cronFault(schedule);
      if (wrong) faults.push(invalid('spec.schedule', schedule, wrong));
      if (schedule.includes('TZ'))
        faults.push(
          invalid('spec.schedule', schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'),
        );
    }
    faults.push(
      ...nonNegative('spec.startingDeadlineSeconds', spec.startingDeadlineSeconds),
      ...timeZoneFaults(spec.timeZone),
      ...oneOf('spec.concurrencyPolicy', spec.concurrencyPolicy, ['Allow', 'Forbid', 'Replace']),
      ...jobSpecFaults('spec.jobTemplate.spec', spec.jobTemplate?.spec ?? {}),
    );
    if (spec.jobTemplate?.spec?.selector)
      faults.push(
        invalid('spec.jobTemplate.spec.selector', spec.jobTemplate.spec.selector, '`selector` will be auto-generated'),
      );
    faults.push(
      ...nonNegative('spec.successfulJobsHistoryLimit', spec.successfulJobsHistoryLimit),
      ...nonNegative('spec.failedJobsHistoryLimit', spec.failedJobsHistoryLimit),
    );
    if ((metadata.name ?? '').length > 52)
      faults.push(invalid('metadata.name', metadata.name, 'must be no more than 52 characters'));
    return faults;
  },
};
