import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { isFinished, isReady, podCondition } from './pods.ts';

export const triggerAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time';
export const headlessLabel = 'service.kubernetes.io/headless';

interface ServicePort {
  name: string;
  port: number;
  protocol: string;
  appProtocol?: string;
}

/** Pods that listen on the same numbers. */
export interface PortGroup {
  ports: ServicePort[];
  pods: KubeObject[];
}

/** A pod's numbers for a Service's ports: named target ports are looked up in its containers. https://kubernetes.io/docs/concepts/services-networking/service/#field-spec-ports */
function portsOf(service: KubeObject, pod: KubeObject): ServicePort[] {
  const ports: ServicePort[] = [];
  for (const port of service.spec.ports ?? []) {
    const number = targetPort(port, pod);
    if (number === undefined) continue;
    const found: ServicePort = { name: port.name ?? '', port: number, protocol: port.protocol ?? 'TCP' };
    if (port.appProtocol) found.appProtocol = port.appProtocol;
    ports.push(found);
  }
  return ports;
}

function targetPort(port: Loose, pod: KubeObject): number | undefined {
  const target = port.targetPort || port.port;
  if (typeof target === 'number') return target;
  const sidecars = (pod.spec.initContainers ?? []).filter((container: Loose) => container.restartPolicy === 'Always');
  for (const container of [...pod.spec.containers, ...sidecars]) {
    for (const own of container.ports ?? []) {
      if (own.name === target && (own.protocol ?? 'TCP') === (port.protocol ?? 'TCP')) return own.containerPort;
    }
  }
  return undefined;
}

export function groupByPorts(service: KubeObject, pods: KubeObject[]): PortGroup[] {
  const groups = new Map<string, PortGroup>();
  for (const pod of pods) {
    if (!pod.status?.podIP || isFinished(pod)) continue;
    const ports = portsOf(service, pod);
    // A port that no container names leads nowhere; without any, only a headless Service without ports has members.
    if (ports.length === 0 && service.spec.ports?.length) continue;
    const key = JSON.stringify(ports);
    const group = groups.get(key);
    if (group) group.pods.push(pod);
    else groups.set(key, { ports, pods: [pod] });
  }
  return [...groups.values()];
}

export function isHeadless(service: KubeObject): boolean {
  return service.spec.clusterIP === 'None';
}

export function servesReady(service: KubeObject, pod: KubeObject): boolean {
  return !!service.spec.publishNotReadyAddresses || (isReady(pod) && !pod.metadata.deletionTimestamp);
}

/** A pod's own name under a headless Service. */
export function hostnameOf(service: KubeObject, pod: KubeObject): string | undefined {
  const { hostname, subdomain } = pod.spec;
  const named = hostname && subdomain === service.metadata.name;
  return named && service.metadata.namespace === pod.metadata.namespace ? hostname : undefined;
}

/** When what the endpoints show came about: the last time a pod's readiness changed, or the Service was made. */
export function triggerTime(service: KubeObject, pods: KubeObject[]): string {
  let last = service.metadata.creationTimestamp ?? '';
  for (const pod of pods) {
    const time = podCondition(pod, 'Ready')?.lastTransitionTime ?? '';
    if (time > last) last = time;
  }
  return last;
}
