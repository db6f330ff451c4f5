/** What a request is about, read from its path and method (k8s.io/apiserver, pkg/endpoints/request). */
export interface RequestInfo {
  /** Whether it is about a resource; other paths (`/version`) are authorised by path. */
  isResource: boolean;
  path: string;
  /** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; else the method in lower case. */
  verb: string;
  group: string;
  version: string;
  namespace: string;
  resource: string;
  subresource: string;
  name: string;
  /** What follows the subresource, as in `/proxy/path/to`. */
  rest: string;
}

const verbs: Record<string, string> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** As Kubernetes reads a parameter: whatever is not 0 or false. */
export const isTrue = (value: string | null): boolean => value !== null && !/^(0|false)$/i.test(value);

/** Throws URIError when the path is not well-formed. */
export function readRequest(method: string, path: string, query: URLSearchParams): RequestInfo {
  const info: RequestInfo = {
    isResource: false,
    path,
    verb: method.toLowerCase(),
    group: '',
    version: '',
    namespace: '',
    resource: '',
    subresource: '',
    name: '',
    rest: '',
  };
  let parts = path.split('/').filter((part) => part !== '');
  const root = parts[0];
  if (root === 'api' && parts.length >= 3) {
    info.version = parts[1] ?? '';
    parts = parts.slice(2);
  } else if (root === 'apis' && parts.length >= 4) {
    info.group = parts[1] ?? '';
    info.version = parts[2] ?? '';
    parts = parts.slice(3);
  } else {
    return info;
  }
  parts = parts.map(decodeURIComponent);
  info.isResource = true;
  info.verb = verbs[method] ?? '';
  if (parts[0] === 'watch' && parts.length > 1) {
    // The old form of a watch: /api/v1/watch/pods.
    parts.shift();
    info.verb = 'watch';
  }
  if (parts[0] === 'namespaces' && parts.length > 1) {
    info.namespace = parts[1] ?? '';
    const deeper = parts.length > 2 && parts[2] !== 'status' && parts[2] !== 'finalize';
    if (deeper) parts = parts.slice(2);
  }
  [info.resource = '', info.name = '', info.subresource = ''] = parts;
  info.rest = parts.slice(3).join('/');
  if (info.name === '' && info.verb === 'get') info.verb = isTrue(query.get('watch')) ? 'watch' : 'list';
  else if (info.name === '' && info.verb === 'delete') info.verb = 'deletecollection';
  return info;
}
