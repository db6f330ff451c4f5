import { BlockList, isIP, isIPv4 } from 'node:net';
import {
  dns1035Label,
  dns1123Subdomain,
  pathSegment,
  portName,
  portNumber,
  wildcardSubdomain,
} from '../../../../kubernetes/names.ts';
import type { Loose } from '../../../../kubernetes/object.ts';
import { forbidden, invalid, notSupported, required } from '../schema/field-errors.ts';
import { ageOf, balancerCell, named, nameOf, selectorCell } from './cells.ts';
import { each, labelSelector, portNumberOrName, subdomain } from './faults.ts';
import type { FieldError, Strategy } from './strategy.ts';

const pathTypes = ['Exact', 'ImplementationSpecific', 'Prefix'];
const badSequences = ['//', '/./', '/../', '%2f', '%2F'];
const badEndings = ['/..', '/.'];

function hostFaults(path: string, host: string): FieldError[] {
  return each(path, host, host.includes('*') ? wildcardSubdomain(host) : dns1123Subdomain(host));
}

function backendFaults(path: string, { resource, service }: Loose): FieldError[] {
  if (resource && service) return [invalid(path, '', 'cannot set both resource and service backends')];
  if (resource) {
    return ['kind', 'name'].flatMap((field) =>
      resource[field]
        ? each(`${path}.resource.${field}`, resource[field], pathSegment(resource[field]))
        : [required(`${path}.resource.${field}`)],
    );
  }
  if (!service) return [invalid(path, '', 'resource or service backend is required')];
  const faults = service.name
    ? each(`${path}.service.name`, service.name, dns1035Label(service.name))
    : [required(`${path}.service.name`)];
  const { name, number } = service.port ?? {};
  if (name && number) faults.push(invalid(path, '', 'cannot set both port name & port number'));
  else if (name) faults.push(...each(`${path}.service.port.name`, name, portName(name)));
  else if (number) faults.push(...each(`${path}.service.port.number`, number, portNumber(number)));
  else faults.push(required(path, 'port name or number is required'));
  return faults;
}

function pathFaults(at: string, { path = '', pathType, backend }: Loose): FieldError[] {
  if (!pathType) return [required(`${at}.pathType`, 'pathType must be specified')];
  const faults: FieldError[] = [];
  const say = (why: string) => faults.push(invalid(`${at}.path`, path, why));
  if (!pathTypes.includes(pathType)) faults.push(notSupported(`${at}.pathType`, pathType, pathTypes));
  else if (pathType === 'ImplementationSpecific') {
    if (path && !path.startsWith('/')) say('must be an absolute path');
  } else {
    if (!path.startsWith('/')) say('must be an absolute path');
    for (const sequence of badSequences) if (path.includes(sequence)) say(`must not contain '${sequence}'`);
    for (const ending of badEndings) if (path.endsWith(ending)) say(`cannot end with '${ending}'`);
  }
  return [...faults, ...backendFaults(`${at}.backend`, backend ?? {})];
}

function ruleFaults(at: string, { host, http }: Loose): FieldError[] {
  const faults: FieldError[] = [];
  if (host && isIP(host) !== 0) faults.push(invalid(`${at}.host`, host, 'must be a DNS name, not an IP address'));
  if (host) faults.push(...hostFaults(`${at}.host`, host));
  if (!http) return faults;
  const paths: Loose[] = http.paths ?? [];
  if (paths.length === 0) faults.push(required(`${at}.http.paths`));
  for (const [index, path] of paths.entries()) faults.push(...pathFaults(`${at}.http.paths[${index}]`, path));
  return faults;
}

function hostsCell(rules: Loose[] = []): string {
  const hosts = rules
    .slice(0, 3)
    .map(({ host }) => host)
    .filter(Boolean);
  if (hosts.length === 0) return '*';
  return hosts.join(',') + (rules.length > 3 && hosts.length === 3 ? ` + ${rules.length - 3} more...` : '');
}

export const ingresses: Strategy = {
  prepareForCreate(ingress) {
    ingress.status = { loadBalancer: {} };
  },
  validate({ metadata, spec }) {
    const faults: FieldError[] = [];
    const rules: Loose[] = spec.rules ?? [];
    if (rules.length === 0 && !spec.defaultBackend)
      faults.push(invalid('spec', spec.rules ?? null, 'either `defaultBackend` or `rules` must be specified'));
    if (spec.defaultBackend) faults.push(...backendFaults('spec.defaultBackend', spec.defaultBackend));
    for (const [index, rule] of rules.entries()) faults.push(...ruleFaults(`spec.rules[${index}]`, rule));
    for (const [index, { hosts = [], secretName }] of (spec.tls ?? []).entries()) {
      for (const [place, host] of hosts.entries())
        faults.push(...hostFaults(`spec.tls[${index}].hosts[${place}]`, host));
      if (secretName) faults.push(...subdomain(`spec.tls[${index}].secretName`, secretName));
    }
    const name = spec.ingressClassName;
    if (name !== undefined) faults.push(...subdomain('spec.ingressClassName', name));
    const annotation = metadata.annotations?.['kubernetes.io/ingress.class'];
    if (annotation !== undefined && name !== undefined && annotation !== name)
      faults.push(
        invalid(
          'annotations.kubernetes.io/ingress.class',
          annotation,
          'must match `ingressClassName` when both are specified',
        ),
      );
    return faults;
  },
  warnings: ({ metadata }) =>
    metadata.annotations?.['kubernetes.io/ingress.class'] === undefined
      ? []
      : ['annotation "kubernetes.io/ingress.class" is deprecated, please use \'spec.ingressClassName\' instead'],
  cells: named(({ spec, status }) => [
    spec.ingressClassName ?? '<none>',
    hostsCell(spec.rules),
    balancerCell(status),
    spec.tls?.length ? '80, 443' : '80',
  ]),
};

