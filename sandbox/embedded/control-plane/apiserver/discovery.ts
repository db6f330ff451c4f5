import { createHash } from 'node:crypto';
import type { Loose } from '../../../../kubernetes/object.ts';
import type { RemoteGroup } from './aggregation/remote-groups.ts';
import type { Call } from './call.ts';
import { contentOf, type Reply } from './reply.ts';
import type { ResourceType, ResourceTypes } from './resource-type.ts';
import { hashOf } from './served-document.ts';

/** https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api — undefined for other paths. */
export function discover(call: Call): Reply | undefined {
  const parts = call.info.path.split('/').filter((part) => part !== '');
  const { types, remote } = call.services;
  const remotes = remote.all();
  if (parts.length === 1 && (parts[0] === 'api' || parts[0] === 'apis')) {
    const core = parts[0] === 'api';
    if (call.accept.as === 'APIGroupDiscoveryList') {
      const content = contentOf(aggregated(types, core, remotes));
      const etag = `"${hashOf(content.json)}"`;
      const headers = { 'cache-control': 'public', etag, vary: 'Accept' };
      if (call.header('if-none-match') === etag) return { code: 304, raw: '', headers };
      return {
        code: 200,
        content,
        contentType: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
        headers,
      };
    }
    return {
      code: 200,
      content: contentOf(core ? apiVersions(call.header('host') ?? '') : groupList(types, remotes)),
    };
  }
  if (parts[0] === 'api' && parts.length === 2) return legacy(types, '', parts[1] ?? '');
  if (parts[0] !== 'apis') return undefined;
  if (parts.length === 2) {
    const group = groupsOf(types, remotes).find((one) => one.name === parts[1]);
    if (!group) return undefined;
    return { code: 200, content: contentOf({ kind: 'APIGroup', apiVersion: 'v1', ...group }) };
  }
  return parts.length === 3 ? legacy(types, parts[1] ?? '', parts[2] ?? '') : undefined;
}

const apiVersions = (address: string): Loose => ({
  kind: 'APIVersions',
  versions: ['v1'],
  serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }],
});

const groupList = (types: ResourceTypes, remotes: RemoteGroup[]): Loose => ({
  kind: 'APIGroupList',
  apiVersion: 'v1',
  groups: groupsOf(types, remotes),
});

interface Group {
  name: string;
  versions: { groupVersion: string; version: string }[];
  preferredVersion: { groupVersion: string; version: string };
}

function groupsOf(types: ResourceTypes, remotes: RemoteGroup[]): Group[] {
  const groups = new Map<string, Group>();
  const others = remotes.map(({ group, version }) => ({ group, version, apiVersion: `${group}/${version}` }));
  for (const { group, version, apiVersion } of [...types.all(), ...others]) {
    if (group === '') continue;
    const one = { groupVersion: apiVersion, version };
    const known = groups.get(group);
    if (!known) groups.set(group, { name: group, versions: [one], preferredVersion: one });
    else if (!known.versions.some((other) => other.version === version)) known.versions.push(one);
  }
  return [...groups.values()];
}

function aggregated(types: ResourceTypes, core: boolean, remotes: RemoteGroup[]): Loose {
  const groups = new Map<string, Map<string, Loose[]>>();
  for (const type of types.all()) {
    if ((type.group === '') !== core) continue;
    let versions = groups.get(type.group);
    if (!versions) {
      versions = new Map();
      groups.set(type.group, versions);
    }
    const resources = versions.get(type.version) ?? [];
    resources.push(aggregatedResource(type));
    versions.set(type.version, resources);
  }
  for (const one of core ? [] : remotes) {
    const versions = groups.get(one.group) ?? new Map<string, Loose[]>();
    groups.set(one.group, versions.set(one.version, remoteResources(one)));
  }
  const freshness = (group: string, version: string): string =>
    remotes.some((one) => one.group === group && one.version === version && !one.available) ? 'Stale' : 'Current';
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: [...groups].map(([name, versions]) => ({
      metadata: { ...(name && { name }), creationTimestamp: null },
      versions: [...versions].map(([version, resources]) => ({
        version,
        resources,
        freshness: freshness(name, version),
      })),
    })),
  };
}

