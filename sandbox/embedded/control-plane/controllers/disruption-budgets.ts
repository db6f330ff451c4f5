import { isDeepStrictEqual } from 'node:util';
import type { Gvr, KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { type ControllerContext, createController, isNotFound, keyOf, splitKey, timestamp } from './context.ts';
import { scaled } from './deployment-scale.ts';
import { isActive, isReady } from './pods.ts';
import { controllerOf, matches } from './references.ts';
import { deployments, disruptionBudgets, pods as podResource, replicaSets, statefulSets } from './resources.ts';

const scales: Record<string, Gvr> = {
  ReplicaSet: replicaSets,
  Deployment: deployments,
  StatefulSet: statefulSets,
};

/** Says how many pods may be evicted now. https://kubernetes.io/docs/tasks/run-application/configure-pdb/ */
export function startDisruptionBudgets(context: ControllerContext): void {
  const { clock } = context;
  const {
    client,
    recorder,
    queue: makeQueue,
  } = createController(context, 'disruption-controller', 'controllermanager');
  const budgets = context.informer(disruptionBudgets);
  const pods = context.informer(podResource);
  const queue = makeQueue(sync, { spacing: 50 });
  budgets.on((now) => now && queue.add(keyOf(now)));
  pods.on((now, before) => {
    for (const budget of budgets.list((now ?? before)!.metadata.namespace)) {
      const touched = [now, before].some((pod) => pod && matches(budget.spec.selector, pod.metadata.labels));
      if (touched) queue.add(keyOf(budget));
    }
  });

  async function sync(key: string): Promise<void> {
    await Promise.all([budgets.synced, pods.synced]);
    const [namespace, name] = splitKey(key);
    const budget = budgets.get(name, namespace);
    if (!budget) return;
    const selected = pods
      .list(namespace)
      .filter((pod) => isActive(pod) && matches(budget.spec.selector, pod.metadata.labels));
    if (selected.length === 0) void recorder.event(budget, 'Normal', 'NoPods', 'No matching pods found');
    const { expected, desired } = await wanted(budget, selected);
    const disrupted = stillDisrupted(key, budget, selected);
    const healthy = selected.filter((pod) => isReady(pod) && !disrupted[pod.metadata.name!]).length;
    const allowed = expected > 0 ? Math.max(0, healthy - desired) : 0;
    const status: Loose = {
      observedGeneration: budget.metadata.generation,
      disruptionsAllowed: allowed,
      currentHealthy: healthy,
      desiredHealthy: desired,
      expectedPods: expected,
      conditions: conditions(budget, allowed),
    };
    if (Object.keys(disrupted).length > 0) status.disruptedPods = disrupted;
    if (isDeepStrictEqual(status, budget.status)) return;
    try {
      budgets.observe(await client.update(disruptionBudgets, { ...budget, status }, 'status'));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  async function wanted(budget: KubeObject, selected: KubeObject[]): Promise<{ expected: number; desired: number }> {
    const { minAvailable, maxUnavailable } = budget.spec;
    if (typeof minAvailable === 'number') return { expected: selected.length, desired: minAvailable };
    const expected = await sizeOfOwners(selected);
    if (minAvailable !== undefined) return { expected, desired: scaled(minAvailable, expected, true) };
    return { expected, desired: Math.max(0, expected - scaled(maxUnavailable ?? 0, expected, true)) };
  }

  /** What the controllers of the pods are scaled to: a share is a share of that. */
  async function sizeOfOwners(selected: KubeObject[]): Promise<number> {
    const sizes = new Map<string, number>();
    for (const pod of selected) {
      const owner = controllerOf(pod);
      const resource = owner && scales[owner.kind];
      if (!owner || !resource) {
        sizes.set(pod.metadata.uid!, 1);
        continue;
      }
      let scale = context.informer(resource).byUid(owner.uid);
      const above = scale && controllerOf(scale);
      if (above?.kind === 'Deployment') scale = context.informer(deployments).byUid(above.uid) ?? scale;
      sizes.set(scale?.metadata.uid ?? owner.uid, scale?.spec.replicas ?? 1);
    }
    return [...sizes.values()].reduce((sum, size) => sum + size, 0);
  }

  /** Evicted pods that have not begun to end yet; forgotten after two minutes. */
  function stillDisrupted(key: string, budget: KubeObject, selected: KubeObject[]): Record<string, string> {
    const left: Record<string, string> = {};
    for (const [name, stamp] of Object.entries<string>(budget.status?.disruptedPods ?? {})) {
      if (!selected.some((pod) => pod.metadata.name === name)) continue;
      const age = context.age(stamp);
      if (age > 120_000) continue;
      left[name] = stamp;
      queue.addAfter(key, 120_001 - age);
    }
    return left;
  }

  function conditions(budget: KubeObject, allowed: number): Loose[] {
    const before = budget.status?.conditions?.find((condition: Loose) => condition.type === 'DisruptionAllowed');
    const status = allowed > 0 ? 'True' : 'False';
    return [
      {
        type: 'DisruptionAllowed',
        status,
        observedGeneration: budget.metadata.generation,
        lastTransitionTime: before?.status === status ? before.lastTransitionTime : timestamp(clock),
        reason: allowed > 0 ? 'SufficientPods' : 'InsufficientPods',
        message: '',
      },
    ];
  }
}
