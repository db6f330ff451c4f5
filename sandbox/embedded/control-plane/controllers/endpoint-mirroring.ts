import { isIP } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import {
  type ControllerContext,
  createController,
  isNotFound,
  keyOf,
  namespaceTerminating,
  splitKey,
} from './context.ts';
import { controllerReference } from './references.ts';
import { endpointSlices, endpoints as endpointsResource, services } from './resources.ts';

const manager = 'endpointslicemirroring-controller.k8s.io';
const managedBy = 'endpointslice.kubernetes.io/managed-by';
const serviceName = 'kubernetes.io/service-name';
const perSubset = 1000;
/** Annotations that are about the Endpoints themselves. */
const own = ['endpoints.kubernetes.io/last-change-trigger-time', 'kubectl.kubernetes.io/last-applied-configuration'];

/** Copies Endpoints that somebody wrote for a Service without a selector. https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#endpoints-mirroring */
export function startEndpointMirroring(context: ControllerContext): void {
  const controller = createController(
    context,
    'endpointslicemirroring-controller',
    'endpoint-slice-mirroring-controller',
  );
  const { client, recorder } = controller;
  const sources = context.informer(endpointsResource);
  const slices = context.informer(endpointSlices);
  const targets = context.informer(services);
  slices.index('mirror', ({ metadata }) =>
    metadata.labels?.[managedBy] === manager ? `${metadata.namespace}/${metadata.labels[serviceName]}` : undefined,
  );
  const queue = controller.queue(sync, { spacing: 50 });
  sources.on((now, before) => queue.add(keyOf((now ?? before)!)));
  targets.on((now, before) => {
    if (!now?.spec.selector || !before?.spec.selector) queue.add(keyOf((now ?? before)!));
  });
  slices.on((now, before) => {
    const { labels, namespace } = (now ?? before)!.metadata;
    if (labels?.[managedBy] === manager) queue.add(`${namespace}/${labels[serviceName]}`);
  });

  async function sync(key: string): Promise<void> {
    await Promise.all([sources.synced, slices.synced, targets.synced]);
    const [namespace, name] = splitKey(key);
    const held = slices.by('mirror', key).filter((slice) => !slice.metadata.deletionTimestamp);
    const source = sources.get(name, namespace);
    const service = targets.get(name, namespace);
    const mirrored =
      service &&
      !service.spec.selector &&
      source?.metadata.labels?.['endpointslice.kubernetes.io/skip-mirror'] !== 'true' &&
      !source?.metadata.annotations?.['control-plane.alpha.kubernetes.io/leader'];
    const wanted = source && mirrored ? wantedFor(source) : [];
    const left = new Set(held);
    for (const slice of wanted) {
      const same = [...left].find((other) => shapeOf(other) === shapeOf(slice));
      if (same) left.delete(same);
      await write(slice, same).catch((error) => {
        if (!namespaceTerminating(error)) throw error;
      });
    }
    for (const { metadata } of left) {
      await client.delete(endpointSlices, metadata.name!, metadata.namespace).catch((error) => {
        if (!isNotFound(error)) throw error;
      });
    }
  }

  async function write(slice: KubeObject, held: KubeObject | undefined): Promise<void> {
    if (!held) return void slices.observe(await client.create(endpointSlices, slice));
    const view = ({ metadata, endpoints }: Loose) => [metadata.labels, metadata.annotations ?? {}, endpoints];
    if (isDeepStrictEqual(view(held), view(slice))) return;
    const { labels, annotations } = slice.metadata;
    const metadata = { ...held.metadata, labels: labels ?? {}, annotations: annotations ?? {} };
    slices.observe(await client.update(endpointSlices, { ...held, metadata, endpoints: slice.endpoints }));
  }

  /** A slice for each subset and family of addresses. */
  function wantedFor(source: KubeObject): KubeObject[] {
    const result: KubeObject[] = [];
    let [invalid, skipped] = [0, 0];
    const annotations = Object.fromEntries(
      Object.entries(source.metadata.annotations ?? {}).filter(([name]) => !own.includes(name)),
    );
    for (const subset of source.subsets ?? []) {
      const ready: [Loose, boolean][] = (subset.addresses ?? []).map((address: Loose) => [address, true]);
      const unready: [Loose, boolean][] = (subset.notReadyAddresses ?? []).map((address: Loose) => [address, false]);
      const valid = [...ready, ...unready].filter(([{ ip }]) => isIP(ip) > 0);
      invalid += ready.length + unready.length - valid.length;
      skipped += Math.max(0, valid.length - perSubset);
      for (const [family, addressType] of [
        [4, 'IPv4'],
        [6, 'IPv6'],
      ] as const) {
        const endpoints = valid
          .slice(0, perSubset)
          .filter(([{ ip }]) => isIP(ip) === family)
          .map(([address, isReady]) => endpointOf(address, isReady));
        if (endpoints.length === 0) continue;
        const { name, namespace, labels } = source.metadata;
        result.push({
          apiVersion: 'discovery.k8s.io/v1',
          kind: 'EndpointSlice',
          metadata: {
            generateName: `${name}-`,
            namespace: namespace!,
            labels: { ...labels, [serviceName]: name!, [managedBy]: manager },
            ...(Object.keys(annotations).length > 0 && { annotations }),
            ownerReferences: [controllerReference({ ...source, apiVersion: 'v1', kind: 'Endpoints' })],
          },
          addressType,
          endpoints,
          ports: (subset.ports ?? []).map(({ name: port = '', ...rest }: Loose) => ({ name: port, ...rest })),
        } as KubeObject);
      }
    }
    if (invalid > 0) {
      const message = `Skipped ${invalid} invalid IP addresses when mirroring to EndpointSlices`;
      void recorder.event(source, 'Warning', 'InvalidIPAddress', message);
    }
    if (skipped > 0) {
      const message = `A max of ${perSubset} addresses can be mirrored to EndpointSlices per Endpoints subset. ${skipped} addresses were skipped`;
      void recorder.event(source, 'Warning', 'TooManyAddressesToMirror', message);
    }
    return result;
  }
}

function endpointOf({ ip, hostname, nodeName, targetRef }: Loose, ready: boolean): Loose {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname && { hostname }),
    ...(nodeName && { nodeName }),
    ...(targetRef && { targetRef }),
  };
}

const shapeOf = ({ addressType, ports }: Loose): string =>
  JSON.stringify([
    addressType,
    (ports ?? []).map(({ name, port, protocol = 'TCP', appProtocol }: Loose) => [
      name ?? '',
      port,
      protocol,
      appProtocol,
    ]),
  ]);
