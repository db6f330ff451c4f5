import type { Loose } from '../../../../../kubernetes/object.ts';
import { type Connection, KubectlError } from './connection.ts';

export interface Kind {
  group: string;
  apiVersion: string;
  resource: string;
  singular: string;
  kind: string;
  namespaced: boolean;
}

const discovery = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';

/** What `po`, `pod`, `pods`, `Pod` or `deployments.apps` means to this server. */
export async function findKind(connection: Connection, text: string, apiVersion?: string): Promise<Kind> {
  const wanted = text.toLowerCase();
  const [name = '', ...group] = wanted.split('.');
  for (const root of ['/api', '/apis']) {
    const { code, body } = await connection.request('GET', root, undefined, undefined, discovery);
    if (code >= 400) throw new KubectlError(`Error from server (${body.reason}): ${body.message}`);
    for (const item of body.items ?? []) {
      const own = item.metadata?.name ?? '';
      for (const { version, resources = [] } of item.versions ?? []) {
        const whole = own ? `${own}/${version}` : version;
        if (apiVersion !== undefined && apiVersion !== whole) continue;
        if (apiVersion === undefined && group.length > 0 && group.join('.') !== own) continue;
        const found = resources.find((one: Loose) =>
          [
            one.resource,
            one.singularResource,
            one.responseKind?.kind.toLowerCase(),
            ...(one.shortNames ?? []),
          ].includes(apiVersion === undefined ? name : wanted),
        );
        if (!found) continue;
        return {
          group: own,
          apiVersion: whole,
          resource: found.resource,
          singular: found.singularResource,
          kind: found.responseKind.kind,
          namespaced: found.scope === 'Namespaced',
        };
      }
    }
  }
  if (apiVersion !== undefined)
    throw new KubectlError(`resource mapping not found: no matches for kind "${text}" in version "${apiVersion}"`);
  throw new KubectlError(`the server doesn't have a resource type "${text}"`);
}

export function pathOf(kind: Kind, namespace: string | undefined, name?: string): string {
  const root = kind.group ? `/apis/${kind.apiVersion}` : `/api/${kind.apiVersion}`;
  const space = kind.namespaced && namespace ? `/namespaces/${namespace}` : '';
  return `${root}${space}/${kind.resource}${name ? `/${encodeURIComponent(name)}` : ''}`;
}
