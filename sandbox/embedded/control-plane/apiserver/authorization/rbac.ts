import type { Authorizer } from './authorizer.ts';

/** https://kubernetes.io/docs/reference/access-authn-authz/rbac/ */
export function createAuthorizer(): Authorizer {
  return {
    authorize: (user) => ({
      allowed:
        user.groups.includes('system:masters') || (user.name.startsWith('system:') && user.name !== 'system:anonymous'),
      reason: '',
    }),
  };
}
