import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { humanDuration } from '../apiserver/human-duration.ts';
import { ageOf, containerCells, mapCell, named, nameOf, selectorCell } from './cells.ts';
import { validateCronJob, validateJob } from './job-validation.ts';
import { defaultPodSpec } from './pod-defaults.ts';
import { podTemplateWarnings } from './pod-warnings.ts';
import type { Strategy } from './strategy.ts';
import {
  validateDaemonSet,
  validateDeployment,
  validateReplicaSet,
  validateReplicationController,
  validateStatefulSet,
} from './workload-validation.ts';

const templateWarnings = (object: KubeObject): string[] => podTemplateWarnings(object.spec?.template, 'spec.template.');

/** What every template's pod gets. */
function defaultTemplate(template: Loose): void {
  if (template?.spec) defaultPodSpec(template.spec);
}

export const deployments: Strategy = {
  countsAnnotations: true,
  ...validateDeployment,
  defaults({ spec }) {
    spec.replicas ??= 1;
    spec.strategy ??= {};
    spec.strategy.type ||= 'RollingUpdate';
    if (spec.strategy.type === 'RollingUpdate')
      spec.strategy.rollingUpdate = { maxUnavailable: '25%', maxSurge: '25%', ...spec.strategy.rollingUpdate };
    spec.revisionHistoryLimit ??= 10;
    spec.progressDeadlineSeconds ??= 600;
    defaultTemplate(spec.template);
  },
  warnings: templateWarnings,
  cells: (object, now) => [
    nameOf(object),
    `${object.status?.readyReplicas ?? 0}/${object.spec.replicas}`,
    object.status?.updatedReplicas ?? 0,
    object.status?.availableReplicas ?? 0,
    ageOf(object, now),
    ...containerCells(object.spec.template),
    selectorCell(object.spec.selector),
  ],
};

export const replicaSets: Strategy = {
  ...validateReplicaSet,
  defaults({ spec }) {
    spec.replicas ??= 1;
    defaultTemplate(spec.template);
  },
  prepareForCreate(object) {
    object.status = { replicas: 0 };
  },
  warnings: templateWarnings,
  cells: (object, now) => [
    nameOf(object),
    object.spec.replicas ?? 0,
    object.status?.replicas ?? 0,
    object.status?.readyReplicas ?? 0,
    ageOf(object, now),
    ...containerCells(object.spec.template),
    selectorCell(object.spec.selector),
  ],
  selectableFields: { 'status.replicas': (object) => String(object.status?.replicas ?? 0) },
};

export const replicationControllers: Strategy = {
  ...validateReplicationController,
  defaults(object) {
    const { spec, metadata } = object;
    const labels = spec.template?.metadata?.labels;
    if (labels && !Object.keys(spec.selector ?? {}).length) spec.selector = { ...labels };
    if (labels && !Object.keys(metadata.labels ?? {}).length) metadata.labels = { ...labels };
    spec.replicas ??= 1;
    defaultTemplate(spec.template);
  },
  prepareForCreate: replicaSets.prepareForCreate!,
  cells: (object, now) => [...replicaSets.cells!(object, now).slice(0, -1), mapCell(object.spec.selector)],
  selectableFields: replicaSets.selectableFields!,
};

