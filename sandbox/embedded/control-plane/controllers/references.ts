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
}

/** What belongs to the owner: its own, less those that no longer match (released), plus orphans that do (adopted). https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#non-template-pod-acquisitions */
export async function claim({ client, informer, resource, owner, selector, adoptable }: Claim): Promise<KubeObject[]> {
  const uid = owner.metadata.uid!;
  informer.index('controller', (object) => controllerOf(object)?.uid ?? `orphan/${object.metadata.namespace}`);
  const claimed: KubeObject[] = [];
  for (const object of informer.by('controller', uid)) {
    if (matches(selector, object.metadata.labels) || owner.metadata.deletionTimestamp) {
      claimed.push(object);
      continue;
    }
    await setReferences(client, informer, resource, object, [{ $patch: 'delete', uid }]);
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
    const adopted = await setReferences(client, informer, resource, object, [controllerReference(owner)]);
    if (adopted) claimed.push(adopted);
  }
  return claimed;
}

async function setReferences(
  client: Client,
  informer: Informer,
  resource: Gvr,
  object: KubeObject,
  ownerReferences: Loose[],
): Promise<KubeObject | undefined> {
  const { name, namespace, uid } = object.metadata;
  try {
    const patch = { metadata: { uid, ownerReferences } };
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
  ReplicaSet: 'replicasets',
  Deployment: 'deployments',
  StatefulSet: 'statefulsets',
  DaemonSet: 'daemonsets',
  Job: 'jobs',
};

function gvrOf(owner: KubeObject): Gvr {
  const [group = '', version = ''] = owner.apiVersion.split('/');
  return { group, version, resource: plurals[owner.kind]! };
}
