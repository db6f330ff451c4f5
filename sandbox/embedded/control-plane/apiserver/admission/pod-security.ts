import type { KubeObject } from '../../../../../kubernetes/object.ts';
import type { ResourceCall } from '../call.ts';

/** https://kubernetes.io/docs/concepts/security/pod-security-admission/ */
export function checkPodSecurity(_call: ResourceCall, _object: KubeObject, _old?: KubeObject): void {}
