import { afterEach, describe, expect, it } from 'vitest';
import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import * as resources from '../../../../../../sandbox/embedded/control-plane/controllers/resources.ts';
import { addNode, deployment, type Loops, ready, startLoops, template } from './loops.ts';

let running: Loops | undefined;
afterEach(() => {
  running?.stop();
  running = undefined;
});

async function start(options: Parameters<typeof startLoops>[0] = {}, annotations: Loose = {}): Promise<Loops> {
  running = startLoops(options);
  const labels = { 'kubernetes.io/hostname': 'node-1' };
  await addNode(running.client, { metadata: { name: 'node-1', labels, annotations } });
  return running;
}

const complete = ({ one }: Loops, name: string, replicas: number) => {
  const { metadata, status } = one('deployments', name) ?? {};
  return (
    status?.observedGeneration === metadata?.generation &&
    status?.availableReplicas === replicas &&
    status?.updatedReplicas === replicas &&
    status?.replicas === replicas
  );
};

describe('Deployment', () => {
  it('rolls out, rolls on without falling below its fences, and rolls back to the same ReplicaSet', async () => {
    const loops = await start();
    const { api, client, one } = loops;
    await client.create(resources.deployments, deployment('web', 4));
    await api.until(() => complete(loops, 'web', 4));
    const [first] = api.objects('replicasets');
    expect(first.metadata.name).toMatch(/^web-[bcdfghjklmnpqrstvwxz2456789]{1,10}$/);
    expect(first.metadata.annotations['deployment.kubernetes.io/revision']).toBe('1');

    const seen: number[] = [];
    let lowest = 4;
    void api.until(() => {
      const live = api.objects('pods').filter((pod) => pod.status.phase === 'Running').length;
      lowest = Math.min(lowest, live);
      seen.push(api.objects('pods').length);
      return false;
    });
    await client.update(resources.deployments, {
      ...one('deployments', 'web'),
      spec: { ...one('deployments', 'web').spec, template: template('web', 'nginx:2') },
    });
    await api.until(() => complete(loops, 'web', 4) && api.objects('pods').length === 4);
    expect(lowest).toBeGreaterThanOrEqual(3);
    expect(Math.max(...seen)).toBeLessThanOrEqual(5);
    expect(one('deployments', 'web').metadata.annotations['deployment.kubernetes.io/revision']).toBe('2');
    const progress = one('deployments', 'web').status.conditions.find((c: Loose) => c.type === 'Progressing');
    expect(progress).toMatchObject({ status: 'True', reason: 'NewReplicaSetAvailable' });

    await client.update(resources.deployments, {
      ...one('deployments', 'web'),
      spec: { ...one('deployments', 'web').spec, template: template('web') },
    });
    await api.until(() => complete(loops, 'web', 4) && one('replicasets', first.metadata.name).spec.replicas === 4);
    expect(one('replicasets', first.metadata.name).metadata.annotations).toMatchObject({
      'deployment.kubernetes.io/revision': '3',
      'deployment.kubernetes.io/revision-history': '1',
    });
    const scaled = `ScalingReplicaSet: Scaled up replica set ${first.metadata.name} from 0 to 4`;
    await api.until(() => loops.events().includes(scaled));
  });

  it('reports a rollout that makes no progress once its deadline has passed', async () => {
    const loops = await start({ play: () => undefined });
    const { api, client, clock, one } = loops;
    await client.create(resources.deployments, deployment('web', 1));
    const condition = () => one('deployments', 'web').status?.conditions?.find((c: Loose) => c.type === 'Progressing');
    await api.until(() => one('deployments', 'web').status?.unavailableReplicas === 1);
    await new Promise(setImmediate);
    clock.skip(620_000);
    await api.until(() => condition()?.reason === 'ProgressDeadlineExceeded');
    expect(condition().message).toMatch(/^ReplicaSet "web-\w+" has timed out progressing\.$/);
  });

  it('recreates: the new pods come when the last old one is gone', async () => {
    const loops = await start();
    const { api, client, one } = loops;
    await client.create(resources.deployments, deployment('web', 2, { strategy: { type: 'Recreate' } }));
    await api.until(() => complete(loops, 'web', 2));
    let most = 0;
    void api.until(() => {
      most = Math.max(most, api.objects('pods').length);
      return false;
    });
    const spec = { ...one('deployments', 'web').spec, template: template('web', 'nginx:2') };
    await client.update(resources.deployments, { ...one('deployments', 'web'), spec });
    await api.until(() => complete(loops, 'web', 2) && api.objects('replicasets').length === 2);
    expect(most).toBe(2);
  });
});

