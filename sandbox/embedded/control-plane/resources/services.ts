import { isIP } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { portNumber, qualifiedName } from '../../../../kubernetes/names.ts';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { duplicate, forbidden, invalid, notSupported, required } from '../schema/field-errors.ts';
import { ageOf, mapCell, nameOf } from './cells.ts';
import { each, label, labels, portNumberOrName, reachableFaults, subdomain, validAddress } from './faults.ts';
import {
  affinityFaults,
  balancerStatusFaults,
  dropForType,
  exposureChangeFaults,
  exposureFaults,
  exposureWarnings,
  hasNodePorts,
  isExternal,
  needsHealthPort,
} from './service-exposure.ts';
import type { FieldError, Strategy, StrategyContext } from './strategy.ts';

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const protocols = ['SCTP', 'TCP', 'UDP'];

function defaults({ spec, status }: KubeObject): void {
  spec.sessionAffinity ||= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === 'ClientIP')
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: 10_800, ...spec.sessionAffinityConfig?.clientIP } };
  spec.type ||= 'ClusterIP';
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP';
    if (!port.targetPort) port.targetPort = port.port;
  }
  if (isExternal(spec)) spec.externalTrafficPolicy ||= 'Cluster';
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type !== 'LoadBalancer') return;
  spec.allocateLoadBalancerNodePorts ??= true;
  for (const ingress of status?.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= 'VIP';
}

const isHeadless = (spec: Loose): boolean => spec.clusterIP === 'None';

/** Addresses and ports nobody has yet; those asked for are tried and their refusal is told by {@link validate}. */
function allocate(service: KubeObject, context: StrategyContext): void {
  const { spec } = service;
  if (spec.type === 'ExternalName') return;
  if (!spec.clusterIP && spec.clusterIPs?.length) spec.clusterIP = spec.clusterIPs[0];
  spec.clusterIP ||= context.allocate('clusterIP');
  if (!spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
  if (!isHeadless(spec) || spec.selector) {
    spec.ipFamilies ??= ['IPv4'];
    spec.ipFamilyPolicy ??= 'SingleStack';
  } else {
    spec.ipFamilies ??= ['IPv4', 'IPv6'];
    spec.ipFamilyPolicy ??= 'RequireDualStack';
  }
  if (needsHealthPort(spec)) spec.healthCheckNodePort ||= context.allocate('nodePort');
  if (!hasNodePorts(spec)) return;
  // One number, as TCP and as UDP, has one node port.
  const shared = new Map<number, number>();
  for (const { port, nodePort } of spec.ports ?? []) if (nodePort && !shared.has(port)) shared.set(port, nodePort);
  for (const port of spec.ports ?? []) {
    if (port.nodePort || spec.allocateLoadBalancerNodePorts === false) continue;
    port.nodePort = shared.get(port.port) ?? context.allocate('nodePort');
    shared.set(port.port, port.nodePort);
  }
}

function claim(service: KubeObject, old: KubeObject | undefined, context: StrategyContext): FieldError[] {
  const faults: FieldError[] = [];
  const { spec } = service;
  const before = new Set((old?.spec.ports ?? []).map(({ nodePort }: Loose) => nodePort));
  const attempt = (kind: 'clusterIP' | 'nodePort', wanted: string | number, refuse: (why: string) => FieldError) => {
    try {
      context.allocate(kind, wanted);
    } catch (error) {
      faults.push(refuse((error as Error).message));
    }
  };
  const address = spec.clusterIP;
  if (address && address !== 'None' && !old?.spec.clusterIP)
    attempt('clusterIP', address, (why) =>
      invalid('spec.clusterIPs', spec.clusterIPs ?? [address], `failed to allocate IP ${address}: ${why}`),
    );
  if (!hasNodePorts(spec)) return faults;
  for (const [index, { nodePort }] of (spec.ports ?? []).entries())
    if (nodePort && !before.has(nodePort))
      attempt('nodePort', nodePort, (why) => invalid(`spec.ports[${index}].nodePort`, nodePort, why));
  return faults;
}

/** Refusals of the allocator wait here, with the object they belong to, until validation has listed what comes before them. */
const refused = new WeakMap<KubeObject, FieldError[]>();

function portFaults(spec: Loose): FieldError[] {
  const ports: Loose[] = spec.ports ?? [];
  const names = new Set<string>();
  const faults: FieldError[] = [];
  for (const [index, { name, port = 0, protocol, targetPort, appProtocol }] of ports.entries()) {
    const at = `spec.ports[${index}]`;
    if (!name && ports.length > 1) faults.push(required(`${at}.name`));
    else if (name) {
      faults.push(...label(`${at}.name`, name));
      if (names.has(name)) faults.push(duplicate(`${at}.name`, name));
      names.add(name);
    }
    faults.push(...each(`${at}.port`, port, portNumber(port)));
    if (!protocols.includes(protocol)) faults.push(notSupported(`${at}.protocol`, protocol, protocols));
    faults.push(...portNumberOrName(`${at}.targetPort`, targetPort));
    if (appProtocol !== undefined) faults.push(...each(`${at}.appProtocol`, appProtocol, qualifiedName(appProtocol)));
  }
  return faults;
}

function sharedPortFaults(spec: Loose): FieldError[] {
  const ports: Loose[] = spec.ports ?? [];
  const faults: FieldError[] = [];
  const nodes = new Set<string>();
  const seen = new Set<string>();
  if (spec.type === 'ClusterIP')
    for (const [index, { nodePort }] of ports.entries())
      if (nodePort)
        faults.push(forbidden(`spec.ports[${index}].nodePort`, "may not be used when `type` is 'ClusterIP'"));
  for (const [index, { protocol, nodePort }] of ports.entries()) {
    if (!nodePort) continue;
    if (nodes.has(`${protocol}/${nodePort}`)) faults.push(duplicate(`spec.ports[${index}].nodePort`, nodePort));
    nodes.add(`${protocol}/${nodePort}`);
  }
  for (const [index, { port, protocol }] of ports.entries()) {
    if (seen.has(`${protocol}/${port}`))
      faults.push(
        duplicate(`spec.ports[${index}]`, {
          Name: '',
          Protocol: protocol,
          AppProtocol: null,
          Port: port,
          TargetPort: 0,
          NodePort: 0,
        }),
      );
    seen.add(`${protocol}/${port}`);
  }
  return faults;
}

const policies = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];

