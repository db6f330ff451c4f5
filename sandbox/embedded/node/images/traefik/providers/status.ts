import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import type { Client } from '../../../../client/client.ts';
import type { Log } from '../log.ts';
import { type Collection, kinds } from './watches.ts';

export interface StatusOptions {
  client: Client;
  services: Collection;
  nodes: Collection | undefined;
  ip: string;
  hostname: string;
  /** `NAMESPACE/NAME` */
  publishedService: string;
  log: Log;
}

/** Tells each Ingress where it is reached. */
export interface StatusWriter {
  /** In the background; what fails is logged, and tried again with the next change. Throws where the options make no sense. */
  update(ingress: KubeObject): void;
}

export function createStatusWriter(options: StatusOptions): StatusWriter {
  const { client, services, nodes, ip, hostname, publishedService, log } = options;
  const writing = new Map<string, string>();

  function wanted(): Loose[] | undefined {
    if (!publishedService) {
      if (!ip && !hostname) throw new Error('publishedService or ip or hostname must be defined');
      return [{ ...(ip && { ip }), ...(hostname && { hostname }) }];
    }
    const parts = publishedService.split('/');
    if (parts.length !== 2)
      throw new Error(`invalid publishedService format (expected 'namespace/service' format): ${publishedService}`);
    const service = services.get(parts[1]!, parts[0]!);
    if (!service) throw new Error(`missing service: ${publishedService}`);
    const { spec, status } = service;
    switch (spec?.type ?? 'ClusterIP') {
      case 'LoadBalancer':
        return status?.loadBalancer?.ingress;
      case 'ExternalName':
        return [{ hostname: spec?.externalName }];
      case 'NodePort': {
        const ports = spec?.ports?.map(({ nodePort, protocol }: Loose) => ({ port: nodePort, protocol }));
        return (nodes?.list() ?? []).flatMap((node) =>
          (node.status?.addresses ?? [])
            .filter(({ type }: Loose) => type === 'ExternalIP')
            .map(({ address }: Loose) => ({ ip: address, ports })),
        );
      }
      default: {
        const ports = spec?.ports?.map(({ port, protocol }: Loose) => ({ port, protocol }));
        return (spec?.externalIPs ?? []).map((address: string) => ({ ip: address, ports }));
      }
    }
  }

  return {
    update(ingress) {
      const addresses = wanted();
      if (!addresses) return;
      const { name = '', namespace = '', resourceVersion } = ingress.metadata;
      if (same(ingress.status?.loadBalancer?.ingress ?? [], addresses)) return;
      const told = `${resourceVersion} ${JSON.stringify(addresses)}`;
      const key = `${namespace}/${name}`;
      if (writing.get(key) === told) return;
      writing.set(key, told);
      const about = { ingress: name, namespace };
      client
        .update(kinds.ingresses.resource, { ...ingress, status: { loadBalancer: { ingress: addresses } } }, 'status')
        .then(
          () => log.info('Updated ingress status', about),
          (error) => {
            writing.delete(key);
            log.error('Error while updating ingress status', {
              error: `failed to update ingress status ${key}: ${error.message}`,
              ...about,
              providerName: 'kubernetes',
            });
          },
        );
    },
  };
}

function same(now: Loose[], wanted: Loose[]): boolean {
  const keys = (list: Loose[]): string[] => list.map(({ hostname = '', ip = '' }) => hostname + ip);
  const have = new Set(keys(now));
  return now.length === wanted.length && keys(wanted).every((key) => have.has(key));
}
