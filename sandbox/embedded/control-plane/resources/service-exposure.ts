import { isIP } from 'node:net';
import { portNumber, qualifiedName } from '../../../../kubernetes/names.ts';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { forbidden, invalid, notSupported, required } from '../schema/field-errors.ts';
import { each } from './faults.ts';
import type { FieldError } from './strategy.ts';

/** How a Service is reached from outside: load balancers, node ports, traffic policies. https://kubernetes.io/docs/concepts/services-networking/service/#publishing-services-service-types */

const trafficPolicies = ['Cluster', 'Local'];
const distributions = ['PreferClose', 'PreferSameNode', 'PreferSameZone'];
const sourceRangesAnnotation = 'service.beta.kubernetes.io/load-balancer-source-ranges';
const longestAffinity = 86_400;
const onlyBalancers = "may only be used when `type` is 'LoadBalancer'";

export const hasNodePorts = (spec: Loose): boolean => spec.type === 'NodePort' || spec.type === 'LoadBalancer';

export const isExternal = (spec: Loose): boolean =>
  hasNodePorts(spec) || (spec.type === 'ClusterIP' && spec.externalIPs?.length > 0);

/** A balancer asks this port which nodes have an endpoint. */
export const needsHealthPort = (spec: Loose): boolean =>
  spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';

export function affinityFaults({ sessionAffinity, sessionAffinityConfig }: Loose): FieldError[] {
  const at = 'spec.sessionAffinityConfig';
  if (sessionAffinity === 'None' && sessionAffinityConfig)
    return [forbidden(at, 'must not be set when session affinity is None')];
  const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (sessionAffinity !== 'ClientIP' || (seconds > 0 && seconds <= longestAffinity)) return [];
  return [
    invalid(
      `${at}.clientIP.timeoutSeconds`,
      seconds,
      `must be greater than 0 and less than or equal to ${longestAffinity}`,
    ),
  ];
}

