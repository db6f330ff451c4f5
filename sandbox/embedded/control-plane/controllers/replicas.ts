import type { Gvr, KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { withCondition, withoutCondition } from './conditions.ts';
import {
  type ControllerContext,
  createController,
  keyOf,
  namespaceTerminating,
  splitKey,
  timestamp,
} from './context.ts';
import { createOwnedPods, followPods, inWaves } from './owned-pods.ts';
import { podFromTemplate } from './pod-template.ts';
import { byDeletion, isActive, isAvailable, isReady, isTerminating, wakeWhenAvailable } from './pods.ts';
import { claim, controllerOf } from './references.ts';
import { pods as podResource, replicaSets, replicationControllers } from './resources.ts';
import { writeStatus } from './status.ts';

const burst = 500;

/** A kind whose objects are so many pods alike. */
interface ReplicaKind {
  kind: string;
  resource: Gvr;
  account: string;
  /** As its events are signed. */
  component: string;
  selectorOf(object: KubeObject): Loose;
  /** Whether its status tells how many pods are on their way out. */
  countsTerminating: boolean;
}

/** Keeps as many pods as each ReplicaSet asks for. https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/ */
export function startReplicaSets(context: ControllerContext): void {
  startReplicas(context, {
    kind: 'ReplicaSet',
    resource: replicaSets,
    account: 'replicaset-controller',
    component: 'replicaset-controller',
    selectorOf: ({ spec }) => spec.selector,
    countsTerminating: true,
  });
}

/** The same for what was before there were ReplicaSets. https://kubernetes.io/docs/concepts/workloads/controllers/replicationcontroller/ */
export function startReplicationControllers(context: ControllerContext): void {
  const selectors = new WeakMap<object, Loose>();
  startReplicas(context, {
    kind: 'ReplicationController',
    resource: replicationControllers,
    account: 'replication-controller',
    component: 'replication-controller',
    selectorOf({ spec }) {
      const held = selectors.get(spec) ?? { matchLabels: spec.selector ?? {} };
      selectors.set(spec, held);
      return held;
    },
    countsTerminating: false,
  });
}

function startReplicas(context: ControllerContext, form: ReplicaKind): void {
  const { clock, age } = context;
  const { kind, resource, selectorOf } = form;
  const controller = createController(context, form.account, form.component);
  const { client } = controller;
  const sets = context.informer(resource);
  const pods = context.informer(podResource);
  const owned = createOwnedPods(context, controller);
  const queue = controller.queue(sync, { spacing: 10 });

  sets.on((now, before) => queue.add(keyOf((now ?? before)!)));
  followPods(context, queue, kind, (namespace) => sets.list(namespace), selectorOf);

  async function sync(key: string): Promise<void> {
    const [namespace, name] = splitKey(key);
    const set = sets.get(name, namespace);
    if (!set) return;
    await Promise.all([sets.synced, pods.synced]);
    const claimed = await claim({
      client,
      informer: pods,
      resource: podResource,
      owner: set,
      selector: selectorOf(set),
      adoptable: isActive,
    });
    let active = claimed.filter((pod) => isActive(pod) && !owned.isLeaving(pod));
    let failure: { reason: string; error: unknown } | undefined;
    if (!set.metadata.deletionTimestamp) {
      const result = await manage(set, active);
      active = result.active;
      failure = result.failure;
    }
    const terminating = claimed.filter((pod) => isTerminating(pod) || owned.isLeaving(pod)).length;
    await report(sets.get(name, namespace) ?? set, active, terminating, failure);
    if (failure && !namespaceTerminating(failure.error)) throw failure.error;
    wakeWhenAvailable(queue, key, set, active, age);
  }

  async function manage(set: KubeObject, active: KubeObject[]) {
    const wanted: number = set.spec.replicas ?? 1;
    if (active.length < wanted) {
      const missing = Math.min(wanted - active.length, burst);
      const { made, error } = await inWaves(missing, () => owned.create(set, podFromTemplate(set.spec.template, set)));
      return { active: [...active, ...made], failure: error ? { reason: 'FailedCreate', error } : undefined };
    }
    if (active.length > wanted) {
      const doomed = choose(set, active, Math.min(active.length - wanted, burst));
      const outcomes = await Promise.allSettled(doomed.map((pod) => owned.remove(set, pod)));
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      const failure = failed && { reason: 'FailedDelete', error: failed.reason as unknown };
      return {
        active: failed ? active.filter((pod) => !owned.isLeaving(pod)) : active.filter((pod) => !doomed.includes(pod)),
        failure,
      };
    }
    return { active, failure: undefined };
  }

  function choose(set: KubeObject, active: KubeObject[], count: number): KubeObject[] {
    if (count >= active.length) return active;
    const related = new Map<string, number>();
    const owner = controllerOf(set)?.uid;
    for (const other of owner ? sets.list(set.metadata.namespace) : [set]) {
      if (owner && controllerOf(other)?.uid !== owner) continue;
      for (const pod of pods.by('controller', other.metadata.uid!)) {
        if (isActive(pod)) related.set(pod.spec.nodeName, (related.get(pod.spec.nodeName) ?? 0) + 1);
      }
    }
    const rank = (pod: KubeObject) => related.get(pod.spec.nodeName) ?? 0;
    return [...active].sort((a, b) => byDeletion(a, b, rank, clock)).slice(0, count);
  }

  async function report(
    set: KubeObject,
    active: KubeObject[],
    terminating: number,
    failure: { reason: string; error: unknown } | undefined,
  ): Promise<void> {
    const minReady: number = set.spec.minReadySeconds ?? 0;
    const labels = set.spec.template.metadata?.labels ?? {};
    const ready = active.filter(isReady);
    const status: Loose = {
      replicas: active.length,
      ...(form.countsTerminating && { terminatingReplicas: terminating }),
      observedGeneration: set.metadata.generation,
    };
    const count = (field: string, value: number) => {
      if (value > 0) status[field] = value;
    };
    count(
      'fullyLabeledReplicas',
      active.filter((pod) => Object.entries(labels).every(([key, value]) => pod.metadata.labels?.[key] === value))
        .length,
    );
    count('readyReplicas', ready.length);
    count('availableReplicas', ready.filter((pod) => isAvailable(pod, minReady, age)).length);
    let conditions: Loose[] = set.status?.conditions ?? [];
    if (failure) {
      conditions = withCondition(conditions, {
        type: 'ReplicaFailure',
        status: 'True',
        reason: failure.reason,
        message: (failure.error as Error).message,
        lastTransitionTime: timestamp(clock),
      });
    } else conditions = withoutCondition(conditions, 'ReplicaFailure');
    if (conditions.length > 0) status.conditions = conditions;
    await writeStatus(client, sets, resource, set, status);
  }
}
