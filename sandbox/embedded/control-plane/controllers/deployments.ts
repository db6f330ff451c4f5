import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { conditionOf, withCondition } from './conditions.ts';
import {
  alreadyExists,
  type ControllerContext,
  createController,
  isNotFound,
  keyOf,
  namespaceTerminating,
  splitKey,
} from './context.ts';
import {
  annotationsFor,
  nextRevision,
  replicaSetOf,
  revisionAnnotation,
  sizeAnnotations,
  sizeAnnotationsDiffer,
  split,
  superfluous,
} from './deployment-revisions.ts';
import {
  activeOrLatest,
  byCreation,
  desiredAnnotation,
  fences,
  newSize,
  proportions,
  saturated,
  sizeOf,
  total,
  totalOf,
} from './deployment-scale.ts';
import {
  complete,
  deadlineIn,
  deploymentCondition,
  hasDeadline,
  rolloutStatus,
  statusOf,
} from './deployment-status.ts';
import { sameTemplate } from './pod-template.ts';
import { isFinished } from './pods.ts';
import { claim, controllerOf, matches } from './references.ts';
import { deployments as deploymentResource, pods as podResource, replicaSets } from './resources.ts';
import { writeStatus } from './status.ts';

/** A Deployment in work: `object` follows what has been written. */
interface Work {
  object: KubeObject;
  newest: KubeObject | undefined;
  old: KubeObject[];
}

