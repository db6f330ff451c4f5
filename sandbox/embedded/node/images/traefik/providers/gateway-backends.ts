import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { type Dynamic, normalize, type Server, type Service } from '../dynamic.ts';
import type { Log } from '../log.ts';
import { hostPort, schemeOf } from './backend.ts';
import { extension, type FilterSettings } from './gateway-filters.ts';
import type { Condition } from './gateway-status.ts';
import { found, type GatewayWorld, granted } from './gateway-world.ts';

export interface BackendSettings extends FilterSettings {
  /** Leave the balancing between pods to the Service, where it does not say otherwise itself. */
  native: boolean;
}

/** A backend that requests cannot be sent to: they are answered with 500. */
class Unresolved extends Error {
  readonly reason: string;
  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** What the backends of a rule come to: each by its weight. Answers what is wrong with the last one that is wrong. */
export function loadBackends(
  dynamic: Dynamic,
  name: string,
  refs: Loose[],
  route: KubeObject,
  world: GatewayWorld,
  settings: BackendSettings,
  log: Log,
): Condition | undefined {
  let wrong: Condition | undefined;
  const weighted: NonNullable<Service['weighted']> = [];
  for (const ref of refs) {
    const { namespace: own = '', generation = 0 } = route.metadata;
    const namespace = ref.namespace || own;
    const { weight = 1, port } = ref;
    const plain = normalize(`${namespace}-${ref.name}-http`);
    const full = port ? normalize(`${plain}-${port}`) : plain;
    try {
      weighted.push({ name: load(dynamic, full, ref, namespace, own, world, settings), weight });
    } catch (error) {
      if (!(error instanceof Unresolved)) throw error;
      const { reason, message } = error;
      log.error(`Unable to load HTTPRoute backend: ${message}`);
      wrong = { type: 'ResolvedRefs', status: 'False', observedGeneration: generation, reason, message };
      weighted.push({ name: full, weight, status: 500 });
    }
  }
  dynamic.services.set(name, { weighted });
  return wrong;
}

function load(
  dynamic: Dynamic,
  full: string,
  ref: Loose,
  namespace: string,
  own: string,
  world: GatewayWorld,
  settings: BackendSettings,
): string {
  const { kind = 'Service', name, port } = ref;
  const group = ref.group || 'core';
  const cannot = (why: string): string => `Cannot load HTTPBackendRef ${group}/${kind}/${namespace}/${name}: ${why}`;
  const missing = granted(world, { kind: 'HTTPRoute', namespace: own }, { group, kind, name, namespace });
  if (missing) throw new Unresolved('RefNotPermitted', cannot(missing));
  if (group !== 'core' || kind !== 'Service') {
    if (kind === 'TraefikService' && name.includes('@')) return name;
    try {
      return extension(namespace, ref, 'TraefikService', 'HTTPBackendRef', settings);
    } catch (error) {
      throw new Unresolved('InvalidKind', cannot((error as Error).message));
    }
  }
  if (!port) throw new Unresolved('UnsupportedProtocol', cannot('port is required'));
  const short = (why: string): string => `Cannot load HTTPBackendRef ${namespace}/${name}: ${why}`;
  let reached: { servers: string[]; servicePort: Loose };
  try {
    reached = places(ref, namespace, world, settings);
  } catch (error) {
    throw new Unresolved('BackendNotFound', short((error as Error).message));
  }
  let scheme: string;
  try {
    scheme = protocolOf(reached.servicePort);
  } catch (error) {
    throw new Unresolved('UnsupportedProtocol', short((error as Error).message));
  }
  const servers: Server[] = reached.servers.map((server) => ({ url: `${scheme}://${server}` }));
  dynamic.services.set(full, { servers });
  return full;
}

/** Where the pods of a Service's port are reached. Throws what is wrong with it. */
function places(
  { name, port }: Loose,
  namespace: string,
  world: GatewayWorld,
  { native }: BackendSettings,
): { servers: string[]; servicePort: Loose } {
  let service: KubeObject;
  try {
    service = found(world, world.services, 'service', name, namespace);
  } catch (error) {
    throw new Error(`getting service: ${(error as Error).message}`);
  }
  const { spec = {}, metadata } = service;
  if (spec.type === 'ExternalName')
    throw new Error('type ExternalName is not supported for Kubernetes Service reference');
  const servicePort = spec.ports?.find((one: Loose) => one.port === port);
  if (!servicePort) throw new Error(`service port ${port} not found`);
  const asked = metadata.annotations?.['traefik.io/service.nativelb'];
  if (asked === undefined ? native : asked === 'true') {
    if (!spec.clusterIP || spec.clusterIP === 'None')
      throw new Error(`no clusterIP found for service: ${namespace}/${name}`);
    return { servers: [hostPort(spec.clusterIP, servicePort.port)], servicePort };
  }
  const slices = world.endpointSlices.ofService(namespace, name);
  if (slices.length === 0) throw new Error('endpointslices not found');
  const servers = new Map<string, string>();
  for (const slice of slices) {
    const number = slice.ports?.find((one: Loose) => (one.name ?? '') === (servicePort.name ?? ''))?.port;
    if (!number) continue;
    for (const { addresses = [], conditions = {} } of slice.endpoints ?? [])
      if (conditions.ready === true)
        for (const address of addresses) if (!servers.has(address)) servers.set(address, hostPort(address, number));
  }
  return { servers: [...servers.values()], servicePort };
}

function protocolOf(port: Loose): string {
  if ((port.protocol ?? 'TCP') !== 'TCP') throw new Error('only TCP protocol is supported');
  if (port.appProtocol === undefined) return schemeOf(port, undefined);
  const asked = port.appProtocol.toLowerCase();
  const known: Record<string, string> = {
    http: 'http',
    'kubernetes.io/ws': 'http',
    https: 'https',
    'kubernetes.io/wss': 'https',
    'kubernetes.io/h2c': 'h2c',
  };
  const scheme = known[asked];
  if (!scheme) throw new Error(`unsupported application protocol ${asked}`);
  return scheme;
}
