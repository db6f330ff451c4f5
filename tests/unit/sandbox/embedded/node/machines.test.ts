import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Gvr, KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import { openWholeCluster, running, type WholeCluster } from '../whole-cluster.ts';

const core = (resource: string): Gvr => ({ group: '', version: 'v1', resource });
const pods = core('pods');
const nodes = core('nodes');
const deployments = { group: 'apps', version: 'v1', resource: 'deployments' };
const daemonSets = { group: 'apps', version: 'v1', resource: 'daemonsets' };
const budgets = { group: 'policy', version: 'v1', resource: 'poddisruptionbudgets' };

let whole: WholeCluster;
beforeAll(async () => {
  whole = await openWholeCluster(3);
});
afterAll(() => whole.close());

function pod(name: string, spec: Loose = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'c', image: 'nginx:1.27' }], ...spec },
  };
}
const set = (kind: string, name: string, spec: Loose, podSpec: Loose = {}): KubeObject => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name, namespace: 'default' },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { ...pod('x').spec, ...podSpec } },
    ...spec,
  },
});
const power = (node: string, value: string | null) =>
  whole.client.patch(nodes, node, undefined, 'merge', { metadata: { annotations: { 'atelier.dev/power': value } } });
const status = (node: KubeObject) => node.status?.conditions?.find((one: Loose) => one.type === 'Ready')?.status;
const taintsOf = ({ spec }: KubeObject): string[] =>
  (spec?.taints ?? []).map(({ key, effect }: Loose) => `${key}:${effect}`).sort();
const appPods = async (app: string) => (await whole.client.list(pods, { labelSelector: `app=${app}` })).items;
const onNode = async (app: string, node: string) =>
  (await appPods(app)).filter(({ spec, metadata }) => spec.nodeName === node && !metadata.deletionTimestamp).length;

describe('three nodes', () => {
  it('stand in two zones, each with pod addresses of its own, and answer for their pods', async () => {
    const { items } = await whole.client.list(nodes);
    const facts = items.map(({ metadata, spec }) => [
      metadata.name,
      metadata.labels?.['topology.kubernetes.io/zone'],
      spec.podCIDR,
    ]);
    expect(facts).toEqual([
      ['node-1', 'zone-a', '10.244.0.0/24'],
      ['node-2', 'zone-b', '10.244.1.0/24'],
      ['node-3', 'zone-a', '10.244.2.0/24'],
    ]);
    for (const node of ['node-1', 'node-2', 'node-3']) {
      await whole.client.create(pods, pod(`on-${node}`, { nodeName: node }));
    }
    await whole.client.create(pods, pod('host', { nodeName: 'node-3', hostNetwork: true }));
    for (const [index, node] of ['node-1', 'node-2', 'node-3'].entries()) {
      const { status: shown } = await whole.until(pods, `on-${node}`, running);
      expect(shown.podIP).toMatch(new RegExp(`^10\\.244\\.${index}\\.`));
      expect(shown.hostIP).toBe(`10.99.0.${index + 1}`);
      expect(await whole.kubectl('logs', `on-${node}`)).toContain('start worker process');
      expect(await whole.kubectl('exec', `on-${node}`, '--', 'hostname', '-i')).toBe(`${shown.podIP}\n`);
    }
    expect((await whole.until(pods, 'host', running)).status.podIP).toBe('10.99.0.3');
    expect(await whole.kubectl('exec', 'host', '--', 'hostname')).toBe('node-3\n');
    await whole.kubectl('delete', 'pod', '--all', '--force');
  });

  // https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/
  // "A DaemonSet ensures that all (or some) Nodes run a copy of a Pod."
  it('each run a pod of a DaemonSet, but where a taint keeps it away', async () => {
    await whole.client.patch(nodes, 'node-3', undefined, 'merge', {
      spec: { taints: [{ key: 'k', effect: 'NoSchedule' }], unschedulable: true },
    });
    await whole.client.create(daemonSets, set('DaemonSet', 'agent', {}));
    await whole.until(daemonSets, 'agent', (one) => one.status?.numberReady === 2);
    await whole.client.patch(nodes, 'node-3', undefined, 'merge', { spec: { taints: null } });
    // Cordoned it still is, which agents tolerate.
    await whole.until(daemonSets, 'agent', (one) => one.status?.numberReady === 3);
    await whole.kubectl('uncordon', 'node-3');
  });
});

