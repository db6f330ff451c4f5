import { isDeepStrictEqual } from 'node:util';
import { copyOf, type KubeObject, type Loose } from '../../../../kubernetes/object.ts';
import { duplicate, forbidden, invalid, notFound } from '../schema/field-errors.ts';
import { commonFaults } from './container-validation.ts';
import { difference, internalForm } from './internal-form.ts';
import { qualityOfService } from './quality-of-service.ts';
import type { FieldError } from './strategy.ts';
import { volumeFaults } from './volume-validation.ts';

/** What `pods/ephemeralcontainers` and `pods/resize` are about, and what each refuses. */

const at = 'spec.ephemeralContainers';

/** Containers that may be added to a pod that runs. https://kubernetes.io/docs/concepts/workloads/pods/ephemeral-containers/ */
export function ephemeralFaults(spec: Loose): FieldError[] {
  const list: Loose[] = spec.ephemeralContainers ?? [];
  const others = [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(({ name }: Loose) => name as string);
  const names = new Set(others);
  const { known } = volumeFaults('spec.volumes', spec.volumes ?? []);
  return list.flatMap((container, index) => {
    const path = `${at}[${index}]`;
    const faults = commonFaults(path, container, known);
    if (names.has(container.name)) faults.push(duplicate(`${path}.name`, container.name));
    names.add(container.name);
    const target = container.targetContainerName;
    if (target && !others.includes(target)) faults.push(notFound(`${path}.targetContainerName`, target));
    return [...faults, ...usedFaults(container, path)];
  });
}

/** Nothing may be asked of them that a service would need. */
function usedFaults(container: Loose, path: string): FieldError[] {
  const why = 'cannot be set for an Ephemeral Container';
  const faults: FieldError[] = [];
  for (const field of [
    'ports',
    'resources',
    'resizePolicy',
    'restartPolicy',
    'livenessProbe',
    'readinessProbe',
    'startupProbe',
    'lifecycle',
  ]) {
    const value = container[field];
    const empty = value === undefined || (typeof value === 'object' && Object.keys(value).length === 0);
    if (!empty) faults.push(forbidden(`${path}.${field}`, why));
  }
  for (const [index, mount] of (container.volumeMounts ?? []).entries())
    for (const field of ['subPath', 'subPathExpr'])
      if (mount[field]) faults.push(forbidden(`${path}.volumeMounts[${index}].${field}`, why));
  return faults;
}

/** Those that are there stay as they are. */
export function keptEphemeralFaults({ spec }: KubeObject, { spec: old }: KubeObject): FieldError[] {
  const faults: FieldError[] = [];
  for (const before of old.ephemeralContainers ?? []) {
    const now = (spec.ephemeralContainers ?? []).find(({ name }: Loose) => name === before.name);
    const which = `existing ephemeral containers ${JSON.stringify(before.name)} may not be`;
    if (!now) faults.push(forbidden(at, `${which} removed\n`));
    else if (!isDeepStrictEqual(now, before)) {
      const form = (container: Loose): ReturnType<typeof internalForm> => internalForm(container, 'EphemeralContainer');
      faults.push(forbidden(at, `${which} changed\n${difference(form(before), form(now))}`));
    }
  }
  return faults;
}

const lists = ['containers', 'initContainers'];
const sized = ['cpu', 'memory'];

/** A pod with the resources of another; the other itself where its containers are not the same ones. */
export function resizedPod(pod: KubeObject, old: KubeObject): KubeObject {
  const same = lists.every((list) => isDeepStrictEqual(namesOf(pod.spec?.[list]), namesOf(old.spec[list])));
  if (!same) return { ...pod, status: old.status };
  const spec = copyOf(old.spec);
  for (const list of lists)
    for (const [index, container] of (spec[list] ?? []).entries()) {
      const { resources, resizePolicy } = pod.spec[list][index];
      container.resources = resources ?? {};
      if (resizePolicy === undefined) delete container.resizePolicy;
      else container.resizePolicy = resizePolicy;
    }
  const { managedFields } = pod.metadata;
  const metadata = { ...old.metadata, ...(managedFields && { managedFields }) };
  return { ...old, metadata, spec };
}

const namesOf = (containers: Loose[] = []): string[] => containers.map(({ name }) => name);

/** https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/ */
export function resizeFaults(pod: KubeObject, old: KubeObject): FieldError[] {
  const faults: FieldError[] = [];
  if (qualityOfService(old.spec) !== qualityOfService(pod.spec))
    faults.push(invalid('spec', pod.status?.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing'));
  const order = lists.flatMap((list) => orderFaults(pod.spec[list] ?? [], old.spec[list] ?? [], list));
  if (order.length > 0) return [...faults, ...order];
  for (const list of lists)
    for (const [index, before] of (old.spec[list] ?? []).entries()) {
      const sidecar = before.restartPolicy === 'Always';
      if (list === 'containers' || sidecar)
        faults.push(...removedFaults(pod.spec[list][index], before, `spec.${list}[${index}].resources`));
      faults.push(...mutableFaults(pod.spec[list][index], before, list, sidecar));
    }
  return faults;
}

function orderFaults(now: Loose[], before: Loose[], list: string): FieldError[] {
  if (now.length !== before.length) return [forbidden(`spec.${list}`, `${list} may not be added or removed on resize`)];
  return before.flatMap(({ name }, index) =>
    now[index].name === name
      ? []
      : [forbidden(`spec.${list}[${index}].name`, `${list} may not be renamed or reordered on resize`)],
  );
}

function removedFaults({ resources }: Loose, before: Loose, path: string): FieldError[] {
  const removed = (kind: string): boolean =>
    Object.keys(before.resources?.[kind] ?? {}).some((name) => resources?.[kind]?.[name] === undefined);
  const faults: FieldError[] = [];
  if (removed('requests')) faults.push(forbidden(`${path}.requests`, 'resource requests cannot be removed'));
  if (removed('limits')) faults.push(forbidden(`${path}.limits`, 'resource limits cannot be removed'));
  return faults;
}

function mutableFaults(now: Loose, before: Loose, list: string, sidecar: boolean): FieldError[] {
  const rest = ({ resources = {} }: Loose): Loose =>
    ['limits', 'requests'].map((kind) =>
      Object.fromEntries(Object.entries(resources[kind] ?? {}).filter(([name]) => !sized.includes(name))),
    );
  if (list === 'containers')
    return isDeepStrictEqual(rest(now), rest(before))
      ? []
      : [forbidden('spec', 'only cpu and memory resources are mutable')];
  if (sidecar)
    return isDeepStrictEqual(rest(now), rest(before))
      ? []
      : [forbidden('spec', 'only cpu and memory resources for sidecar containers are mutable')];
  return isDeepStrictEqual(now.resources ?? {}, before.resources ?? {})
    ? []
    : [forbidden('spec', 'resources for non-sidecar init containers are immutable')];
}
