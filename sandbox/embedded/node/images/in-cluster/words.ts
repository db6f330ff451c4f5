import { isIP } from 'node:net';
import type { Status } from '../../../../../kubernetes/object.ts';
import type { ApiRequest } from '../../../client/client.ts';

/** What the kernel says, as Go prints it. */
const system: Record<string, string> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EISDIR: 'is a directory',
  ENOTDIR: 'not a directory',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by peer',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  EADDRINUSE: 'address already in use',
  EPIPE: 'broken pipe',
};

/** `open /etc/token: no such file or directory` */
export function fileError(call: string, path: string, error: NodeJS.ErrnoException): string {
  return `${call} ${path}: ${system[error.code ?? ''] ?? error.message}`;
}

/**
 * Why a connection to `host:port` failed, as Go's net and crypto/tls word it:
 * `dial tcp 10.96.0.1:443: connect: connection refused`.
 */
export function dialError(address: string, error: NodeJS.ErrnoException, nameserver = '10.96.0.10:53'): string {
  const code = error.code ?? '';
  const host = address.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  if (code === 'ENOTFOUND') return `dial tcp: lookup ${host} on ${nameserver}: no such host`;
  if (code === 'EAI_AGAIN') return `dial tcp: lookup ${host} on ${nameserver}: i/o timeout`;
  if (code === 'ETIMEDOUT') return `dial tcp ${address}: i/o timeout`;
  if (code === 'ECONNRESET') return `read tcp ${address}: read: ${system[code]}`;
  if (system[code]) return `dial tcp ${address}: connect: ${system[code]}`;
  const certificate = certificateError(host, error);
  if (certificate) return `tls: failed to verify certificate: x509: ${certificate}`;
  if (code === 'EPROTO' || code.startsWith('ERR_SSL')) return 'tls: first record does not look like a TLS handshake';
  if (/socket hang up|ECONNABORTED/.test(error.message)) return 'EOF';
  return error.message;
}

/** What is wrong with a certificate, as Go's crypto/x509 words it; undefined when it is something else. */
function certificateError(host: string, { code = '', message }: NodeJS.ErrnoException): string | undefined {
  if (code === 'CERT_HAS_EXPIRED') return 'certificate has expired or is not yet valid';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const names = [...message.matchAll(/(?:DNS|IP Address):([^,\s]+)/g)].map((match) => match[1]);
    if (isIP(host))
      return names.length === 0
        ? `cannot validate certificate for ${host} because it doesn't contain any IP SANs`
        : `certificate is valid for ${names.join(', ')}, not ${host}`;
    return names.length === 0
      ? `certificate is not valid for any names, but wanted to match ${host}`
      : `certificate is valid for ${names.join(', ')}, not ${host}`;
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO/.test(code)) return 'certificate signed by unknown authority';
  return undefined;
}

/** `Get "https://10.96.0.1:443/api/v1/services": dial tcp …`, as Go's net/http says it. */
export function requestError(method: string, url: string, reason: string): Error {
  return new Error(`${method.charAt(0)}${method.slice(1).toLowerCase()} "${url}": ${reason}`);
}

/** What a status alone means, in client-go's words. */
const meanings: Record<number, [reason: string, message: string]> = {
  400: ['BadRequest', 'the server rejected our request for an unknown reason'],
  401: ['Unauthorized', 'the server has asked for the client to provide credentials'],
  404: ['NotFound', 'the server could not find the requested resource'],
  405: ['MethodNotAllowed', 'the server does not allow this method on the requested resource'],
  409: ['Conflict', 'the server reported a conflict'],
  422: ['Invalid', 'the server rejected our request due to an error in our request'],
  429: ['TooManyRequests', 'the server has received too many requests and has asked us to try again later'],
  503: ['ServiceUnavailable', 'the server is currently unable to handle the request'],
  504: [
    'Timeout',
    'the server was unable to return a response in the time allotted, but may still be processing the request',
  ],
};

/**
 * The Status that client-go makes of an answer that is none: `the server could not find the requested resource (get ingressroutes.traefik.io)`.
 * https://pkg.go.dev/k8s.io/apimachinery/pkg/api/errors#NewGenericServerResponse
 */
export function serverResponse({ method, path }: ApiRequest, code: number, body: unknown): Status {
  const said = typeof body === 'string' && body ? body.trim() : 'unknown';
  const [reason, message] = meanings[code] ?? [
    code === 403 ? 'Forbidden' : code >= 500 ? 'InternalError' : 'Unknown',
    code === 403
      ? said
      : code >= 500
        ? `an error on the server (${JSON.stringify(said)}) has prevented the request from succeeding`
        : `the server responded with the status code ${code} but did not return more information`,
  ];
  const { group, resource, name } = partsOf(path);
  const about = [method.toLowerCase(), group ? `${resource}.${group}` : resource, ...(name ? [name] : [])];
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: resource ? `${message} (${about.join(' ')})` : message,
    reason,
    details: { ...(group && { group }), kind: resource, ...(name && { name }) },
    code,
  };
}

function partsOf(path: string): { group: string; resource: string; name: string } {
  const parts = path.split('?')[0]!.split('/').slice(1);
  const group = parts[0] === 'apis' ? (parts[1] ?? '') : '';
  const rest = parts.slice(parts[0] === 'apis' ? 3 : 2);
  const [resource = '', name = ''] = rest[0] === 'namespaces' && rest.length > 2 ? rest.slice(2) : rest;
  return { group, resource, name: decodeURIComponent(name) };
}
