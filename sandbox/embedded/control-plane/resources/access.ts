import { isDeepStrictEqual } from 'node:util';
import { dns1123Subdomain, pathSegment } from '../../../../kubernetes/names.ts';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { invalid, notSupported, required } from '../schema/field-errors.ts';
import { createdAt, named } from './cells.ts';
import { each, labelSelector } from './faults.ts';
import type { Cell, FieldError, Strategy } from './strategy.ts';

const group = 'rbac.authorization.k8s.io';

function ruleFaults(path: string, rule: Loose, namespaced: boolean): FieldError[] {
  const { verbs, nonResourceURLs, apiGroups, resources, resourceNames } = rule;
  const faults: FieldError[] = verbs?.length
    ? []
    : [required(`${path}.verbs`, 'verbs must contain at least one value')];
  if (nonResourceURLs?.length) {
    const field = `${path}.nonResourceURLs`;
    if (namespaced) faults.push(invalid(field, nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs'));
    if (apiGroups?.length || resources?.length || resourceNames?.length)
      faults.push(
        invalid(field, nonResourceURLs, 'rules cannot apply to both regular resources and non-resource URLs'),
      );
    return faults;
  }
  if (!apiGroups?.length)
    faults.push(required(`${path}.apiGroups`, 'resource rules must supply at least one api group'));
  if (!resources?.length)
    faults.push(required(`${path}.resources`, 'resource rules must supply at least one resource'));
  return faults;
}

const roleFaults = (object: KubeObject, namespaced: boolean): FieldError[] =>
  (object.rules ?? []).flatMap((rule: Loose, index: number) => ruleFaults(`rules[${index}]`, rule, namespaced));

function subjectFaults(path: string, subject: Loose, namespaced: boolean): FieldError[] {
  const { kind, name, apiGroup = '', namespace } = subject;
  const faults: FieldError[] = name ? [] : [required(`${path}.name`)];
  if (kind === 'ServiceAccount') {
    if (name) faults.push(...each(`${path}.name`, name, dns1123Subdomain(name)));
    if (apiGroup) faults.push(notSupported(`${path}.apiGroup`, apiGroup, ['']));
    if (!namespaced && !namespace) faults.push(required(`${path}.namespace`));
  } else if (kind === 'User' || kind === 'Group') {
    if (apiGroup !== group) faults.push(notSupported(`${path}.apiGroup`, apiGroup, [group]));
  } else faults.push(notSupported(`${path}.kind`, kind ?? '', ['ServiceAccount', 'User', 'Group']));
  return faults;
}

function bindingFaults({ roleRef = {}, subjects }: KubeObject, namespaced: boolean): FieldError[] {
  const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  const faults: FieldError[] = [];
  if (roleRef.apiGroup !== group) faults.push(notSupported('roleRef.apiGroup', roleRef.apiGroup ?? '', [group]));
  if (!kinds.includes(roleRef.kind)) faults.push(notSupported('roleRef.kind', roleRef.kind ?? '', kinds));
  if (!roleRef.name) faults.push(required('roleRef.name'));
  else faults.push(...each('roleRef.name', roleRef.name, pathSegment(roleRef.name)));
  for (const [index, subject] of (subjects ?? []).entries())
    faults.push(...subjectFaults(`subjects[${index}]`, subject, namespaced));
  return faults;
}

function subjectCells({ subjects = [] }: KubeObject): Cell[] {
  const of = (kind: string, shown: (subject: Loose) => string) =>
    subjects
      .filter((subject: Loose) => subject.kind === kind)
      .map(shown)
      .join(', ');
  return [
    of('User', ({ name }) => name),
    of('Group', ({ name }) => name),
    of('ServiceAccount', ({ namespace, name }) => (namespace ? `${namespace}/${name}` : name)),
  ];
}

const binding = (namespaced: boolean): Strategy => ({
  nameFormat: 'path',
  defaults({ roleRef, subjects }) {
    if (roleRef) roleRef.apiGroup ||= group;
    for (const subject of subjects ?? [])
      if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= group;
  },
  validate: (object) => bindingFaults(object, namespaced),
  validateUpdate: (object, old) =>
    isDeepStrictEqual(object.roleRef, old.roleRef)
      ? []
      : [invalid('roleRef', roleRefValue(object), 'cannot change roleRef')],
  cells: (object, now) => [
    ...named(({ roleRef }) => [`${roleRef?.kind}/${roleRef?.name}`])(object, now),
    ...subjectCells(object),
  ],
});

/** As the server's own type writes it. */
const roleRefValue = ({ roleRef }: KubeObject): Loose => ({
  APIGroup: roleRef.apiGroup,
  Kind: roleRef.kind,
  Name: roleRef.name,
});

export const roles: Strategy = { nameFormat: 'path', validate: (role) => roleFaults(role, true), cells: createdAt };

export const clusterRoles: Strategy = {
  nameFormat: 'path',
  validate(role) {
    const faults = roleFaults(role, false);
    if (!role.aggregationRule) return faults;
    const path = 'aggregationRule.clusterRoleSelectors';
    const selectors: Loose[] = role.aggregationRule.clusterRoleSelectors ?? [];
    if (selectors.length === 0)
      faults.push(required(path, 'at least one clusterRoleSelector required if aggregationRule is non-nil'));
    for (const [index, selector] of selectors.entries()) faults.push(...labelSelector(`${path}[${index}]`, selector));
    return faults;
  },
  cells: createdAt,
};

export const roleBindings: Strategy = binding(true);
export const clusterRoleBindings: Strategy = binding(false);
