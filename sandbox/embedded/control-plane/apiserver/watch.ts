import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { type Change, Entry, encodeEvent } from '../store/entry.ts';
import type { ResourceCall } from './call.ts';
import { badRequest, invalid, tooOld } from './errors.ts';
import { badInteger, prepareViews, readLimit, readVersion, viewOf } from './read.ts';
import type { Reply, WireEvent } from './reply.ts';
import { isTrue } from './request-info.ts';
import { readSelection } from './selection.ts';
import { partialMetadata, tableOf, tableView } from './table.ts';

const bookmarkInterval = 60_000;
/** Seconds before the end at which the last bookmark is due; a shorter watch has none. */
const LAST_BOOKMARK = 2;

/** https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes */
export function watch(call: ResourceCall): Reply {
  const { services, type, info, query } = call;
  const selection = readSelection(type, query, info.name);
  const version = readVersion(query);
  const bookmarks = isTrue(query.get('allowWatchBookmarks'));
  const streamed = readInitial(query, bookmarks);
  const encode = encoder(call);
  const initial = streamed ?? (version === undefined || version === 0);
  const current = services.store.revision;
  readLimit(query);
  const seconds = readTimeout(query) || 1800 + Math.random() * 1800;

  return {
    code: 200,
    watch(sink) {
      const collection = type.collection;
      const from = initial ? current : (version ?? current);
      const watcher = {
        from,
        namespace: info.namespace || undefined,
        onChange(change: Change) {
          if (!type.conversion?.convert) {
            tell(change);
            return;
          }
          // What another program converts comes later, but in order.
          const entries = change.previous ? [change.entry, change.previous] : [change.entry];
          told = told.then(() => prepareViews(type, entries)).then(() => tell(change), stop);
        },
      };
      let told = Promise.resolve();
      const tell = (change: Change): void => {
        if (selection.name !== undefined && change.entry.name !== selection.name) return;
        const event = selection.all ? encode(change.type, change.entry, change) : select(change);
        if (event && !sink.send(event)) stop();
      };
      // An object that enters or leaves the selection is added or deleted for this watcher.
      const select = (change: Change): WireEvent | undefined => {
        const now = change.type !== 'DELETED' && selection.matches(viewOf(type, change.entry).object);
        const before = change.previous !== undefined && selection.matches(viewOf(type, change.previous).object);
        if (now) return encode(before ? 'MODIFIED' : 'ADDED', change.entry, change);
        if (!before) return undefined;
        // The state it was last seen in, at the revision of the change.
        return change.previous && change.type !== 'DELETED'
          ? encode('DELETED', leaving(change.previous, change.entry))
          : encode('DELETED', change.entry, change);
      };
      const forget = services.types.whenGone(type, () => stop());
      const stop = (): void => {
        forget();
        services.store.unwatch(collection, watcher);
        timeout.cancel();
        bookmark?.cancel();
        sink.end();
      };
      let bookmark = bookmarks ? services.clock.after(bookmarkInterval, mark, bookmarkInterval) : undefined;
      function mark(): void {
        if (!sink.send(encodeBookmark(call, false))) {
          stop();
          return;
        }
        bookmark = services.clock.after(bookmarkInterval, mark, bookmarkInterval);
      }
      // A skip ends nobody's watch: the client's time has not passed.
      const timeout = services.clock.after(
        seconds * 1000,
        () => {
          if (bookmarks && seconds > LAST_BOOKMARK) sink.send(encodeBookmark(call, false));
          stop();
        },
        seconds * 1000,
      );
      sink.onClose(stop);

      if (initial) {
        const entries = services.store.listAt(collection, current, watcher.namespace) ?? [];
        for (const entry of entries) {
          if (selection.name !== undefined && entry.name !== selection.name) continue;
          if (selection.all || selection.matches(viewOf(type, entry).object)) sink.send(encode('ADDED', entry));
        }
        if (streamed) sink.send(encodeBookmark(call, true, current));
      }
      if (services.store.watch(collection, watcher)) return;
      const error = tooOld(from, services.store.collection(collection).compacted);
      sink.send(wire('ERROR', error.status));
      stop();
    },
  };
}

