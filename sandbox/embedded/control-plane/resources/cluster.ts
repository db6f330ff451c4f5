import { isIP } from 'node:net';
import { labelValue, qualifiedName } from '../../../../kubernetes/names.ts';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { forbidden, invalid, required } from '../schema/field-errors.ts';
import { ageOf, named, nameOf } from './cells.ts';
import { each, immutable, label } from './faults.ts';
import { effectFaults } from './pod-validation.ts';
import type { FieldError, Strategy } from './strategy.ts';

export const namespaces: Strategy = {
  nameFormat: 'label',
  generationFields: [],
  defaults(namespace) {
    const { metadata } = namespace;
    if (metadata.name) metadata.labels = { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name };
    namespace.status ??= {};
    namespace.status.phase ||= 'Active';
  },
  prepareForCreate(namespace) {
    namespace.spec ??= {};
    namespace.spec.finalizers = [...new Set([...(namespace.spec.finalizers ?? []), 'kubernetes'])];
    namespace.status = { phase: 'Active' };
  },
  cells: named(({ status }) => [status?.phase ?? '']),
  selectableFields: { 'status.phase': ({ status }) => status?.phase ?? '' },
};

const rolePrefix = 'node-role.kubernetes.io/';

function rolesCell({ metadata }: KubeObject): string {
  const roles = Object.entries(metadata.labels ?? {}).flatMap(([key, value]) => {
    if (key.startsWith(rolePrefix) && key.length > rolePrefix.length) return [key.slice(rolePrefix.length)];
    return key === 'kubernetes.io/role' && value ? [value] : [];
  });
  return [...new Set(roles)].sort().join(',') || '<none>';
}

function nodeStatus({ spec, status }: KubeObject): string {
  const ready = (status?.conditions ?? []).find(({ type }: Loose) => type === 'Ready');
  const state = ready ? (ready.status === 'True' ? 'Ready' : 'NotReady') : 'Unknown';
  return spec?.unschedulable ? `${state},SchedulingDisabled` : state;
}

const addressOf = ({ status }: KubeObject, kind: string): string =>
  (status?.addresses ?? []).find(({ type }: Loose) => type === kind)?.address ?? '<none>';

function taintFaults(taints: Loose[]): FieldError[] {
  const seen = new Set<string>();
  return taints.flatMap(({ key = '', value = '', effect = '' }, index) => {
    const path = `metadata.taints[${index}]`;
    const faults = [
      ...each(`${path}.key`, key, qualifiedName(key)),
      ...each(`${path}.value`, value, labelValue(value)),
    ];
    faults.push(...(effect ? effectFaults(`${path}.effect`, effect) : [required(`${path}.effect`)]));
    const id = `${key}:${effect}`;
    if (seen.has(id)) faults.push(invalid(path, { key, effect }, 'taints must be unique by key and effect pair'));
    seen.add(id);
    return faults;
  });
}

function rangeFaults(ranges: string[]): FieldError[] {
  return ranges.flatMap((range, index) => {
    const [address = '', bits = ''] = range.split('/');
    if (isIP(address) && /^\d+$/.test(bits) && Number(bits) <= (isIP(address) === 4 ? 32 : 128)) return [];
    const path = `spec.podCIDRs[${index}]`;
    return [invalid(path, range, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')];
  });
}

export const nodes: Strategy = {
  generationFields: [],
  defaults({ spec, status }) {
    // One range or a list of them: each says the other.
    if (spec?.podCIDR && spec.podCIDRs?.[0] !== spec.podCIDR) spec.podCIDRs = [spec.podCIDR];
    if (spec?.podCIDRs?.length && !spec.podCIDR) spec.podCIDR = spec.podCIDRs[0];
    if (status?.capacity) status.allocatable ??= { ...status.capacity };
  },
  validate: ({ spec }) => [...taintFaults(spec?.taints ?? []), ...rangeFaults(spec?.podCIDRs ?? [])],
  validateUpdate({ spec }, old) {
    const faults: FieldError[] = [];
    if (old.spec?.podCIDR && spec?.podCIDR !== old.spec.podCIDR) {
      const why = 'node updates may not change podCIDR except from "" to valid';
      faults.push(forbidden('spec.podCIDRs', why));
    }
    if (old.spec?.providerID) faults.push(...immutable('spec.providerID', spec?.providerID, old.spec.providerID));
    return faults;
  },
  cells: (node, now) => {
    const info = node.status?.nodeInfo ?? {};
    return [
      nameOf(node),
      nodeStatus(node),
      rolesCell(node),
      ageOf(node, now),
      info.kubeletVersion ?? '',
      addressOf(node, 'InternalIP'),
      addressOf(node, 'ExternalIP'),
      info.osImage || '<unknown>',
      info.kernelVersion || '<unknown>',
      info.containerRuntimeVersion || '<unknown>',
    ];
  },
  selectableFields: { 'spec.unschedulable': ({ spec }) => String(spec?.unschedulable === true) },
};

export const leases: Strategy = {
  validate: ({ spec = {} }) => [
    ...(spec.leaseDurationSeconds !== undefined && spec.leaseDurationSeconds <= 0
      ? [invalid('spec.leaseDurationSeconds', spec.leaseDurationSeconds, 'must be greater than 0')]
      : []),
    ...(spec.leaseTransitions !== undefined && spec.leaseTransitions < 0
      ? [invalid('spec.leaseTransitions', spec.leaseTransitions, 'must be greater than or equal to 0')]
      : []),
  ],
  cells: named(({ spec }) => [spec?.holderIdentity ?? '']),
};

export const runtimeClasses: Strategy = {
  validate: ({ handler = '' }) => label('handler', handler),
  validateUpdate: ({ handler }, old) => immutable('handler', handler, old.handler),
  cells: named(({ handler }) => [handler]),
};

export const flowSchemas: Strategy = {
  cells: (object, now) => {
    const { spec, status } = object;
    const dangling = (status?.conditions ?? []).find(({ type }: Loose) => type === 'Dangling');
    return [
      ...named(() => [
        spec.priorityLevelConfiguration?.name,
        spec.matchingPrecedence,
        spec.distinguisherMethod?.type ?? '<none>',
      ])(object, now),
      dangling?.status ?? '?',
    ];
  },
};

export const priorityLevelConfigurations: Strategy = {
  cells: named(({ spec }) => {
    const { nominalConcurrencyShares = '<none>', limitResponse } = spec.limited ?? {};
    const { queues = '<none>', handSize = '<none>', queueLengthLimit = '<none>' } = limitResponse?.queuing ?? {};
    return [spec.type, nominalConcurrencyShares, queues, handSize, queueLengthLimit];
  }),
};

export const componentStatuses: Strategy = {
  cells: (object) => {
    const healthy = (object.conditions ?? []).find(({ type }: Loose) => type === 'Healthy');
    const state = healthy ? (healthy.status === 'True' ? 'Healthy' : 'Unhealthy') : 'Unknown';
    return [nameOf(object), state, healthy?.message ?? '', healthy?.error ?? ''];
  },
};
