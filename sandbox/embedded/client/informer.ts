import type { Gvr, KubeObject } from '../../../kubernetes/object.ts';
import type { Clock } from '../clock.ts';
import { ApiError, type Client, type ListOptions, type WatchEvent } from './client.ts';

type Indexer = (object: KubeObject) => string | string[] | undefined;
/** `now` is absent when the object is gone, `before` when it is new. */
type Handler = (now: KubeObject | undefined, before: KubeObject | undefined) => void;

export interface InformerOptions extends ListOptions {
  client: Client;
  resource: Gvr;
  clock: Clock;
  signal: AbortSignal;
  indexers?: Record<string, Indexer>;
  /** Between 0 and 1, for the jitter of retries. */
  random?: () => number;
  log?: (message: string) => void;
  /** Called for each list or watch that was refused or could not be asked for; it is tried again. */
  failed?: (error: unknown, verb: 'list' | 'watch') => void;
  /** Milliseconds before the first and, at most, before a later attempt. */
  retry?: { first: number; longest: number };
}

/** A local copy of a collection that follows it. Objects are frozen by agreement: copy before changing. */
export interface Informer {
  readonly resource: Gvr;
  /** Resolves once the first list is in. */
  readonly synced: Promise<void>;
  get(name: string, namespace?: string): KubeObject | undefined;
  byUid(uid: string): KubeObject | undefined;
  list(namespace?: string): KubeObject[];
  by(index: string, key: string): KubeObject[];
  /** Tells of every object that is there, then of each change, in order. Returns how to stop. */
  on(handler: Handler): () => void;
  /** Adds an index; what is there already is indexed at once. */
  index(name: string, indexer: Indexer): void;
  /** Takes what a write has answered before the watch tells it, so that the next look sees one's own write. */
  observe(object: KubeObject): void;
}

const soon = { first: 50, longest: 10_000 };

