import type { KubeObject } from '../../kubernetes/object.ts';
import { findResource } from '../cluster/resources.ts';
import type { ClusterSource } from '../cluster/source.ts';
import { type MapObject, standing } from './map-states.ts';
import type { Followed } from './stream.ts';

/** Event `map`: all of it. */
export interface MapState {
  objects: MapObject[];
}

/** Event `map-change`. */
export interface MapChange {
  upsert: MapObject[];
  /** By uid. */
  remove: string[];
}

export interface ClusterMap extends Followed<MapState, MapChange> {
  close(): void;
}

/** Kinds on the map, in the order in which they are drawn. */
export const MAP_RESOURCES = [
  'deployments',
  'statefulsets',
  'daemonsets',
  'replicasets',
  'jobs',
  'cronjobs',
  'pods',
  'services',
  'persistentvolumeclaims',
] as const;

/** What the map shows of a namespace now. */
export function mapObjects(source: Pick<ClusterSource, 'view'>, namespace: string): MapObject[] {
  const of = (resource: (typeof MAP_RESOURCES)[number]) => source.view(resource, namespace).items;
  const pods = of('pods');
  return MAP_RESOURCES.flatMap((resource) =>
    // A ReplicaSet scaled to nothing is a past revision of its Deployment: history, not the present.
    (resource === 'replicasets' ? of(resource).filter(isPresent) : of(resource)).map((item) =>
      mapObject(findResource(resource)?.kind ?? resource, item, pods),
    ),
  );
}

function isPresent(set: KubeObject): boolean {
  return (set.spec?.replicas ?? 1) > 0 || (set.status?.replicas ?? 0) > 0 || !set.metadata.ownerReferences?.length;
}

function mapObject(kind: string, item: KubeObject, pods: readonly KubeObject[]): MapObject {
  const { metadata } = item;
  const owner = (metadata.ownerReferences?.find((one) => one.controller) ?? metadata.ownerReferences?.[0])?.uid;
  return {
    uid: String(metadata.uid),
    kind,
    name: String(metadata.name),
    ...(owner ? { owner } : {}),
    ...(metadata.creationTimestamp ? { since: metadata.creationTimestamp } : {}),
    ...standing(kind, item, pods),
  };
}

/** Follows a namespace, for as many pages as there are; watches only while somebody looks. */
export function createClusterMap(source: ClusterSource, namespace: string): ClusterMap {
  const listeners = new Set<(change: MapChange) => void>();
  let shown = new Map<string, { object: MapObject; text: string }>();
  let release: (() => void) | undefined;

  function refresh(): void {
    const now = new Map<string, { object: MapObject; text: string }>();
    const upsert: MapObject[] = [];
    for (const object of mapObjects(source, namespace)) {
      const text = JSON.stringify(object);
      now.set(object.uid, { object, text });
      if (shown.get(object.uid)?.text !== text) upsert.push(object);
    }
    const remove = [...shown.keys()].filter((uid) => !now.has(uid));
    shown = now;
    if (upsert.length + remove.length > 0) for (const listener of listeners) listener({ upsert, remove });
  }

  function open(): void {
    const letGo = source.want(MAP_RESOURCES);
    const unsubscribe = source.subscribe([namespace], refresh);
    release = () => {
      letGo();
      unsubscribe();
    };
    refresh();
  }

  function shut(): void {
    release?.();
    release = undefined;
  }

  return {
    state: () => ({ objects: [...shown.values()].map(({ object }) => object) }),
    subscribe(listener) {
      if (!release) open();
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) shut();
      };
    },
    close() {
      listeners.clear();
      shut();
    },
  };
}
