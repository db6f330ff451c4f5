import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { ClusterSource, View } from '../../../../src/cluster/source.ts';

/** A cluster source whose objects a test sets; listeners are told at once. */
export interface FakeCluster extends ClusterSource {
  set(resource: string, items: Loose[]): void;
  state(resource: string, state: View['state'], message?: string): void;
  log(pod: string, text: string): void;
  wanted: string[][];
}

export function createFakeCluster(synced: string[]): FakeCluster {
  const views = new Map<string, View>(synced.map((resource) => [resource, { state: 'synced', items: [] }]));
  const listeners = new Set<() => void>();
  const logs = new Map<string, string>();
  const tell = () => {
    for (const listener of listeners) listener();
  };
  const cluster: FakeCluster = {
    wanted: [],
    want(resources) {
      cluster.wanted.push([...resources]);
      return () => {};
    },
    view: (resource) => views.get(resource) ?? { state: 'syncing', items: [] },
    subscribe(_, listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async logs(_, pod) {
      const text = logs.get(pod);
      if (text === undefined) throw new Error('container is waiting to start');
      return text;
    },
    set(resource, items) {
      views.set(resource, { state: 'synced', items: items as KubeObject[] });
      tell();
    },
    state(resource, state, message) {
      views.set(resource, { state, items: [], ...(message ? { message } : {}) });
      tell();
    },
    log: (pod, text) => logs.set(pod, text),
  };
  return cluster;
}

export function pod(name: string, fields: Loose = {}): Loose {
  return {
    metadata: {
      name,
      namespace: 'ada',
      uid: `uid-${name}`,
      labels: { app: 'web' },
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...fields.metadata,
    },
    spec: fields.spec ?? { containers: [{ name: 'web', image: 'nginx:1.27' }] },
    status: fields.status ?? { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  };
}

export function waiting(name: string, reason: string, image: string, created: string): Loose {
  return pod(name, {
    metadata: { creationTimestamp: created },
    spec: { containers: [{ name: 'web', image }] },
    status: { phase: 'Pending', containerStatuses: [{ name: 'web', state: { waiting: { reason } } }] },
  });
}

export function deployment(name: string, replicas: number, ready: number): Loose {
  return {
    metadata: { name, namespace: 'ada', uid: `uid-${name}`, generation: 1, labels: { app: name } },
    spec: { replicas, template: { spec: { containers: [{ name, image: 'nginx:1.27' }] } } },
    status: {
      observedGeneration: 1,
      replicas,
      updatedReplicas: replicas,
      ...(ready ? { readyReplicas: ready, availableReplicas: ready } : {}),
    },
  };
}
