import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { Client } from '../../client/client.ts';
import type { Informer } from '../../client/informer.ts';
import { alreadyExists, isNotFound } from './context.ts';
import { canonical } from './pod-template.ts';
import { claim, controllerOf, controllerReference } from './references.ts';
import { controllerRevisions } from './resources.ts';
import { dataHash, templateHash } from './template-hash.ts';

export interface Revisions {
  /** All of the owner's, oldest first. */
  all: KubeObject[];
  /** The one of the present template. */
  update: KubeObject;
  collisions: number;
}

/** DaemonSets name it as their pods do. */
const hashLabel = (owner: string | undefined): string =>
  owner === 'DaemonSet' ? 'controller-revision-hash' : 'controller.kubernetes.io/hash';

export const templateOf = (revision: KubeObject): Loose => {
  const { $patch: _, ...template } = revision.data.spec.template;
  return template;
};

/** Keeps a ControllerRevision of each template an owner has had, the present one with the highest number. https://kubernetes.io/docs/tasks/manage-daemon/rollback-daemon-set/ */
export async function syncRevisions(
  client: Client,
  informer: Informer,
  owner: KubeObject,
  collisions: number,
): Promise<Revisions> {
  const { selector, template } = owner.spec;
  const all = await claim({ client, informer, resource: controllerRevisions, owner, selector });
  all.sort((a, b) => a.revision - b.revision);
  const data = { spec: { template: { ...template, $patch: 'replace' } } };
  const newest = all.at(-1);
  const same = all.filter((revision) => canonical(revision.data) === canonical(data));
  const held = same.at(-1);
  if (held && held === newest) return { all, update: held, collisions };
  const number = (newest?.revision ?? 0) + 1;
  if (held) {
    // Back to an earlier template: its revision becomes the newest.
    const update = await client.update(controllerRevisions, { ...held, revision: number });
    informer.observe(update);
    return { all: [...all.filter((revision) => revision !== held), update], update, collisions };
  }
  for (let count = collisions; ; count++) {
    // A DaemonSet names its pods' label alike; it has no count of collisions before the first.
    const code = owner.kind === 'DaemonSet' ? templateHash(template, count || undefined) : dataHash(data, count);
    const object: KubeObject = {
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: {
        name: `${owner.metadata.name}-${code}`,
        namespace: owner.metadata.namespace!,
        labels: { ...template.metadata?.labels, [hashLabel(owner.kind)]: code },
        ...(owner.metadata.annotations && { annotations: owner.metadata.annotations }),
        ownerReferences: [controllerReference(owner)],
      },
      data,
      revision: number,
    };
    try {
      const update = await client.create(controllerRevisions, object);
      informer.observe(update);
      return { all: [...all, update], update, collisions: count };
    } catch (error) {
      if (!alreadyExists(error)) throw error;
    }
  }
}

export const revisionHash = (revision: KubeObject): string =>
  revision.metadata.labels?.[hashLabel(controllerOf(revision)?.kind)] ?? '';

/** Deletes the oldest revisions beyond the limit that nothing uses. */
export async function trimRevisions(
  client: Client,
  all: KubeObject[],
  live: Set<string>,
  limit: number,
): Promise<void> {
  const unused = all.filter((revision) => !live.has(revision.metadata.name!) && !live.has(revisionHash(revision)));
  for (const revision of unused.slice(0, Math.max(0, unused.length - limit))) {
    await client.delete(controllerRevisions, revision.metadata.name!, revision.metadata.namespace).catch((error) => {
      if (!isNotFound(error)) throw error;
    });
  }
}
