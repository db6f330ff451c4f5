import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import type { Store } from '../../store/store.ts';
import type { User } from '../call.ts';
import type { Attributes, Authorizer, Decision } from './authorizer.ts';

/** https://kubernetes.io/docs/reference/access-authn-authz/rbac/ */
export interface PolicyRule {
  verbs: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
}

interface RuleSource {
  rules: PolicyRule[];
  /** As access reviews name it. */
  reason: string;
}

const group = 'rbac.authorization.k8s.io';

interface Binding {
  object: KubeObject;
  namespace: string;
}

interface Index {
  revision: number;
  users: Map<string, Binding[]>;
  groups: Map<string, Binding[]>;
}

export interface RoleBasedAuthorizer extends Authorizer {
  /** The rules that hold for somebody in a namespace; those of the whole cluster too. */
  rulesFor(user: User, namespace: string): { sources: RuleSource[]; errors: string[] };
}

/** Roles and bindings as they are in the store; bindings are indexed by subject until one changes. */
export function createAuthorizer(store: Store): RoleBasedAuthorizer {
  const names = ['clusterrolebindings', 'rolebindings'].map((name) => `${group}/${name}`);
  let index: Index | undefined;

  function bindings(): Index {
    const revision = Math.max(...names.map((name) => store.collection(name).revision));
    if (index?.revision === revision) return index;
    index = { revision, users: new Map(), groups: new Map() };
    for (const name of names) {
      for (const { object, namespace } of store.list(name)) {
        for (const subject of object.subjects ?? []) {
          const [map, key] =
            subject.kind === 'Group' ? [index.groups, subject.name] : [index.users, userOf(subject, namespace)];
          const list = map.get(key);
          if (list) list.push({ object, namespace });
          else map.set(key, [{ object, namespace }]);
        }
      }
    }
    return index;
  }

  function* bound(user: User, namespace: string): Generator<Binding> {
    const { users, groups } = bindings();
    const seen = new Set<KubeObject>();
    const lists = [users.get(user.name), ...user.groups.map((name) => groups.get(name))];
    // Rights of the whole cluster come first, as the real one looks them up.
    for (const wide of [true, false]) {
      for (const list of lists) {
        for (const binding of list ?? []) {
          if ((binding.namespace === '') !== wide || (!wide && binding.namespace !== namespace)) continue;
          if (seen.has(binding.object)) continue;
          seen.add(binding.object);
          yield binding;
        }
      }
    }
  }

  function roleOf({ object, namespace }: Binding): KubeObject | undefined {
    const { kind, name } = object.roleRef ?? {};
    if (kind === 'ClusterRole') return store.get(`${group}/clusterroles`, '', name)?.object;
    return store.get(`${group}/roles`, namespace, name)?.object;
  }

  const missing = ({ object }: Binding): string => {
    const { kind = '', name = '' } = object.roleRef ?? {};
    return `${kind.toLowerCase()}.${group} ${JSON.stringify(name)} not found`;
  };

  return {
    authorize(user, attributes): Decision {
      if (user.groups.includes('system:masters')) return { allowed: true, reason: '' };
      const namespace = 'namespace' in attributes ? attributes.namespace : '';
      const errors: string[] = [];
      for (const binding of bound(user, namespace)) {
        const role = roleOf(binding);
        if (!role) {
          errors.push(missing(binding));
          continue;
        }
        for (const rule of role.rules ?? []) {
          if (allows(rule, attributes)) return { allowed: true, reason: reasonOf(binding, user) };
        }
      }
      if (errors.length === 0) return { allowed: false, reason: '' };
      const all = errors.length === 1 ? errors[0] : `[${errors.join(', ')}]`;
      return { allowed: false, reason: `RBAC: ${all}` };
    },

    rulesFor(user, namespace) {
      const sources: RuleSource[] = [];
      const errors: string[] = [];
      for (const binding of bound(user, namespace)) {
        const role = roleOf(binding);
        if (role) sources.push({ rules: role.rules ?? [], reason: reasonOf(binding, user) });
        else errors.push(missing(binding));
      }
      return { sources, errors };
    },
  };
}

function userOf(subject: Loose, namespace: string): string {
  if (subject.kind !== 'ServiceAccount') return subject.name;
  return `system:serviceaccount:${subject.namespace || namespace}:${subject.name}`;
}

function reasonOf({ object, namespace }: Binding, user: User): string {
  const { kind, name } = object.roleRef;
  const where = namespace ? `${object.metadata.name}/${namespace}` : object.metadata.name;
  const subject = (object.subjects ?? []).find((one: Loose) =>
    one.kind === 'Group' ? user.groups.includes(one.name) : userOf(one, namespace) === user.name,
  );
  const who =
    subject?.kind === 'ServiceAccount'
      ? `ServiceAccount ${JSON.stringify(`${subject.name}/${subject.namespace || namespace}`)}`
      : `${subject?.kind} ${JSON.stringify(subject?.name)}`;
  return `RBAC: allowed by ${object.kind} ${JSON.stringify(where)} of ${kind} ${JSON.stringify(name)} to ${who}`;
}

export function allows(rule: PolicyRule, attributes: Attributes): boolean {
  if (!rule.verbs?.includes(attributes.verb) && !rule.verbs?.includes('*')) return false;
  if ('path' in attributes) return (rule.nonResourceURLs ?? []).some((url) => matchesPath(url, attributes.path));
  const { group: apiGroup, resource, subresource, name } = attributes;
  if (!rule.apiGroups?.includes(apiGroup) && !rule.apiGroups?.includes('*')) return false;
  const resources = rule.resources ?? [];
  const whole = subresource ? `${resource}/${subresource}` : resource;
  const matches =
    resources.includes(whole) ||
    resources.includes('*') ||
    (subresource !== '' && resources.includes(`*/${subresource}`));
  if (!matches) return false;
  return !rule.resourceNames?.length || rule.resourceNames.includes(name);
}

function matchesPath(pattern: string, path: string): boolean {
  if (pattern === '*' || pattern === path) return true;
  return pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1));
}
