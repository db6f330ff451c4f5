import type { KubeObject } from '../../../../../kubernetes/object.ts';
import { checkEscalation } from '../authorization/escalation.ts';
import { defaultDefinition, definitions, establish } from '../custom/definition.ts';
import type { Attributes } from './attributes.ts';
import { checkCertificateRequest } from './certificate-requests.ts';
import { admitClaim, admitIngress, checkResize, protect } from './default-classes.ts';
import { checkLimits, defaultLimits } from './limit-ranger.ts';
import { admitNamespace } from './namespace-lifecycle.ts';
import { admitPriority, admitTolerations, checkPriorityClass, keepPriority } from './pod-defaults.ts';
import { checkPodSecurity } from './pod-security/admission.ts';
import { hasValidatingPolicies, validateByPolicies } from './policies/validating.ts';
import { chargeQuota } from './resource-quota.ts';
import { admitServiceAccount } from './service-account.ts';
import {
  hasMutatingWebhooks,
  hasValidatingWebhooks,
  mutateByWebhooks,
  type Rounds,
  validateByWebhooks,
} from './webhooks/dispatch.ts';

/**
 * What may change an object on its way in; `attributes.object` is what became of it. Undefined when all is done at
 * once, which is the rule: only webhooks take time, and others may write meanwhile. Throws or rejects with the refusal.
 * https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/
 */
export function mutate(attributes: Attributes): Promise<void> | undefined {
  const { operation, object, kind, call } = attributes;
  if (operation === 'CREATE' && object && !kind) admitNamespace(call, object);
  mutateInTree(attributes);
  if (!hasMutatingWebhooks(call.services)) return undefined;
  return mutateOutside(attributes);
}

async function mutateOutside(attributes: Attributes): Promise<void> {
  const rounds: Rounds = { again: new Set(), invoked: new Set(), last: undefined };
  const changed = await mutateByWebhooks(attributes, rounds, false);
  if (!changed) return;
  // What a webhook added may need what the built-in ones give: a sidecar its token.
  mutateInTree(attributes);
  await mutateByWebhooks(attributes, rounds, true);
}

function mutateInTree(attributes: Attributes): void {
  const { call, operation, object, old, dryRun, kind } = attributes;
  if (!object || kind) return;
  const { collection } = call.type;
  if (collection === '/namespaces') labelNamespace(object);
  if (call.info.subresource !== '') return;
  if (collection === definitions) {
    defaultDefinition(object);
    establish(call.services.store, object, old, call.services.clock.now());
  }
  if (operation === 'UPDATE') {
    if (collection === '/pods' && old) {
      keepPriority(object, old);
      admitTolerations(object);
    }
    return;
  }
  switch (collection) {
    case '/pods':
      defaultLimits(call, object);
      admitServiceAccount(call, object, dryRun);
      admitPriority(call, object);
      admitTolerations(object);
      break;
    case '/persistentvolumeclaims':
      admitClaim(call, object);
      break;
    case '/persistentvolumes':
      protect(object, 'kubernetes.io/pv-protection');
      break;
    case 'networking.k8s.io/ingresses':
      admitIngress(call, object);
      break;
  }
}

/**
 * Who may refuse a write that is valid, in the server's order; quota has the last word, see {@link charge}. Undefined
 * when all is done at once. Throws or rejects with the refusal.
 */
export function validate(attributes: Attributes): Promise<void> | undefined {
  const { services } = attributes.call;
  validateInTree(attributes);
  if (hasValidatingPolicies(services)) validateByPolicies(attributes);
  if (!hasValidatingWebhooks(services)) return undefined;
  return validateByWebhooks(attributes);
}

function validateInTree(attributes: Attributes): void {
  const { call, operation, object, old, kind } = attributes;
  if (!object || kind) return;
  checkEscalation(call, object, old);
  checkCertificateRequest(call, object, old);
  const { collection } = call.type;
  const whole = call.info.subresource === '';
  if (whole && collection === '/pods' && operation === 'CREATE') checkLimits(call, object);
  checkPodSecurity(attributes);
  checkPriorityClass(call, object);
  if (!whole || collection !== '/persistentvolumeclaims') return;
  checkLimits(call, object);
  if (old) checkResize(call, object, old);
}

/** Charges the write to quotas, at the moment it is made. Throws 403. */
export function charge({ call, object, old, dryRun }: Attributes): void {
  if (object) chargeQuota(call, object, old, dryRun);
}

/** A namespace's name can be selected by; the label cannot be taken away. */
function labelNamespace({ metadata }: KubeObject): void {
  if (!metadata.name) return;
  metadata.labels = { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name };
}
