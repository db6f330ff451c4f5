import type { KubeObject } from '../../../../../kubernetes/object.ts';
import type { ResourceCall, User } from '../call.ts';
import { forbidden } from '../errors.ts';
import { allows, type PolicyRule } from './rbac.ts';

const group = 'rbac.authorization.k8s.io';

/** Nobody gives rights away that they do not have. https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping */
export function checkEscalation(call: ResourceCall, object: KubeObject, old?: KubeObject): void {
  const { type, services, user } = call;
  if (type.group !== group || user.groups.includes('system:masters')) return;
  const namespace = object.metadata.namespace ?? '';
  const name = object.metadata.name ?? '';
  if (type.resource === 'roles' || type.resource === 'clusterroles') {
    const unchanged = old && JSON.stringify(old.rules) === JSON.stringify(object.rules);
    if (unchanged && JSON.stringify(old.aggregationRule) === JSON.stringify(object.aggregationRule)) return;
    if (may(call, 'escalate', type.resource, name, namespace)) return;
    const rules: PolicyRule[] = object.aggregationRule
      ? [
          { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
          { verbs: ['*'], nonResourceURLs: ['*'] },
        ]
      : (object.rules ?? []);
    refuseMissing(call, name, rules, namespace);
    return;
  }
  const unchanged =
    old && JSON.stringify([old.subjects, old.roleRef]) === JSON.stringify([object.subjects, object.roleRef]);
  if (unchanged) return;
  const { kind = '', name: role = '' } = object.roleRef ?? {};
  const resource = kind === 'ClusterRole' ? 'clusterroles' : 'roles';
  if (may(call, 'bind', resource, role, namespace)) return;
  const found = services.store.get(`${group}/${resource}`, resource === 'roles' ? namespace : '', role);
  if (!found) throw forbiddenRole(call, resource, role);
  refuseMissing(call, name, found.object.rules ?? [], namespace);
}

function forbiddenRole(call: ResourceCall, resource: string, role: string): Error {
  const error = forbidden(call.type, call.info.name, `${resource}.${group} ${JSON.stringify(role)} not found`);
  return Object.assign(error, {
    status: {
      ...error.status,
      code: 404,
      reason: 'NotFound',
      message: `${resource}.${group} ${JSON.stringify(role)} not found`,
      details: { name: role, group, kind: resource },
    },
  });
}

function may(call: ResourceCall, verb: string, resource: string, name: string, namespace: string): boolean {
  const { authorizer } = call.services;
  return authorizer.authorize(call.user, { verb, group, resource, subresource: '', name, namespace }).allowed;
}

function refuseMissing(call: ResourceCall, name: string, rules: PolicyRule[], namespace: string): void {
  const { sources, errors } = call.services.authorizer.rulesFor(call.user, namespace);
  const held = sources.flatMap((source) => source.rules);
  const missing = rules.flatMap((rule) => [...split(rule)]).filter((rule) => !held.some((own) => covers(own, rule)));
  if (missing.length === 0) return;
  const list = compact(missing).map(show).sort().join('\n');
  const trouble = errors.length > 0 ? `; resolution errors: [${errors.join(', ')}]` : '';
  throw forbidden(
    call.type,
    name,
    `user ${JSON.stringify(call.user.name)} (groups=${groupsOf(call.user)}) is attempting to grant RBAC permissions not currently held:\n${list}${trouble}`,
  );
}

const groupsOf = (user: User): string => `[${user.groups.map((name) => JSON.stringify(name)).join(' ')}]`;

/** One verb on one thing each, so that it can be covered by parts of several rules. */
function* split(rule: PolicyRule): Generator<PolicyRule> {
  for (const verb of rule.verbs) {
    for (const url of rule.nonResourceURLs ?? []) yield { verbs: [verb], nonResourceURLs: [url] };
    for (const apiGroup of rule.apiGroups ?? []) {
      for (const resource of rule.resources ?? []) {
        const base = { verbs: [verb], apiGroups: [apiGroup], resources: [resource] };
        if (!rule.resourceNames?.length) yield base;
        for (const name of rule.resourceNames ?? []) yield { ...base, resourceNames: [name] };
      }
    }
  }
}

function covers(own: PolicyRule, part: PolicyRule): boolean {
  const verb = part.verbs[0] ?? '';
  const [url] = part.nonResourceURLs ?? [];
  if (url !== undefined) return allows(own, { verb, path: url });
  const [resource = '', subresource = ''] = (part.resources?.[0] ?? '').split('/', 2);
  const attributes = { verb, group: part.apiGroups?.[0] ?? '', resource, subresource, namespace: '' };
  if (resource === '*' && subresource === '' && !own.resources?.includes('*')) return false;
  return allows(own, { ...attributes, name: part.resourceNames?.[0] ?? '' });
}

/** Verbs of the same thing come together again, for the eye. */
function compact(rules: PolicyRule[]): PolicyRule[] {
  const merged = new Map<string, PolicyRule>();
  for (const { verbs, ...rest } of rules) {
    const key = JSON.stringify(rest);
    const known = merged.get(key);
    if (known) known.verbs.push(...verbs);
    else merged.set(key, { ...rest, verbs: [...verbs] });
  }
  return [...merged.values()];
}

function show(rule: PolicyRule): string {
  const parts: string[] = [];
  const list = (label: string, values: string[] | undefined): void => {
    if (values?.length) parts.push(`${label}:[${values.map((value) => JSON.stringify(value)).join(' ')}]`);
  };
  list('APIGroups', rule.apiGroups);
  list('Resources', rule.resources);
  list('ResourceNames', rule.resourceNames);
  list('NonResourceURLs', rule.nonResourceURLs);
  const verbs = `Verbs:[${rule.verbs.map((verb) => JSON.stringify(verb)).join(' ')}]`;
  return `{${[...parts.map((part) => part.replace(/:\[/, ':[')), verbs].join(', ')}}`;
}
