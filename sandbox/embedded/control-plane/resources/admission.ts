import type { Loose } from '../../../../kubernetes/object.ts';
import { bindingFaults, policyFaults, webhookConfigurationFaults } from './admission-validation.ts';
import { named } from './cells.ts';
import type { Strategy } from './strategy.ts';

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
  validate: (object) => webhookConfigurationFaults(object, false),
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
  validate: (object) => webhookConfigurationFaults(object, true),
};

function defaultMatch(match: Loose): void {
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  for (const rule of [...(match.resourceRules ?? []), ...(match.excludeResourceRules ?? [])]) rule.scope ??= '*';
}

export const validatingPolicies: Strategy = {
  defaults({ spec }) {
    spec.failurePolicy ??= 'Fail';
    if (spec.matchConstraints) defaultMatch(spec.matchConstraints);
  },
  validate: policyFaults,
  cells: named(({ spec }) => [
    (spec.validations ?? []).length,
    spec.paramKind ? `${spec.paramKind.apiVersion}/${spec.paramKind.kind}` : '<unset>',
  ]),
};

export const validatingPolicyBindings: Strategy = {
  defaults({ spec }) {
    if (spec.matchResources) defaultMatch(spec.matchResources);
  },
  validate: bindingFaults,
  cells: named(({ spec }) => {
    const { name, namespace } = spec.paramRef ?? {};
    return [spec.policyName, name ? `${namespace || '*'}/${name}` : '<unset>'];
  }),
};
