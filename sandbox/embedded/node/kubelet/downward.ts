import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';

/** A field of the downward API. https://kubernetes.io/docs/concepts/workloads/pods/downward-api/ */
export function fieldValue(
  pod: KubeObject,
  path: string,
  place: { ip: string; hostIP: string; node: string },
): string | undefined {
  const { metadata, spec } = pod;
  const subscript = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (subscript) return metadata[subscript[1] as 'labels']?.[subscript[2]!] ?? '';
  switch (path) {
    case 'metadata.name':
      return metadata.name;
    case 'metadata.namespace':
      return metadata.namespace;
    case 'metadata.uid':
      return metadata.uid;
    case 'metadata.labels':
    case 'metadata.annotations':
      return lines(path === 'metadata.labels' ? metadata.labels : metadata.annotations);
    case 'spec.nodeName':
      return place.node;
    case 'spec.serviceAccountName':
      return spec.serviceAccountName ?? '';
    case 'status.podIP':
    case 'status.podIPs':
      return place.ip;
    case 'status.hostIP':
    case 'status.hostIPs':
      return place.hostIP;
    default:
      return undefined;
  }
}

function lines(map: Record<string, string> | undefined): string {
  return Object.entries(map ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n');
}

/** A container's request or limit, in units of the divisor, rounded up; a limit that is not set is the node's. */
export function resourceValue(
  pod: KubeObject,
  container: Loose,
  reference: { resource: string; divisor?: string; containerName?: string },
  allocatable: Record<string, string>,
): string | undefined {
  const named = reference.containerName
    ? [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])].find(
        (candidate: Loose) => candidate.name === reference.containerName,
      )
    : container;
  const [list, resource] = reference.resource.split('.') as ['limits' | 'requests', string];
  const own = named?.resources?.[list]?.[resource];
  const text = own ?? (list === 'limits' ? allocatable[resource] : '0');
  const divisor = amount(reference.divisor && reference.divisor !== '0' ? reference.divisor : '1');
  return String(Math.ceil(amount(text ?? '0') / divisor));
}

const factors: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** A quantity as a number, precise enough for shares of cores and bytes. */
export function amount(quantity: string | number): number {
  const match = /^([+-]?[0-9.]+(?:[eE][+-]?\d+)?)([numkMGTPE]i?)?$/.exec(String(quantity));
  return match ? Number(match[1]) * (match[2] ? (factors[match[2]] ?? 1) : 1) : 0;
}
