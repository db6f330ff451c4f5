import type { KubeObject } from '../../../../../kubernetes/object.ts';
import { checkEscalation } from '../authorization/escalation.ts';
import type { ResourceCall } from '../call.ts';
import { defaultDefinition, definitions, establish } from '../custom/definition.ts';
import { checkCertificateRequest } from './certificate-requests.ts';
import { admitClaim, admitIngress, admitResize, protect } from './default-classes.ts';
import { checkLimits, defaultLimits } from './limit-ranger.ts';
import { admitNamespace } from './namespace-lifecycle.ts';
import { admitPriority, admitTolerations } from './pod-defaults.ts';
import { chargeQuota } from './resource-quota.ts';
import { admitServiceAccount } from './service-account.ts';

/**
 * What may change an object on its way in. `object` is the caller's to change.
 * https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/ — throws the refusal.
 */
export function admitCreate(call: ResourceCall, object: KubeObject, dryRun: boolean): void {
  admitNamespace(call, object);
  switch (call.type.collection) {
    case '/pods':
      defaultLimits(call, object);
      admitServiceAccount(call, object, dryRun);
      admitPriority(call, object);
      admitTolerations(object);
      checkLimits(call, object);
      break;
    case '/persistentvolumeclaims':
      admitClaim(call, object);
      checkLimits(call, object);
      break;
    case '/persistentvolumes':
      protect(object, 'kubernetes.io/pv-protection');
      break;
    case 'networking.k8s.io/ingresses':
      admitIngress(call, object);
      break;
    case '/namespaces':
      labelNamespace(object);
      break;
    case definitions:
      defaultDefinition(object);
      establish(call.services.store, object, undefined, call.services.clock.now());
  }
}

export function admitUpdate(call: ResourceCall, object: KubeObject, old: KubeObject): void {
  if (call.type.collection === '/namespaces') labelNamespace(object);
  if (call.info.subresource !== '') return;
  if (call.type.collection === definitions) {
    defaultDefinition(object);
    establish(call.services.store, object, old, call.services.clock.now());
  }
  if (call.type.collection === '/pods') admitTolerations(object);
  if (call.type.collection !== '/persistentvolumeclaims') return;
  admitResize(call, object, old);
  checkLimits(call, object);
}

/** The last word on a write that is valid. */
export function admitValid(call: ResourceCall, object: KubeObject, old: KubeObject | undefined, dryRun: boolean): void {
  checkEscalation(call, object, old);
  checkCertificateRequest(call, object, old);
  chargeQuota(call, object, old, dryRun);
}

/** A namespace's name can be selected by; the label cannot be taken away. */
function labelNamespace({ metadata }: KubeObject): void {
  if (!metadata.name) return;
  metadata.labels = { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name };
}
