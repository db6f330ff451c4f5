import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import type { Server } from '../dynamic.ts';
import type { Collection } from './watches.ts';

/** `http`, or `https` where the port or its name says so. */
export function schemeOf(port: Loose, scheme: string | undefined): string {
  return scheme || (port.port === 443 || String(port.name ?? '').startsWith('https') ? 'https' : 'http');
}

export const hostPort = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** The pods behind a Service's port that serve, each once. */
export function endpointServers(
  endpointSlices: Collection,
  service: KubeObject,
  port: Loose,
  scheme: string,
): Server[] {
  const servers: Server[] = [];
  const seen = new Set<string>();
  const { namespace = '', name = '' } = service.metadata;
  for (const slice of endpointSlices.ofService(namespace, name)) {
    const number = slice.ports?.find((one: Loose) => (one.name ?? '') === (port.name ?? ''))?.port;
    if (!number) continue;
    for (const { addresses = [], conditions = {} } of slice.endpoints ?? []) {
      if (conditions.serving === false) continue;
      for (const address of addresses) {
        if (seen.has(address)) continue;
        seen.add(address);
        servers.push({
          url: `${scheme}://${hostPort(address, number)}`,
          ...(conditions.terminating && { fenced: true }),
        });
      }
    }
  }
  return servers;
}

/** Of each node's InternalIP, the Service's node port. */
export function nodeServers(nodes: KubeObject[], port: Loose, scheme: string): Server[] {
  return nodes.flatMap(({ status }) =>
    (status?.addresses ?? [])
      .filter(({ type }: Loose) => type === 'InternalIP')
      .map(({ address }: Loose) => ({ url: `${scheme}://${hostPort(address, port.nodePort)}` })),
  );
}
