import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { Informer } from '../../client/informer.ts';
import type { WorkQueue } from '../../client/work-queue.ts';
import {
  alreadyExists,
  type ControllerContext,
  createController,
  isNotFound,
  keyOf,
  namespaceTerminating,
  splitKey,
} from './context.ts';
import { isReady } from './pods.ts';
import { controllerReference } from './references.ts';
import { endpointSlices, endpoints as endpointsResource, pods as podResource, services } from './resources.ts';
import {
  groupByPorts,
  headlessLabel,
  hostnameOf,
  isHeadless,
  type PortGroup,
  servesReady,
  triggerAnnotation,
  triggerTime,
} from './service-endpoints.ts';

const perSlice = 100;
const perEndpoints = 1000;
const manager = 'endpointslice-controller.k8s.io';
const managedBy = 'endpointslice.kubernetes.io/managed-by';
const serviceName = 'kubernetes.io/service-name';

/** Adds a Service's key whenever it or a pod that it selects or selected changes. */
function followServices(queue: WorkQueue, serviceCopy: Informer, pods: Informer): void {
  serviceCopy.on((now, before) => queue.add(keyOf((now ?? before)!)));
  pods.on((now, before) => {
    if (now && before && !podMatters(now, before)) return;
    const pod = (now ?? before)!;
    for (const service of serviceCopy.list(pod.metadata.namespace)) {
      if (selects(service, now) || selects(service, before)) queue.add(keyOf(service));
    }
  });
}

function podMatters(now: KubeObject, before: KubeObject): boolean {
  return (
    now.status?.podIP !== before.status?.podIP ||
    now.status?.phase !== before.status?.phase ||
    isReady(now) !== isReady(before) ||
    now.metadata.deletionTimestamp !== before.metadata.deletionTimestamp ||
    !isDeepStrictEqual(now.metadata.labels, before.metadata.labels)
  );
}

function selects(service: KubeObject, pod: KubeObject | undefined): boolean {
  const selector = service.spec.selector;
  if (!pod || !selector || service.spec.type === 'ExternalName') return false;
  for (const key in selector) if (pod.metadata.labels?.[key] !== selector[key]) return false;
  return true;
}

function labelsOf(service: KubeObject, own: Record<string, string>): Record<string, string> {
  return { ...service.metadata.labels, ...own, ...(isHeadless(service) && { [headlessLabel]: '' }) };
}