/** Rolls templates out through ReplicaSets. https://kubernetes.io/docs/concepts/workloads/controllers/deployment/ */
export function startDeployments(context: ControllerContext): void {
  const { clock, age } = context;
  const { client, recorder, queue: makeQueue } = createController(context, 'deployment-controller');
  const deployments = context.informer(deploymentResource);
  const sets = context.informer(replicaSets);
  const pods = context.informer(podResource);
  const queue = makeQueue(sync, { spacing: 10 });

  deployments.on((now, before) => queue.add(keyOf((now ?? before)!)));
  sets.on((now, before) => {
    for (const version of [now, before]) {
      const owner = version && controllerOf(version);
      if (owner?.kind === 'Deployment') queue.add(`${version!.metadata.namespace}/${owner.name}`);
    }
    if (now && !controllerOf(now)) {
      for (const deployment of deployments.list(now.metadata.namespace)) {
        if (matches(deployment.spec.selector, now.metadata.labels)) queue.add(keyOf(deployment));
      }
    }
  });
  // Recreate waits for the last old pod; nothing else looks at pods.
  pods.on((now, before) => {
    if (now || !before) return;
    const owner = controllerOf(before);
    if (owner?.kind !== 'ReplicaSet') return;
    const set = sets.byUid(owner.uid);
    const deployment = set && controllerOf(set);
    if (deployment) queue.add(`${before.metadata.namespace}/${deployment.name}`);
  });

  async function sync(key: string): Promise<void> {
    const [namespace, name] = splitKey(key);
    const object = deployments.get(name, namespace);
    if (!object) return;
    await Promise.all([deployments.synced, sets.synced, pods.synced]);
    const owned = await claim({
      client,
      informer: sets,
      resource: replicaSets,
      owner: object,
      selector: object.spec.selector,
    });
    const work: Work = { object, ...split(object, owned) };
    if (object.metadata.deletionTimestamp) return tell(work, statusOf(object, all(work), work.newest, clock));
    await notePause(work);
    if (work.object.spec.paused) {
      await syncRevision(work, false);
      await scale(work);
      await clean(work);
      return tell(work, statusOf(work.object, all(work), work.newest, clock));
    }
    await syncRevision(work, false);
    if (isScaling(work)) {
      await scale(work);
      return tell(work, statusOf(work.object, all(work), work.newest, clock));
    }
    if (object.spec.strategy?.type === 'Recreate') await recreate(work);
    else await roll(work);
  }

  const all = ({ newest, old }: Work): KubeObject[] => (newest ? [...old, newest] : old);

  async function tell(work: Work, status: Loose): Promise<void> {
    work.object = (await writeStatus(client, deployments, deploymentResource, work.object, status)) ?? work.object;
  }

  async function notePause(work: Work): Promise<void> {
    const { object } = work;
    if (!hasDeadline(object)) return;
    const condition = conditionOf(object, 'Progressing');
    if (condition?.reason === 'ProgressDeadlineExceeded') return;
    const noted = condition?.reason === 'DeploymentPaused';
    if (!!object.spec.paused === noted) return;
    const next = object.spec.paused
      ? deploymentCondition(clock, 'Progressing', 'Unknown', 'DeploymentPaused', 'Deployment is paused')
      : deploymentCondition(clock, 'Progressing', 'Unknown', 'DeploymentResumed', 'Deployment is resumed');
    const conditions = withCondition(object.status?.conditions ?? [], next);
    await tell(work, { ...object.status, conditions });
  }

  function isScaling({ object, newest, old }: Work): boolean {
    return [...old, ...(newest ? [newest] : [])].some((set) => {
      const desired = set.metadata.annotations?.[desiredAnnotation];
      return sizeOf(set) > 0 && desired !== undefined && Number(desired) !== object.spec.replicas;
    });
  }

  /** Numbers the revision on the present ReplicaSet and on the Deployment; makes the ReplicaSet if wanted. */
  async function syncRevision(work: Work, create: boolean): Promise<void> {
    const revision = nextRevision(work.old);
    if (work.newest) {
      const annotations = annotationsFor(work.object, work.newest, revision);
      const minReadySeconds: number = work.object.spec.minReadySeconds ?? 0;
      if (annotations || (work.newest.spec.minReadySeconds ?? 0) !== minReadySeconds) {
        const metadata = { ...work.newest.metadata, ...(annotations && { annotations }) };
        const spec = { ...work.newest.spec, minReadySeconds };
        work.newest = await client.update(replicaSets, { ...work.newest, metadata, spec });
        sets.observe(work.newest);
      }
      const number = work.newest.metadata.annotations?.[revisionAnnotation] ?? String(revision);
      const found = hasDeadline(work.object) && !conditionOf(work.object, 'Progressing');
      await noteRevision(work, number, found ? ['FoundNewReplicaSet', 'Found new replica set'] : undefined);
      return;
    }
    if (create) await createSet(work, revision);
  }

  async function noteRevision(work: Work, revision: string, progress: [string, string] | undefined): Promise<void> {
    let status = work.object.status ?? {};
    if (progress) {
      const message = `${progress[1]} "${work.newest!.metadata.name}"`;
      const condition = deploymentCondition(clock, 'Progressing', 'True', progress[0], message);
      status = { ...status, conditions: withCondition(status.conditions ?? [], condition) };
    }
    if (work.object.metadata.annotations?.[revisionAnnotation] !== revision) {
      const annotations = { ...work.object.metadata.annotations, [revisionAnnotation]: revision };
      const { object } = work;
      // A status update carries the annotation, so that one write tells both.
      work.object = { ...object, metadata: { ...object.metadata, annotations } };
      status = { ...status };
    }
    if (status !== work.object.status) await writeStatusAlways(work, status);
  }

  async function writeStatusAlways(work: Work, status: Loose): Promise<void> {
    work.object = await client.update(deploymentResource, { ...work.object, status }, 'status');
    deployments.observe(work.object);
  }

  async function createSet(work: Work, revision: number): Promise<void> {
    const wanted = replicaSetOf(work.object, revision, 0);
    const replicas = newSize(work.object, [...work.old, wanted], wanted);
    wanted.spec.replicas = replicas;
    let existed = false;
    try {
      work.newest = await client.create(replicaSets, wanted);
      sets.observe(work.newest);
    } catch (error) {
      if (namespaceTerminating(error)) return;
      if (!alreadyExists(error)) return refuseSet(work, wanted, error);
      const held = await client.get(replicaSets, wanted.metadata.name!, wanted.metadata.namespace);
      if (
        controllerOf(held)?.uid !== work.object.metadata.uid ||
        !sameTemplate(held.spec.template, work.object.spec.template)
      ) {
        const collisionCount = (work.object.status?.collisionCount ?? 0) + 1;
        await tell(work, { ...work.object.status, collisionCount });
        throw error;
      }
      work.newest = held;
      existed = true;
    }
    if (!existed && replicas > 0) {
      const message = `Scaled up replica set ${work.newest.metadata.name} from 0 to ${replicas}`;
      void recorder.event(work.object, 'Normal', 'ScalingReplicaSet', message);
    }
    const created: [string, string] = ['NewReplicaSetCreated', 'Created new replica set'];
    await noteRevision(work, String(revision), !existed && hasDeadline(work.object) ? created : undefined);
  }

  async function refuseSet(work: Work, wanted: KubeObject, error: unknown): Promise<never> {
    const message = `Failed to create new replica set "${wanted.metadata.name}": ${(error as Error).message}`;
    if (hasDeadline(work.object)) {
      const condition = deploymentCondition(clock, 'Progressing', 'False', 'ReplicaSetCreateError', message);
      const conditions = withCondition(work.object.status?.conditions ?? [], condition);
      await tell(work, { ...work.object.status, conditions });
    }
    void recorder.event(work.object, 'Warning', 'ReplicaSetCreateError', message);
    throw error;
  }

  async function resize(work: Work, set: KubeObject, size: number): Promise<boolean> {
    const before = sizeOf(set);
    if (before === size && !sizeAnnotationsDiffer(work.object, set)) return false;
    const annotations = { ...set.metadata.annotations, ...sizeAnnotations(work.object) };
    const metadata = { ...set.metadata, annotations };
    const now = await client.update(replicaSets, { ...set, metadata, spec: { ...set.spec, replicas: size } });
    sets.observe(now);
    if (work.newest === set) work.newest = now;
    work.old = work.old.map((other) => (other === set ? now : other));
    if (before === size) return false;
    const message = `Scaled ${before < size ? 'up' : 'down'} replica set ${set.metadata.name} from ${before} to ${size}`;
    void recorder.event(work.object, 'Normal', 'ScalingReplicaSet', message);
    return true;
  }

  async function scale(work: Work): Promise<void> {
    const replicas: number = work.object.spec.replicas;
    const single = activeOrLatest(work.newest, work.old);
    if (single) {
      if (sizeOf(single) !== replicas) await resize(work, single, replicas);
      return;
    }
    if (saturated(work.object, work.newest)) {
      for (const set of work.old) if (sizeOf(set) > 0) await resize(work, set, 0);
      return;
    }
    if (work.object.spec.strategy?.type !== 'RollingUpdate') return;
    for (const [set, size] of proportions(work.object, all(work))) await resize(work, set, size);
  }

  async function clean(work: Work): Promise<void> {
    for (const set of superfluous(work.object, work.old)) {
      try {
        await client.delete(replicaSets, set.metadata.name!, set.metadata.namespace);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
  }

  async function finish(work: Work): Promise<void> {
    const status = rolloutStatus(work.object, all(work), work.newest, clock, age);
    const { object } = work;
    await tell(work, status);
    const condition = conditionOf(object, 'Progressing');
    if (!hasDeadline(object) || !condition || complete(object, status)) return;
    if (condition.reason === 'ProgressDeadlineExceeded') return;
    queue.addAfter(keyOf(object), Math.max(0, deadlineIn(object, condition, age)) + 1000);
  }

  async function roll(work: Work): Promise<void> {
    await syncRevision(work, true);
    const { newest, object } = work;
    if (!newest) return;
    const replicas: number = object.spec.replicas;
    if (sizeOf(newest) !== replicas) {
      const size = sizeOf(newest) > replicas ? replicas : newSize(object, all(work), newest);
      if (size !== sizeOf(newest) && (await resize(work, newest, size))) return finish(work);
    }
    if (await shrink(work, newest)) return finish(work);
    if (complete(work.object, work.object.status)) await clean(work);
    await finish(work);
  }

  /** Scales old ReplicaSets down as far as availability allows: broken pods first. */
  async function shrink(work: Work, newest: KubeObject): Promise<boolean> {
    const active = () => work.old.filter((set) => sizeOf(set) > 0).sort(byCreation);
    if (active().length === 0) return false;
    const least = work.object.spec.replicas - fences(work.object).unavailable;
    const unavailable = sizeOf(newest) - (newest.status?.availableReplicas ?? 0);
    const most = total(all(work)) - least - unavailable;
    if (most <= 0) return false;
    let shrunk = 0;
    for (const set of active()) {
      const broken = sizeOf(set) - (set.status?.availableReplicas ?? 0);
      const count = Math.min(most - shrunk, broken);
      if (count <= 0) continue;
      await resize(work, set, sizeOf(set) - count);
      shrunk += count;
    }
    const spare = totalOf(all(work), 'availableReplicas') - least;
    let healthy = 0;
    for (const set of active()) {
      const count = Math.min(sizeOf(set), spare - healthy);
      if (count <= 0) break;
      await resize(work, set, sizeOf(set) - count);
      healthy += count;
    }
    return shrunk + healthy > 0;
  }

  async function recreate(work: Work): Promise<void> {
    const active = work.old.filter((set) => sizeOf(set) > 0);
    if (active.length > 0) {
      for (const set of active) await resize(work, set, 0);
      return finish(work);
    }
    pods.index('controller', (pod) => controllerOf(pod)?.uid ?? `orphan/${pod.metadata.namespace}`);
    const running = work.old.some((set) => pods.by('controller', set.metadata.uid!).some((pod) => !isFinished(pod)));
    if (running) return finish(work);
    await syncRevision(work, true);
    const { newest } = work;
    if (!newest) return;
    if (sizeOf(newest) !== work.object.spec.replicas) await resize(work, newest, work.object.spec.replicas);
    if (complete(work.object, work.object.status)) await clean(work);
    await finish(work);
  }
}
