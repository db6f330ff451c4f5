import type { Call, User } from './call.ts';
import { badRequest } from './errors.ts';
import { checkAccess } from './handle.ts';

/** https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation — undefined without its headers. Throws 400 and 403. */
export function impersonate(call: Call): User | undefined {
  const name = call.header('impersonate-user');
  const groups = list(call.header('impersonate-group'));
  const uid = call.header('impersonate-uid');
  if (name === undefined) {
    const extras = call.headerNames().some((header) => header.startsWith(extraPrefix));
    if (groups.length === 0 && uid === undefined && !extras) return undefined;
    throw badRequest(`requested [${requests(call, groups, uid).join(' ')}] without impersonating a user`);
  }
  const may = (group: string, resource: string, what: string, namespace = '', subresource = ''): void =>
    checkAccess(call.services, call.user, {
      verb: 'impersonate',
      group,
      resource,
      subresource,
      name: what,
      namespace,
    });
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name);
  if (account) may('', 'serviceaccounts', account[2] ?? '', account[1] ?? '');
  else may('', 'users', name);
  for (const group of groups) may('', 'groups', group);
  if (uid !== undefined) may('authentication.k8s.io', 'uids', uid);
  const extra: Record<string, string[]> = {};
  for (const header of call.headerNames()) {
    if (!header.startsWith(extraPrefix)) continue;
    const key = decodeURIComponent(header.slice(extraPrefix.length));
    extra[key] = list(call.header(header));
    for (const value of extra[key]) may('authentication.k8s.io', 'userextras', value, '', key);
  }
  const implied =
    account && groups.length === 0 ? ['system:serviceaccounts', `system:serviceaccounts:${account[1]}`] : [];
  const known = name === 'system:anonymous' ? 'system:unauthenticated' : 'system:authenticated';
  const all = [...groups, ...implied];
  if (!all.includes(known)) all.push(known);
  return {
    name,
    groups: all,
    ...(uid !== undefined && { uid }),
    ...(Object.keys(extra).length > 0 && { extra }),
  };
}

/** As Go prints ObjectReferences: kind, namespace, name, uid, version, resource version, path. */
function requests(call: Call, groups: string[], uid: string | undefined): string[] {
  const version = 'authentication.k8s.io/v1';
  const extras = call.headerNames().filter((header) => header.startsWith(extraPrefix));
  return [
    ...groups.map((group) => `{Group  ${group}    }`),
    ...extras.flatMap((header) => {
      const key = decodeURIComponent(header.slice(extraPrefix.length));
      return list(call.header(header)).map((value) => `{UserExtra  ${value}  ${version}  ${key}}`);
    }),
    ...(uid ? [`{UID  ${uid}  ${version}  }`] : []),
  ];
}

const extraPrefix = 'impersonate-extra-';

const list = (header: string | undefined): string[] =>
  header === undefined || header === '' ? [] : header.split(',').map((part) => part.trim());
