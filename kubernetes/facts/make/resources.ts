import type { Loose } from '../../object.ts';
import type { ResourceFact, SubresourceFact } from '../../facts.ts';
import type { Get } from './server.ts';

const aggregated = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

const kindOf = ({ group, version, kind }: Loose) => ({
  ...(group ? { group } : {}),
  ...(version ? { version } : {}),
  kind,
});

/** What the server says it serves, in its own order; groups of custom resources left out. */
export async function makeResources(get: Get): Promise<ResourceFact[]> {
  const custom = new Set<string>();
  for (const crd of (await get('/apis/apiextensions.k8s.io/v1/customresourcedefinitions')).items)
    custom.add(crd.spec.group);
  const facts: ResourceFact[] = [];
  for (const root of ['/api', '/apis']) {
    for (const group of (await get(root, aggregated)).items) {
      const name = group.metadata?.name ?? '';
      if (custom.has(name)) continue;
      for (const version of group.versions) {
        for (const resource of version.resources) facts.push(factOf(name, version.version, resource));
      }
    }
  }
  return facts;
}

function factOf(group: string, version: string, resource: Loose): ResourceFact {
  const subresources: SubresourceFact[] = (resource.subresources ?? []).map((sub: Loose) => ({
    name: sub.subresource,
    ...kindOf(sub.responseKind ?? { kind: '' }),
    verbs: sub.verbs,
  }));
  return {
    group,
    version,
    resource: resource.resource,
    kind: resource.responseKind.kind,
    singular: resource.singularResource,
    namespaced: resource.scope === 'Namespaced',
    verbs: resource.verbs,
    ...(resource.shortNames ? { shortNames: resource.shortNames } : {}),
    ...(resource.categories ? { categories: resource.categories } : {}),
    ...(subresources.length > 0 ? { subresources } : {}),
  };
}
