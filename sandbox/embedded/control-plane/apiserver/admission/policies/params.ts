import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { selects } from '../../../../../../kubernetes/selectors.ts';
import { type Attributes, namespaceOf } from '../attributes.ts';

type Params = { params: (KubeObject | undefined)[] } | { error: string; ofPolicy?: boolean };

/**
 * The objects a binding hands to its policy, one evaluation each; one `undefined` for a policy that takes none.
 * https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#parameter-resources
 */
export function paramsOf(attributes: Attributes, policy: KubeObject, binding: KubeObject): Params {
  const { paramKind } = policy.spec;
  const { paramRef } = binding.spec;
  if (!paramKind) return { params: [undefined] };
  const { types, store } = attributes.call.services;
  const type = types.findKind(paramKind.apiVersion, paramKind.kind);
  if (!type)
    return {
      error: `failed to find resource referenced by paramKind: '${shown(paramKind)}'`,
      ofPolicy: true,
    };
  if (!paramRef) return { params: [undefined] };
  if (paramRef.namespace && !type.namespaced)
    return { error: 'paramRef.namespace must not be provided for a cluster-scoped `paramKind`' };
  let namespace = '';
  if (type.namespaced) {
    namespace = paramRef.namespace || namespaceOf(attributes);
    if (!namespace)
      return { error: 'cannot use namespaced paramRef in policy binding that matches cluster-scoped resources' };
  }
  const served = (object: KubeObject): KubeObject => type.conversion?.fromStored(object) ?? object;
  const found = paramRef.name
    ? [store.get(type.collection, namespace, paramRef.name)?.object].filter((one) => one !== undefined)
    : store
        .list(type.collection, namespace || undefined)
        .map(({ object }) => object)
        .filter(({ metadata }) => selects(paramRef.selector, metadata.labels));
  if (found.length === 0 && paramRef.parameterNotFoundAction !== 'Allow')
    return { error: 'no params found for policy binding with `Deny` parameterNotFoundAction' };
  return { params: found.map(served) };
}

function shown({ apiVersion, kind }: Loose): string {
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  return group ? `${group}/${version}, Kind=${kind}` : `/${version}, Kind=${kind}`;
}