/** Lists, watches, resumes from the last resourceVersion, lists anew on 410. https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes */
export function createInformer(options: InformerOptions): Informer {
  const { client, resource, clock, signal, random = Math.random, log = () => {}, failed, retry = soon } = options;
  const objects = new Map<string, KubeObject>();
  const uids = new Map<string, KubeObject>();
  const spaces = new Map<string, Map<string, KubeObject>>();
  const indexers = new Map<string, Indexer>(Object.entries(options.indexers ?? {}));
  const indices = new Map<string, Map<string, Set<KubeObject>>>();
  for (const name of indexers.keys()) indices.set(name, new Map());
  const handlers = new Set<Handler>();
  /** Uids gone lately: a late answer to one's own write must not bring them back. */
  let gone = new Set<string>();
  let goneBefore = new Set<string>();
  let markSynced: () => void = () => {};
  const synced = new Promise<void>((resolve) => {
    markSynced = resolve;
  });

  const keyOf = (object: KubeObject) => `${object.metadata.namespace ?? ''}/${object.metadata.name}`;

  function place(name: string, indexer: Indexer, object: KubeObject, enter: boolean): void {
    const index = indices.get(name)!;
    const keys = indexer(object);
    for (const key of typeof keys === 'string' ? [keys] : (keys ?? [])) {
      let members = index.get(key);
      if (!members) {
        members = new Set();
        index.set(key, members);
      }
      if (enter) members.add(object);
      else if (members.delete(object) && members.size === 0) index.delete(key);
    }
  }

  function put(key: string, now: KubeObject | undefined): void {
    const before = objects.get(key);
    const namespace = (now ?? before)?.metadata.namespace ?? '';
    if (before) {
      for (const [name, indexer] of indexers) place(name, indexer, before, false);
      if (before.metadata.uid) uids.delete(before.metadata.uid);
    }
    if (now) {
      objects.set(key, now);
      let space = spaces.get(namespace);
      if (!space) {
        space = new Map();
        spaces.set(namespace, space);
      }
      space.set(key, now);
      if (now.metadata.uid) uids.set(now.metadata.uid, now);
      for (const [name, indexer] of indexers) place(name, indexer, now, true);
    } else {
      objects.delete(key);
      const space = spaces.get(namespace);
      if (space?.delete(key) && space.size === 0) spaces.delete(namespace);
    }
    if (!now && before?.metadata.uid) {
      if (gone.size > 2000) {
        goneBefore = gone;
        gone = new Set();
      }
      gone.add(before.metadata.uid);
    }
    if (now || before) for (const handler of handlers) tell(handler, now, before);
  }

  function tell(handler: Handler, now: KubeObject | undefined, before: KubeObject | undefined): void {
    try {
      handler(now, before);
    } catch (error) {
      log(`${resource.resource}: a handler failed: ${error}`);
    }
  }

  function enter(now: KubeObject): void {
    const key = keyOf(now);
    const before = objects.get(key);
    if (before) {
      if (before.metadata.uid === now.metadata.uid) {
        if (!newer(now, before)) return;
      } else {
        if (now.metadata.uid && (gone.has(now.metadata.uid) || goneBefore.has(now.metadata.uid))) return;
        // Deleted and made again between two looks: two events, as the watch would have told it.
        put(key, undefined);
      }
    } else if (now.metadata.uid && (gone.has(now.metadata.uid) || goneBefore.has(now.metadata.uid))) return;
    put(key, now);
  }

  async function relist(): Promise<string> {
    const list = await client.list(resource, options);
    const seen = new Set<string>();
    // Lists leave out what their own kind says.
    const kind = list.kind.replace(/List$/, '');
    for (const item of list.items) {
      const whole = item.kind ? item : { ...item, apiVersion: list.apiVersion, kind };
      seen.add(keyOf(whole));
      enter(whole);
    }
    for (const [key, object] of [...objects]) {
      if (!seen.has(key) && !newerThanList(object, list.metadata.resourceVersion)) put(key, undefined);
    }
    markSynced();
    return list.metadata.resourceVersion ?? '';
  }

  async function follow(): Promise<void> {
    let version = '';
    let failures = 0;
    while (!signal.aborted) {
      try {
        if (!version) version = await relist();
        const opened = clock.monotonic();
        let expired = false;
        await client.watch(resource, { ...options, resourceVersion: version, signal }, (event: WatchEvent) => {
          if (event.type === 'ERROR') {
            expired = true;
            return;
          }
          if (expired) return;
          const object = event.object as KubeObject;
          version = object.metadata.resourceVersion ?? version;
          if (event.type === 'DELETED') {
            const held = objects.get(keyOf(object));
            if (held && held.metadata.uid === object.metadata.uid) put(keyOf(object), undefined);
            else if (!held && object.metadata.uid) gone.add(object.metadata.uid);
          } else if (event.type !== 'BOOKMARK') enter(object);
        });
        if (expired) version = '';
        // A watch that ends at once is a server in trouble; one that ends late has only run its time.
        failures = clock.monotonic() - opened > 1000 ? 0 : failures + 1;
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        if (error instanceof ApiError && (error.code === 410 || error.code === 400)) version = '';
        failed?.(error, version ? 'watch' : 'list');
        log(`${resource.resource}: ${error instanceof Error ? error.message : error}`);
      }
      if (failures > 0 && !signal.aborted) {
        const wait = Math.min(retry.longest, retry.first * 2 ** Math.min(failures - 1, 10));
        await pause(wait * (0.5 + random()));
      }
    }
  }

  function pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = clock.after(milliseconds, done);
      function done() {
        timer.cancel();
        signal.removeEventListener('abort', done);
        resolve();
      }
      signal.addEventListener('abort', done);
    });
  }

  void follow();

  return {
    resource,
    synced,
    get: (name, namespace) => objects.get(`${namespace ?? ''}/${name}`),
    byUid: (uid) => uids.get(uid),
    list: (namespace) => [...((namespace === undefined ? objects : spaces.get(namespace))?.values() ?? [])],
    by: (index, key) => [...(indices.get(index)?.get(key) ?? [])],
    on(handler) {
      for (const object of objects.values()) tell(handler, object, undefined);
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    index(name, indexer) {
      if (indexers.has(name)) return;
      indexers.set(name, indexer);
      indices.set(name, new Map());
      for (const object of objects.values()) place(name, indexer, object, true);
    },
    observe: enter,
  };
}

/** Resource versions of one collection grow. https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions */
function newer(now: KubeObject, before: KubeObject): boolean {
  return Number(now.metadata.resourceVersion) > Number(before.metadata.resourceVersion);
}

function newerThanList(object: KubeObject, version: string | undefined): boolean {
  return Number(object.metadata.resourceVersion) > Number(version ?? 0);
}

/** Index by the uid of the controlling owner. */
export function byController(object: KubeObject): string | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller)?.uid;
}
