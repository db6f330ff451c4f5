import { isDeepStrictEqual } from 'node:util';
import { dns1123Label } from '../../../../kubernetes/names.ts';
import type { Loose } from '../../../../kubernetes/object.ts';
import { selects } from '../../../../kubernetes/selectors.ts';
import { invalid, notSupported, required } from '../schema/field-errors.ts';
import { cronFault } from './cron.ts';
import { immutable, labelSelector, nonNegative, oneOf } from './faults.ts';
import { internalForm } from './internal-form.ts';
import { failurePolicyFaults, successPolicyFaults } from './job-policy-validation.ts';
import type { FieldError } from './strategy.ts';
import { isReadable, matchFaults, type Rules, templateFaults } from './workload-validation.ts';

const counts = [
  'parallelism',
  'completions',
  'activeDeadlineSeconds',
  'backoffLimit',
  'ttlSecondsAfterFinished',
  'backoffLimitPerIndex',
  'maxFailedIndexes',
];
/** What an indexed job may be at most. */
const most = {
  parallelism: 100_000,
  failed: 100_000,
  manyCompletions: 100_000,
  parallelismThen: 10_000,
  failedThen: 10_000,
};

function jobSpecFaults(path: string, spec: Loose): FieldError[] {
  const faults = counts.flatMap((count) => nonNegative(`${path}.${count}`, spec[count]));
  const mode = spec.completionMode ?? 'NonIndexed';
  if (!['NonIndexed', 'Indexed'].includes(mode))
    faults.push(notSupported(`${path}.completionMode`, mode, ['NonIndexed', 'Indexed']));
  if (mode === 'Indexed') faults.push(...indexedFaults(path, spec));
  if (mode === 'NonIndexed')
    for (const field of ['backoffLimitPerIndex', 'maxFailedIndexes'])
      if (spec[field] !== undefined)
        faults.push(invalid(`${path}.${field}`, spec[field], 'requires indexed completion mode'));
  faults.push(...failurePolicyFaults(path, spec), ...successPolicyFaults(path, spec));
  if (spec.podReplacementPolicy) {
    const allowed = spec.podFailurePolicy ? ['Failed'] : ['Failed', 'TerminatingOrFailed'];
    faults.push(...oneOf(`${path}.podReplacementPolicy`, spec.podReplacementPolicy, allowed));
  }
  faults.push(...templateFaults(`${path}.template`, spec.template));
  const policy = spec.template?.spec?.restartPolicy;
  const field = `${path}.template.spec.restartPolicy`;
  if (!policy || policy === 'Always') faults.push(required(field, 'valid values: "OnFailure", "Never"'));
  else if (!['OnFailure', 'Never'].includes(policy)) faults.push(notSupported(field, policy, ['OnFailure', 'Never']));
  else if (spec.podFailurePolicy && policy !== 'Never')
    faults.push(invalid(field, policy, 'only "Never" is supported when podFailurePolicy is specified'));
  return faults;
}

function indexedFaults(path: string, spec: Loose): FieldError[] {
  const faults: FieldError[] = [];
  const { completions, parallelism, maxFailedIndexes } = spec;
  const atMost = (field: string, value: number | undefined, limit: number, when = '') => {
    if (value !== undefined && value > limit)
      faults.push(invalid(`${path}.${field}`, value, `must be less than or equal to ${limit}${when}`));
  };
  if (completions === undefined) faults.push(required(`${path}.completions`, 'when completion mode is Indexed'));
  atMost('parallelism', parallelism, most.parallelism, ' when completion mode is Indexed');
  if (completions !== undefined && maxFailedIndexes > completions)
    faults.push(invalid(`${path}.maxFailedIndexes`, maxFailedIndexes, 'must be less than or equal to completions'));
  atMost('maxFailedIndexes', maxFailedIndexes, most.failed);
  if (completions > most.manyCompletions && spec.backoffLimitPerIndex !== undefined) {
    const when = ` when completions are above ${most.manyCompletions} and used with backoff limit per index`;
    if (maxFailedIndexes === undefined)
      faults.push(
        required(`${path}.maxFailedIndexes`, `must be specified when completions is above ${most.manyCompletions}`),
      );
    atMost('parallelism', parallelism, most.parallelismThen, when);
    atMost('maxFailedIndexes', maxFailedIndexes, most.failedThen, when);
  }
  return faults;
}

/** Where the pods of a job that has never started may run can still be changed. */
function withPlacesOf(template: Loose, old: Loose): Loose {
  const { nodeAffinity, ...others } = old.spec.affinity ?? {};
  const chosen = template.spec.affinity?.nodeAffinity;
  const affinity = { ...others, ...(chosen && { nodeAffinity: chosen }) };
  const spec: Loose = { ...old.spec, affinity };
  if (Object.keys(affinity).length === 0 && !template.spec.affinity) delete spec.affinity;
  for (const field of ['nodeSelector', 'tolerations', 'schedulingGates']) {
    if (template.spec[field] === undefined) delete spec[field];
    else spec[field] = template.spec[field];
  }
  const metadata = { ...old.metadata };
  for (const field of ['labels', 'annotations']) {
    if (template.metadata?.[field] === undefined) delete metadata[field];
    else metadata[field] = template.metadata[field];
  }
  return { ...old, spec, ...((old.metadata || template.metadata) && { metadata }) };
}

function templateUpdateFaults(template: Loose, { spec, status }: Loose): FieldError[] {
  const fresh = spec.suspend === true && !status?.startTime;
  if (isDeepStrictEqual(template, fresh ? withPlacesOf(template, spec.template) : spec.template)) return [];
  return [invalid('spec.template', internalForm(template, 'PodTemplateSpec'), 'field is immutable')];
}

/** Only an indexed job may get more or fewer, as many as run at once. */
function completionsFaults({ completionMode, completions, parallelism }: Loose, old: Loose): FieldError[] {
  if (completionMode !== 'Indexed') return immutable('spec.completions', completions, old.completions);
  if (completions === undefined || completions === old.completions || completions === parallelism) return [];
  return [invalid('spec.completions', completions, 'can only be modified in tandem with spec.parallelism')];
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
  validateUpdate: ({ spec }, before) => {
    const { spec: old } = before;
    return [
      ...completionsFaults(spec, old),
      ...immutable('spec.selector', spec.selector, old.selector),
      ...templateUpdateFaults(spec.template, before),
      ...immutable('spec.completionMode', spec.completionMode, old.completionMode),
      ...immutable('spec.podFailurePolicy', spec.podFailurePolicy, old.podFailurePolicy),
      ...immutable('spec.backoffLimitPerIndex', spec.backoffLimitPerIndex, old.backoffLimitPerIndex),
      ...immutable('spec.managedBy', spec.managedBy, old.managedBy),
      ...immutable('spec.successPolicy', spec.successPolicy, old.successPolicy),
    ];
  },
};

function timeZoneFaults(zone: string | undefined): FieldError[] {
  if (zone === undefined) return [];
  const field = 'spec.timeZone';
  if (zone === '') return [invalid(field, zone, 'timeZone must be nil or non-empty string')];
  const parts = zone.split('/');
  if (parts.some((part) => part.startsWith('-') || !/^[A-Za-z._0-9+-]{1,14}$/.test(part) || /^\.\.?$/.test(part)))
    return [invalid(field, zone, `unknown time zone ${zone}`)];
  if (zone.toLowerCase() === 'local') {
    const sentence = 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones';
    const unknown = zone === 'Local' ? [] : [invalid(field, zone, `unknown time zone ${zone}`)];
    return [invalid(field, zone, sentence), ...unknown];
  }
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
