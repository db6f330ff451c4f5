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

function defaultWebhook(webhook: Loose): void {
  webhook.failurePolicy ??= 'Fail';
  webhook.matchPolicy ??= 'Equivalent';
  webhook.namespaceSelector ??= {};
  webhook.objectSelector ??= {};
  webhook.timeoutSeconds ??= 10;
  for (const rule of webhook.rules ?? []) rule.scope ??= '*';
  if (webhook.clientConfig?.service) webhook.clientConfig.service.port ??= 443;
}

export const validatingWebhooks: Strategy = {
  generationFields: ['webhooks'],
  defaults({ webhooks }) {
    for (const webhook of webhooks ?? []) defaultWebhook(webhook);
  },
  cells: named(({ webhooks }) => [(webhooks ?? []).length]),
};

export const mutatingWebhooks: Strategy = {
  ...validatingWebhooks,
  defaults({ webhooks }) {
    for (const webhook of webhooks ?? []) {
      defaultWebhook(webhook);
      webhook.reinvocationPolicy ??= 'Never';
    }
  },
};

export const validatingPolicies: Strategy = {
  defaults({ spec }) {
    spec.failurePolicy ??= 'Fail';
    if (!spec.matchConstraints) return;
    const match = spec.matchConstraints;
    match.matchPolicy ??= 'Equivalent';
    match.namespaceSelector ??= {};
    match.objectSelector ??= {};
    for (const rule of [...(match.resourceRules ?? []), ...(match.excludeResourceRules ?? [])]) rule.scope ??= '*';
  },
  cells: named(({ spec }) => [
    (spec.validations ?? []).length,
    spec.paramKind ? `${spec.paramKind.apiVersion}/${spec.paramKind.kind}` : '<unset>',
  ]),
};

export const validatingPolicyBindings: Strategy = {
  defaults({ spec }) {
    const match = spec.matchResources;
    if (!match) return;
    match.matchPolicy ??= 'Equivalent';
    match.namespaceSelector ??= {};
    match.objectSelector ??= {};
  },
  cells: named(({ spec }) => {
    const { name, namespace } = spec.paramRef ?? {};
    return [spec.policyName, name ? `${namespace || '*'}/${name}` : '<unset>'];
  }),
};

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
