import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { forbidden, invalid } from '../schema/field-errors.ts';
import { podCells } from './pod-cells.ts';
import { defaultPod, defaultPodSpec } from './pod-defaults.ts';
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

/** What may change in a pod's spec; all else was decided when it was made. */
function withoutChangeable(spec: Loose): Loose {
  const {
    activeDeadlineSeconds: _,
    tolerations: __,
    terminationGracePeriodSeconds: ___,
    ...rest
  } = structuredClone(spec);
  delete rest.schedulingGates;
  delete rest.ephemeralContainers;
  for (const container of [...(rest.containers ?? []), ...(rest.initContainers ?? [])]) {
    delete container.image;
  }
  return rest;
}

const unchangeable =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n';

function updateFaults(pod: KubeObject, old: KubeObject): FieldError[] {
  for (const list of ['containers', 'initContainers']) {
    const [now, before] = [pod.spec[list] ?? [], old.spec[list] ?? []];
    if (now.length !== before.length)
      return [forbidden(`spec.${list}`, 'pod updates may not add or remove containers')];
  }
  const kept = (old.spec.tolerations ?? []).every((toleration: Loose) =>
    (pod.spec.tolerations ?? []).some((each: Loose) => isDeepStrictEqual(each, toleration)),
  );
  if (!kept)
    return [forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds')];
  const same = isDeepStrictEqual(withoutChangeable(pod.spec), withoutChangeable(old.spec));
  return same ? [] : [forbidden('spec', unchangeable)];
}

export const pods: Strategy = {
  defaults({ spec }) {
    defaultPodSpec(spec);
    defaultPod(spec);
  },
  prepareForCreate(pod) {
    if (pod.spec.terminationGracePeriodSeconds < 0) pod.spec.terminationGracePeriodSeconds = 1;
    pod.status = { phase: 'Pending', qosClass: qualityOfService(pod.spec) };
    if (pod.spec.schedulingGates?.length) {
      const message = 'Scheduling is blocked due to non-empty scheduling gates';
      pod.status.conditions = [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated', message }];
    }
  },
  validate: ({ spec }) => [...podSpecFaults('spec', spec), ...imageFaults(spec)],
  validateUpdate: updateFaults,
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
