import { afterEach, describe, expect, it } from 'vitest';
import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import * as resources from '../../../../../../sandbox/embedded/control-plane/controllers/resources.ts';
import { addNode, deployment, type Loops, startLoops } from './loops.ts';

let running: Loops | undefined;
afterEach(() => {
  running?.stop();
  running = undefined;
});

async function start(): Promise<Loops> {
  running = startLoops();
  await addNode(running.client);
  return running;
}

const make = (kind: string, apiVersion: string, name: string, rest: Loose): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name, namespace: 'a' },
  ...rest,
});
const taints = (loops: Loops): string[] =>
  (loops.one('nodes', 'node-1').spec.taints ?? []).map((taint: Loose) => `${taint.key}:${taint.effect}`);

describe('node', () => {
  it('is tainted while cordoned or not ready, and no longer', async () => {
    const loops = await start();
    const cordon = (unschedulable: boolean) =>
      loops.client.patch(resources.nodes, 'node-1', undefined, 'merge', { spec: { unschedulable } });
    await cordon(true);
    await loops.api.until(() => taints(loops).includes('node.kubernetes.io/unschedulable:NoSchedule'));
    await cordon(false);
    await loops.api.until(() => taints(loops).length === 0);
    loops.api.setStatus('nodes', 'node-1', { conditions: [{ type: 'Ready', status: 'False' }] });
    await loops.api.until(() => taints(loops).length === 1);
    // The only one: with no node ready, nothing is evicted.
    expect(taints(loops)).toEqual(['node.kubernetes.io/not-ready:NoSchedule']);
    await addNode(loops.client, { metadata: { name: 'node-2' } });
    await loops.api.until(() => taints(loops).length === 2);
    expect(taints(loops)).toEqual([
      'node.kubernetes.io/not-ready:NoSchedule',
      'node.kubernetes.io/not-ready:NoExecute',
    ]);
  });

  it('loses the pods that do not tolerate its NoExecute taint, those with patience later', async () => {
    const loops = await start();
    const pod = (name: string, tolerations: Loose[]) =>
      loops.client.create(
        resources.pods,
        make('Pod', 'v1', name, { spec: { containers: [{ name: 'c' }], tolerations } }),
      );
    await pod('frail', []);
    await pod('patient', [{ key: 'k', operator: 'Exists', tolerationSeconds: 300 }]);
    await pod('stoic', [{ operator: 'Exists' }]);
    await loops.api.until(() => loops.api.objects('pods').every((one) => one.spec.nodeName));
    const timeAdded = new Date().toISOString();
    await loops.client.patch(resources.nodes, 'node-1', undefined, 'merge', {
      spec: { taints: [{ key: 'k', effect: 'NoExecute', timeAdded }] },
    });
    await loops.api.until(() => loops.names('pods').join() === 'patient,stoic');
    await new Promise(setImmediate);
    loops.clock.skip(301_000);
    await loops.api.until(() => loops.names('pods').join() === 'stoic');
    await loops.api.until(() => loops.events().includes('TaintManagerEviction: Marking for deletion Pod a/frail'));
  });

  it('calls evictions off when the taint goes, and lets no one stay longer for asking', async () => {
    const loops = await start();
    const tolerations = [{ key: 'k', operator: 'Exists', tolerationSeconds: 300 }];
    await loops.client.create(
      resources.pods,
      make('Pod', 'v1', 'patient', { spec: { containers: [{ name: 'c' }], tolerations } }),
    );
    await loops.api.until(() => loops.one('pods', 'patient').spec.nodeName);
    const taint = (list: Loose[]) =>
      loops.client.patch(resources.nodes, 'node-1', undefined, 'merge', { spec: { taints: list } });
    let off = false;
    const called = 'TaintManagerEviction: Cancelling deletion of Pod a/patient';
    void loops.api
      .until(() => loops.events().includes(called))
      .then(() => {
        off = true;
      });
    // A taint that goes before the loop has looked at it calls nothing off.
    for (let turn = 1; !off; turn++) {
      await taint([{ key: 'k', effect: 'NoExecute' }]);
      for (let tick = 0; tick < turn; tick++) await new Promise(setImmediate);
      await taint([]);
      await new Promise(setImmediate);
    }
    loops.clock.skip(301_000);
    await new Promise(setImmediate);
    expect(loops.names('pods')).toEqual(['patient']);
  });

  it('that will not come back gives up the pods that wait for it to end them', async () => {
    const loops = await start();
    await addNode(loops.client, { metadata: { name: 'node-2' } });
    const lost = make('Pod', 'v1', 'lost', { spec: { nodeName: 'node-1', containers: [{ name: 'c' }] } });
    lost.metadata.finalizers = ['test/hold'];
    await loops.client.create(resources.pods, lost);
    await loops.client.delete(resources.pods, 'lost', 'a');
    loops.api.setStatus('nodes', 'node-1', { conditions: [{ type: 'Ready', status: 'Unknown' }] });
    await loops.client.patch(resources.nodes, 'node-1', undefined, 'merge', {
      spec: { taints: [{ key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' }] },
    });
    await loops.api.until(() => loops.one('pods', 'lost').status.phase === 'Failed');
  });

  it('that runs is not silent because time is skipped; without power it is', async () => {
    const loops = await start();
    const annotate = (annotations: Loose) =>
      loops.client.patch(resources.nodes, 'node-1', undefined, 'merge', { metadata: { annotations } });
    await annotate({ 'atelier.dev/kubelet': '127.0.0.1:1' });
    const ready = () => loops.one('nodes', 'node-1').status.conditions[0];
    await new Promise(setImmediate);
    loops.clock.skip(600_000);
    await new Promise(setImmediate);
    expect(ready().status).toBe('True');
    await annotate({ 'atelier.dev/power': 'off' });
    await loops.api.until(() => ready().status === 'Unknown');
    expect(ready().reason).toBe('NodeStatusUnknown');
  });

  it('under pressure is tainted so', async () => {
    const loops = await start();
    const conditions = [
      { type: 'Ready', status: 'True' },
      { type: 'MemoryPressure', status: 'True' },
    ];
    loops.api.setStatus('nodes', 'node-1', { conditions });
    await loops.api.until(() => taints(loops).join() === 'node.kubernetes.io/memory-pressure:NoSchedule');
  });
});

describe('resource quota', () => {
  it('adds up what is used, and less when something goes', async () => {
    const loops = await start();
    const hard = { pods: '5', 'requests.cpu': '1', 'count/deployments.apps': '2', configmaps: '9' };
    await loops.client.create(resources.resourceQuotas, make('ResourceQuota', 'v1', 'q', { spec: { hard } }));
    const web = deployment('web', 3);
    web.spec.template.spec.containers[0].resources = { requests: { cpu: '100m' } };
    await loops.client.create(resources.deployments, web);
    const used = () => loops.one('resourcequotas', 'q').status?.used ?? {};
    await loops.api.until(() => used().pods === '3');
    expect(used()).toEqual({ pods: '3', 'requests.cpu': '300m', 'count/deployments.apps': '1', configmaps: '0' });
    await loops.client.delete(resources.deployments, 'web', 'a');
    await loops.api.until(() => used().pods === '0' && used()['count/deployments.apps'] === '0');
  });
});

describe('disruption budget', () => {
  it('allows what stays above the least', async () => {
    const loops = await start();
    await loops.client.create(resources.deployments, deployment('web', 4));
    const spec = { minAvailable: '50%', selector: { matchLabels: { app: 'web' } } };
    const budget = make('PodDisruptionBudget', 'policy/v1', 'b', { spec });
    await loops.client.create(resources.disruptionBudgets, budget);
    const status = () => loops.one('poddisruptionbudgets', 'b').status;
    await loops.api.until(() => status()?.disruptionsAllowed === 2);
    expect(status()).toMatchObject({ expectedPods: 4, desiredHealthy: 2, currentHealthy: 4 });
    expect(status().conditions[0]).toMatchObject({
      type: 'DisruptionAllowed',
      status: 'True',
      reason: 'SufficientPods',
    });
    await loops.client.patch(resources.deployments, 'web', 'a', 'merge', { spec: { replicas: 0 } });
    await loops.api.until(() => status().disruptionsAllowed === 0);
  });
});

describe('claim', () => {
  it('in use is not removed before its pod has gone', async () => {
    const loops = await start();
    await loops.client.create(resources.volumes, {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'pv' },
      spec: { capacity: { storage: '2Gi' }, accessModes: ['ReadWriteOnce'], persistentVolumeReclaimPolicy: 'Retain' },
    });
    const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
    await loops.client.create(resources.claims, make('PersistentVolumeClaim', 'v1', 'data', { spec }));
    const claim = () => loops.one('persistentvolumeclaims', 'data');
    await loops.api.until(() => claim().status?.phase === 'Bound');
    expect(claim().status.capacity).toEqual({ storage: '2Gi' });
    const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }];
    await loops.client.create(
      resources.pods,
      make('Pod', 'v1', 'user', { spec: { containers: [{ name: 'c' }], volumes } }),
    );
    await loops.api.until(() => loops.one('pods', 'user').spec.nodeName);
    await loops.client.delete(resources.claims, 'data', 'a');
    // The loop takes one claim after the other: once it has seen this one, it has looked at the first.
    await loops.client.create(resources.claims, make('PersistentVolumeClaim', 'v1', 'next', { spec }));
    await loops.api.until(() => loops.one('persistentvolumeclaims', 'next').metadata.finalizers?.length);
    expect(claim()?.metadata.deletionTimestamp).toBeTruthy();
    await loops.client.delete(resources.pods, 'user', 'a');
    await loops.api.until(() => !claim());
    await loops.api.until(() => loops.one('persistentvolumes', 'pv').status.phase === 'Released');
  });

  it('that a pod brings along is made and goes with it', async () => {
    const loops = await start();
    const claim = { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } };
    const volumes = [{ name: 'scratch', ephemeral: { volumeClaimTemplate: claim } }];
    await loops.client.create(resources.volumes, {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'pv' },
      spec: { capacity: { storage: '2Gi' }, accessModes: ['ReadWriteOnce'] },
    });
    await loops.client.create(
      resources.pods,
      make('Pod', 'v1', 'user', { spec: { containers: [{ name: 'c' }], volumes } }),
    );
    await loops.api.until(() => loops.one('pods', 'user').spec.nodeName);
    expect(loops.one('persistentvolumeclaims', 'user-scratch').status.phase).toBe('Bound');
    await loops.client.delete(resources.pods, 'user', 'a');
    await loops.api.until(() => loops.api.objects('persistentvolumeclaims').length === 0);
  });

  it('says why it waits', async () => {
    const loops = await start();
    const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
    const claim = (name: string, rest: Loose) =>
      loops.client.create(resources.claims, make('PersistentVolumeClaim', 'v1', name, { spec: { ...spec, ...rest } }));
    await claim('bare', {});
    await claim('lost', { storageClassName: 'nope' });
    await loops.api.until(() => loops.events().length >= 3);
    expect(loops.events()).toContain(
      'FailedBinding: no persistent volumes available for this claim and no storage class is set',
    );
    await loops.api.until(() =>
      loops.events().includes('ProvisioningFailed: storageclass.storage.k8s.io "nope" not found'),
    );
  });
});

describe('cluster role', () => {
  it('that is made of others follows them', async () => {
    const loops = await start();
    const role = (name: string, rest: Loose) =>
      loops.client.create(resources.clusterRoles, {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRole',
        metadata: { name, ...rest.metadata },
        ...rest.body,
      });
    const rule = (resource: string) => ({ apiGroups: [''], resources: [resource], verbs: ['get'] });
    await role('all', { body: { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { part: 'all' } }] } } });
    await role('one', { metadata: { labels: { part: 'all' } }, body: { rules: [rule('pods')] } });
    await role('two', { metadata: { labels: { part: 'all' } }, body: { rules: [rule('services'), rule('pods')] } });
    await loops.api.until(() => loops.one('clusterroles', 'all').rules?.length === 2);
    await loops.client.delete(resources.clusterRoles, 'two');
    await loops.api.until(() => loops.one('clusterroles', 'all').rules.length === 1);
  });
});