describe('ReplicaSet', () => {
  it('adopts a pod that matches, releases one that no longer does', async () => {
    const loops = await start();
    const { api, client } = loops;
    const metadata = { name: 'stray', namespace: 'a', labels: { app: 'web' } };
    await client.create(resources.pods, { apiVersion: 'v1', kind: 'Pod', metadata, spec: template('web').spec });
    const set: KubeObject = {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { name: 'rs', namespace: 'a' },
      spec: { replicas: 2, selector: { matchLabels: { app: 'web' } }, template: template('web') },
    };
    await client.create(resources.replicaSets, set);
    await api.until(() => loops.one('replicasets', 'rs').status?.readyReplicas === 2);
    expect(api.objects('pods')).toHaveLength(2);
    expect(loops.one('pods', 'stray').metadata.ownerReferences[0]).toMatchObject({ kind: 'ReplicaSet', name: 'rs' });
    await client.patch(resources.pods, 'stray', 'a', 'merge', { metadata: { labels: { app: 'other' } } });
    await api.until(
      () => api.objects('pods').length === 3 && loops.one('replicasets', 'rs').status.readyReplicas === 2,
    );
    expect(loops.one('pods', 'stray').metadata.ownerReferences).toEqual([]);
  });

  it('says in its status why pods cannot be made', async () => {
    const loops = await start();
    const message = 'pods "rs-x" is forbidden: exceeded quota';
    loops.api.fail(({ method, path }) => method === 'POST' && path.endsWith('/pods'), 403, {
      kind: 'Status',
      reason: 'Forbidden',
      message,
      code: 403,
    });
    await loops.client.create(resources.deployments, deployment('web', 1));
    await loops.api.until(() => loops.events().includes(`FailedCreate: Error creating: ${message}`));
    await loops.api.until(() => complete(loops, 'web', 1));
    expect(loops.api.objects('replicasets')[0].status.conditions).toBeUndefined();
  });
});

describe('garbage collector', () => {
  it('deletes in the background what has lost its owner', async () => {
    const loops = await start();
    await loops.client.create(resources.deployments, deployment('web', 2));
    await loops.api.until(() => complete(loops, 'web', 2));
    await loops.client.delete(resources.deployments, 'web', 'a');
    await loops.api.until(() => loops.api.objects('pods').length + loops.api.objects('replicasets').length === 0);
  });

  it('keeps an owner deleted in the foreground until its dependents are gone', async () => {
    const loops = await start();
    await loops.client.create(resources.deployments, deployment('web', 2));
    await loops.api.until(() => complete(loops, 'web', 2));
    const gone: string[] = [];
    const lost = (resource: string) => {
      if (loops.api.objects(resource).length === 0 && !gone.includes(resource)) gone.push(resource);
    };
    void loops.api.until(() => {
      for (const resource of ['pods', 'replicasets', 'deployments']) lost(resource);
      return false;
    });
    await loops.client.delete(resources.deployments, 'web', 'a', { propagationPolicy: 'Foreground' });
    await loops.api.until(() => gone.length === 3);
    expect(gone).toEqual(['pods', 'replicasets', 'deployments']);
  });

  it('sets dependents free when told to orphan them', async () => {
    const loops = await start();
    await loops.client.create(resources.deployments, deployment('web', 1));
    await loops.api.until(() => complete(loops, 'web', 1));
    await loops.client.delete(resources.deployments, 'web', 'a', { propagationPolicy: 'Orphan' });
    await loops.api.until(() => loops.api.objects('deployments').length === 0);
    expect(loops.api.objects('replicasets')[0].metadata.ownerReferences).toEqual([]);
    expect(loops.api.objects('pods')).toHaveLength(1);
  });
});

