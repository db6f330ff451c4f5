import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { withCondition } from './conditions.ts';
import { type ControllerContext, createController, isNotFound, timestamp } from './context.ts';
import type { Kind, Kinds } from './kinds.ts';
import { namespaces as namespaceResource } from './resources.ts';

interface Remains {
  counts: Map<string, number>;
  finalizers: Map<string, number>;
  failures: string[];
}

/** Empties namespaces that are going away, pods first, and says what is left. https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/ */
export function startNamespaces(context: ControllerContext, kinds: Kinds): void {
  const { clock } = context;
  const { client, queue: makeQueue } = createController(context, 'namespace-controller');
  const namespaces = context.informer(namespaceResource);
  const queue = makeQueue(sync, { concurrency: 10, spacing: 20 });
  namespaces.on((now) => {
    if (now?.metadata.deletionTimestamp) queue.add(now.metadata.name!);
  });
  // The last object gone may be the one a namespace waits for.
  kinds.onAdded((kind) => {
    if (!kind.namespaced) return;
    context.informer(kind.resource).on((now, before) => {
      const namespace = before?.metadata.namespace;
      if (!now && namespace && namespaces.get(namespace)?.metadata.deletionTimestamp) queue.add(namespace);
    });
  });

  async function sync(name: string): Promise<void> {
    const namespace = namespaces.get(name);
    if (!namespace?.metadata.deletionTimestamp || !namespace.spec?.finalizers?.includes('kubernetes')) return;
    const { pods, others } = split();
    const remains: Remains = { counts: new Map(), finalizers: new Map(), failures: [] };
    await Promise.all(pods.map((kind) => empty(kind, name, remains)));
    if (remains.counts.size === 0) await Promise.all(others.map((kind) => empty(kind, name, remains)));
    const now = await report(namespace, remains);
    if (remains.failures.length > 0) throw new Error(remains.failures.join('; '));
    if (remains.counts.size > 0) {
      // Deletions tell themselves; this is for what comes late.
      queue.addAfter(name, 5000);
      return;
    }
    await finalize(now);
  }

  function split(): { pods: Kind[]; others: Kind[] } {
    const namespaced = [...kinds.all()].filter((kind) => kind.namespaced);
    const isPod = (kind: Kind) => kind.resource.group === '' && kind.resource.resource === 'pods';
    return { pods: namespaced.filter(isPod), others: namespaced.filter((kind) => !isPod(kind)) };
  }

  /** Deletes what there is of a kind and counts what stays: asked of the server, as a cache may lag. */
  async function empty(kind: Kind, namespace: string, remains: Remains): Promise<void> {
    const { resource, group } = kind.resource;
    const label = group ? `${resource}.${group}` : `${resource}.`;
    try {
      const { items } = await client.list(kind.resource, { namespace });
      if (items.length === 0) return;
      await Promise.all(
        items
          .filter((object) => !object.metadata.deletionTimestamp)
          .map((object) =>
            client
              .delete(kind.resource, object.metadata.name!, namespace, { propagationPolicy: 'Background' })
              .catch(ignoreGone),
          ),
      );
      const left = (await client.list(kind.resource, { namespace })).items;
      if (left.length === 0) return;
      remains.counts.set(label, left.length);
      for (const object of left) {
        for (const finalizer of object.metadata.finalizers ?? []) {
          remains.finalizers.set(finalizer, (remains.finalizers.get(finalizer) ?? 0) + 1);
        }
      }
    } catch (error) {
      if (!isNotFound(error)) remains.failures.push(`${label}: ${(error as Error).message}`);
    }
  }

  async function report(namespace: KubeObject, { counts, finalizers, failures }: Remains): Promise<KubeObject> {
    const lastTransitionTime = timestamp(clock);
    const list = (entries: Map<string, number>, text: (name: string, count: number) => string) =>
      [...entries]
        .map(([name, count]) => text(name, count))
        .sort()
        .join(', ');
    const conditions: [string, boolean, string, string][] = [
      ['NamespaceDeletionDiscoveryFailure', false, 'ResourcesDiscovered', 'All resources successfully discovered'],
      [
        'NamespaceDeletionGroupVersionParsingFailure',
        false,
        'ParsedGroupVersions',
        'All legacy kube types successfully parsed',
      ],
      failures.length > 0
        ? ['NamespaceDeletionContentFailure', true, 'ContentDeletionFailed', failures.join(', ')]
        : [
            'NamespaceDeletionContentFailure',
            false,
            'ContentDeleted',
            'All content successfully deleted, may be waiting on finalization',
          ],
      counts.size > 0
        ? [
            'NamespaceContentRemaining',
            true,
            'SomeResourcesRemain',
            `Some resources are remaining: ${list(counts, (name, count) => `${name} has ${count} resource instances`)}`,
          ]
        : ['NamespaceContentRemaining', false, 'ContentRemoved', 'All content successfully removed'],
      finalizers.size > 0
        ? [
            'NamespaceFinalizersRemaining',
            true,
            'SomeFinalizersRemain',
            `Some content in the namespace has finalizers remaining: ${list(finalizers, (name, count) => `${name} in ${count} resource instances`)}`,
          ]
        : [
            'NamespaceFinalizersRemaining',
            false,
            'ContentHasNoFinalizers',
            'All content-preserving finalizers finished',
          ],
    ];
    let next: Loose[] = namespace.status?.conditions ?? [];
    for (const [type, holds, reason, message] of conditions) {
      next = withCondition(next, { type, status: holds ? 'True' : 'False', lastTransitionTime, reason, message });
    }
    if (isDeepStrictEqual(next, namespace.status?.conditions)) return namespace;
    const status = { ...namespace.status, phase: 'Terminating', conditions: next };
    const now = await client.update(namespaceResource, { ...namespace, status }, 'status');
    namespaces.observe(now);
    return now;
  }

  async function finalize(namespace: KubeObject): Promise<void> {
    const finalizers = namespace.spec.finalizers.filter((name: string) => name !== 'kubernetes');
    const spec = { ...namespace.spec, finalizers };
    try {
      await client.update(namespaceResource, { ...namespace, spec }, 'finalize');
    } catch (error) {
      ignoreGone(error);
    }
  }
}

function ignoreGone(error: unknown): void {
  if (!isNotFound(error)) throw error;
}