/** The cluster has addresses of one family alone. https://kubernetes.io/docs/concepts/services-networking/dual-stack/ */
function familyFaults(spec: Loose): FieldError[] {
  if (spec.type === 'ExternalName') return [];
  const families: string[] = spec.ipFamilies ?? [];
  const policy = spec.ipFamilyPolicy;
  const at = 'spec.ipFamilyPolicy';
  const faults = families.flatMap((family, index) => {
    const path = `spec.ipFamilies[${index}]`;
    return [
      ...(['IPv4', 'IPv6'].includes(family) ? [] : [notSupported(path, family, ['IPv4', 'IPv6'])]),
      ...(families.indexOf(family) < index ? [duplicate(path, family)] : []),
    ];
  });
  if (policy !== undefined && !policies.includes(policy)) faults.push(notSupported(at, policy, policies));
  if (!isHeadless(spec))
    for (const [index, address] of (spec.clusterIPs ?? (spec.clusterIP ? [spec.clusterIP] : [])).entries()) {
      const family = isIP(address) === 6 ? 'IPv6' : 'IPv4';
      const wanted = families[index];
      const text = `expected an ${wanted} value as indicated by \`ipFamilies[${index}]\``;
      if (wanted && wanted !== family) faults.push(invalid(`spec.clusterIPs[${index}]`, address, text));
    }
  if (faults.length > 0) return faults;
  const own = isHeadless(spec) && Object.keys(spec.selector ?? {}).length === 0;
  const single = policy === undefined ? !own : policy === 'SingleStack';
  if (single && families.length === 2) {
    const sentence = "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified";
    return [invalid(at, policy ?? 'SingleStack', sentence)];
  }
  if (own) return [];
  if (policy === 'RequireDualStack')
    faults.push(invalid(at, policy, 'this cluster is not configured for dual-stack services'));
  for (const [index, family] of families.entries())
    if (family === 'IPv6') faults.push(invalid(`spec.ipFamilies[${index}]`, family, 'not configured on this cluster'));
  return faults;
}