describe('kubectl drain', () => {
  // https://kubernetes.io/docs/tasks/administer-cluster/safely-drain-node/
  // "Safe evictions allow the pod's containers to gracefully terminate and will respect the PodDisruptionBudgets you have
  // specified."
  it('asks for leave, evicts, waits for budgets, and leaves a cordoned node', async () => {
    await whole.client.create(deployments, set('Deployment', 'web', { replicas: 3 }));
    await whole.client.create(pods, pod('scratch', { nodeName: 'node-2', volumes: [{ name: 'v', emptyDir: {} }] }));
    await whole.client.create(budgets, {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'web', namespace: 'default' },
      spec: { minAvailable: 3, selector: { matchLabels: { app: 'web' } } },
    });
    await whole.until(deployments, 'web', (one) => one.status?.readyReplicas === 3);
    await whole.until(budgets, 'web', (one) => one.status?.currentHealthy === 3);
    expect(await onNode('web', 'node-2')).toBe(1);
    const refused = await whole.kubectl('drain', 'node-2');
    expect(refused).toContain(
      'cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): default/agent-',
    );
    expect(refused).toContain(
      'cannot delete Pods with local storage (use --delete-emptydir-data to override): default/scratch',
    );
    const drain = ['drain', 'node-2', '--ignore-daemonsets', '--delete-emptydir-data', '--force'];
    const there = (await appPods('web')).find(({ spec }) => spec.nodeName === 'node-2')!.metadata.name!;
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: there, namespace: 'default' } };
    await expect(whole.client.createSubresource(pods, there, 'default', 'eviction', eviction)).rejects.toMatchObject({
      code: 429,
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
    });
    await whole.client.patch(budgets, 'web', 'default', 'merge', { spec: { minAvailable: 2 } });
    await whole.until(budgets, 'web', (one) => one.status?.disruptionsAllowed === 1);
    expect(await whole.kubectl(...drain)).toContain('node/node-2 drained');
    expect(await onNode('web', 'node-2')).toBe(0);
    expect(await onNode('agent', 'node-2')).toBe(1);
    expect(await whole.kubectl('get', 'node', 'node-2')).toContain('Ready,SchedulingDisabled');
    await whole.kubectl('uncordon', 'node-2');
    await whole.kubectl('delete', 'deployment/web', 'pdb/web', '--wait=false');
  });
});

