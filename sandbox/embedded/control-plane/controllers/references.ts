import type { Gvr, KubeObject, Loose, OwnerReference } from '../../../../kubernetes/object.ts';
import { matchLabels, type Requirement, selectorRequirements } from '../../../../kubernetes/selectors.ts';
import { ApiError, type Client } from '../../client/client.ts';
import type { Informer } from '../../client/informer.ts';
import { isNotFound } from './context.ts';

export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller);
}

export function controllerReference(owner: KubeObject): OwnerReference {
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: owner.metadata.name!,
    uid: owner.metadata.uid!,
    controller: true,
    blockOwnerDeletion: true,
  };
}

const compiled = new WeakMap<object, Requirement[] | 'nothing'>();

/** Like `selects`, for selectors that are asked often: each is read once. */
export function matches(selector: Loose, labels: Record<string, string> | undefined): boolean {
  if (!selector) return false;
  let requirements = compiled.get(selector);
  if (!requirements) {
    requirements = selectorRequirements(selector) ?? 'nothing';
    compiled.set(selector, requirements);
  }
  return requirements !== 'nothing' && matchLabels(requirements, labels ?? {});
}

export interface Claim {
  client: Client;
  informer: Informer;
  resource: Gvr;
  owner: KubeObject;
  selector: Loose;
  /** Refuses to adopt what would not be kept anyway, e.g. pods that have ended. */
  adoptable?: (object: KubeObject) => boolean;
  /** Put on what is adopted. */
  finalizer?: string;
}

/** What belongs to the owner: its own, less those that no longer match (released), plus orphans that do (adopted). https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#non-template-pod-acquisitions */
export async function claim(options: Claim): Promise<KubeObject[]> {
  const { client, informer, resource, owner, selector, adoptable, finalizer } = options;
  const uid = owner.metadata.uid!;
  informer.index('controller', (object) => controllerOf(object)?.uid ?? `orphan/${object.metadata.namespace}`);
  const claimed: KubeObject[] = [];
  for (const object of informer.by('controller', uid)) {
    if (matches(selector, object.metadata.labels) || owner.metadata.deletionTimestamp) {
      claimed.push(object);
      continue;
    }
    const released = { ownerReferences: [{ $patch: 'delete', uid }] };
    const free = finalizer ? { ...released, '$deleteFromPrimitiveList/finalizers': [finalizer] } : released;
    await patchMetadata(client, informer, resource, object, free);
  }
  if (owner.metadata.deletionTimestamp) return claimed;
  let fresh = false;
  for (const object of informer.by('controller', `orphan/${owner.metadata.namespace}`)) {
    if (!matches(selector, object.metadata.labels) || object.metadata.deletionTimestamp) continue;
    if (adoptable && !adoptable(object)) continue;
    if (!fresh) {
      // The cache may not know yet that the owner is going away: what it adopts now would go with it.
      const live = await client.get(gvrOf(owner), owner.metadata.name!, owner.metadata.namespace);
      if (live.metadata.uid !== uid || live.metadata.deletionTimestamp) return claimed;
      fresh = true;
    }
    const adoption = { ownerReferences: [controllerReference(owner)], ...(finalizer && { finalizers: [finalizer] }) };
    const adopted = await patchMetadata(client, informer, resource, object, adoption);
    if (adopted) claimed.push(adopted);
  }
  return claimed;
}

async function patchMetadata(
  client: Client,
  informer: Informer,
  resource: Gvr,
  object: KubeObject,
  metadata: Loose,
): Promise<KubeObject | undefined> {
  const { name, namespace, uid } = object.metadata;
  try {
    const patch = { metadata: { uid, ...metadata } };
    const now = await client.patch(resource, name!, namespace, 'strategic', patch);
    informer.observe(now);
    return now;
  } catch (error) {
    // Gone or another object by now: nothing to adopt or release.
    if (isNotFound(error) || (error instanceof ApiError && error.code === 422)) return undefined;
    throw error;
  }
}

const plurals: Record<string, string> = {
  ReplicationController: 'replicationcontrollers',
  ReplicaSet: 'replicasets',
  Deployment: 'deployments',
  StatefulSet: 'statefulsets',
  DaemonSet: 'daemonsets',
  Job: 'jobs',
};

function gvrOf(owner: KubeObject): Gvr {
  const [version = '', group = ''] = owner.apiVersion.split('/').reverse();
  return { group, version, resource: plurals[owner.kind]! };
}
