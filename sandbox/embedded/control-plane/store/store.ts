import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { Collection, type Watcher } from './collection.ts';
import { Database, type Write } from './database.ts';
import { Change, Entry } from './entry.ts';

export interface StoreOptions {
  /** The SQLite file; `:memory:` keeps nothing. */
  file: string;
  /** Told when a batch could not be written: its writes are undone and refused. */
  onError?: (error: unknown) => void;
}

/** A write that cannot be stored; the message is etcd's. */
export class StoreError extends Error {}

/** Bytes that etcd takes in a request, and that its client sends at all. */
const mostOfARequest = 1.5 * 1024 * 1024;
const mostOfAMessage = 2 * 1024 * 1024;

function checkSize(json: string, object: KubeObject): void {
  if (json.length <= mostOfARequest) return;
  const size = protobufSize(object);
  if (size > mostOfAMessage) {
    const why = `trying to send message larger than max (${size} vs. ${mostOfAMessage})`;
    throw new StoreError(`rpc error: code = ResourceExhausted desc = ${why}`);
  }
  if (size > mostOfARequest) throw new StoreError('etcdserver: request is too large');
}

/** About: names of fields are numbers there, but who manages what is JSON in both. */
function protobufSize(value: Loose): number {
  if (typeof value === 'string') return value.length + 3;
  if (typeof value !== 'object' || value === null) return 3;
  if ('fieldsV1' in value) return JSON.stringify(value).length;
  return Object.values(value).reduce((sum: number, inner) => sum + protobufSize(inner), 3);
}

interface Pending {
  write: Write;
  collection: Collection;
  change: Change;
}

interface Batch {
  pending: Pending[];
  done: Promise<void>;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/**
 * Revisioned objects. Writes take effect in memory at once and are committed to disk in groups, one transaction a turn
 * of the event loop; a caller acknowledges only after {@link Store.committed}. Watchers hear of a change after that.
 */
export class Store {
  readonly #database: Database;
  readonly #collections = new Map<string, Collection>();
  readonly #onError: (error: unknown) => void;
  #revision: number;
  #told: number;
  /** Of the last write before this start: what was before is known to nobody. */
  readonly #opened: number;
  #batch: Batch | undefined;
  #closed = false;

  constructor(options: StoreOptions) {
    this.#database = new Database(options.file);
    this.#onError = options.onError ?? (() => {});
    this.#revision = this.#database.revision();
    this.#told = this.#revision;
    this.#opened = this.#revision;
    for (const row of this.#database.rows())
      this.collection(row.collection).set(new Entry(row.namespace, row.name, row.revision, row.json));
  }

  /** Of the last write in this cluster. */
  get revision(): number {
    return this.#revision;
  }

  /** Watchers have heard of all changes up to this one. */
  get toldRevision(): number {
    return this.#told;
  }

  collection(name: string): Collection {
    let collection = this.#collections.get(name);
    if (!collection) {
      collection = new Collection(this.#opened);
      this.#collections.set(name, collection);
    }
    return collection;
  }

  collections(): ReadonlyMap<string, Collection> {
    return this.#collections;
  }

  get(collection: string, namespace: string, name: string): Entry | undefined {
    return this.#collections.get(collection)?.get(namespace, name);
  }

  list(collection: string, namespace?: string): readonly Entry[] {
    return this.#collections.get(collection)?.list(namespace) ?? [];
  }

  /** Writes one state; the object gets its resourceVersion and is the store's from now on. */
  put(collectionName: string, namespace: string, name: string, object: KubeObject): Entry {
    const collection = this.collection(collectionName);
    const previous = collection.get(namespace, name);
    const revision = ++this.#revision;
    object.metadata.resourceVersion = String(revision);
    const json = JSON.stringify(object);
    checkSize(json, object);
    const entry = new Entry(namespace, name, revision, json, object);
    collection.set(entry);
    collection.revision = revision;
    this.#enqueue({
      write: { collection: collectionName, namespace, name, revision, json: entry.json },
      collection,
      change: new Change(previous ? 'MODIFIED' : 'ADDED', entry, previous),
    });
    return entry;
  }