/** Which addresses stand behind a Service. https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/ */
export function startEndpointSlices(context: ControllerContext): void {
  const { client, queue: makeQueue } = createController(context, 'endpointslice-controller');
  const serviceCopy = context.informer(services);
  const pods = context.informer(podResource);
  const slices = context.informer(endpointSlices);
  const byService = (slice: KubeObject) => `${slice.metadata.namespace}/${slice.metadata.labels?.[serviceName]}`;
  slices.index('service', byService);
  const queue = makeQueue(sync, { spacing: 100, concurrency: 5 });
  followServices(queue, serviceCopy, pods);
  slices.on((now, before) => {
    // Someone else's change of a slice is put right.
    if (!now && before?.metadata.labels?.[managedBy] === manager) queue.add(byService(before));
  });

  async function sync(key: string): Promise<void> {
    await Promise.all([serviceCopy.synced, pods.synced, slices.synced]);
    const [namespace, name] = splitKey(key);
    const service = serviceCopy.get(name, namespace);
    if (!service || service.metadata.deletionTimestamp || !service.spec.selector) return;
    if (service.spec.type === 'ExternalName') return;
    const members = pods.list(namespace).filter((pod) => selects(service, pod));
    const own = slices.by('service', key).filter((slice) => slice.metadata.labels?.[managedBy] === manager);
    const groups = groupByPorts(service, members);
    const unused = new Set(own);
    const trigger = triggerTime(service, members);
    for (const group of groups) await reconcile(service, group, own, unused, trigger);
    if (groups.length === 0) {
      const kept = own[0];
      if (kept) unused.delete(kept);
      await write(service, kept, [], [], trigger);
    }
    for (const slice of unused) await remove(slice);
  }

  async function reconcile(
    service: KubeObject,
    group: PortGroup,
    own: KubeObject[],
    unused: Set<KubeObject>,
    trigger: string,
  ): Promise<void> {
    const missing = new Map(group.pods.map((pod) => [pod.metadata.uid!, pod]));
    const plans: { slice: KubeObject | undefined; endpoints: Loose[] }[] = [];
    for (const slice of own) {
      if (!isDeepStrictEqual(slice.ports ?? [], group.ports)) continue;
      const endpoints: Loose[] = [];
      for (const endpoint of slice.endpoints ?? []) {
        const pod = missing.get(endpoint.targetRef?.uid);
        if (!pod) continue;
        missing.delete(endpoint.targetRef.uid);
        endpoints.push(endpointOf(service, pod));
      }
      if (endpoints.length > 0) plans.push({ slice, endpoints });
    }
    const left = [...missing.values()].map((pod) => endpointOf(service, pod));
    for (const plan of plans) plan.endpoints.push(...left.splice(0, perSlice - plan.endpoints.length));
    // A slice that has become empty, or never had endpoints, is filled before a new one is made.
    const empty = own.filter(
      (slice) =>
        unused.has(slice) &&
        !plans.some((plan) => plan.slice === slice) &&
        (isDeepStrictEqual(slice.ports ?? [], group.ports) || !slice.endpoints?.length),
    );
    while (left.length > 0) {
      const slice = empty.shift();
      if (slice) unused.delete(slice);
      plans.push({ slice, endpoints: left.splice(0, perSlice) });
    }
    for (const { slice, endpoints } of plans) {
      if (slice) unused.delete(slice);
      await write(service, slice, group.ports, endpoints, trigger);
    }
  }

  function endpointOf(service: KubeObject, pod: KubeObject): Loose {
    const { name, namespace, uid } = pod.metadata;
    const hostname = hostnameOf(service, pod);
    return {
      addresses: [pod.status.podIP],
      conditions: {
        ready: servesReady(service, pod),
        serving: isReady(pod),
        terminating: !!pod.metadata.deletionTimestamp,
      },
      ...(hostname && { hostname }),
      targetRef: { kind: 'Pod', namespace, name, uid },
      ...(pod.spec.nodeName && { nodeName: pod.spec.nodeName }),
    };
  }

  async function write(
    service: KubeObject,
    slice: KubeObject | undefined,
    ports: Loose[],
    list: Loose[],
    trigger: string,
  ): Promise<void> {
    const { name, namespace } = service.metadata;
    const labels = labelsOf(service, { [managedBy]: manager, [serviceName]: name! });
    if (slice) {
      const same =
        isDeepStrictEqual(slice.endpoints ?? [], list) &&
        isDeepStrictEqual(slice.ports ?? [], ports) &&
        isDeepStrictEqual(slice.metadata.labels, labels);
      if (same) return;
      const annotations = { ...slice.metadata.annotations, [triggerAnnotation]: trigger };
      const metadata = { ...slice.metadata, labels, annotations };
      slices.observe(await client.update(endpointSlices, { ...slice, metadata, endpoints: list, ports }));
      return;
    }
    const object: KubeObject = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        generateName: `${name}-`,
        namespace: namespace!,
        labels,
        annotations: { [triggerAnnotation]: trigger },
        ownerReferences: [controllerReference(service)],
      },
      addressType: 'IPv4',
      endpoints: list,
      ports,
    };
    try {
      slices.observe(await client.create(endpointSlices, object));
    } catch (error) {
      if (!namespaceTerminating(error) && !isNotFound(error)) throw error;
    }
  }

  async function remove(slice: KubeObject): Promise<void> {
    try {
      await client.delete(endpointSlices, slice.metadata.name!, slice.metadata.namespace);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

/** The same for clients that still read Endpoints. */
export function startEndpoints(context: ControllerContext): void {
  const { client, queue: makeQueue } = createController(context, 'endpoint-controller');
  const serviceCopy = context.informer(services);
  const pods = context.informer(podResource);
  const held = context.informer(endpointsResource);
  const queue = makeQueue(sync, { spacing: 200, concurrency: 5 });
  followServices(queue, serviceCopy, pods);

  async function sync(key: string): Promise<void> {
    await Promise.all([serviceCopy.synced, pods.synced, held.synced]);
    const [namespace, name] = splitKey(key);
    const service = serviceCopy.get(name, namespace);
    const before = held.get(name, namespace);
    if (!service) {
      const ours = before?.metadata.labels?.['endpoints.kubernetes.io/managed-by'] === 'endpoint-controller';
      if (ours) await client.delete(endpointsResource, name, namespace).catch(ignoreGone);
      return;
    }
    if (!service.spec.selector || service.spec.type === 'ExternalName') return;
    const members = pods
      .list(namespace)
      .filter((pod) => selects(service, pod))
      .filter((pod) => service.spec.publishNotReadyAddresses || !pod.metadata.deletionTimestamp);
    const subsets = groupByPorts(service, members).map((group) => subsetOf(service, group));
    const labels = labelsOf(service, { 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' });
    if (before && isDeepStrictEqual(before.subsets ?? [], subsets) && isDeepStrictEqual(before.metadata.labels, labels))
      return;
    const annotations = { ...before?.metadata.annotations, [triggerAnnotation]: triggerTime(service, members) };
    const metadata = { ...(before?.metadata ?? { name, namespace }), labels, annotations };
    const object: KubeObject = {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata,
      ...(subsets.length > 0 && { subsets }),
    };
    try {
      held.observe(
        await (before ? client.update(endpointsResource, object) : client.create(endpointsResource, object)),
      );
    } catch (error) {
      if (!namespaceTerminating(error) && !alreadyExists(error)) throw error;
    }
  }
}

function subsetOf(service: KubeObject, { ports, pods }: PortGroup): Loose {
  const address = (pod: KubeObject): Loose => {
    const { name, namespace, uid } = pod.metadata;
    const hostname = hostnameOf(service, pod);
    return {
      ip: pod.status.podIP,
      ...(hostname && { hostname }),
      ...(pod.spec.nodeName && { nodeName: pod.spec.nodeName }),
      targetRef: { kind: 'Pod', namespace, name, uid },
    };
  };
  const sorted = [...pods].sort((a, b) => (a.status.podIP < b.status.podIP ? -1 : 1)).slice(0, perEndpoints);
  const ready = sorted.filter((pod) => servesReady(service, pod)).map(address);
  const notReady = sorted.filter((pod) => !servesReady(service, pod)).map(address);
  return {
    ...(ready.length > 0 && { addresses: ready }),
    ...(notReady.length > 0 && { notReadyAddresses: notReady }),
    ...(ports.length > 0 && { ports: ports.map(({ name, ...port }) => (name ? { name, ...port } : port)) }),
  };
}

function ignoreGone(error: unknown): void {
  if (!isNotFound(error)) throw error;
}