describe('a node without power', () => {
  // https://kubernetes.io/docs/concepts/architecture/nodes/#node-controller
  // "In the case that a node becomes unreachable, updating the Ready condition in the Node's .status field. In this case
  // the node controller sets the Ready condition to Unknown."
  it('is told by its silence; its pods come up elsewhere, and are gone when it is back', async () => {
    await whole.client.create(deployments, set('Deployment', 'shop', { replicas: 3 }));
    await whole.until(deployments, 'shop', (one) => one.status?.readyReplicas === 3);
    const lost = (await appPods('shop')).find(({ spec }) => spec.nodeName === 'node-2')!.metadata.name!;
    await power('node-2', 'off');
    // Time may be skipped, but silence has to be real for a moment.
    const silent = whole.until(nodes, 'node-2', (one) => status(one) === 'Unknown' && taintsOf(one).length === 2);
    await whole.skip(60);
    expect(taintsOf(await silent)).toEqual([
      'node.kubernetes.io/unreachable:NoExecute',
      'node.kubernetes.io/unreachable:NoSchedule',
    ]);
    expect(await whole.events('node-2')).toContain('Normal NodeNotReady Node node-2 status is now: NodeNotReady');
    expect(await whole.kubectl('logs', lost)).toMatch(
      /^Error from server: Get "https:\/\/10\.99\.0\.2:10250\/containerLogs\/default\/shop-.*": dial tcp 10\.99\.0\.2:10250: connect: no route to host\n$/,
    );
    expect(await whole.kubectl('exec', lost, '--', 'true')).toBe(
      'Error from server: error dialing backend: dial tcp 10.99.0.2:10250: connect: no route to host\n',
    );
    // "By default, the taint-based eviction waits 5 minutes": tolerations of 300 seconds, given to every pod.
    const leaving = whole.until(pods, lost, ({ metadata }) => metadata.deletionTimestamp);
    await whole.skip(300);
    const { status: shown } = await leaving;
    expect(shown.conditions.find((one: Loose) => one.type === 'DisruptionTarget')).toMatchObject({
      reason: 'DeletionByTaintManager',
      message: 'Taint manager: deleting due to NoExecute taint',
    });
    await whole.until(deployments, 'shop', (one) => one.status?.readyReplicas === 3);
    expect(await whole.kubectl('get', 'pod', lost)).toContain('Terminating');
    await power('node-2', null);
    await whole.until(nodes, 'node-2', (one) => status(one) === 'True' && taintsOf(one).length === 0);
    expect(await whole.kubectl('wait', '--for=delete', `pod/${lost}`, '--timeout=10s')).not.toContain('timed out');
    expect((await whole.events('node-2')).some((event) => event.startsWith('Warning Rebooted '))).toBe(true);
    await whole.kubectl('delete', 'deployment/shop', '--wait=false');
  });

  // https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-garbage-collection
  // "are orphan Pods - bound to a node which no longer exists"
  it('that is deleted loses its pods, and comes back when somebody makes its Node', async () => {
    await whole.client.create(pods, pod('orphan', { nodeName: 'node-3', restartPolicy: 'Never' }));
    await whole.until(pods, 'orphan', running);
    await whole.kubectl('delete', 'node', 'node-3');
    const gone = whole.kubectl('wait', '--for=delete', 'pod/orphan', '--timeout=15s');
    await whole.skip(60);
    expect(await gone).not.toContain('timed out');
    expect(await whole.kubectl('get', 'nodes', '-o', 'name')).toBe('node/node-1\nnode/node-2\n');
    await whole.client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-3' } });
    const back = await whole.until(nodes, 'node-3', (one) => status(one) === 'True');
    expect(back.spec.podCIDR).toBe('10.244.2.0/24');
    expect(back.metadata.labels?.['topology.kubernetes.io/zone']).toBe('zone-a');
    await whole.client.create(pods, pod('again', { nodeName: 'node-3' }));
    await whole.until(pods, 'again', running);
  });
});

describe('a kubelet', () => {
  const refused = async (name: string, spec: Loose) => {
    await whole.client.create(pods, pod(name, { nodeName: 'node-1', ...spec }));
    const { status: shown } = await whole.until(pods, name, (one) => one.status?.phase === 'Failed');
    return [shown.reason, shown.message];
  };

  // https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#nodename
  // "If the named node does not have the resources to accommodate the Pod, the Pod will fail and its reason will indicate
  // why, for example OutOfmemory or OutOfcpu."
  it('refuses what nobody asked it for', async () => {
    const requests = { cpu: '5', memory: '1Gi' };
    expect(
      await refused('large', { containers: [{ name: 'c', image: 'nginx:1.27', resources: { requests } }] }),
    ).toEqual([
      'OutOfcpu',
      "Pod was rejected: Node didn't have enough resource: cpu, requested: 5000, used: 0, capacity: 4000",
    ]);
    expect(await refused('picky', { nodeSelector: { disk: 'ssd' } })).toEqual([
      'NodeAffinity',
      "Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
    ]);
    const ports = { containers: [{ name: 'c', image: 'nginx:1.27', ports: [{ containerPort: 80, hostPort: 8080 }] }] };
    await whole.client.create(pods, pod('door', { nodeName: 'node-1', ...ports }));
    await whole.until(pods, 'door', running);
    expect(await refused('second-door', ports)).toEqual([
      'NodePorts',
      "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
    ]);
  });
});
