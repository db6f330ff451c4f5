import type { Gvr, KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { conditionOf } from './conditions.ts';
import { type ControllerContext, createController, keyOf, splitKey, timestamp } from './context.ts';
import { scaled } from './deployment-scale.ts';
import { isReady } from './pods.ts';
import { controllerOf, matches } from './references.ts';
import {
  deployments,
  disruptionBudgets,
  pods as podResource,
  replicaSets,
  replicationControllers,
  statefulSets,
} from './resources.ts';
import { writeStatus } from './status.ts';

const scales: Record<string, Gvr> = {
  ReplicationController: replicationControllers,
  ReplicaSet: replicaSets,
  Deployment: deployments,
  StatefulSet: statefulSets,
};
/** Controllers of pods that nobody can scale. */
const unscalable: Record<string, string> = { DaemonSet: 'daemonsets.apps', Job: 'jobs.batch', Node: 'nodes' };
/** An evicted pod that has not begun to end by then was not evicted, in milliseconds. */
const deletionTimeout = 120_000;

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
    const selected = pods.list(namespace).filter((pod) => matches(budget.spec.selector, pod.metadata.labels));
    if (selected.length === 0) void recorder.event(budget, 'Normal', 'NoPods', 'No matching pods found');
    let sums: { expected: number; desired: number };
    try {
      sums = wanted(budget, selected);
    } catch (error) {
      return failSafe(budget, error as Error);
    }
    const { expected, desired } = sums;
    const disrupted = stillDisrupted(key, budget, selected);
    const healthy = selected.filter(
      (pod) => isReady(pod) && !pod.metadata.deletionTimestamp && !disrupted[pod.metadata.name!],
    ).length;
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
    await writeStatus(client, budgets, disruptionBudgets, budget, status);
  }

  /** What cannot be reckoned allows nothing. */
  async function failSafe(budget: KubeObject, { message }: Error): Promise<void> {
    const text = `Failed to calculate the number of expected pods: ${message}`;
    void recorder.event(budget, 'Warning', 'CalculateExpectedPodCountFailed', text);
    const observedGeneration: number | undefined = budget.status?.observedGeneration;
    const before = conditionOf(budget, 'DisruptionAllowed');
    const condition = {
      type: 'DisruptionAllowed',
      status: 'False',
      ...(observedGeneration && { observedGeneration }),
      lastTransitionTime: before?.status === 'False' ? before.lastTransitionTime : timestamp(clock),
      reason: 'SyncFailed',
      message,
    };
    const status = { ...budget.status, disruptionsAllowed: 0, conditions: [condition] };
    await writeStatus(client, budgets, disruptionBudgets, budget, status);
  }

  function wanted(budget: KubeObject, selected: KubeObject[]): { expected: number; desired: number } {
    const { minAvailable, maxUnavailable } = budget.spec;
    if (typeof minAvailable === 'number') return { expected: selected.length, desired: minAvailable };
    const expected = sizeOfOwners(budget, selected);
    if (minAvailable !== undefined) return { expected, desired: scaled(minAvailable, expected, true) };
    return { expected, desired: Math.max(0, expected - scaled(maxUnavailable ?? 0, expected, true)) };
  }

  /** What the controllers of the pods are scaled to: a share is a share of that. Throws for one that has no scale. */
  function sizeOfOwners(budget: KubeObject, selected: KubeObject[]): number {
    const sizes = new Map<string, number>();
    let unmanaged = false;
    for (const pod of selected) {
      const owner = controllerOf(pod);
      if (!owner) {
        unmanaged = true;
        continue;
      }
      const none = unscalable[owner.kind];
      if (none) throw new Error(`${none} does not implement the scale subresource`);
      const resource = scales[owner.kind];
      let scale = resource && context.informer(resource).byUid(owner.uid);
      if (!scale) throw new Error(`found no controllers for pod "${pod.metadata.name}"`);
      const above = controllerOf(scale);
      if (above?.kind === 'Deployment') scale = context.informer(deployments).byUid(above.uid) ?? scale;
      sizes.set(scale.metadata.uid!, scale.spec.replicas ?? 1);
    }
    if (unmanaged) tellUnmanaged(budget);
    return [...sizes.values()].reduce((sum, size) => sum + size, 0);
  }

  function tellUnmanaged(budget: KubeObject): void {
    const message = `Pods selected by this PodDisruptionBudget (selector: ${selectorText(budget.spec.selector)}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`;
    void recorder.event(budget, 'Warning', 'UnmanagedPods', message);
  }

  /** Evicted pods that have not begun to end yet; forgotten after two minutes. */
  function stillDisrupted(key: string, budget: KubeObject, selected: KubeObject[]): Record<string, string> {
    const left: Record<string, string> = {};
    for (const [name, stamp] of Object.entries<string>(budget.status?.disruptedPods ?? {})) {
      const pod = selected.find(
        (candidate) => candidate.metadata.name === name && !candidate.metadata.deletionTimestamp,
      );
      if (!pod) continue;
      const age = context.age(stamp);
      if (age > deletionTimeout) {
        const { namespace } = budget.metadata;
        const message = `Pod was expected by PDB ${namespace}/${namespace} to be deleted but it wasn't`;
        void recorder.event(pod, 'Warning', 'NotDeleted', message);
        continue;
      }
      left[name] = stamp;
      queue.addAfter(key, deletionTimeout + 1 - age);
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

/** A selector as Go prints it. */
function selectorText({ matchLabels = {}, matchExpressions = [] }: Loose): string {
  const labels = Object.keys(matchLabels)
    .sort()
    .map((key) => `${key}: ${matchLabels[key]},`)
    .join('');
  const expressions = matchExpressions
    .map(({ key, operator, values = [] }: Loose) => `{${key} ${operator} [${values.join(' ')}]},`)
    .join('');
  return `&LabelSelector{MatchLabels:map[string]string{${labels}},MatchExpressions:[]LabelSelectorRequirement{${expressions}},}`;
}
