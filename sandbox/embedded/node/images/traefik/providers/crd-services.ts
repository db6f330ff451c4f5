import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { type Dynamic, normalize, type Server, type Service } from '../dynamic.ts';
import { endpointServers, hostPort, nodeServers } from './backend.ts';
import type { CrdWorld } from './crd.ts';

export interface CrdSettings {
  allowCrossNamespace: boolean;
  allowExternal: boolean;
  allowEmpty: boolean;
  native: boolean;
}

const provider = 'kubernetescrd';

/** Services as IngressRoutes and TraefikServices name them. */
export class CrdServices {
  readonly #world: CrdWorld;
  readonly #settings: CrdSettings;
  readonly #dynamic: Dynamic;

  constructor(world: CrdWorld, settings: CrdSettings, dynamic: Dynamic) {
    this.#world = world;
    this.#settings = settings;
    this.#dynamic = dynamic;
  }

  /** The name of what a route leads to; '' for nothing. Throws what is wrong with it. */
  ofRoute(namespace: string, name: string, services: Loose[]): string {
    if (services.length === 0) return '';
    if (services.length > 1) {
      this.#dynamic.services.set(name, { weighted: this.#members(namespace, services) });
      return name;
    }
    const { fullName, service } = this.#named(namespace, services[0]!);
    if (!service) return fullName;
    this.#dynamic.services.set(name, service);
    return name;
  }

  /** A TraefikService: services by weight. Throws what is wrong with it. */
  weighted({ metadata: { namespace = '', name }, spec }: KubeObject): void {
    const { weighted } = spec ?? {};
    if (!weighted)
      throw new Error(
        spec?.mirroring || spec?.highestRandomWeight
          ? 'not part of this simulated Traefik'
          : 'unspecified service type',
      );
    this.#dynamic.services.set(normalize(`${namespace}-${name}`), {
      weighted: this.#members(namespace, weighted.services ?? []),
      ...stickyOf(weighted),
    });
  }

  #members(namespace: string, services: Loose[]): { name: string; weight: number }[] {
    return services.map((one) => {
      const { fullName, service } = this.#named(namespace, one);
      if (service) this.#dynamic.services.set(fullName, service);
      return { name: fullName, weight: one.weight ?? 1 };
    });
  }

  #named(parent: string, spec: Loose): { fullName: string; service: Service | undefined } {
    const namespace = spec.namespace || parent;
    if (namespace !== parent && !this.#settings.allowCrossNamespace)
      throw new Error(`service ${spec.namespace}/${spec.name} not in the parent resource namespace ${parent}`);
    if (spec.kind && spec.kind !== 'Service' && spec.kind !== 'TraefikService')
      throw new Error(`unsupported service kind ${spec.kind}`);
    if (spec.kind === 'TraefikService') {
      if (!spec.name.includes('@')) return { fullName: normalize(`${namespace}-${spec.name}`), service: undefined };
      const at = spec.name.lastIndexOf('@');
      const [name, where] = [spec.name.slice(0, at), spec.name.slice(at + 1)];
      return {
        fullName: where === provider ? normalize(`${namespace}-${name}`) : `${normalize(name)}@${where}`,
        service: undefined,
      };
    }
    const fullName = normalize(spec.port ? `${namespace}-${spec.name}-${spec.port}` : `${namespace}-${spec.name}`);
    return { fullName, service: this.#service(namespace, spec) };
  }

  #service(namespace: string, spec: Loose): Service {
    const servers = this.#servers(namespace, spec);
    if (spec.strategy && !['wrr', 'p2c', 'hrw', 'leasttime', 'RoundRobin'].includes(spec.strategy))
      throw new Error(`load-balancer strategy ${spec.strategy} is not supported`);
    const transport = spec.serversTransport;
    return {
      servers,
      passHostHeader: spec.passHostHeader ?? true,
      ...stickyOf(spec),
      ...(transport && { transport: transport.includes('@') ? transport : normalize(`${namespace}-${transport}`) }),
    };
  }

  #servers(namespace: string, spec: Loose): Server[] {
    const { services, endpointSlices, nodes } = this.#world;
    const { allowExternal, allowEmpty, native } = this.#settings;
    const name = spec.name.replace(`@${provider}`, '');
    const object = services.get(name, namespace);
    if (!object) throw new Error(`kubernetes service not found: ${namespace}/${name}`);
    const port = portOf(object, spec.port);
    const external = object.spec?.type === 'ExternalName';
    if (!external && spec.healthCheck)
      throw new Error(`healthCheck allowed only for ExternalName services: ${namespace}/${name}`);
    if (external && !allowExternal) throw new Error(`externalName services not allowed: ${namespace}/${name}`);
    if (spec.scheme && !['http', 'https', 'h2c'].includes(spec.scheme))
      throw new Error(`invalid scheme ${JSON.stringify(spec.scheme)} specified`);
    const scheme = spec.scheme || (port.port === 443 || String(port.name ?? '').startsWith('https') ? 'https' : 'http');
    if (external) return [{ url: `${scheme}://${hostPort(object.spec?.externalName, port.port)}` }];
    if (spec.nativeLB ?? native) {
      const address = object.spec?.clusterIP;
      const failed = (text: string): Error =>
        new Error(`getting native Kubernetes Service address: ${text}: ${namespace}/${name}`);
      if (address === 'None') throw failed('no clusterIP on headless service');
      if (!address) throw failed('no clusterIP found for service');
      return [{ url: `${scheme}://${hostPort(address, port.port)}` }];
    }
    if (spec.nodePortLB && object.spec?.type === 'NodePort') {
      if (!nodes) throw new Error('nodes lookup is disabled');
      return nodeServers(nodes.list(), port, scheme);
    }
    const servers = endpointServers(endpointSlices, object, port, scheme);
    if (servers.length === 0 && !allowEmpty) throw new Error(`no servers found for ${namespace}/${name}`);
    return servers;
  }
}

/** By number or by name. Throws where the Service has no such port. */
function portOf({ spec }: KubeObject, wanted: number | string | undefined): Loose {
  if (!wanted) throw new Error('ingressRoute service port not defined');
  const ports: Loose[] = spec?.ports ?? [];
  const found = ports.find(({ port, name }) => (typeof wanted === 'string' ? name === wanted : port === wanted));
  if (found) return found;
  if (spec?.type === 'ExternalName' && typeof wanted === 'number') return { port: wanted };
  throw new Error(`service port not found: ${wanted}`);
}

function stickyOf({ sticky }: Loose): Pick<Service, 'sticky'> {
  return sticky?.cookie ? { sticky: sticky.cookie } : {};
}
