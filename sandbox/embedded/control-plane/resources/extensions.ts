import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { createdAt, named } from './cells.ts';
import type { Strategy } from './strategy.ts';

const conditionOf = ({ status }: KubeObject, kind: string): Loose =>
  (status?.conditions ?? []).find(({ type }: Loose) => type === kind);

export const apiServices: Strategy = {
  cells: named((object) => {
    const { service } = object.spec;
    const available = conditionOf(object, 'Available');
    const state =
      available?.status === 'True' ? 'True' : `${available?.status ?? 'Unknown'} (${available?.reason ?? ''})`;
    return [service ? `${service.namespace}/${service.name}` : 'Local', available ? state : 'Unknown'];
  }),
};

/** What a definition must be stands with what it defines: apiserver/custom. */
export const customResourceDefinitions: Strategy = { cells: createdAt };

export const deviceClasses: Strategy = { cells: named() };

export const resourceClaims: Strategy = {
  cells: named(({ metadata, status }) => {
    const states = [
      metadata.deletionTimestamp ? 'deleted' : '',
      status?.allocation ? 'allocated' : '',
      status?.reservedFor?.length ? 'reserved' : '',
    ].filter(Boolean);
    return [states.join(',') || 'pending'];
  }),
};

export const resourceSlices: Strategy = {
  cells: named(({ spec }) => [spec.nodeName ?? '', spec.driver, spec.pool?.name ?? '']),
  selectableFields: {
    'spec.nodeName': ({ spec }) => spec.nodeName ?? '',
    'spec.driver': ({ spec }) => spec.driver ?? '',
  },
};
