import type { Gvr, KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { matchLabels, parseLabelSelector } from '../../../../../../kubernetes/selectors.ts';
import type { Informer } from '../../../../client/informer.ts';
import {
  distinctTargets,
  type Endpoint,
  endpointsForHostname,
  endpointText,
  newEndpoint,
  resourceLabel,
  suitableType,
} from '../endpoint.ts';
import { Fatal } from '../log.ts';
import { createAnnotations, listed, type Source, type SourceContext, templated } from './source.ts';

const core = (resource: string): Gvr => ({ group: '', version: 'v1', resource });
const slices: Gvr = { group: 'discovery.k8s.io', version: 'v1', resource: 'endpointslices' };
const types = ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'];

/** Services with a hostname annotation. https://kubernetes-sigs.github.io/external-dns/v0.20.0/docs/sources/service/ */
export async function serviceSource(context: SourceContext): Promise<Source> {
  const { flags, log } = context;
  const annotations = createAnnotations(flags.text('annotation-prefix'), log);
  const labels = parseLabelSelector(flags.text('label-filter'));
  const wantedAnnotations = parseLabelSelector(flags.text('annotation-filter'));
  const only = flags.list('service-type-filter');
  const unknown = only.find((type) => !types.includes(type));
  if (unknown)
    throw new Fatal(
      `unsupported service type filter: ${JSON.stringify(unknown)}. Supported types are: [${types.map((type) => JSON.stringify(type)).join(' ')}]`,
    );
  const needs = (...wanted: string[]) => only.length === 0 || wanted.some((type) => only.includes(type));
  const services = await listed(context, core('services'), '*v1.Service');
  const inner = needs('NodePort', 'ClusterIP');
  const endpointSlices = inner ? await listed(context, slices, '*v1.EndpointSlice') : undefined;
  const pods = inner ? await listed(context, core('pods'), '*v1.Pod') : undefined;
  const nodes = needs('NodePort') ? await listed(context, core('nodes'), '*v1.Node') : undefined;

  function endpointsAt(service: KubeObject, host: string, internal: boolean): Endpoint[] {
    const { metadata, spec } = service;
    const hostname = host.replace(/\.$/, '');
    const resource = `service/${metadata.namespace}/${metadata.name}`;
    const ttl = annotations.ttl(service, resource);
    const { providerSpecific, setIdentifier } = annotations.provider(service);
    let targets = annotations.targets(service);
    const found: Endpoint[] = [];
    if (targets.length === 0) {
      const clusterIp = spec.clusterIP === 'None' ? [] : [spec.clusterIP];
      if (spec.type === 'LoadBalancer') targets = internal ? clusterIp : balancerTargets(service);
      else if (spec.type === 'NodePort') {
        targets = nodeTargets(service);
        found.push(...portEndpoints(service, hostname, ttl));
      } else if (spec.type === 'ExternalName')
        targets = spec.externalIPs?.length ? spec.externalIPs : [spec.externalName];
      else if (spec.clusterIP === 'None') found.push(...headlessEndpoints(service, hostname, ttl));
      else if (internal || flags.is('publish-internal-services')) targets = clusterIp;
    }
    const labelled = found.map((endpoint) => ({
      ...endpoint,
      providerSpecific,
      setIdentifier,
      labels: { [resourceLabel]: resource },
    }));
    return [
      ...labelled,
      ...endpointsForHostname(hostname, { targets, ttl, providerSpecific, setIdentifier, resource }, log),
    ];
  }

  /** Where a NodePort is reached: external addresses of nodes, else internal ones. */
  function nodeTargets(service: KubeObject): string[] {
    const ready = service.spec.externalTrafficPolicy === 'Local' ? localNodes(service) : undefined;
    const all = (nodes?.list() ?? []).filter(({ metadata }) => !ready || ready.has(metadata.name!));
    const of = (type: string): string[] =>
      all.flatMap(({ status }) =>
        (status?.addresses ?? []).filter((entry: Loose) => entry.type === type).map((entry: Loose) => entry.address),
      );
    const access = annotations.of(service, 'access');
    const external = of('ExternalIP');
    if (access === 'public') return external;
    return access === 'private' || external.length === 0 ? of('InternalIP') : external;
  }

  const podsOf = ({ metadata, spec }: KubeObject): KubeObject[] =>
    (pods?.list(metadata.namespace) ?? []).filter((pod) =>
      Object.entries(spec.selector ?? {}).every(([key, value]) => pod.metadata.labels?.[key] === value),
    );

  function localNodes(service: KubeObject): Set<string> {
    const running = podsOf(service).filter(({ status }) => status?.phase === 'Running');
    const ready = running.filter(({ status }) =>
      status?.conditions?.some(({ type, status: value }: Loose) => type === 'Ready' && value === 'True'),
    );
    const staying = ready.filter(({ metadata }) => !metadata.deletionTimestamp);
    const chosen = staying.length > 0 ? staying : ready.length > 0 ? ready : running;
    return new Set(chosen.map(({ spec }) => spec?.nodeName));
  }

  function portEndpoints({ metadata, spec }: KubeObject, hostname: string, ttl: number): Endpoint[] {
    return (spec.ports ?? [])
      .filter(({ nodePort }: Loose) => nodePort > 0)
      .flatMap(({ nodePort, protocol = 'TCP' }: Loose) => {
        const name = `_${metadata.name}._${protocol.toLowerCase()}.${hostname}`;
        return newEndpoint(name, 'SRV', ttl, [`0 50 ${nodePort} ${hostname}`], log) ?? [];
      });
  }

  function headlessEndpoints(service: KubeObject, hostname: string, ttl: number): Endpoint[] {
    const { namespace, name } = service.metadata;
    const own = podsOf(service);
    const targets = new Map<string, string[]>();
    const byHost = annotations.of(service, 'endpoints-type') === 'HostIP' || flags.is('publish-host-ip');
    const all = service.spec.publishNotReadyAddresses || flags.is('always-publish-not-ready-addresses');
    for (const slice of slicesOf(endpointSlices, namespace!, name!)) {
      for (const endpoint of slice.endpoints ?? []) {
        if (endpoint.conditions?.ready === false && !all) continue;
        const pod = own.find(({ metadata }) => metadata.name === endpoint.targetRef?.name);
        if (!pod || endpoint.targetRef?.kind !== 'Pod') continue;
        const domains = pod.spec.hostname ? [hostname, `${pod.spec.hostname}.${hostname}`] : [hostname];
        for (const domain of domains) {
          const told = annotations.targets(pod);
          const found = told.length > 0 ? told : [byHost ? pod.status.hostIP : endpoint.addresses?.[0]].filter(Boolean);
          for (const target of found) {
            const key = `${domain} ${suitableType(target)}`;
            targets.set(key, [...(targets.get(key) ?? []), target]);
          }
        }
      }
    }
    return [...targets.keys()].sort().flatMap((key) => {
      const [domain = '', type = ''] = key.split(' ');
      return newEndpoint(domain, type, ttl, [...new Set(targets.get(key))], log) ?? [];
    });
  }

  function endpointsOf(service: KubeObject): Endpoint[] {
    if (flags.is('ignore-hostname-annotation')) return [];
    const outer = annotations.hostnames(service, 'hostname').flatMap((host) => endpointsAt(service, host, false));
    const within = annotations
      .hostnames(service, 'internal-hostname')
      .flatMap((host) => endpointsAt(service, host, true));
    return [...outer, ...within];
  }

  return {
    async endpoints() {
      const found: Endpoint[] = [];
      for (const service of services.list()) {
        const { namespace, name, labels: own = {}, annotations: notes = {} } = service.metadata;
        if (only.length > 0 && !only.includes(service.spec.type)) continue;
        if (!matchLabels(labels, own) || !matchLabels(wantedAnnotations, notes)) continue;
        if (annotations.isForeign(service, 'service')) continue;
        let endpoints = endpointsOf(service);
        const template = flags.text('fqdn-template');
        const combined = flags.is('combine-fqdn-annotation');
        if (template && (endpoints.length === 0 || combined)) {
          const more = templated(template, service).flatMap((host) => endpointsAt(service, host, false));
          endpoints = combined ? [...endpoints, ...more] : more;
        }
        log.debug(
          endpoints.length === 0
            ? `No endpoints could be generated from service ${namespace}/${name}`
            : `Endpoints generated from service: ${namespace}/${name}: [${endpoints.map(endpointText).join(' ')}]`,
        );
        found.push(...endpoints);
      }
      return merged(found);
    },
    watch(changed) {
      log.debug('Adding event handler for service');
      services.on(changed);
      if (flags.is('listen-endpoint-events')) endpointSlices?.on(changed);
    },
  };
}

function balancerTargets({ spec, status }: KubeObject): string[] {
  if (spec.externalIPs?.length) return spec.externalIPs;
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }: Loose) => [ip, hostname].filter(Boolean));
}

const slicesOf = (informer: Informer | undefined, namespace: string, service: string): KubeObject[] =>
  (informer?.list(namespace) ?? []).filter(
    ({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === service,
  );

/** Several Services of one name share its records; the first by name owns them. Aliases are left apart. */
function merged(endpoints: Endpoint[]): Endpoint[] {
  const byResource = (a: Endpoint, b: Endpoint) => order(a.labels[resourceLabel]!, b.labels[resourceLabel]!);
  const held = new Map<string, Endpoint[]>();
  for (const endpoint of [...endpoints].sort(byResource)) {
    const key = `${endpoint.dnsName} ${endpoint.recordType} ${endpoint.setIdentifier}`;
    const others = held.get(key);
    if (!others) held.set(key, [{ ...endpoint, targets: distinctTargets(endpoint.targets) }]);
    else if (endpoint.recordType === 'CNAME') others.push(endpoint);
    else others[0]!.targets = distinctTargets([...others[0]!.targets, ...endpoint.targets]);
  }
  return [...held.values()].flat().sort((a, b) => order(a.dnsName, b.dnsName) || order(a.recordType, b.recordType));
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