export const statefulSets: Strategy = {
  ...validateStatefulSet,
  defaults({ spec }) {
    spec.podManagementPolicy ||= 'OrderedReady';
    spec.updateStrategy ??= {};
    if (!spec.updateStrategy.type) {
      spec.updateStrategy.type = 'RollingUpdate';
      spec.updateStrategy.rollingUpdate ??= {};
    }
    if (spec.updateStrategy.type === 'RollingUpdate' && spec.updateStrategy.rollingUpdate)
      spec.updateStrategy.rollingUpdate.partition ??= 0;
    spec.persistentVolumeClaimRetentionPolicy = {
      whenDeleted: 'Retain',
      whenScaled: 'Retain',
      ...spec.persistentVolumeClaimRetentionPolicy,
    };
    spec.replicas ??= 1;
    spec.revisionHistoryLimit ??= 10;
    defaultTemplate(spec.template);
    for (const claim of spec.volumeClaimTemplates ?? []) {
      claim.apiVersion ||= 'v1';
      claim.kind ||= 'PersistentVolumeClaim';
      claim.spec ??= {};
      claim.spec.volumeMode ??= 'Filesystem';
      claim.status ??= {};
      claim.status.phase ||= 'Pending';
    }
  },
  prepareForCreate(object) {
    object.status = { replicas: 0, availableReplicas: 0 };
    dropMaxUnavailable(object);
  },
  prepareForUpdate: (object, old) => {
    if (old.spec.updateStrategy?.rollingUpdate?.maxUnavailable === undefined) dropMaxUnavailable(object);
  },
  warnings: templateWarnings,
  cells: (object, now) => [
    nameOf(object),
    `${object.status?.readyReplicas ?? 0}/${object.spec.replicas ?? 0}`,
    ageOf(object, now),
    ...containerCells(object.spec.template),
  ],
};

/** Behind a gate (MaxUnavailableStatefulSet) that is closed unless opened. */
function dropMaxUnavailable({ spec }: KubeObject): void {
  delete spec.updateStrategy?.rollingUpdate?.maxUnavailable;
}

/** Counts the templates a DaemonSet has had; from before there were revisions. */
const templateGeneration = 'deprecated.daemonset.template.generation';

export const daemonSets: Strategy = {
  changesFirst: true,
  ...validateDaemonSet,
  defaults({ spec, metadata }) {
    spec.updateStrategy ??= {};
    spec.updateStrategy.type ||= 'RollingUpdate';
    if (spec.updateStrategy.type === 'RollingUpdate')
      spec.updateStrategy.rollingUpdate = { maxUnavailable: 1, maxSurge: 0, ...spec.updateStrategy.rollingUpdate };
    spec.revisionHistoryLimit ??= 10;
    defaultTemplate(spec.template);
    metadata.annotations = {
      ...metadata.annotations,
      [templateGeneration]: metadata.annotations?.[templateGeneration] ?? '1',
    };
  },
  prepareForUpdate(object, old) {
    const before = Number(old.metadata.annotations?.[templateGeneration] ?? 1);
    const changed = !isDeepStrictEqual(object.spec.template, old.spec.template);
    object.metadata.annotations = {
      ...object.metadata.annotations,
      [templateGeneration]: String(changed ? before + 1 : before),
    };
  },
  prepareForCreate(object) {
    object.status = { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 };
  },
  warnings: templateWarnings,
  cells: (object, now) => [
    nameOf(object),
    ...[
      'desiredNumberScheduled',
      'currentNumberScheduled',
      'numberReady',
      'updatedNumberScheduled',
      'numberAvailable',
    ].map((count) => object.status?.[count] ?? 0),
    mapCell(object.spec.template?.spec?.nodeSelector),
    ageOf(object, now),
    ...containerCells(object.spec.template),
    selectorCell(object.spec.selector),
  ],
};

function defaultJobSpec(spec: Loose): void {
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : 2_147_483_647;
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed';
  spec.manualSelector ??= false;
  for (const rule of spec.podFailurePolicy?.rules ?? [])
    for (const pattern of rule.onPodConditions ?? []) pattern.status ||= 'True';
  defaultTemplate(spec.template);
}

const conditionsOf = (object: KubeObject): Set<string> =>
  new Set(
    (object.status?.conditions ?? []).filter(({ status }: Loose) => status === 'True').map(({ type }: Loose) => type),
  );

function jobStatus(job: KubeObject): string {
  const is = conditionsOf(job);
  if (is.has('Complete')) return 'Complete';
  if (is.has('Failed')) return 'Failed';
  if (job.metadata.deletionTimestamp) return 'Terminating';
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find((type) => is.has(type)) ?? 'Running';
}

