import { isIP, isIPv4 } from 'node:net';
import type { Loose } from '../../../../kubernetes/object.ts';
import { invalid, notSupported, required } from '../schema/field-errors.ts';
import { named, someOf } from './cells.ts';
import { reachableFaults, validAddress } from './faults.ts';
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

export const endpoints: Strategy = {
  defaults({ subsets }) {
    for (const subset of subsets ?? []) for (const port of subset.ports ?? []) port.protocol ||= 'TCP';
  },
  validate({ subsets }) {
    return (subsets ?? []).flatMap(({ addresses = [], notReadyAddresses = [] }: Loose, index: number) => {
      const at = `subsets[${index}]`;
      if (addresses.length + notReadyAddresses.length === 0)
        return [required(at, 'must specify `addresses` or `notReadyAddresses`')];
      return addresses.flatMap(({ ip = '' }: Loose, place: number) => {
        const path = `${at}.addresses[${place}].ip`;
        return isIP(ip) ? reachableFaults(path, ip) : [invalid(path, ip, validAddress)];
      });
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
    for (const [index, { addresses = [] }] of (slice.endpoints ?? []).entries()) {
      const at = `endpoints[${index}].addresses`;
      if (addresses.length === 0) faults.push(required(at, 'must contain at least 1 address'));
      for (const [place, address] of addresses.entries()) {
        const path = `${at}[${place}]`;
        if (slice.addressType !== 'FQDN' && isIP(address) === 0) faults.push(invalid(path, address, validAddress));
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
