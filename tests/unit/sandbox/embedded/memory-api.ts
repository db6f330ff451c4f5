import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { ApiRequest, ApiResponse, Transport, WatchEvent } from '../../../../sandbox/embedded/client/client.ts';

/** As little of an API as loops need: revisioned objects, watches, merge patches, status, finalizers. No validation, no defaults. */
export interface MemoryApi extends Transport {
  objects(resource: string): Loose[];
  requests: ApiRequest[];
  /** Resolves once the condition holds, looked at after each write. */
  until(condition: () => unknown): Promise<void>;
  /** Writes an object's status, as a kubelet would. */
  setStatus(resource: string, name: string, status: Loose): void;
  /** Ends every open watch; with `expired`, the next ones get 410 once. */
  breakWatches(expired?: boolean): void;
  /** The next request that matches answers with this. */
  fail(match: (request: ApiRequest) => boolean, code: number, body: Loose): void;
}

interface Watch {
  path: string;
  onLine: (event: WatchEvent) => void;
  end: () => void;
}

const clusterWide = new Set([
  'namespaces',
  'nodes',
  'persistentvolumes',
  'clusterroles',
  'storageclasses',
  'priorityclasses',
]);

export function createMemoryApi(): MemoryApi {
  let revision = 0;
  let uid = 0;
  const store = new Map<string, KubeObject>();
  const history: { key: string; event: WatchEvent; revision: number }[] = [];
  const watches = new Set<Watch>();
  const requests: ApiRequest[] = [];
  const failures: { match: (request: ApiRequest) => boolean; code: number; body: Loose }[] = [];
  let expireNext = false;
  const conditions = new Set<() => void>();

  function commit(key: string, type: WatchEvent['type'], object: KubeObject): KubeObject {
    revision += 1;
    const next = { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
    if (type === 'DELETED') store.delete(key);
    else store.set(key, next);
    const event = { type, object: next };
    history.push({ key, event, revision });
    for (const watch of watches) if (key.startsWith(watch.path)) queueMicrotask(() => watch.onLine(event));
    for (const look of conditions) queueMicrotask(look);
    return next;
  }

  function status(code: number, reason: string, message: string): ApiResponse {
    return { code, body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason, message, code } };
  }

  // Keys are collection/namespace/name, so that a namespace's collection is a prefix.
  function parse(path: string) {
    const url = new URL(path, 'http://x');
    const parts = url.pathname.split('/').filter(Boolean);
    const group = parts[0] === 'api' ? parts.slice(0, 2) : parts.slice(0, 3);
    let rest = parts.slice(group.length);
    let namespace: string | undefined;
    if (rest[0] === 'namespaces' && rest.length >= 3 && rest[2] !== 'status' && rest[2] !== 'finalize') {
      namespace = rest[1];
      rest = rest.slice(2);
    }
    const [resource = '', name, subresource] = rest;
    const collection = `${group.join('/')}/${resource}/`;
    const space = namespace ? `${namespace}/` : clusterWide.has(resource) ? '/' : '';
    return { collection: collection + space, key: `${collection}${space}${name}`, namespace, name, subresource, url };
  }

  function removeIfDone(key: string, object: KubeObject): void {
    if (!object.metadata.deletionTimestamp || object.metadata.finalizers?.length) return;
    commit(key, 'DELETED', object);
  }

  async function handle(request: ApiRequest): Promise<ApiResponse> {
    const { collection, key, namespace, name, subresource, url } = parse(request.path);
    const held = store.get(key);
    const gone = status(404, 'NotFound', `${name} not found`);
    if (request.method === 'GET') {
      if (name) return held ? { code: 200, body: held } : gone;
      const label = url.searchParams.get('labelSelector')?.split('=');
      const items = [...store]
        .filter(([candidate]) => candidate.startsWith(collection))
        .map(([, object]) => object)
        .filter((object) => !label || object.metadata.labels?.[label[0] ?? ''] === label[1]);
      return { code: 200, body: { kind: 'List', metadata: { resourceVersion: String(revision) }, items } };
    }
    if (request.method === 'POST') {
      if (subresource === 'binding') {
        if (!held) return gone;
        commit(key, 'MODIFIED', { ...held, spec: { ...held.spec, nodeName: request.body.target.name } });
        return { code: 201, body: { kind: 'Status', status: 'Success' } };
      }
      const object = structuredClone(request.body) as KubeObject;
      uid += 1;
      object.metadata.name ??= `${object.metadata.generateName}${String(uid).padStart(5, '0')}`;
      if (namespace) object.metadata.namespace = namespace;
      object.metadata.uid = `uid-${uid}`;
      object.metadata.generation = 1;
      object.metadata.creationTimestamp ??= new Date().toISOString().replace(/\.\d+Z/, 'Z');
      if (object.kind === 'Pod') object.status = { phase: 'Pending', ...object.status };
      const place = collection + object.metadata.name;
      if (store.has(place)) return status(409, 'AlreadyExists', `"${object.metadata.name}" already exists`);
      return { code: 201, body: commit(place, 'ADDED', object) };
    }
    if (!held) return gone;
    if (request.method === 'DELETE') {
      if (request.body?.preconditions?.uid && request.body.preconditions.uid !== held.metadata.uid)
        return status(409, 'Conflict', 'uid differs');
      const finalizers = [...(held.metadata.finalizers ?? [])];
      if (request.body?.propagationPolicy === 'Foreground') finalizers.push('foregroundDeletion');
      if (request.body?.propagationPolicy === 'Orphan') finalizers.push('orphan');
      const marked = {
        ...held,
        metadata: { ...held.metadata, finalizers, deletionTimestamp: new Date().toISOString() },
      };
      if (finalizers.length > 0) return { code: 200, body: commit(key, 'MODIFIED', marked) };
      commit(key, 'DELETED', held);
      return { code: 200, body: { kind: 'Status', status: 'Success' } };
    }
    const version = request.body?.metadata?.resourceVersion;
    if (version && version !== held.metadata.resourceVersion) return status(409, 'Conflict', 'the object was modified');
    const next = (
      request.method === 'PUT' ? structuredClone(request.body) : merge(structuredClone(held), request.body)
    ) as KubeObject;
    const merged: KubeObject =
      subresource === 'status'
        ? { ...held, metadata: { ...held.metadata, ...ofStatusWrites(next) }, status: next.status }
        : { ...next, status: held.status ?? next.status };
    const meta = { ...merged.metadata };
    meta.uid = held.metadata.uid!;
    if (JSON.stringify(merged.spec) !== JSON.stringify(held.spec))
      meta.generation = (held.metadata.generation ?? 1) + 1;
    const object = { ...merged, metadata: meta };
    const body = commit(key, 'MODIFIED', object);
    removeIfDone(key, body);
    return { code: 200, body };
  }

  return {
    requests,
    async request(request) {
      requests.push(request);
      const failure = failures.findIndex(({ match }) => match(request));
      if (failure >= 0) {
        const [{ code, body }] = failures.splice(failure, 1) as [(typeof failures)[number]];
        return { code, body };
      }
      return handle(request);
    },
    stream(request, onLine, signal) {
      const { collection, url } = parse(request.path);
      const from = Number(url.searchParams.get('resourceVersion') ?? revision);
      return new Promise((resolve) => {
        const watch: Watch = { path: collection, onLine, end: resolve };
        if (expireNext) {
          expireNext = false;
          onLine({ type: 'ERROR', object: status(410, 'Expired', 'too old resource version').body });
          return resolve();
        }
        for (const entry of history) if (entry.revision > from && entry.key.startsWith(collection)) onLine(entry.event);
        watches.add(watch);
        signal.addEventListener('abort', () => {
          watches.delete(watch);
          resolve();
        });
      });
    },
    close() {},
    objects: (resource) =>
      [...store].filter(([key]) => key.includes(`/${resource}/`)).map(([, object]) => object as Loose),
    until: (condition) =>
      new Promise((resolve) => {
        const look = () => {
          if (!condition()) return;
          conditions.delete(look);
          resolve();
        };
        conditions.add(look);
        look();
      }),
    setStatus(resource, name, status) {
      for (const [key, object] of store) {
        if (!key.includes(`/${resource}/`) || object.metadata.name !== name) continue;
        commit(key, 'MODIFIED', { ...object, status: { ...object.status, ...status } });
      }
    },
    breakWatches(expired = false) {
      expireNext = expired;
      for (const watch of watches) watch.end();
      watches.clear();
    },
    fail: (match, code, body) => void failures.push({ match, code, body }),
  };
}

/** As on the real server, an update of the status may carry annotations. */
/** What a write of the status carries besides. */
function ofStatusWrites({ metadata: { annotations, finalizers } }: KubeObject): Loose {
  return { ...(annotations && { annotations }), ...(finalizers && { finalizers }) };
}

function merge(target: Loose, patch: Loose): Loose {
  for (const [field, value] of Object.entries<Loose>(patch)) {
    if (field.startsWith('$deleteFromPrimitiveList/')) {
      const list = field.slice(field.indexOf('/') + 1);
      target[list] = (target[list] ?? []).filter((item: Loose) => !value.includes(item));
    } else if (field === 'ownerReferences' && value[0]?.$patch === 'delete') {
      target[field] = (target[field] ?? []).filter((owner: Loose) => owner.uid !== value[0].uid);
    } else if (field === 'conditions' && Array.isArray(value) && Array.isArray(target[field])) {
      for (const item of value) {
        const held = target[field].find((other: Loose) => other.type === item.type);
        if (held) merge(held, item);
        else target[field].push(merge({}, item));
      }
    } else if (value === null) delete target[field];
    else if (typeof value === 'object' && !Array.isArray(value)) target[field] = merge(target[field] ?? {}, value);
    else target[field] = value;
  }
  return target;
}
