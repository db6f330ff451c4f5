import { loadResources } from '../../../../kubernetes/facts.ts';
import type { Gvr, KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { ControllerContext } from './context.ts';
import { customResourceDefinitions } from './resources.ts';

export interface Kind {
  resource: Gvr;
  kind: string;
  namespaced: boolean;
}

/** Every kind whose objects can be followed and deleted, custom ones as they come and go. */
export interface Kinds {
  all(): Iterable<Kind>;
  /** By what an ownerReference says; any version of the group will do. */
  find(apiVersion: string, kind: string): Kind | undefined;
  /** Tells the kinds there are, then each new one. */
  onAdded(handler: (kind: Kind) => void): void;
}

export function followKinds(context: ControllerContext): Kinds {
  const kinds = new Map<string, Kind>();
  const handlers: ((kind: Kind) => void)[] = [];
  const keyOf = (group: string, kind: string) => `${group}/${kind}`;

  function enter(kind: Kind): void {
    const key = keyOf(kind.resource.group, kind.kind);
    if (kinds.has(key)) return;
    kinds.set(key, kind);
    for (const handler of handlers) handler(kind);
  }

  for (const fact of loadResources()) {
    const { group, version, resource, kind, namespaced, verbs } = fact;
    // Events own nothing, are owned by nothing, and end by age.
    if (kind === 'Event' || !['list', 'watch', 'delete'].every((verb) => verbs.includes(verb))) continue;
    enter({ resource: { group, version, resource }, kind, namespaced });
  }

  context.informer(customResourceDefinitions).on((now, before) => {
    const kind = now && customKind(now);
    if (kind) enter(kind);
    const { spec } = (before ?? now)!;
    const key = keyOf(spec.group, spec.names.kind);
    if (now || !kinds.has(key)) return;
    context.drop(kinds.get(key)!.resource);
    kinds.delete(key);
  });

  return {
    all: () => kinds.values(),
    find: (apiVersion, kind) => {
      const slash = apiVersion.indexOf('/');
      return kinds.get(keyOf(slash < 0 ? '' : apiVersion.slice(0, slash), kind));
    },
    onAdded(handler) {
      for (const kind of kinds.values()) handler(kind);
      handlers.push(handler);
    },
  };
}

function customKind(definition: KubeObject): Kind | undefined {
  const established = definition.status?.conditions?.some(
    (condition: Loose) => condition.type === 'Established' && condition.status === 'True',
  );
  const served = definition.spec.versions.filter((version: Loose) => version.served);
  const version = served.find((candidate: Loose) => candidate.storage) ?? served[0];
  if (!established || !version) return undefined;
  const { group, names, scope } = definition.spec;
  const resource = { group, version: version.name, resource: names.plural };
  return { resource, kind: names.kind, namespaced: scope === 'Namespaced' };
}
