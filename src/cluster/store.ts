import type { KubeObject } from '../../kubernetes/object.ts';

/** Objects of one kind by namespace; what is handed out is never changed in place. */
export interface Store {
  items(namespace: string): readonly KubeObject[];
  /** @returns the namespace that changed */
  put(object: KubeObject): string;
  remove(object: KubeObject): string;
  /** Replaces all at once. @returns the namespaces in which something differs */
  replace(objects: readonly KubeObject[]): Set<string>;
}

const NONE: readonly KubeObject[] = [];

export function createStore(): Store {
  let byNamespace = new Map<string, Map<string, KubeObject>>();
  const published = new Map<string, readonly KubeObject[]>();

  return {
    items(namespace) {
      const objects = byNamespace.get(namespace) ?? byNamespace.get('');
      if (!objects) return NONE;
      const key = byNamespace.has(namespace) ? namespace : '';
      let items = published.get(key);
      if (!items) {
        items = [...objects.values()];
        published.set(key, items);
      }
      return items;
    },
    put(object) {
      const namespace = object.metadata.namespace ?? '';
      let objects = byNamespace.get(namespace);
      if (!objects) {
        objects = new Map();
        byNamespace.set(namespace, objects);
      }
      objects.set(String(object.metadata.name), object);
      published.delete(namespace);
      return namespace;
    },
    remove(object) {
      const namespace = object.metadata.namespace ?? '';
      const objects = byNamespace.get(namespace);
      objects?.delete(String(object.metadata.name));
      if (objects?.size === 0) byNamespace.delete(namespace);
      published.delete(namespace);
      return namespace;
    },
    replace(objects) {
      const before = byNamespace;
      const touched = new Set<string>();
      byNamespace = new Map();
      for (const object of objects) {
        const namespace = object.metadata.namespace ?? '';
        const name = String(object.metadata.name);
        const known = before.get(namespace)?.get(name);
        // The same revision of the same object keeps its identity, and with it what was decoded from it.
        const same =
          known?.metadata.uid === object.metadata.uid &&
          known?.metadata.resourceVersion === object.metadata.resourceVersion;
        if (!same) touched.add(namespace);
        let within = byNamespace.get(namespace);
        if (!within) {
          within = new Map();
          byNamespace.set(namespace, within);
        }
        within.set(name, same && known ? known : object);
      }
      for (const [namespace, was] of before) if (was.size !== byNamespace.get(namespace)?.size) touched.add(namespace);
      for (const namespace of touched) published.delete(namespace);
      return touched;
    },
  };
}
