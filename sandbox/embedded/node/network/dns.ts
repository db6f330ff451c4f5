import { isIPv4 } from 'node:net';
import { failure } from './connection.ts';
import type { ServiceTable } from './services.ts';

export interface NameServer {
  /** Addresses of a full name, without the last dot; rejects nothing: an unknown name has none. */
  lookup(name: string): { name: string; addresses: string[] } | undefined;
  /** As a pod asks: through its search list. Throws ENOTFOUND. */
  resolve(name: string, search: string[], dots: number): { name: string; addresses: string[] };
}

/** The cluster's zone. https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/ */
export function createNameServer(services: ServiceTable, zone: string): NameServer {
  function lookup(asked: string, depth = 0): { name: string; addresses: string[] } | undefined {
    const name = asked.toLowerCase().replace(/\.$/, '');
    if (!name.endsWith(`.${zone}`)) return undefined;
    const labels = name.slice(0, -zone.length - 1).split('.');
    const kind = labels.at(-1);
    const namespace = labels.at(-2);
    if (!namespace) return undefined;
    if (kind === 'pod' && labels.length === 3) {
      const address = labels[0]!.replaceAll('-', '.');
      return isIPv4(address) ? { name, addresses: [address] } : undefined;
    }
    if (kind !== 'svc') return undefined;
    const service = services.get(namespace, labels.at(-3) ?? '');
    if (!service) return undefined;
    const { type, externalName, clusterIP } = service.spec ?? {};
    if (labels.length === 3) {
      if (type === 'ExternalName') return depth < 8 ? lookup(externalName, depth + 1) : undefined;
      if (clusterIP && clusterIP !== 'None') return { name, addresses: [clusterIP] };
      const addresses = services
        .endpoints(namespace, labels[0]!)
        .filter((endpoint) => endpoint.ready)
        .map((endpoint) => endpoint.address);
      return addresses.length ? { name, addresses } : undefined;
    }
    if (labels.length === 4) {
      const addresses = services
        .endpoints(namespace, labels[1]!)
        .filter((endpoint) => endpoint.ready)
        .filter((endpoint) => (endpoint.hostname ?? endpoint.address.replaceAll('.', '-')) === labels[0])
        .map((endpoint) => endpoint.address);
      return addresses.length ? { name, addresses } : undefined;
    }
    return undefined;
  }

  return {
    lookup,
    resolve(name, search, dots) {
      if (name.endsWith('.')) {
        const found = lookup(name);
        if (found) return found;
        throw notFound(name);
      }
      const listed = search.map((suffix) => `${name}.${suffix}`);
      const order = name.split('.').length - 1 >= dots ? [name, ...listed] : [...listed, name];
      for (const candidate of order) {
        const found = lookup(candidate);
        if (found) return found;
      }
      throw notFound(name);
    },
  };
}

/** The error of a name nobody knows, as node:dns gives it. */
export function notFound(name: string): NodeJS.ErrnoException {
  return failure('ENOTFOUND', `getaddrinfo ENOTFOUND ${name}`);
}