function rangeFaults(at: string, text: string): FieldError[] {
  const [address = '', bits = '', ...rest] = text.trim().split('/');
  const family = isIP(address);
  const most = family === 6 ? 128 : 32;
  if (family && rest.length === 0 && /^\d+$/.test(bits) && Number(bits) <= most) return [];
  return [invalid(at, text.trim(), 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')];
}

/** In the order in which the real server lists them. */
export function exposureFaults({ metadata, spec }: KubeObject): FieldError[] {
  const faults: FieldError[] = [];
  const balanced = spec.type === 'LoadBalancer';
  const ranges: string[] = spec.loadBalancerSourceRanges ?? [];
  const annotated = metadata.annotations?.[sourceRangesAnnotation];
  if (ranges.length > 0) {
    const at = 'spec.LoadBalancerSourceRanges';
    if (!balanced) faults.push(forbidden(at, onlyBalancers));
    for (const [index, range] of ranges.entries()) faults.push(...rangeFaults(`${at}[${index}]`, range));
  } else if (annotated !== undefined) {
    const at = `metadata.annotations[${sourceRangesAnnotation}]`;
    if (!balanced) faults.push(forbidden(at, onlyBalancers));
    if (annotated.trim()) for (const range of annotated.trim().split(',')) faults.push(...rangeFaults(at, range));
  }
  if (spec.allocateLoadBalancerNodePorts !== undefined && !balanced)
    faults.push(forbidden('spec.allocateLoadBalancerNodePorts', onlyBalancers));
  if (spec.loadBalancerClass !== undefined) {
    const at = 'spec.loadBalancerClass';
    if (balanced) faults.push(...each(at, spec.loadBalancerClass, qualifiedName(spec.loadBalancerClass)));
    else faults.push(forbidden(at, onlyBalancers));
  }
  const { externalTrafficPolicy: external, internalTrafficPolicy: internal, healthCheckNodePort: health } = spec;
  if (!isExternal(spec) && external)
    faults.push(invalid('spec.externalTrafficPolicy', external, 'may only be set for externally-accessible services'));
  else if (isExternal(spec) && !external) faults.push(required('spec.externalTrafficPolicy'));
  else if (external && !trafficPolicies.includes(external))
    faults.push(notSupported('spec.externalTrafficPolicy', external, trafficPolicies));
  if (health && !needsHealthPort(spec))
    faults.push(
      invalid(
        'spec.healthCheckNodePort',
        health,
        "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
      ),
    );
  else if (health) faults.push(...each('spec.healthCheckNodePort', health, portNumber(health)));
  if (internal && !trafficPolicies.includes(internal))
    faults.push(notSupported('spec.internalTrafficPolicy', internal, trafficPolicies));
  if (spec.trafficDistribution !== undefined && !distributions.includes(spec.trafficDistribution))
    faults.push(notSupported('spec.trafficDistribution', spec.trafficDistribution, distributions));
  return faults;
}

export function exposureChangeFaults({ spec }: KubeObject, { spec: before }: KubeObject): FieldError[] {
  const faults: FieldError[] = [];
  const bothBalanced = spec.type === 'LoadBalancer' && before.type === 'LoadBalancer';
  if (bothBalanced && spec.loadBalancerClass !== before.loadBalancerClass)
    faults.push(invalid('spec.loadBalancerClass', spec.loadBalancerClass, 'may not change once set'));
  if (needsHealthPort(before) && needsHealthPort(spec) && spec.healthCheckNodePort !== before.healthCheckNodePort)
    faults.push(forbidden('spec.healthCheckNodePort', 'field is immutable'));
  return faults;
}

/** A change of type takes along what the new one has no use for, unless the client changed that as well. */
export function dropForType(service: KubeObject, { spec: before }: KubeObject): void {
  const { spec } = service;
  const unchanged = (field: string) => spec[field] === before[field];
  if (hasNodePorts(before) && !hasNodePorts(spec)) {
    const known = new Set((before.ports ?? []).map(({ nodePort }: Loose) => nodePort));
    if ((spec.ports ?? []).every(({ nodePort }: Loose) => !nodePort || known.has(nodePort)))
      for (const port of spec.ports ?? []) delete port.nodePort;
  }
  if (needsHealthPort(before) && !needsHealthPort(spec) && unchanged('healthCheckNodePort'))
    delete spec.healthCheckNodePort;
  if (before.type === 'LoadBalancer' && spec.type !== 'LoadBalancer')
    for (const field of ['allocateLoadBalancerNodePorts', 'loadBalancerClass'])
      if (unchanged(field)) delete spec[field];
  if (isExternal(before) && !isExternal(spec) && unchanged('externalTrafficPolicy')) delete spec.externalTrafficPolicy;
  if (spec.type !== 'LoadBalancer') service.status = { ...service.status, loadBalancer: {} };
}

export function exposureWarnings({ spec }: KubeObject): string[] {
  const warnings: string[] = [];
  const own = spec.externalIPs?.length > 0;
  if (spec.type === 'ClusterIP' && spec.clusterIP === 'None') {
    if (spec.loadBalancerIP) warnings.push('spec.loadBalancerIP is ignored for headless services');
    if (own) warnings.push('spec.externalIPs is ignored for headless services');
    if (spec.sessionAffinity !== 'None') warnings.push('spec.SessionAffinity is ignored for headless services');
  }
  if (spec.type === 'ExternalName' && own)
    warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  if (spec.type !== 'ExternalName' && spec.externalName)
    warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  if (spec.trafficDistribution === 'PreferClose')
    warnings.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  return warnings;
}

export function balancerStatusFaults({ spec, status }: KubeObject): FieldError[] {
  const at = 'status.loadBalancer.ingress';
  const ingress: Loose[] = status?.loadBalancer?.ingress ?? [];
  if (spec.type !== 'LoadBalancer' && ingress.length > 0)
    return [forbidden(at, "may only be used when `spec.type` is 'LoadBalancer'")];
  return ingress.flatMap(({ ip, hostname }, index) => [
    ...(ip && isIP(ip) === 0
      ? [invalid(`${at}[${index}].ip`, ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')]
      : []),
    ...(hostname && isIP(hostname)
      ? [invalid(`${at}[${index}].hostname`, hostname, 'must be a DNS name, not an IP address')]
      : []),
  ]);
}