function validate(service: KubeObject): FieldError[] {
  const { clusterIP } = service.spec;
  // Addresses are looked at before anything else is.
  if (clusterIP && clusterIP !== 'None' && isIP(clusterIP) === 0)
    return [invalid('spec.clusterIPs[0]', clusterIP, validAddress)];
  const { spec } = service;
  const families = familyFaults(spec);
  if (families.length > 0) return families;
  const faults: FieldError[] = [];
  const ports: Loose[] = spec.ports ?? [];
  if (ports.length === 0 && !isHeadless(spec) && spec.type !== 'ExternalName') faults.push(required('spec.ports'));
  if (spec.type === 'LoadBalancer' && isHeadless(spec))
    faults.push(invalid('spec.clusterIPs[0]', 'None', "may not be set to 'None' for LoadBalancer services"));
  if (spec.type === 'NodePort' && isHeadless(spec))
    faults.push(invalid('spec.clusterIPs[0]', 'None', "may not be set to 'None' for NodePort services"));
  if (spec.type === 'ExternalName') {
    const name = (spec.externalName ?? '').replace(/\.$/, '');
    if (name) faults.push(...subdomain('spec.externalName', name));
    else faults.push(required('spec.externalName'));
  }
  faults.push(...portFaults(spec), ...labels('spec.selector', spec.selector));
  if (!['ClientIP', 'None'].includes(spec.sessionAffinity))
    faults.push(notSupported('spec.sessionAffinity', spec.sessionAffinity, ['ClientIP', 'None']));
  faults.push(...affinityFaults(spec));
  for (const [index, address] of (spec.externalIPs ?? []).entries())
    faults.push(
      ...(isIP(address)
        ? reachableFaults(`spec.externalIPs[${index}]`, address)
        : [invalid(`spec.externalIPs[${index}]`, address, validAddress)]),
    );
  if (!types.includes(spec.type)) faults.push(notSupported('spec.type', spec.type, types));
  faults.push(...sharedPortFaults(spec), ...exposureFaults(service));
  return [...faults, ...(faults.length === 0 ? (refused.get(service) ?? []) : [])];
}

function externalAddress({ spec, status }: KubeObject): string {
  const own = (spec.externalIPs ?? []).join(',');
  if (spec.type === 'ExternalName') return spec.externalName ?? '';
  if (spec.type !== 'LoadBalancer') return own || '<none>';
  const addresses = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }: Loose) => ip || hostname);
  return [...[...new Set<string>(addresses)].sort(), own].filter(Boolean).join(',') || '<pending>';
}

const portCell = ({ port, nodePort, protocol }: Loose): string =>
  nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`;

export const services: Strategy = {
  nameFormat: 'label1035',
  defaults,
  prepareForCreate(service, context) {
    service.status = { loadBalancer: {} };
    const wrong = validate(service).length > 0;
    refused.set(service, wrong ? [] : claim(service, undefined, context));
    if (!wrong) allocate(service, context);
  },
  prepareForUpdate(service, old, context) {
    const { spec } = service;
    const { spec: before } = old;
    if (spec.type === 'ExternalName' && before.type !== 'ExternalName') {
      for (const field of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy', 'internalTrafficPolicy'])
        delete spec[field];
      return dropForType(service, old);
    }
    // Clients that know one address alone change that one.
    if (spec.clusterIP !== before.clusterIP && isDeepStrictEqual(spec.clusterIPs, before.clusterIPs))
      spec.clusterIPs = spec.clusterIP ? [spec.clusterIP] : undefined;
    if (!spec.clusterIP) delete spec.clusterIP;
    // A client that does not know these fields leaves them as they are.
    for (const field of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy', 'healthCheckNodePort'])
      if (spec[field] === undefined && before[field] !== undefined && spec.type !== 'ExternalName')
        spec[field] = before[field];
    dropForType(service, old);
    // A client that changes neither ports nor type, or sends none of the numbers, keeps them.
    if (hasNodePorts(spec))
      for (const port of spec.ports ?? [])
        port.nodePort ||= (before.ports ?? []).find(
          (each: Loose) => each.port === port.port && each.protocol === port.protocol,
        )?.nodePort;
    for (const port of spec.ports ?? []) if (port.nodePort === undefined) delete port.nodePort;
    const wrong = validate(service).length > 0;
    refused.set(service, wrong ? [] : claim(service, old, context));
    if (!wrong) allocate(service, context);
  },
  validate,
  validateStatusUpdate: balancerStatusFaults,
  warnings: exposureWarnings,
  validateUpdate(service, before) {
    const { spec } = service;
    const { spec: old } = before;
    if (spec.type === 'ExternalName' || old.type === 'ExternalName') return [];
    const changes = exposureChangeFaults(service, before);
    const [now, held] = [spec.clusterIPs ?? [], old.clusterIPs ?? []];
    if (held.length > 0 && now[0] !== held[0])
      return [
        invalid(
          'spec.clusterIPs[0]',
          now,
          now.length === 0 ? 'primary clusterIP can not be unset' : 'may not change once set',
        ),
        ...changes,
      ];
    return changes;
  },
  cells: (service, now) => [
    nameOf(service),
    service.spec.type,
    service.spec.clusterIPs?.[0] ?? service.spec.clusterIP ?? '<none>',
    externalAddress(service),
    (service.spec.ports ?? []).map(portCell).join(',') || '<none>',
    ageOf(service, now),
    mapCell(service.spec.selector),
  ],
  selectableFields: {
    'spec.clusterIP': ({ spec }) => spec.clusterIP ?? '',
    'spec.type': ({ spec }) => spec.type ?? '',
  },
};