function jobCompletions({ spec, status }: KubeObject): string {
  const done = status?.succeeded ?? 0;
  if (spec.completions !== undefined) return `${done}/${spec.completions}`;
  return spec.parallelism > 1 ? `${done}/1 of ${spec.parallelism}` : `${done}/1`;
}

function jobDuration({ status }: KubeObject, now: Date): string {
  if (!status?.startTime) return '';
  const end = status.completionTime ? Date.parse(status.completionTime) : now.getTime();
  return humanDuration(end - Date.parse(status.startTime));
}

export const jobs: Strategy = {
  ...validateJob,
  defaults(object) {
    const labels = object.spec.template?.metadata?.labels;
    if (labels && !Object.keys(object.metadata.labels ?? {}).length) object.metadata.labels = { ...labels };
    defaultJobSpec(object.spec);
  },
  prepareForCreate(object) {
    const { spec, metadata } = object;
    object.status = {};
    if (spec.manualSelector) return;
    const uid = metadata.uid ?? '';
    const own = {
      'controller-uid': uid,
      'job-name': metadata.name ?? '',
      'batch.kubernetes.io/controller-uid': uid,
      'batch.kubernetes.io/job-name': metadata.name ?? '',
    };
    spec.template.metadata ??= {};
    spec.template.metadata.labels = { ...spec.template.metadata.labels, ...own };
    // Read back, a Job without labels has its template's.
    if (!Object.keys(metadata.labels ?? {}).length) metadata.labels = { ...spec.template.metadata.labels };
    spec.selector ??= {};
    spec.selector.matchLabels = { ...spec.selector.matchLabels, 'batch.kubernetes.io/controller-uid': uid };
  },
  warnings: templateWarnings,
  cells: (object, now) => [
    nameOf(object),
    jobStatus(object),
    jobCompletions(object),
    jobDuration(object, now),
    ageOf(object, now),
    ...containerCells(object.spec.template),
    selectorCell(object.spec.selector),
  ],
  selectableFields: { 'status.successful': (object) => String(object.status?.succeeded ?? 0) },
};

export const cronJobs: Strategy = {
  ...validateCronJob,
  defaults({ spec }) {
    spec.concurrencyPolicy ||= 'Allow';
    spec.suspend ??= false;
    spec.successfulJobsHistoryLimit ??= 3;
    spec.failedJobsHistoryLimit ??= 1;
    // The template of a job is no job yet: only its pods' defaults are filled.
    defaultTemplate(spec.jobTemplate?.spec?.template);
  },
  prepareForCreate(object) {
    object.status = {};
  },
  warnings: ({ spec }) => podTemplateWarnings(spec?.jobTemplate?.spec?.template, 'spec.jobTemplate.spec.template.'),
  cells: (object, now) => [
    ...named(({ spec, status }) => [
      spec.schedule,
      spec.timeZone ?? '<none>',
      spec.suspend ? 'True' : 'False',
      (status?.active ?? []).length,
      status?.lastScheduleTime ? humanDuration(now.getTime() - Date.parse(status.lastScheduleTime)) : '<none>',
    ])(object, now),
    ...containerCells(object.spec.jobTemplate?.spec?.template),
    selectorCell(object.spec.jobTemplate?.spec?.selector),
  ],
};

export const controllerRevisions: Strategy = {
  cells: (object, now) => {
    const owner = object.metadata.ownerReferences?.find(({ controller }) => controller);
    const group = owner?.apiVersion.includes('/') ? `.${owner.apiVersion.split('/')[0]}` : '';
    const shown = owner ? `${(owner.kind + group).toLowerCase()}/${owner.name}` : '<none>';
    return [nameOf(object), shown, object.revision ?? 0, ageOf(object, now)];
  },
};

export const podTemplates: Strategy = {
  defaults({ template }) {
    defaultTemplate(template);
  },
  cells: (object) => [nameOf(object), ...containerCells(object.template), mapCell(object.template?.metadata?.labels)],
};
