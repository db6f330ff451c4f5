import { isIP, isIPv4 } from 'node:net';
import { portNumber, qualifiedName } from '../../../../kubernetes/names.ts';
import type { Loose } from '../../../../kubernetes/object.ts';
import { duplicate, invalid, notSupported, required } from '../schema/field-errors.ts';
import { named, someOf } from './cells.ts';
import { each, label, oneOf, reachableFaults, subdomain, validAddress } from './faults.ts';
import type { FieldError, Strategy } from './strategy.ts';

const hostPort = (ip: string, port: number): string => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);

function subsetCell(subsets: Loose[] = []): string {
  const list = subsets.flatMap(({ addresses = [], ports = [] }) =>
    ports.length === 0
      ? addresses.map(({ ip }: Loose) => ip)
      : ports.flatMap(({ port }: Loose) => addresses.map(({ ip }: Loose) => hostPort(ip, port))),
  );
  return subsets.length === 0 ? '<none>' : someOf(list, 3, '');
}

const protocols = ['SCTP', 'TCP', 'UDP'];

/** The address is looked at twice, as an address and as one of an endpoint. */
function addressFaults(path: string, { ip = '', hostname, nodeName }: Loose): FieldError[] {
  const faults = isIP(ip) ? [] : [invalid(`${path}.ip`, ip, validAddress)];
  if (hostname) faults.push(...label(`${path}.hostname`, hostname));
  if (nodeName !== undefined) faults.push(...subdomain(`${path}.nodeName`, nodeName));
  faults.push(
    ...(isIP(ip) ? reachableFaults(`${path}.ip`, ip) : [invalid(`${path}.ip`, ip, 'must be a valid IP address')]),
  );
  return faults;
}

function portFaults(path: string, port: Loose, isNamed: boolean): FieldError[] {
  const { name, port: number = 0, protocol, appProtocol } = port;
  const faults: FieldError[] = [];
  if (name) faults.push(...label(`${path}.name`, name));
  else if (isNamed) faults.push(required(`${path}.name`));
  faults.push(...each(`${path}.port`, number, portNumber(number)));
  return [...faults, ...protocolFaults(path, protocol, appProtocol)];
}

function protocolFaults(path: string, protocol: string | undefined, application: string | undefined): FieldError[] {
  const faults = oneOf(`${path}.protocol`, protocol, protocols);
  if (application !== undefined) faults.push(...each(`${path}.appProtocol`, application, qualifiedName(application)));
  return faults;
}

export const endpoints: Strategy = {
  defaults({ subsets }) {
    for (const subset of subsets ?? []) for (const port of subset.ports ?? []) port.protocol ||= 'TCP';
  },
  validate({ subsets }) {
    return (subsets ?? []).flatMap(({ addresses = [], notReadyAddresses = [], ports = [] }: Loose, index: number) => {
      const at = `subsets[${index}]`;
      const faults: FieldError[] = [];
      if (addresses.length + notReadyAddresses.length === 0)
        faults.push(required(at, 'must specify `addresses` or `notReadyAddresses`'));
      for (const [list, name] of [
        [addresses, 'addresses'],
        [notReadyAddresses, 'notReadyAddresses'],
      ] as const)
        for (const [place, address] of list.entries())
          faults.push(...addressFaults(`${at}.${name}[${place}]`, address));
      for (const [place, port] of ports.entries())
        faults.push(...portFaults(`${at}.ports[${place}]`, port, ports.length > 1));
      return faults;
    });
  },
  warnings: () => ['v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice'],
  generationFields: [],
  cells: named(({ subsets }) => [subsetCell(subsets ?? undefined)]),
};

const addressTypes = ['FQDN', 'IPv4', 'IPv6'];

export const endpointSlices: Strategy = {
  generationFields: ['endpoints', 'ports', 'addressType'],
  defaults({ ports }) {
    for (const port of ports ?? []) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
  },
  validate(slice) {
    const faults: FieldError[] = [];
    if (!slice.addressType) faults.push(required('addressType'));
    else if (!addressTypes.includes(slice.addressType))
      faults.push(notSupported('addressType', slice.addressType, addressTypes));
    const names = new Set<string>();
    for (const [index, { name = '', protocol, appProtocol }] of (slice.ports ?? []).entries()) {
      const at = `ports[${index}]`;
      if (name) faults.push(...label(`${at}.name`, name));
      if (names.has(name)) faults.push(duplicate(`${at}.name`, name));
      names.add(name);
      faults.push(...protocolFaults(at, protocol, appProtocol));
    }
    for (const [index, { addresses = [] }] of (slice.endpoints ?? []).entries()) {
      const at = `endpoints[${index}].addresses`;
      if (addresses.length === 0) faults.push(required(at, 'must contain at least 1 address'));
      for (const [place, address] of addresses.entries()) {
        const path = `${at}[${place}]`;
        // Of an unknown type nothing is known.
        if (!['IPv4', 'IPv6'].includes(slice.addressType)) continue;
        if (isIP(address) === 0) faults.push(invalid(path, address, validAddress));
        else if (slice.addressType === 'IPv4' && !isIPv4(address))
          faults.push(invalid(path, address, 'must be an IPv4 address'));
        else if (slice.addressType === 'IPv4') faults.push(...reachableFaults(path, address));
      }
    }
    return faults;
  },
  validateUpdate: (slice, old) =>
    slice.addressType === old.addressType ? [] : [invalid('addressType', slice.addressType, 'field is immutable')],
  cells: named(({ addressType, ports, endpoints: list }) => [
    addressType,
    someOf(
      (ports ?? []).map(({ port, name }: Loose) => String(port ?? name ?? '*')),
      3,
      '<unset>',
    ),
    someOf(
      (list ?? []).flatMap(({ addresses }: Loose) => addresses ?? []),
      3,
      '<unset>',
    ),
  ]),
};
