import { allows, type PolicyRule, type RoleBasedAuthorizer } from './rbac.ts';

const read = ['get', 'list', 'watch'];

/** What a node may do: it plays the kubelet, kube-proxy, the network and volume plugins at once. */
const rules: PolicyRule[] = [
  { apiGroups: [''], resources: ['nodes'], verbs: [...read, 'create', 'patch', 'update'] },
  { apiGroups: [''], resources: ['nodes/status', 'pods/status'], verbs: ['patch', 'update'] },
  { apiGroups: [''], resources: ['pods'], verbs: [...read, 'delete'] },
  { apiGroups: ['', 'discovery.k8s.io'], resources: ['services', 'endpointslices'], verbs: read },
  { apiGroups: ['', 'networking.k8s.io'], resources: ['namespaces', 'networkpolicies'], verbs: read },
  { apiGroups: [''], resources: ['configmaps', 'secrets'], verbs: read },
  { apiGroups: [''], resources: ['persistentvolumes', 'persistentvolumeclaims'], verbs: read },
  { apiGroups: [''], resources: ['serviceaccounts/token'], verbs: ['create'] },
  { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch', 'update'] },
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create', 'delete', 'get', 'patch', 'update'] },
];

/** Nodes have their rights without a binding. https://kubernetes.io/docs/reference/access-authn-authz/node/ */
export function withNodes(authorizer: RoleBasedAuthorizer): RoleBasedAuthorizer {
  return {
    ...authorizer,
    authorize(user, attributes) {
      const isNode = user.groups.includes('system:nodes') && user.name.startsWith('system:node:');
      if (isNode && rules.some((rule) => allows(rule, attributes))) return { allowed: true, reason: '' };
      return authorizer.authorize(user, attributes);
    },
  };
}
