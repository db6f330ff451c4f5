import { readFileSync } from 'node:fs';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { Store } from '../store/store.ts';
import { configuration, controllerAccounts, flowControlObjects, serviceRange } from './bootstrap/defaults.ts';
import { nameService } from './bootstrap/name-service.ts';
import type { Services } from './services.ts';
import { stamp } from './stamp.ts';

interface Endpoint {
  port: number;
  /** The cluster's CA in PEM. */
  ca: string;
}

/** What a fresh cluster holds; missing ones are made again at every start, as the real server does. */
export async function bootstrap(services: Services, endpoint: Endpoint): Promise<void> {
  const { store, clock } = services;
  const now = stamp(clock.now());
  for (const [collection, object] of objects(endpoint, now)) {
    const { namespace = '', name = '' } = object.metadata;
    if (store.get(collection, namespace, name)) continue;
    put(store, collection, object, now);
  }
  refreshEndpoint(services, endpoint.port);
  await store.committed();
  services.ready = true;
}

function put(store: Store, collection: string, object: KubeObject, now: string): void {
  const { namespace = '', name = '' } = object.metadata;
  object.metadata = { ...object.metadata, uid: crypto.randomUUID(), creationTimestamp: now };
  store.put(collection, namespace, name, object);
}

function* objects({ port, ca }: Endpoint, now: string): Generator<[string, KubeObject]> {
  for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease']) {
    yield [
      '/namespaces',
      {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name, labels: { 'kubernetes.io/metadata.name': name } },
        spec: { finalizers: ['kubernetes'] },
        status: { phase: 'Active' },
      },
    ];
  }
  yield ['/services', kubernetesService(port)];
  yield ['discovery.k8s.io/endpointslices', kubernetesSlice(port)];
  yield ['/endpoints', kubernetesEndpoints(port)];
  for (const [name, value, description] of priorityClasses) {
    yield [
      'scheduling.k8s.io/priorityclasses',
      {
        apiVersion: 'scheduling.k8s.io/v1',
        kind: 'PriorityClass',
        metadata: { name, generation: 1 },
        value,
        description,
        preemptionPolicy: 'PreemptLowerPriority',
      },
    ];
  }
  yield [
    'storage.k8s.io/storageclasses',
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
      provisioner: 'atelier.dev/folder',
      reclaimPolicy: 'Delete',
      volumeBindingMode: 'WaitForFirstConsumer',
      allowVolumeExpansion: true,
    },
  ];
  yield* nameService();
  yield* accessObjects();
  yield* flowControlObjects(now);
  yield serviceRange(now);
  yield* configuration(ca, now);
  yield* controllerAccounts();
  yield ['rbac.authorization.k8s.io/clusterroles', structuredClone(metricsReader)];
}

const priorityClasses: [string, number, string][] = [
  [
    'system-cluster-critical',
    2_000_000_000,
    'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  ],
  [
    'system-node-critical',
    2_000_001_000,
    'Used for system critical pods that must not be moved from their current node.',
  ],
];

/** The default roles and bindings, as data of a real server. */
function* accessObjects(): Generator<[string, KubeObject]> {
  const text = readFileSync(new URL('./bootstrap/access.json', import.meta.url), 'utf8');
  for (const object of JSON.parse(text) as KubeObject[]) {
    yield [`rbac.authorization.k8s.io/${object.kind.toLowerCase()}s`, object];
  }
}

/** Of the add-on that serves metrics.k8s.io; aggregated into view, edit and admin. */
const metricsReader: KubeObject = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  metadata: {
    name: 'system:aggregated-metrics-reader',
    labels: Object.fromEntries(
      ['admin', 'edit', 'view'].map((role) => [`rbac.authorization.k8s.io/aggregate-to-${role}`, 'true']),
    ),
  },
  rules: [{ apiGroups: ['metrics.k8s.io'], resources: ['pods', 'nodes'], verbs: ['get', 'list', 'watch'] }],
};

const labels = { component: 'apiserver', provider: 'kubernetes' };

function kubernetesService(port: number): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kubernetes', namespace: 'default', labels },
    spec: {
      clusterIP: '10.96.0.1',
      clusterIPs: ['10.96.0.1'],
      internalTrafficPolicy: 'Cluster',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: port }],
      sessionAffinity: 'None',
      type: 'ClusterIP',
    },
    status: { loadBalancer: {} },
  };
}

function kubernetesSlice(port: number): KubeObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: 'kubernetes',
      namespace: 'default',
      labels: { 'kubernetes.io/service-name': 'kubernetes' },
      generation: 1,
    },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  };
}

function kubernetesEndpoints(port: number): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: {
      name: 'kubernetes',
      namespace: 'default',
      labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' },
    },
    subsets: [{ addresses: [{ ip: '127.0.0.1' }], ports: [{ name: 'https', port, protocol: 'TCP' }] }],
  };
}

/** The port may be another than at the last start. */
function refreshEndpoint({ store }: Services, port: number): void {
  const fresh: [string, KubeObject, string[]][] = [
    ['/services', kubernetesService(port), ['spec']],
    ['discovery.k8s.io/endpointslices', kubernetesSlice(port), ['ports', 'endpoints']],
    ['/endpoints', kubernetesEndpoints(port), ['subsets']],
  ];
  for (const [collection, object, fields] of fresh) {
    const entry = store.get(collection, 'default', 'kubernetes');
    if (!entry) continue;
    const same = fields.every((field) => JSON.stringify(entry.object[field]) === JSON.stringify(object[field]));
    if (same) continue;
    const next: Loose = { ...entry.object, metadata: { ...entry.object.metadata } };
    for (const field of fields) next[field] = object[field];
    store.put(collection, 'default', 'kubernetes', next);
  }
}
