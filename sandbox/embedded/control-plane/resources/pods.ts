import { isDeepStrictEqual } from 'node:util';
import { copyOf, type KubeObject, type Loose } from '../../../../kubernetes/object.ts';
import { stamp } from '../apiserver/stamp.ts';
import { forbidden, invalid } from '../schema/field-errors.ts';
import { difference, internalForm } from './internal-form.ts';
import { resolveLabelKeys } from './label-keys.ts';
import { podCells } from './pod-cells.ts';
import { defaultPod, defaultPodSpec } from './pod-defaults.ts';
import { gateFaults, withChoiceOf } from './pod-gates.ts';
import { ephemeralFaults, keptEphemeralFaults, resizeFaults } from './pod-parts.ts';
import { podSpecFaults } from './pod-validation.ts';
import { podTemplateWarnings } from './pod-warnings.ts';
import { qualityOfService } from './quality-of-service.ts';
import type { FieldError, Strategy } from './strategy.ts';

/** A template may say so, its pods may not. */
function imageFaults(spec: Loose): FieldError[] {
  return ['initContainers', 'containers'].flatMap((list) =>
    (spec[list] ?? []).flatMap(({ image = '' }: Loose, index: number) =>
      image === image.trim()
        ? []
        : [invalid(`spec.${list}[${index}].image`, image, 'must not have leading or trailing whitespace')],
    ),
  );
}

const unchangeable =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n';

/** The new spec with what may change set back. */
function restored(spec: Loose, old: Loose): Loose {
  const out = copyOf(withChoiceOf(spec, old));
  for (const field of ['activeDeadlineSeconds', 'tolerations', 'schedulingGates']) {
    if (old[field] === undefined) delete out[field];
    else out[field] = old[field];
  }
  if (old.terminationGracePeriodSeconds < 0 && spec.terminationGracePeriodSeconds === 1)
    out.terminationGracePeriodSeconds = old.terminationGracePeriodSeconds;
  for (const list of ['containers', 'initContainers'])
    for (const [index, container] of (out[list] ?? []).entries()) container.image = old[list][index].image;
  return out;
}

/** Time that a pod was given can only become less. */
function deadlineFaults(now: number | undefined, old: number | undefined): FieldError[] {
  const at = 'spec.activeDeadlineSeconds';
  if (old === undefined) return [];
  if (now === undefined) return [invalid(at, null, 'must not update from a positive integer to nil value')];
  return old < now ? [invalid(at, now, 'must be less than or equal to previous value')] : [];
}

function updateFaults({ spec }: KubeObject, { spec: old }: KubeObject): FieldError[] {
  for (const list of ['containers', 'initContainers'])
    if ((spec[list] ?? []).length !== (old[list] ?? []).length)
      return [forbidden(`spec.${list}`, 'pod updates may not add or remove containers')];
  const deadline = deadlineFaults(spec.activeDeadlineSeconds, old.activeDeadlineSeconds);
  if (deadline.length > 0 && spec.activeDeadlineSeconds !== undefined) return deadline;
  const same = (a: Loose, b: Loose) =>
    a.key === b.key && a.operator === b.operator && a.value === b.value && a.effect === b.effect;
  const kept = (old.tolerations ?? []).every((each: Loose) =>
    (spec.tolerations ?? []).some((other: Loose) => same(each, other)),
  );
  if (!kept)
    return [
      ...deadline,
      forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds'),
    ];
  const gates = [...deadline, ...gateFaults(spec, old)];
  const rest = restored(spec, old);
  if (isDeepStrictEqual(rest, old)) return gates;
  return [
    ...gates,
    forbidden('spec', unchangeable + difference(internalForm(old, 'PodSpec'), internalForm(rest, 'PodSpec'))),
  ];
}

export const pods: Strategy = {
  defaults({ spec }) {
    defaultPodSpec(spec);
    defaultPod(spec);
  },
  prepareForCreate(pod, { now }) {
    resolveLabelKeys(pod);
    if (pod.spec.terminationGracePeriodSeconds < 0) pod.spec.terminationGracePeriodSeconds = 1;
    pod.status = { phase: 'Pending', qosClass: qualityOfService(pod.spec) };
    if (pod.spec.schedulingGates?.length) {
      const message = 'Scheduling is blocked due to non-empty scheduling gates';
      const times = { lastProbeTime: null, lastTransitionTime: stamp(now) };
      pod.status.conditions = [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated', message, ...times }];
    }
  },
  validate: ({ spec }, { subresource }) => [
    ...podSpecFaults('spec', spec),
    ...imageFaults(spec),
    ...(subresource === 'ephemeralcontainers' ? ephemeralFaults(spec) : []),
  ],
  validateUpdate(pod, old, { subresource }) {
    if (subresource === 'ephemeralcontainers') return keptEphemeralFaults(pod, old);
    return subresource === 'resize' ? resizeFaults(pod, old) : updateFaults(pod, old);
  },
  warnings: (pod) => podTemplateWarnings(pod, ''),
  cells: podCells,
  selectableFields: {
    'spec.nodeName': ({ spec }) => spec.nodeName ?? '',
    'spec.restartPolicy': ({ spec }) => spec.restartPolicy ?? '',
    'spec.schedulerName': ({ spec }) => spec.schedulerName ?? '',
    'spec.serviceAccountName': ({ spec }) => spec.serviceAccountName ?? '',
    'spec.hostNetwork': ({ spec }) => String(spec.hostNetwork === true),
    'status.phase': ({ status }) => status?.phase ?? '',
    'status.podIP': ({ status }) => status?.podIP ?? '',
    'status.podIPs': ({ status }) => (status?.podIPs ?? []).map(({ ip }: Loose) => ip).join(','),
    'status.nominatedNodeName': ({ status }) => status?.nominatedNodeName ?? '',
  },
  /** A pod that no node has, or that has ended, goes at once. */
  gracePeriodSeconds(pod, requested) {
    if (!pod.spec.nodeName || ['Succeeded', 'Failed'].includes(pod.status?.phase)) return 0;
    const seconds = requested ?? pod.spec.terminationGracePeriodSeconds ?? 30;
    return seconds < 0 ? 1 : seconds;
  },
};