  /** Removes an object; watchers see its last state (or `last`) with the revision of the removal. */
  remove(collectionName: string, namespace: string, name: string, last?: KubeObject): Entry | undefined {
    const collection = this.collection(collectionName);
    const previous = collection.get(namespace, name);
    if (!previous) return undefined;
    const revision = ++this.#revision;
    const state = last ?? previous.object;
    const object = { ...state, metadata: { ...state.metadata, resourceVersion: String(revision) } };
    const entry = new Entry(namespace, name, revision, JSON.stringify(object), object);
    collection.delete(namespace, name);
    collection.revision = revision;
    this.#enqueue({
      write: { collection: collectionName, namespace, name, revision },
      collection,
      change: new Change('DELETED', entry, previous),
    });
    return entry;
  }

  /** Resolves when all writes so far are on disk; rejects when they could not be written (and are undone). */
  committed(): Promise<void> {
    return this.#batch?.done ?? Promise.resolve();
  }

  /**
   * The collection as it was at `revision`, or undefined if that is too long ago. Later changes are taken back one by
   * one, so no page of a list costs memory between two requests.
   */
  listAt(name: string, revision: number, namespace?: string): readonly Entry[] | undefined {
    const collection = this.collection(name);
    if (collection.revision <= revision) return collection.list(namespace);
    if (revision < collection.compacted) return undefined;
    const past = new Map<string, Entry>();
    for (const entry of collection.list(namespace)) past.set(`${entry.namespace}/${entry.name}`, entry);
    const pending = (this.#batch?.pending ?? []).filter((one) => one.collection === collection);
    const changes = [...collection.history, ...pending.map((one) => one.change)];
    for (let index = changes.length - 1; index >= 0; index--) {
      const change = changes[index];
      if (!change || change.revision <= revision) break;
      if (namespace !== undefined && change.entry.namespace !== namespace) continue;
      const key = `${change.entry.namespace}/${change.entry.name}`;
      if (change.previous) past.set(key, change.previous);
      else past.delete(key);
    }
    return [...past.values()].sort((a, b) =>
      a.namespace === b.namespace ? (a.name < b.name ? -1 : 1) : a.namespace < b.namespace ? -1 : 1,
    );
  }

  /** Calls back for each change after `watcher.from`; false if some of them are forgotten already. */
  watch(name: string, watcher: Watcher): boolean {
    const collection = this.collection(name);
    if (watcher.from < collection.compacted && watcher.from < collection.revision) return false;
    for (const change of collection.history) {
      if (change.revision <= watcher.from) continue;
      if (watcher.namespace === undefined || watcher.namespace === change.entry.namespace) watcher.onChange(change);
    }
    collection.watchers.add(watcher);
    return true;
  }

  unwatch(name: string, watcher: Watcher): void {
    this.#collections.get(name)?.watchers.delete(watcher);
  }

  close(): void {
    if (this.#closed) return;
    this.#flush();
    this.#closed = true;
    this.#database.close();
  }

  #enqueue(pending: Pending): void {
    if (this.#closed) throw new Error('the store is closed');
    if (!this.#batch) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      // A batch nobody waits for must not end the process when it fails.
      promise.catch(() => {});
      this.#batch = { pending: [], done: promise, resolve, reject };
      setImmediate(() => this.#flush());
    }
    this.#batch.pending.push(pending);
  }

  #flush(): void {
    const batch = this.#batch;
    if (!batch) return;
    this.#batch = undefined;
    try {
      this.#database.commit(
        batch.pending.map((one) => one.write),
        this.#revision,
      );
    } catch (error) {
      this.#undo(batch);
      this.#onError(error);
      batch.reject(new StoreError('etcdserver: mvcc: database space exceeded', { cause: error }));
      return;
    }
    batch.resolve();
    this.#told = batch.pending.at(-1)?.change.revision ?? this.#told;
    for (const { collection, change } of batch.pending) {
      collection.remember(change);
      for (const watcher of collection.watchers) {
        if (change.revision <= watcher.from) continue;
        if (watcher.namespace === undefined || watcher.namespace === change.entry.namespace) watcher.onChange(change);
      }
      change.settle();
    }
  }

  #undo(batch: Batch): void {
    for (const { collection, change } of batch.pending.reverse()) {
      if (change.previous) collection.set(change.previous);
      else collection.delete(change.entry.namespace, change.entry.name);
    }
  }
}
