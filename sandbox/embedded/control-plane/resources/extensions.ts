import { dns1035Label, dns1123Subdomain } from '../../../../kubernetes/names.ts';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { invalid, required } from '../schema/field-errors.ts';
import { createdAt, named } from './cells.ts';
import { each } from './faults.ts';
import type { FieldError, Strategy } from './strategy.ts';

const conditionOf = ({ status }: KubeObject, kind: string): Loose =>
  (status?.conditions ?? []).find(({ type }: Loose) => type === kind);

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/api-service-v1/ */
function apiServiceFaults({ metadata, spec }: KubeObject): FieldError[] {
  const { group = '', version = '', service, groupPriorityMinimum = 0, versionPriority = 0 } = spec;
  const faults: FieldError[] = [];
  const wanted = `${version}.${group}`;
  if (metadata.name !== wanted) {
    const why = `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(wanted)}`;
    faults.push(invalid('metadata.name', metadata.name, why));
  }
  if (group !== '') faults.push(...each('spec.group', group, dns1123Subdomain(group)));
  faults.push(...each('spec.version', version, dns1035Label(version)));
  if (groupPriorityMinimum <= 0 || groupPriorityMinimum > 20_000)
    faults.push(invalid('spec.groupPriorityMinimum', groupPriorityMinimum, 'must be positive and less than 20000'));
  if (versionPriority <= 0 || versionPriority > 1000)
    faults.push(invalid('spec.versionPriority', versionPriority, 'must be positive and less than 1000'));
  if (!service) {
    if (spec.caBundle)
      faults.push(
        invalid('spec.caBundle', `${spec.caBundle.length} bytes`, 'local APIServices may not have a caBundle'),
      );
    if (spec.insecureSkipTLSVerify)
      faults.push(invalid('spec.insecureSkipTLSVerify', true, 'local APIServices may not have insecureSkipTLSVerify'));
    return faults;
  }
  if (!service.namespace) faults.push(required('spec.service.namespace'));
  if (!service.name) faults.push(required('spec.service.name'));
  if (spec.insecureSkipTLSVerify && spec.caBundle)
    faults.push(invalid('spec.insecureSkipTLSVerify', true, 'may not be true if caBundle is present'));
  return faults;
}

export const apiServices: Strategy = {
  generationFields: [],
  defaults({ spec }) {
    if (spec.service) spec.service.port ??= 443;
  },
  validate: apiServiceFaults,
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
