import type { KubeObject } from '../../../../kubernetes/object.ts';
import type { Change } from '../store/entry.ts';
import type { Services } from './services.ts';
import { stamp } from './stamp.ts';

const collection = 'networking.k8s.io/ipaddresses';

const addressesOf = (service: KubeObject): string[] =>
  (service.spec?.clusterIPs ?? []).filter((address: string) => address !== 'None');

/** Keeps an IPAddress for each address that a Service holds. https://kubernetes.io/docs/concepts/services-networking/cluster-ip-allocation/#ip-address-objects */
export function followServiceAddresses(services: Services): void {
  const { store, clock } = services;

  function hold(address: string, { metadata }: KubeObject): void {
    if (store.get(collection, '', address)) return;
    const family = address.includes(':') ? 'IPv6' : 'IPv4';
    store.put(collection, '', address, {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IPAddress',
      metadata: {
        name: address,
        uid: crypto.randomUUID(),
        creationTimestamp: stamp(clock.now()),
        labels: {
          'ipaddress.kubernetes.io/ip-family': family,
          'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
        },
      },
      spec: { parentRef: { name: metadata.name, namespace: metadata.namespace, resource: 'services' } },
    });
  }

  for (const { object } of store.list('/services')) for (const address of addressesOf(object)) hold(address, object);
  store.watch('/services', {
    from: store.toldRevision,
    namespace: undefined,
    onChange({ type, entry, previous }: Change) {
      const now = type === 'DELETED' ? [] : addressesOf(entry.object);
      for (const address of previous ? addressesOf(previous.object) : [])
        if (!now.includes(address)) store.remove(collection, '', address);
      for (const address of now) hold(address, entry.object);
    },
  });
}
