import type { Loose } from '../../kubernetes/object.ts';
import { type Collection, openCollection, TIMING, type Timing } from './collection.ts';
import { type ApiError, apiError, type Connection, readText } from './connection.ts';
import { isCustom } from './resources.ts';
import type { ClusterSource, View } from './source.ts';

export interface WatchedClusterOptions {
  connection: Connection;
  /** Only this namespace, where the identity may not read all. */
  namespace?: string;
  timing?: Partial<Timing>;
}

export interface WatchedCluster extends ClusterSource {
  close(): void;
}

interface Held {
  collection: Collection;
  wanted: number;
  lingering?: NodeJS.Timeout;
  /** Of a custom kind, the state of its definition when it was last read. */
  definition?: string;
}

const DEFINITIONS = 'customresourcedefinitions';
const SYNCING: View = { state: 'syncing', items: [] };

/** One shared watch a kind, open only while somebody wants it, whatever the number of learners. */
export function watchCluster(options: WatchedClusterOptions): WatchedCluster {
  const timing = { ...TIMING, ...options.timing };
  const collections = new Map<string, Held>();
  const listeners = new Map<string, Set<() => void>>();
  let changed: Set<string> | undefined;

  /** Changes of one tick are told together: a list of a thousand objects wakes each listener once. */
  function tell(namespaces: Iterable<string>): void {
    if (!changed) {
      changed = new Set();
      setImmediate(() => {
        const told = changed ?? new Set();
        changed = undefined;
        const everyone = told.has('*') || told.has('');
        const woken = new Set<() => void>();
        for (const namespace of everyone ? listeners.keys() : told)
          for (const listener of listeners.get(namespace) ?? []) woken.add(listener);
        for (const listener of woken) listener();
      });
    }
    for (const namespace of namespaces) changed.add(namespace);
  }

  function hold(resource: string): void {
    const known = collections.get(resource);
    if (known) {
      known.wanted++;
      clearTimeout(known.lingering);
      return;
    }
    const { connection, namespace } = options;
    const changed = resource === DEFINITIONS ? definitionsChanged : tell;
    const collection = openCollection({ connection, resource, namespace, timing, changed });
    const held: Held = { collection, wanted: 1 };
    collections.set(resource, held);
    // Custom kinds come and go with their definitions: these are watched, so that nobody has to ask again and again.
    if (isCustom(resource)) {
      hold(DEFINITIONS);
      held.definition = definitionOf(resource);
    }
  }

  function definitionOf(resource: string): string {
    const definition = collections
      .get(DEFINITIONS)
      ?.collection.view('')
      .items.find(({ metadata }) => metadata.name === resource) as Loose;
    const served = definition?.status?.conditions?.find(({ type }: Loose) => type === 'Established')?.status;
    return definition ? `${definition.metadata.uid} ${served}` : '';
  }

  function definitionsChanged(namespaces: Iterable<string>): void {
    for (const [resource, held] of collections) {
      if (held.definition === undefined) continue;
      const now = definitionOf(resource);
      if (now === held.definition) continue;
      held.definition = now;
      held.collection.again();
    }
    tell(namespaces);
  }

  function letGo(resource: string): void {
    const known = collections.get(resource);
    if (!known || --known.wanted > 0) return;
    known.lingering = setTimeout(() => {
      known.collection.close();
      collections.delete(resource);
      if (known.definition !== undefined) letGo(DEFINITIONS);
    }, timing.linger);
    known.lingering.unref();
  }

  return {
    want(resources) {
      const held = [...new Set(resources)];
      for (const resource of held) hold(resource);
      let released = false;
      return () => {
        if (released) return;
        released = true;
        for (const resource of held) letGo(resource);
      };
    },
    view: (resource, namespace) => collections.get(resource)?.collection.view(namespace) ?? SYNCING,
    subscribe(namespaces, listener) {
      for (const namespace of namespaces) {
        const others = listeners.get(namespace) ?? new Set();
        listeners.set(namespace, others.add(listener));
      }
      return () => {
        for (const namespace of namespaces) {
          const others = listeners.get(namespace);
          others?.delete(listener);
          if (others?.size === 0) listeners.delete(namespace);
        }
      };
    },
    async logs(namespace, pod, container) {
      const query = `tailLines=5000&limitBytes=1048576${container ? `&container=${encodeURIComponent(container)}` : ''}`;
      const path = `/api/v1/namespaces/${namespace}/pods/${encodeURIComponent(pod)}/log?${query}`;
      const response = await options.connection.get(path, AbortSignal.timeout(10_000));
      const text = await readText(response, 2 * 1024 * 1024);
      if (response.statusCode !== 200) throw apiError(response.statusCode ?? 0, text) satisfies ApiError;
      return text;
    },
    close() {
      for (const { collection, lingering } of collections.values()) {
        clearTimeout(lingering);
        collection.close();
      }
      collections.clear();
    },
  };
}