describe('Job', () => {
  const job = (name: string, spec: Loose = {}): KubeObject => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace: 'a' },
    spec: {
      completions: 1,
      parallelism: 1,
      backoffLimit: 0,
      selector: { matchLabels: { app: name } },
      template: { ...template(name), spec: { ...template(name).spec, restartPolicy: 'Never' } },
      ...spec,
    },
  });
  const conditions = (loops: Loops, name: string): string[] =>
    (loops.one('jobs', name).status?.conditions ?? []).map((c: Loose) => `${c.type}/${c.reason}`);

  it('completes, indexed, each index once', async () => {
    const loops = await start({ play: () => ({ phase: 'Succeeded' }) });
    await loops.client.create(
      resources.jobs,
      job('idx', { completions: 5, parallelism: 2, completionMode: 'Indexed' }),
    );
    await loops.api.until(() => conditions(loops, 'idx').includes('Complete/CompletionsReached'));
    expect(conditions(loops, 'idx')).toEqual(['SuccessCriteriaMet/CompletionsReached', 'Complete/CompletionsReached']);
    expect(loops.one('jobs', 'idx').status).toMatchObject({ succeeded: 5, completedIndexes: '0-4', ready: 0 });
    expect(loops.api.objects('pods').every((pod) => !pod.metadata.finalizers?.length)).toBe(true);
    await loops.api.until(() => loops.events().includes('Completed: Job completed'));
  });

  it('fails when pods fail too often', async () => {
    const loops = await start({ play: () => ({ phase: 'Failed' }) });
    await loops.client.create(resources.jobs, job('bad'));
    await loops.api.until(() => conditions(loops, 'bad').includes('Failed/BackoffLimitExceeded'));
    expect(conditions(loops, 'bad')).toEqual(['FailureTarget/BackoffLimitExceeded', 'Failed/BackoffLimitExceeded']);
    expect(loops.one('jobs', 'bad').status.failed).toBe(1);
  });

  it('waits longer after each failure, and a skip of the clock ends the wait', async () => {
    const loops = await start({ play: () => ({ phase: 'Failed' }) });
    await loops.client.create(resources.jobs, job('bad', { backoffLimit: 1 }));
    await loops.api.until(() => loops.one('jobs', 'bad').status?.failed === 1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(loops.api.objects('pods')).toHaveLength(1);
    // The queue rests for a moment after each look before it takes up the wait.
    const nudge = setInterval(() => loops.clock.skip(11_000), 5);
    await loops.api.until(() => conditions(loops, 'bad').includes('Failed/BackoffLimitExceeded'));
    clearInterval(nudge);
    expect(loops.api.objects('pods')).toHaveLength(2);
  });

  it('runs on a schedule, as often as time is skipped', async () => {
    // A node that a process plays: a skip of the clock does not silence it.
    const played = { 'atelier.dev/kubelet': '127.0.0.1:1' };
    const loops = await start({ play: () => ({ phase: 'Succeeded' }) }, played);
    await loops.client.create(resources.cronJobs, {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'tick', namespace: 'a' },
      spec: {
        schedule: '* * * * *',
        concurrencyPolicy: 'Allow',
        successfulJobsHistoryLimit: 2,
        failedJobsHistoryLimit: 1,
        jobTemplate: { spec: job('tick').spec },
      },
    });
    const nudge = setInterval(() => loops.clock.skip(60_000), 60);
    await loops.api.until(() =>
      loops.events().some((event) => event.startsWith('SuccessfulDelete: Deleted job tick-')),
    );
    clearInterval(nudge);
    const last = Date.parse(loops.one('cronjobs', 'tick').status.lastScheduleTime);
    expect(last).toBeLessThanOrEqual(Date.now());
    expect(loops.names('jobs').every((name) => /^tick-\d{8}$/.test(name))).toBe(true);
  });
});

