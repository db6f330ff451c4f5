import type { Call, User } from './call.ts';

/** https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation — undefined without its headers. */
export function impersonate(_call: Call): User | undefined {
  return undefined;
}
