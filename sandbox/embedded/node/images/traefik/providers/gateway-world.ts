import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import type { Collection } from './watches.ts';

export const gatewayGroup = 'gateway.networking.k8s.io';
export const controllerName = 'traefik.io/gateway-controller';

/** What the provider follows. */
export interface GatewayWorld {
  namespaces: Collection;
  classes: Collection;
  gateways: Collection;
  routes: Collection;
  grants: Collection;
  services: Collection;
  endpointSlices: Collection;
  secrets: Collection;
  /** Those that are looked at; none where all are. */
  watched: string[];
  experimental: boolean;
}

/** Why it cannot be known whether something is in that namespace. */
function unwatched({ watched }: GatewayWorld, namespace: string): boolean {
  return watched.length > 0 && !watched.includes(namespace);
}

/** An object by its name. Throws in the words of Traefik and client-go where there is none. */
export function found(
  world: GatewayWorld,
  collection: Collection,
  kind: string,
  name: string,
  namespace: string,
): KubeObject {
  if (unwatched(world, namespace))
    throw new Error(`failed to get ${kind} ${namespace}/${name}: namespace is not within watched namespaces`);
  const object = collection.get(name, namespace);
  if (!object) throw new Error(`${kind} ${JSON.stringify(name)} not found`);
  return object;
}

interface Target {
  group: string;
  kind: string;
  name: string;
  namespace: string;
}

/** Why an object may not name one of another namespace; undefined where it may. https://gateway-api.sigs.k8s.io/api-types/referencegrant/ */
export function granted(
  world: GatewayWorld,
  from: { kind: string; namespace: string },
  to: Target,
): string | undefined {
  if (to.namespace === from.namespace) return undefined;
  if (unwatched(world, to.namespace))
    return `listing ReferenceGrant: failed to get ReferenceGrants: namespace ${to.namespace} is not within watched namespaces`;
  const allowed = world.grants
    .list()
    .some(
      ({ metadata, spec = {} }) =>
        metadata.namespace === to.namespace &&
        (spec.from ?? []).some(
          (one: Loose) => one.group === gatewayGroup && one.kind === from.kind && one.namespace === from.namespace,
        ) &&
        (spec.to ?? []).some(
          (one: Loose) =>
            (one.group || 'core') === to.group &&
            one.kind === to.kind &&
            (one.name === undefined || one.name === to.name),
        ),
    );
  return allowed ? undefined : 'missing ReferenceGrant';
}
