import type { KubeObject, OwnerReference } from '../../../../kubernetes/object.ts';
import type { DeleteOptions } from '../../client/client.ts';
import type { Informer } from '../../client/informer.ts';
import { type ControllerContext, createController, isNotFound } from './context.ts';
import type { Kind, Kinds } from './kinds.ts';

const foreground = 'foregroundDeletion';
const orphan = 'orphan';

/** Deletes what has lost its owners, and holds owners back or sets dependents free as the deletion asked. https://kubernetes.io/docs/concepts/architecture/garbage-collection/ */
export function startGarbageCollector(context: ControllerContext, kinds: Kinds): void {
  const { client, queue: makeQueue } = createController(context, 'generic-garbage-collector');
  /** Owners seen to be gone: uids never come back. */
  const absent = new Set<string>();
  const items = new Map<string, { kind: Kind; namespace: string | undefined; name: string }>();
  const queue = makeQueue(sync, { concurrency: 20, retry: { first: 50, longest: 60_000 } });
  const synced: Promise<void>[] = [];
  const followed = new Map<Kind, Informer>();
  let ready: Promise<unknown> | undefined;

  kinds.onAdded((kind) => {
    const informer = context.informer(kind.resource);
    followed.set(kind, informer);
    if (!ready) synced.push(informer.synced);
    informer.index('owners', (object) => object.metadata.ownerReferences?.map((owner) => owner.uid));
    informer.on((now, before) => look(kind, now, before));
  });
  ready = Promise.all(synced);

  function enqueue(kind: Kind, object: KubeObject): void {
    const { namespace, name, uid } = object.metadata;
    items.set(uid!, { kind, namespace, name: name! });
    queue.add(uid!);
  }

  function* dependentsOf(uid: string): Iterable<{ kind: Kind; object: KubeObject }> {
    for (const [kind, informer] of followed) {
      for (const object of informer.by('owners', uid)) yield { kind, object };
    }
  }

  function look(kind: Kind, now: KubeObject | undefined, before: KubeObject | undefined): void {
    if (!now) {
      const { uid, ownerReferences = [] } = before!.metadata;
      absent.add(uid!);
      items.delete(uid!);
      for (const dependent of dependentsOf(uid!)) enqueue(dependent.kind, dependent.object);
      wakeOwners(ownerReferences);
      return;
    }
    const { finalizers = [], deletionTimestamp, ownerReferences = [] } = now.metadata;
    if (deletionTimestamp) {
      if (finalizers.includes(foreground) || finalizers.includes(orphan)) enqueue(kind, now);
      if (!before?.metadata.deletionTimestamp) wakeOwners(ownerReferences);
      return;
    }
    if (before) {
      if (JSON.stringify(before.metadata.ownerReferences) === JSON.stringify(now.metadata.ownerReferences)) return;
      wakeOwners(before.metadata.ownerReferences ?? []);
    }
    // Nearly all owners are there and stay: those need no turn in the queue.
    if (ownerReferences.some((owner) => !isSolid(ownerOf(owner)))) enqueue(kind, now);
  }

  function wakeOwners(owners: OwnerReference[]): void {
    for (const owner of owners) {
      const object = ownerOf(owner);
      const kind = object && kinds.find(owner.apiVersion, owner.kind);
      if (kind && object.metadata.finalizers?.includes(foreground)) enqueue(kind, object);
    }
  }

  function ownerOf(owner: OwnerReference): KubeObject | undefined {
    const kind = kinds.find(owner.apiVersion, owner.kind);
    return kind && context.informer(kind.resource).byUid(owner.uid);
  }

  const isWaiting = (owner: KubeObject): boolean =>
    !!owner.metadata.deletionTimestamp && !!owner.metadata.finalizers?.includes(foreground);
  const isSolid = (owner: KubeObject | undefined): boolean => !!owner && !isWaiting(owner);

  async function sync(uid: string): Promise<void> {
    await ready;
    const item = items.get(uid);
    const object = item && context.informer(item.kind.resource).byUid(uid);
    // Taken out before the work: what is added during it is looked at again.
    items.delete(uid);
    if (!object) return;
    const { finalizers = [], deletionTimestamp } = object.metadata;
    try {
      if (!deletionTimestamp) await judge(item.kind, object);
      else if (finalizers.includes(orphan)) await setFree(item.kind, object);
      else if (finalizers.includes(foreground)) await holdBack(item.kind, object);
    } catch (error) {
      items.set(uid, item);
      throw error;
    }
  }

  async function judge(kind: Kind, object: KubeObject): Promise<void> {
    const owners = object.metadata.ownerReferences ?? [];
    if (owners.length === 0) return;
    const solid: OwnerReference[] = [];
    const waiting: OwnerReference[] = [];
    for (const owner of owners) {
      const state = await stateOf(owner, object);
      if (state === 'solid') solid.push(owner);
      else if (state === 'waiting') waiting.push(owner);
    }
    if (solid.length > 0) {
      if (solid.length < owners.length) await patchMetadata(kind, object, { ownerReferences: solid });
      return;
    }
    const hasDependents = !dependentsOf(object.metadata.uid!)[Symbol.iterator]().next().done;
    const { finalizers = [] } = object.metadata;
    let policy: DeleteOptions['propagationPolicy'] = 'Background';
    if (waiting.length > 0 && hasDependents) policy = 'Foreground';
    else if (finalizers.includes(orphan)) policy = 'Orphan';
    else if (finalizers.includes(foreground)) policy = 'Foreground';
    const { name, namespace, uid } = object.metadata;
    try {
      await client.delete(kind.resource, name!, namespace, {
        propagationPolicy: policy,
        preconditions: { uid: uid! },
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  async function stateOf(owner: OwnerReference, object: KubeObject): Promise<'solid' | 'waiting' | 'absent'> {
    if (absent.has(owner.uid)) return 'absent';
    const kind = kinds.find(owner.apiVersion, owner.kind);
    if (!kind)
      throw new Error(`no kind "${owner.kind}" in ${owner.apiVersion} for an owner of ${object.metadata.name}`);
    let found = context.informer(kind.resource).byUid(owner.uid);
    if (!found) {
      try {
        found = await client.get(kind.resource, owner.name, kind.namespaced ? object.metadata.namespace : undefined);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
      if (found?.metadata.uid !== owner.uid) {
        absent.add(owner.uid);
        return 'absent';
      }
    }
    return isWaiting(found) ? 'waiting' : 'solid';
  }

  /** An owner deleted in the foreground goes after the dependents that block it. */
  async function holdBack(kind: Kind, object: KubeObject): Promise<void> {
    let blocked = false;
    const uid = object.metadata.uid!;
    for (const dependent of dependentsOf(uid)) {
      const reference = dependent.object.metadata.ownerReferences?.find((owner) => owner.uid === uid);
      if (!reference?.blockOwnerDeletion) continue;
      blocked = true;
      if (!dependent.object.metadata.deletionTimestamp) enqueue(dependent.kind, dependent.object);
    }
    if (!blocked) await removeFinalizer(kind, object, foreground);
  }

  async function setFree(kind: Kind, object: KubeObject): Promise<void> {
    const uid = object.metadata.uid!;
    const dependents = [...dependentsOf(uid)];
    await Promise.all(
      dependents.map((dependent) => {
        const ownerReferences = dependent.object.metadata.ownerReferences!.filter((owner) => owner.uid !== uid);
        return patchMetadata(dependent.kind, dependent.object, { ownerReferences });
      }),
    );
    await removeFinalizer(kind, object, orphan);
  }

  async function removeFinalizer(kind: Kind, object: KubeObject, finalizer: string): Promise<void> {
    const { finalizers = [], resourceVersion } = object.metadata;
    const left = finalizers.filter((name) => name !== finalizer);
    await patchMetadata(kind, object, { finalizers: left, resourceVersion });
  }

  async function patchMetadata(kind: Kind, object: KubeObject, change: object): Promise<void> {
    const { name, namespace, uid } = object.metadata;
    try {
      const patch = { metadata: { uid, ...change } };
      const now = await client.patch(kind.resource, name!, namespace, 'merge', patch);
      if (!now.metadata.deletionTimestamp || now.metadata.finalizers?.length) {
        context.informer(kind.resource).observe(now);
      }
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}
