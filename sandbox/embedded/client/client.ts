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

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

export interface ListOptions {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
}

export interface PatchOptions {
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
  get(resource: Gvr, name: string, namespace?: string): Promise<KubeObject>;
  list(resource: Gvr, options?: ListOptions): Promise<KubeList>;
  create(resource: Gvr, object: KubeObject): Promise<KubeObject>;
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
  delete(resource: Gvr, name: string, namespace?: string, options?: DeleteOptions): Promise<void>;
  watch(
    resource: Gvr,
    options: ListOptions & { resourceVersion?: string; signal: AbortSignal },
    onEvent: (event: WatchEvent) => void,
  ): Promise<void>;
  close(): void;
}
