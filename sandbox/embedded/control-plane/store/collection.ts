import type { Change, Entry } from './entry.ts';

export interface Watcher {
  /** Changes up to this revision are known already. */
  from: number;
  namespace: string | undefined;
  onChange(change: Change): void;
}

const keptChanges = 1500;
const keptBytes = 6_000_000;

/** The objects of one resource, in memory, with their recent past. */
export class Collection {
  readonly #namespaces = new Map<string, Map<string, Entry>>();
  readonly #sorted = new Map<string, Entry[]>();
  #namespaceOrder: string[] | undefined;
  readonly watchers = new Set<Watcher>();
  history: Change[] = [];
  #historyBytes = 0;
  /** Changes up to this revision are forgotten. */
  compacted: number;
  /** Of the last write: what is derived from the collection is stale when this has moved. */
  revision: number;

  constructor(revision: number) {
    this.compacted = revision;
    this.revision = revision;
  }

  get(namespace: string, name: string): Entry | undefined {
    return this.#namespaces.get(namespace)?.get(name);
  }

  set(entry: Entry): void {
    let names = this.#namespaces.get(entry.namespace);
    if (!names) {
      names = new Map();
      this.#namespaces.set(entry.namespace, names);
      this.#namespaceOrder = undefined;
    }
    names.set(entry.name, entry);
    this.#sorted.delete(entry.namespace);
  }

  delete(namespace: string, name: string): void {
    const names = this.#namespaces.get(namespace);
    if (!names?.delete(name)) return;
    this.#sorted.delete(namespace);
    if (names.size > 0) return;
    this.#namespaces.delete(namespace);
    this.#namespaceOrder = undefined;
  }

  size(namespace?: string): number {
    if (namespace !== undefined) return this.#namespaces.get(namespace)?.size ?? 0;
    let size = 0;
    for (const names of this.#namespaces.values()) size += names.size;
    return size;
  }

  /** In the order of namespace and name, as lists are. */
  list(namespace?: string): readonly Entry[] {
    if (namespace !== undefined) return this.#sort(namespace);
    this.#namespaceOrder ??= [...this.#namespaces.keys()].sort(compare);
    if (this.#namespaceOrder.length === 1) return this.#sort(this.#namespaceOrder[0] ?? '');
    return this.#namespaceOrder.flatMap((name) => this.#sort(name));
  }

  #sort(namespace: string): Entry[] {
    let entries = this.#sorted.get(namespace);
    if (!entries) {
      const names = this.#namespaces.get(namespace);
      if (!names) return [];
      entries = [...names.values()].sort((a, b) => compare(a.name, b.name));
      this.#sorted.set(namespace, entries);
    }
    return entries;
  }

  remember(change: Change): void {
    change.previous?.forget();
    this.history.push(change);
    this.#historyBytes += change.entry.json.length;
    if (this.history.length < keptChanges * 2 && this.#historyBytes < keptBytes * 2) return;
    let drop = 0;
    while (
      this.history.length - drop > 1 &&
      (this.history.length - drop > keptChanges || this.#historyBytes > keptBytes)
    ) {
      this.#historyBytes -= this.history[drop]?.entry.json.length ?? 0;
      drop++;
    }
    this.compact(drop);
  }

  /** Forgets the oldest `count` changes. */
  compact(count: number): void {
    const last = this.history[count - 1];
    if (!last) return;
    this.compacted = last.revision;
    this.history = this.history.slice(count);
  }
}

/** Byte order, as etcd keeps its keys; names are ASCII. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
