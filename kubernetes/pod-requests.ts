import type { KubeObject, Loose } from './object.ts';
import { quantityMilli, quantityValue } from './quantity.ts';

/** Amounts by resource name: CPU in millicores, everything else in units. */
export type Amounts = Map<string, number>;

export function amounts(list: Record<string, string> | undefined): Amounts {
  const result: Amounts = new Map();
  for (const [name, text] of Object.entries(list ?? {})) {
    result.set(name, name === 'cpu' ? quantityMilli(String(text)) : quantityValue(String(text)));
  }
  return result;
}

export function add(into: Amounts, more: Amounts, sign = 1): void {
  for (const [name, amount] of more) into.set(name, (into.get(name) ?? 0) + sign * amount);
}

function raise(into: Amounts, least: Amounts): void {
  for (const [name, amount] of least) into.set(name, Math.max(into.get(name) ?? 0, amount));
}

/** What a container counts for, where nodes are compared, if it asks for nothing: otherwise one would take all of them. */
const assumed: Amounts = new Map([
  ['cpu', 100],
  ['memory', 200 * 1024 * 1024],
]);
const none: Amounts = new Map();

const asked = new WeakMap<object, Amounts>();
const weighed = new WeakMap<object, Amounts>();

/** What a pod asks of its node: containers and sidecars together, or the largest init container. https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers */
export function requestsOf(pod: KubeObject): Amounts {
  return remembered(asked, pod.spec, none);
}

/** The same, with something for containers that ask for nothing; for comparing nodes. */
export function weightOf(pod: KubeObject): Amounts {
  return remembered(weighed, pod.spec, assumed);
}

function remembered(known: WeakMap<object, Amounts>, spec: Loose, missing: Amounts): Amounts {
  let held = known.get(spec);
  if (!held) {
    held = sum(spec, missing);
    known.set(spec, held);
  }
  return held;
}

function sum(spec: Loose, missing: Amounts): Amounts {
  const requests = (container: Loose): Amounts => new Map([...missing, ...amounts(container.resources?.requests)]);
  const result: Amounts = new Map();
  for (const container of spec.containers ?? []) add(result, requests(container));
  const sidecars: Amounts = new Map();
  const peak: Amounts = new Map();
  for (const container of spec.initContainers ?? []) {
    const own = requests(container);
    if (container.restartPolicy === 'Always') {
      add(result, own);
      add(sidecars, own);
      raise(peak, sidecars);
    } else {
      const together: Amounts = new Map(sidecars);
      add(together, own);
      raise(peak, together);
    }
  }
  raise(result, peak);
  for (const [name, amount] of amounts(spec.resources?.requests)) result.set(name, amount);
  add(result, amounts(spec.overhead));
  return result;
}

/** `PROTOCOL/IP/PORT` of each port the pod takes of its node. */
export function hostPortsOf(pod: KubeObject): string[] {
  const ports: string[] = [];
  const sidecars = (pod.spec.initContainers ?? []).filter((one: Loose) => one.restartPolicy === 'Always');
  for (const container of [...(pod.spec.containers ?? []), ...sidecars]) {
    for (const port of container.ports ?? []) {
      if (port.hostPort) ports.push(`${port.protocol ?? 'TCP'}/${port.hostIP || '0.0.0.0'}/${port.hostPort}`);
    }
  }
  return ports;
}

export function portsClash(wanted: string[], taken: Iterable<string>): boolean {
  for (const other of taken) {
    const [protocol, address, number] = other.split('/');
    for (const port of wanted) {
      const [ownProtocol, ownAddress, ownNumber] = port.split('/');
      if (protocol !== ownProtocol || number !== ownNumber) continue;
      if (address === ownAddress || address === '0.0.0.0' || ownAddress === '0.0.0.0') return true;
    }
  }
  return false;
}