export const ingressClasses: Strategy = {
  generationFields: ['spec'],
  defaults({ spec }) {
    if (spec.parameters) spec.parameters.scope ??= 'Cluster';
  },
  validate: ({ spec }) => (spec.controller ? [] : [required('spec.controller')]),
  validateUpdate: ({ spec }, old) =>
    spec.controller === old.spec.controller ? [] : [invalid('spec.controller', spec.controller, 'field is immutable')],
  cells: named(({ spec }) => {
    const { kind, apiGroup, name } = spec.parameters ?? {};
    return [spec.controller, kind ? `${kind}${apiGroup === undefined ? '' : `.${apiGroup}`}/${name}` : '<none>'];
  }),
};

const protocols = ['TCP', 'UDP', 'SCTP'];

function policyPortFaults(at: string, { protocol, port, endPort }: Loose): FieldError[] {
  const faults: FieldError[] = [];
  if (protocol && !protocols.includes(protocol)) faults.push(notSupported(`${at}.protocol`, protocol, protocols));
  if (port !== undefined) faults.push(...portNumberOrName(`${at}.port`, port));
  if (endPort === undefined) return faults;
  if (port === undefined)
    faults.push(invalid(`${at}.endPort`, endPort, 'may not be specified when `port` is not specified'));
  else if (typeof port === 'string')
    faults.push(invalid(`${at}.endPort`, endPort, 'may not be specified when `port` is non-numeric'));
  else {
    if (endPort < port) faults.push(invalid(`${at}.endPort`, port, 'must be greater than or equal to `port`'));
    faults.push(...each(`${at}.endPort`, endPort, portNumber(endPort)));
  }
  return faults;
}

function peerFaults(at: string, { podSelector, namespaceSelector, ipBlock }: Loose): FieldError[] {
  const faults: FieldError[] = [];
  if (!podSelector && !namespaceSelector && !ipBlock) return [required(at, 'must specify a peer')];
  faults.push(
    ...labelSelector(`${at}.podSelector`, podSelector),
    ...labelSelector(`${at}.namespaceSelector`, namespaceSelector),
  );
  if (ipBlock) faults.push(...blockFaults(`${at}.ipBlock`, ipBlock));
  if (ipBlock && (podSelector || namespaceSelector))
    faults.push(forbidden(at, 'may not specify both ipBlock and another peer'));
  return faults;
}

const notRange = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

function blockFaults(at: string, { cidr, except = [] }: Loose): FieldError[] {
  if (!cidr) return [required(`${at}.cidr`)];
  const block = rangeOf(cidr);
  if (!block) return [invalid(`${at}.cidr`, cidr, notRange)];
  return except.flatMap((text: string, index: number) => {
    const path = `${at}.except[${index}]`;
    const range = rangeOf(text);
    if (!range) return [invalid(path, text, notRange)];
    const inside = block.family === range.family && block.list.check(range.address, range.family);
    return inside && block.bits < range.bits ? [] : [invalid(path, text, 'must be a strict subset of `cidr`')];
  });
}

function rangeOf(text: string) {
  const [, address = '', digits = ''] = /^([0-9a-fA-F.:]+)\/(\d+)$/.exec(text) ?? [];
  const bits = Number(digits);
  if (!isIP(address) || bits > (isIPv4(address) ? 32 : 128)) return undefined;
  const family = isIPv4(address) ? ('ipv4' as const) : ('ipv6' as const);
  const list = new BlockList();
  list.addSubnet(address, bits, family);
  return { address, bits, family, list };
}

export const networkPolicies: Strategy = {
  defaults({ spec }) {
    for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])])
      for (const port of rule.ports ?? []) port.protocol ??= 'TCP';
    if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'];
  },
  validate({ spec }) {
    const faults = labelSelector('spec.podSelector', spec.podSelector);
    for (const [direction, peers] of [
      ['ingress', 'from'],
      ['egress', 'to'],
    ] as const) {
      for (const [index, rule] of (spec[direction] ?? []).entries()) {
        const at = `spec.${direction}[${index}]`;
        for (const [place, port] of (rule.ports ?? []).entries())
          faults.push(...policyPortFaults(`${at}.ports[${place}]`, port));
        for (const [place, peer] of (rule[peers] ?? []).entries())
          faults.push(...peerFaults(`${at}.${peers}[${place}]`, peer));
      }
    }
    if (spec.policyTypes.length > 2)
      return [...faults, invalid('spec.policyTypes', spec.policyTypes, 'may not specify more than two policyTypes')];
    for (const [index, type] of spec.policyTypes.entries())
      if (!['Ingress', 'Egress'].includes(type))
        faults.push(notSupported(`spec.policyTypes[${index}]`, type, ['Ingress', 'Egress']));
    return faults;
  },
  generationFields: ['spec'],
  cells: named(({ spec }) => [selectorCell(spec.podSelector)]),
};

export const serviceCidrs: Strategy = { cells: named(({ spec }) => [(spec.cidrs ?? []).join(',')]) };

export const ipAddresses: Strategy = {
  cells: (object, now) => {
    const { group, resource, namespace, name } = object.spec?.parentRef ?? {};
    const kind = `${resource ?? ''}${group ? `.${group}` : ''}`.toLowerCase();
    return [nameOf(object), name ? [kind, namespace, name].filter(Boolean).join('/') : '<none>', ageOf(object, now)];
  },
};
