import type { KubeObject } from '../../../../kubernetes/object.ts';
import type { Services } from './services.ts';
import { stamp } from './stamp.ts';

const collection = 'apiregistration.k8s.io/apiservices';
const automanaged = 'kube-aggregator.kubernetes.io/automanaged';

/** How groups are ordered, and versions within one. https://kubernetes.io/docs/concepts/extend-kubernetes/api-extension/apiserver-aggregation/ */
const priorities: Record<string, [group: number, version: number]> = {
  'v1.': [18_000, 1],
  'v1.events.k8s.io': [17_750, 15],
  'v1.apps': [17_800, 15],
  'v1.authentication.k8s.io': [17_700, 15],
  'v1.authorization.k8s.io': [17_600, 15],
  'v1.autoscaling': [17_500, 15],
  'v2.autoscaling': [17_500, 30],
  'v1.batch': [17_400, 15],
  'v1.certificates.k8s.io': [17_300, 15],
  'v1.networking.k8s.io': [17_200, 15],
  'v1.policy': [17_100, 15],
  'v1.rbac.authorization.k8s.io': [17_000, 15],
  'v1.storage.k8s.io': [16_800, 15],
  'v1.apiextensions.k8s.io': [16_700, 15],
  'v1.admissionregistration.k8s.io': [16_700, 15],
  'v1.scheduling.k8s.io': [16_600, 15],
  'v1.coordination.k8s.io': [16_500, 15],
  'v1.node.k8s.io': [16_300, 15],
  'v1.discovery.k8s.io': [16_200, 15],
  'v1.resource.k8s.io': [16_200, 21],
  'v1.flowcontrol.apiserver.k8s.io': [16_100, 21],
  'v1beta1.metrics.k8s.io': [100, 100],
};

/** Keeps one APIService for each group and version that this server itself serves; those of others are left alone. */
export function registerLocalServices({ store, types, clock }: Services): void {
  const wanted = new Map<string, KubeObject>();
  for (const { group, version, definition } of types.all()) {
    const name = `${version}.${group}`;
    if (group !== 'apiregistration.k8s.io' && !wanted.has(name))
      wanted.set(name, serviceOf(group, version, !!definition, stamp(clock.now())));
  }
  for (const [name, service] of wanted) {
    if (store.get(collection, '', name)) continue;
    service.metadata = { ...service.metadata, uid: crypto.randomUUID(), creationTimestamp: stamp(clock.now()) };
    store.put(collection, '', name, service);
  }
  for (const { name, object } of [...store.list(collection)])
    if (object.metadata.labels?.[automanaged] === 'true' && !wanted.has(name)) store.remove(collection, '', name);
}

function serviceOf(group: string, version: string, custom: boolean, now: string): KubeObject {
  const name = `${version}.${group}`;
  const [groupPriorityMinimum, versionPriority] = priorities[name] ?? (custom ? [1000, 100] : [16_000, 15]);
  return {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name, labels: { [automanaged]: custom ? 'true' : 'onstart' } },
    spec: { ...(group && { group }), groupPriorityMinimum, version, versionPriority },
    status: {
      conditions: [
        {
          type: 'Available',
          status: 'True',
          lastTransitionTime: now,
          reason: 'Local',
          message: 'Local APIServices are always available',
        },
      ],
    },
  };
}