function leaving(before: Entry, after: Entry): Entry {
  const { resourceVersion } = after.object.metadata;
  const metadata = { ...before.object.metadata, ...(resourceVersion && { resourceVersion }) };
  const object = { ...before.object, metadata };
  return new Entry(after.namespace, after.name, after.revision, JSON.stringify(object), object);
}

type Encode = (type: Change['type'], entry: Entry, change?: Change) => WireEvent | Change;

function encoder(call: ResourceCall): Encode {
  const { type, accept, services } = call;
  if (accept.as === 'Table') {
    const view = tableView(call);
    let first = true;
    return (kind, entry) => {
      const object: KubeObject = viewOf(type, entry).object;
      const metadata = { resourceVersion: object.metadata.resourceVersion };
      const table = tableOf(type, [object], metadata, { ...view, now: services.clock.now(), withColumns: first });
      first = false;
      return wire(kind, table);
    };
  }
  const { as, version = 'v1' } = accept;
  if (as) return (kind, entry) => wire(kind, partialMetadata(viewOf(type, entry).object, version));
  return (kind, entry, change) => {
    const view = viewOf(type, entry);
    if (change && change.type === kind && view === change.entry) return change;
    return { type: kind, line: encodeEvent(kind, view.json), entry: view };
  };
}

function encodeBookmark(call: ResourceCall, initialEnd: boolean, revision?: number): WireEvent {
  const { type, accept, services } = call;
  const metadata: Loose = {
    resourceVersion: String(revision ?? services.store.toldRevision),
    ...(initialEnd && { annotations: { 'k8s.io/initial-events-end': 'true' } }),
  };
  const apiVersion = `meta.k8s.io/${accept.version ?? 'v1'}`;
  if (accept.as === 'Table') {
    const object = { kind: 'PartialObjectMetadata', apiVersion, metadata };
    return wire('BOOKMARK', {
      kind: 'Table',
      apiVersion,
      metadata: { resourceVersion: metadata.resourceVersion },
      columnDefinitions: null,
      rows: [{ cells: type.columns.map(() => ''), object }],
    });
  }
  if (accept.as) return wire('BOOKMARK', { kind: 'PartialObjectMetadata', apiVersion, metadata });
  return wire('BOOKMARK', { kind: type.kind, apiVersion: type.apiVersion, metadata });
}

function wire(type: string, object: Loose): WireEvent {
  let line: Buffer | undefined;
  return {
    type,
    entry: { object },
    get line() {
      line ??= encodeEvent(type, JSON.stringify(object));
      return line;
    },
  };
}

/** Seconds; 0 when the client does not say. Throws 400. */
function readTimeout(query: URLSearchParams): number {
  const text = query.get('timeoutSeconds') ?? '';
  if (text && !/^-?\d+$/.test(text)) throw badRequest(badInteger(text));
  return Math.max(0, Number(text));
}

/** `sendInitialEvents`, or undefined when the client does not say. Throws 422. */
function readInitial(query: URLSearchParams, bookmarks: boolean): boolean | undefined {
  const text = query.get('sendInitialEvents');
  if (text === null || text === '') {
    if (!query.get('resourceVersionMatch')) return undefined;
    throw invalid('ListOptions', 'meta.k8s.io', '', [
      {
        field: 'resourceVersionMatch',
        reason: 'FieldValueForbidden',
        message: 'Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      },
    ]);
  }
  const match = query.get('resourceVersionMatch');
  if (match !== 'NotOlderThan') {
    throw invalid('ListOptions', 'meta.k8s.io', '', [
      {
        field: 'resourceVersionMatch',
        reason: 'FieldValueForbidden',
        message: 'Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
      },
      ...(match
        ? [
            {
              field: 'resourceVersionMatch',
              reason: 'FieldValueNotSupported' as const,
              message: `Unsupported value: ${JSON.stringify(match)}: supported values: "NotOlderThan"`,
            },
          ]
        : []),
    ]);
  }
  if (!bookmarks && isTrue(text)) {
    throw invalid('ListOptions', 'meta.k8s.io', '', [
      {
        field: 'allowWatchBookmarks',
        reason: 'FieldValueForbidden',
        message: 'Forbidden: sendInitialEvents requires setting allowWatchBookmarks to true',
      },
    ]);
  }
  return isTrue(text);
}