describe('StatefulSet', () => {
  it('makes pods one after the other, with claims of their own, and removes the last first', async () => {
    const order: string[] = [];
    const loops = await start({
      play: (pod) => {
        order.push(pod.metadata.name);
        return ready(loops.clock);
      },
    });
    await loops.client.create(resources.storageClasses, {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'standard' },
      provisioner: 'atelier.dev/folder',
      reclaimPolicy: 'Delete',
      volumeBindingMode: 'WaitForFirstConsumer',
    });
    const claim = {
      metadata: { name: 'data' },
      spec: {
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'standard',
        resources: { requests: { storage: '1Gi' } },
      },
    };
    await loops.client.create(resources.statefulSets, {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'db', namespace: 'a' },
      spec: {
        replicas: 3,
        serviceName: 'db',
        selector: { matchLabels: { app: 'db' } },
        template: template('db'),
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
        volumeClaimTemplates: [claim],
      },
    });
    const set = () => loops.one('statefulsets', 'db');
    await loops.api.until(() => set().status?.readyReplicas === 3);
    expect(order).toEqual(['db-0', 'db-1', 'db-2']);
    expect(loops.names('persistentvolumeclaims')).toEqual(['data-db-0', 'data-db-1', 'data-db-2']);
    expect(loops.one('persistentvolumeclaims', 'data-db-0')).toMatchObject({
      status: { phase: 'Bound', capacity: { storage: '1Gi' } },
    });
    expect(loops.api.objects('persistentvolumes').every((volume) => volume.status.phase === 'Bound')).toBe(true);
    await loops.client.patch(resources.statefulSets, 'db', 'a', 'merge', { spec: { replicas: 1 } });
    await loops.api.until(() => set().status.replicas === 1);
    expect(loops.names('pods')).toEqual(['db-0']);
    expect(loops.names('persistentvolumeclaims')).toHaveLength(3);
    await loops.client.delete(resources.claims, 'data-db-2', 'a');
    await loops.api.until(() => loops.api.objects('persistentvolumes').length === 2);
  });
});

describe('DaemonSet', () => {
  it('puts a pod on each node that qualifies', async () => {
    const loops = await start();
    await loops.client.create(resources.daemonSets, {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'agent', namespace: 'a' },
      spec: {
        selector: { matchLabels: { app: 'agent' } },
        template: template('agent'),
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
      },
    });
    const status = () => loops.one('daemonsets', 'agent').status;
    await loops.api.until(() => status()?.numberAvailable === 1);
    await loops.client.patch(resources.nodes, 'node-1', undefined, 'merge', {
      spec: { taints: [{ key: 'own', effect: 'NoExecute' }] },
    });
    await loops.api.until(() => status().desiredNumberScheduled === 0 && loops.api.objects('pods').length === 0);
  });
});

describe('Service', () => {
  it('publishes ready and unready addresses, in slices of a hundred at most', async () => {
    const loops = await start();
    await loops.client.create(resources.services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace: 'a' },
      spec: { type: 'ClusterIP', clusterIP: '10.96.0.9', selector: { app: 'web' }, ports: [{ port: 80 }] },
    });
    await loops.api.until(() => loops.api.objects('endpointslices').length === 1);
    await loops.client.create(resources.deployments, deployment('web', 105));
    const addresses = () => loops.api.objects('endpointslices').flatMap((slice) => slice.endpoints);
    await loops.api.until(() => addresses().filter((endpoint) => endpoint.conditions.ready).length === 105);
    expect(loops.api.objects('endpointslices').map((slice) => slice.endpoints.length)).toEqual([100, 5]);
    await loops.api.until(() => loops.one('endpoints', 'web')?.subsets?.[0]?.addresses?.length === 105);
    const [pod] = loops.api.objects('pods');
    loops.api.setStatus('pods', pod.metadata.name, { conditions: [{ type: 'Ready', status: 'False' }] });
    await loops.api.until(() => addresses().some((endpoint) => !endpoint.conditions.ready));
  });
});

describe('namespace', () => {
  it('gets its ServiceAccount and CA bundle, and goes when it is empty', async () => {
    const loops = await start();
    await loops.client.create(resources.namespaces, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'a', finalizers: ['kubernetes'] },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    });
    await loops.api.until(() => loops.one('serviceaccounts', 'default') && loops.one('configmaps', 'kube-root-ca.crt'));
    expect(loops.one('configmaps', 'kube-root-ca.crt').data['ca.crt']).toBe('CA');
    await loops.client.create(resources.deployments, deployment('web', 2));
    await loops.api.until(() => complete(loops, 'web', 2));
    await loops.client.delete(resources.namespaces, 'a');
    await loops.api.until(() => loops.one('namespaces', 'a').spec.finalizers.length === 0);
    expect(loops.api.objects('pods').length + loops.api.objects('deployments').length).toBe(0);
    expect(loops.one('namespaces', 'a').status.conditions.map((c: Loose) => c.reason)).toContain('ContentRemoved');
  });
});