/** One entry a resource of another server's APIResourceList. */
function remoteResources({ group, version, resources }: RemoteGroup): Loose[] {
  const kindOf = (one: Loose): Loose => ({
    group: one.group || group,
    version: one.version || version,
    kind: one.kind,
  });
  return resources
    .filter(({ name }) => !name.includes('/'))
    .map((one) => {
      const parts = resources.filter(({ name }) => name.startsWith(`${one.name}/`));
      return {
        resource: one.name,
        responseKind: kindOf(one),
        scope: one.namespaced ? 'Namespaced' : 'Cluster',
        singularResource: one.singularName ?? '',
        verbs: one.verbs ?? [],
        ...(one.shortNames && { shortNames: one.shortNames }),
        ...(one.categories && { categories: one.categories }),
        ...(parts.length > 0 && {
          subresources: parts.map((part) => ({
            subresource: part.name.slice(one.name.length + 1),
            responseKind: kindOf(part),
            verbs: part.verbs ?? [],
          })),
        }),
      };
    });
}

/** Built-in kinds say group and version only where they are not the resource's own. */
function aggregatedResource({ fact, group, version, kind, definition }: ResourceType): Loose {
  const own = definition ? { group, version } : { group: '', version: '' };
  return {
    resource: fact.resource,
    responseKind: { ...own, kind },
    scope: fact.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: fact.singular,
    verbs: fact.verbs,
    ...(fact.shortNames && { shortNames: fact.shortNames }),
    ...(fact.categories && { categories: fact.categories }),
    ...(fact.subresources && {
      subresources: fact.subresources.map((one) => ({
        subresource: one.name,
        responseKind: { group: one.group ?? own.group, version: one.version ?? own.version, kind: one.kind },
        verbs: one.verbs,
      })),
    }),
  };
}

/** Kinds that are stored in another version than any that is served. */
const older: Record<string, string> = {
  'apiextensions.k8s.io/customresourcedefinitions': 'v1beta1',
  'storage.k8s.io/volumeattributesclasses': 'v1beta1',
};

/** Others, such as reviews, are answered and forgotten. */
const isStored = ({ fact: { verbs } }: ResourceType): boolean => verbs.includes('create') && verbs.includes('list');

/** By which storage migrators see that a version has moved (k8s.io/apiserver, pkg/endpoints/discovery). */
function storageVersionHash(types: ResourceTypes, { kind, collection, ...type }: ResourceType): string {
  let stored = type.storedVersion;
  if (stored === undefined) {
    const own = [...types.all()].find((one) => one.collection === collection && !one.conversion) ?? type;
    stored = `${own.group}/${older[collection] ?? own.version}`;
  }
  return createHash('sha256').update(`${stored}/${kind}`).digest().subarray(0, 8).toString('base64');
}

function legacy(types: ResourceTypes, group: string, version: string): Reply | undefined {
  const resources: Loose[] = [];
  let apiVersion = '';
  for (const type of types.all()) {
    if (type.group !== group || type.version !== version) continue;
    apiVersion = type.apiVersion;
    const { fact } = type;
    resources.push({
      name: fact.resource,
      singularName: fact.singular,
      namespaced: fact.namespaced,
      kind: fact.kind,
      verbs: fact.verbs,
      ...(fact.shortNames && { shortNames: fact.shortNames }),
      ...(fact.categories && { categories: fact.categories }),
      ...(isStored(type) && { storageVersionHash: storageVersionHash(types, type) }),
    });
    for (const one of fact.subresources ?? []) {
      resources.push({
        name: `${fact.resource}/${one.name}`,
        singularName: '',
        namespaced: fact.namespaced,
        ...(one.version && { group: one.group ?? '', version: one.version }),
        kind: one.kind,
        verbs: one.verbs,
      });
    }
  }
  if (resources.length === 0) return undefined;
  return {
    code: 200,
    content: contentOf({ kind: 'APIResourceList', apiVersion: 'v1', groupVersion: apiVersion, resources }),
  };
}
