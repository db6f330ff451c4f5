import type { Gvr, KubeList, KubeObject, Loose, Status } from '../../../kubernetes/object.ts';

/** How controllers and the node speak to the API: over TLS, or straight into the server of the same process. */
export interface Transport {
  request(request: ApiRequest): Promise<ApiResponse>;
  /** Opens a watch; `onLine` gets each JSON line as it comes. Resolves when the stream ends; rejects when it cannot be opened. */
  stream(request: ApiRequest, onLine: (event: WatchEvent) => void, signal: AbortSignal): Promise<void>;
  close(): void;
}

export interface ApiRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query, as in `/api/v1/namespaces/default/pods?limit=500`. */
  path: string;
  contentType?: string;
  /** Sent as JSON. */
  body?: Loose;
}

export interface ApiResponse {
  code: number;
  body: Loose;
}

export interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: Loose;
}

/** What the server refused, as it said it. */
export class ApiError extends Error {
  readonly status: Status;
  constructor(status: Status) {
    super(status.message ?? status.reason ?? 'refused');
    this.name = 'ApiError';
    this.status = status;
  }
  get code(): number {
    return this.status.code ?? 500;
  }
  get reason(): string {
    return this.status.reason ?? '';
  }
}

type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

export interface ListOptions {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
}

interface PatchOptions {
  subresource?: string;
  fieldManager?: string;
  force?: boolean;
}

export interface DeleteOptions {
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  gracePeriodSeconds?: number;
  preconditions?: { uid?: string; resourceVersion?: string };
}

/** Typed by resource name, not by kind: one client for all. Every call rejects with {@link ApiError} on a refusal. */
export interface Client {
  /** `subresource`: `scale`, say. */
  get(resource: Gvr, name: string, namespace?: string, subresource?: string): Promise<KubeObject>;
  list(resource: Gvr, options?: ListOptions): Promise<KubeList>;
  /** With `dryRun`, everything but storing is done. */
  create(resource: Gvr, object: KubeObject, options?: { dryRun?: boolean }): Promise<KubeObject>;
  /** POST to a subresource: `binding`, `eviction`, `token`. */
  createSubresource(
    resource: Gvr,
    name: string,
    namespace: string | undefined,
    subresource: string,
    body: Loose,
  ): Promise<KubeObject>;
  /** PUT; `subresource` is usually `status`. A stale resourceVersion is a 409. */
  update(resource: Gvr, object: KubeObject, subresource?: string): Promise<KubeObject>;
  patch(
    resource: Gvr,
    name: string,
    namespace: string | undefined,
    type: PatchType,
    patch: Loose,
    options?: PatchOptions,
  ): Promise<KubeObject>;
  /** Resolves with the object as it is now (still terminating), or with a Status when it is gone. */
  delete(resource: Gvr, name: string, namespace?: string, options?: DeleteOptions): Promise<Loose>;
  watch(
    resource: Gvr,
    options: ListOptions & { resourceVersion?: string; signal: AbortSignal },
    onEvent: (event: WatchEvent) => void,
  ): Promise<void>;
  close(): void;
}

const patchTypes: Record<PatchType, string> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

/** A client over any transport. Answers may be shared with caches: treat every object it returns as frozen. */
export function createClient(transport: Transport): Client {
  async function call(request: ApiRequest): Promise<Loose> {
    const { code, body } = await transport.request(request);
    if (code >= 400) throw new ApiError(asStatus(code, body));
    return body;
  }

  return {
    get: (resource, name, namespace, subresource) =>
      call({ method: 'GET', path: pathOf(resource, namespace, name, subresource) }),
    async list(resource, options = {}) {
      return call({ method: 'GET', path: pathOf(resource, options.namespace) + query(selectors(options)) });
    },
    create(resource, object, { dryRun } = {}) {
      const path = pathOf(resource, object.metadata.namespace);
      return call({ method: 'POST', path: path + query(dryRun ? { dryRun: 'All' } : {}), body: object });
    },
    createSubresource: (resource, name, namespace, subresource, body) =>
      call({ method: 'POST', path: pathOf(resource, namespace, name, subresource), body }),
    update: (resource, object, subresource) =>
      call({
        method: 'PUT',
        path: pathOf(resource, object.metadata.namespace, object.metadata.name, subresource),
        body: object,
      }),
    patch(resource, name, namespace, type, patch, options = {}) {
      const parameters: Record<string, string> = {};
      if (options.fieldManager) parameters.fieldManager = options.fieldManager;
      if (options.force !== undefined) parameters.force = String(options.force);
      return call({
        method: 'PATCH',
        path: pathOf(resource, namespace, name, options.subresource) + query(parameters),
        contentType: patchTypes[type],
        body: patch,
      });
    },
    delete(resource, name, namespace, options) {
      const body = options && { kind: 'DeleteOptions', apiVersion: 'v1', ...options };
      return call({ method: 'DELETE', path: pathOf(resource, namespace, name), ...(body && { body }) });
    },
    watch({ ...resource }, options, onEvent) {
      const parameters = { ...selectors(options), watch: 'true', allowWatchBookmarks: 'true' };
      if (options.resourceVersion) Object.assign(parameters, { resourceVersion: options.resourceVersion });
      return transport.stream(
        { method: 'GET', path: pathOf(resource, options.namespace) + query(parameters) },
        onEvent,
        options.signal,
      );
    },
    close: () => transport.close(),
  };
}

/** `/apis/apps/v1/namespaces/default/deployments/web/status` */
function pathOf(resource: Gvr, namespace?: string, name?: string, subresource?: string): string {
  let path = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  if (namespace) path += `/namespaces/${encodeURIComponent(namespace)}`;
  path += `/${resource.resource}`;
  if (name !== undefined) path += `/${encodeURIComponent(name)}`;
  return subresource ? `${path}/${subresource}` : path;
}

function selectors(options: ListOptions): Record<string, string> {
  const parameters: Record<string, string> = {};
  if (options.labelSelector) parameters.labelSelector = options.labelSelector;
  if (options.fieldSelector) parameters.fieldSelector = options.fieldSelector;
  return parameters;
}

function query(parameters: Record<string, string>): string {
  const text = new URLSearchParams(parameters).toString();
  return text && `?${text}`;
}

/** The refusal as a Status, whatever the answer's body was. */
export function asStatus(code: number, body: Loose): Status {
  if (body && typeof body === 'object' && body.kind === 'Status') return { ...body, code: body.code ?? code };
  const message = typeof body === 'string' && body ? body : `the server answered ${code}`;
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code };
}
