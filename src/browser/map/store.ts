import type { MapChange } from '../../checks/map.ts';
import type { MapObject } from '../../checks/map-states.ts';

/** What is in the learner's namespace, as the server tells it. `undefined`: not told yet. */
export interface MapStore {
  objects(): MapObject[] | undefined;
  replace(objects: MapObject[]): void;
  change(event: MapChange): void;
  /** Calls at once and at every change; returns what stops it. */
  subscribe(listener: (objects: MapObject[] | undefined) => void): () => void;
}

export function mapStore(): MapStore {
  let known: Map<string, MapObject> | undefined;
  const listeners = new Set<(objects: MapObject[] | undefined) => void>();
  const objects = () => known && [...known.values()];
  const tell = () => {
    for (const listener of listeners) listener(objects());
  };
  return {
    objects,
    replace(list) {
      known = new Map(list.map((object) => [object.uid, object]));
      tell();
    },
    change({ upsert, remove }) {
      known ??= new Map();
      for (const object of upsert) known.set(object.uid, object);
      for (const uid of remove) known.delete(uid);
      tell();
    },
    subscribe(listener) {
      listeners.add(listener);
      listener(objects());
      return () => listeners.delete(listener);
    },
  };
}
