import type { Call } from '../call.ts';
import { refusal } from '../errors.ts';
import { tlsText } from '../outbound/tls-text.ts';
import type { Reply } from '../reply.ts';
import type { RemoteGroup } from './remote-groups.ts';

/** Not to be passed on: they are about one connection, or tell who asked. */
const own =
  /^(host|authorization|connection|keep-alive|proxy-connection|transfer-encoding|content-length|impersonate-.*|x-remote-.*)$/;

/** The server that answers for a path; undefined for our own. */
export function remoteOf({ info, services }: Call): RemoteGroup | undefined {
  const [, group, version] = /^\/(?:apis|openapi\/v3\/apis)\/([^/]+)\/([^/]+)(?:\/|$)/.exec(info.path) ?? [];
  return group && version ? services.remote.find(group, version) : undefined;
}

/**
 * Hands a request that is authenticated and authorised to the server behind an APIService, with who asks in headers that
 * the front-proxy certificate vouches for. https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/
 */
export function proxyTo(remote: RemoteGroup, call: Call): Reply {
  if (!remote.available) return { code: 503, raw: 'service unavailable\n', contentType: 'text/plain; charset=utf-8' };
  const { user, services, body } = call;
  return {
    code: 200,
    stream: (request, response) => {
      const headers: Record<string, string | string[]> = {
        'x-remote-user': user.name,
        'x-remote-group': user.groups,
        ...(user.uid && { 'x-remote-uid': user.uid }),
      };
      for (const [name, values] of Object.entries(user.extra ?? {}))
        headers[`x-remote-extra-${encodeURIComponent(name).toLowerCase()}`] = values;
      for (const [name, value] of Object.entries(request.headers))
        if (value !== undefined && !own.test(name)) headers[name] = value;
      const sent = 'bytes' in body && body.bytes.length > 0 ? body.bytes : undefined;
      if (sent) headers['content-length'] = String(sent.length);
      const outgoing = services.caller.open(remote.target, {
        method: request.method ?? 'GET',
        path: request.url ?? '/',
        headers,
      });
      outgoing.on('response', (answer) => {
        const { connection: _, 'keep-alive': __, ...rest } = answer.headers;
        response.writeHead(answer.statusCode ?? 502, rest);
        response.flushHeaders();
        answer.pipe(response);
        answer.on('error', () => response.destroy());
      });
      outgoing.on('error', (error) => {
        if (response.headersSent) return void response.destroy();
        const why = tlsText(error, `${remote.target.service?.name}.${remote.target.service?.namespace}.svc`);
        const { status } = refusal(503, 'ServiceUnavailable', `error trying to reach service: ${why}`);
        response.writeHead(503, { 'content-type': 'application/json' });
        response.end(`${JSON.stringify(status)}\n`);
      });
      response.on('close', () => outgoing.destroy());
      outgoing.end(sent);
    },
  };
}
