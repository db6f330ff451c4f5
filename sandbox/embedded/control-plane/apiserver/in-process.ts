import { ApiError, type ApiRequest, type ApiResponse, type Transport, type WatchEvent } from '../../client/client.ts';
import type { User } from './call.ts';
import { handle, type Incoming } from './handle.ts';
import type { Reply } from './reply.ts';
import type { Services } from './services.ts';

/** Straight into the server of the same process: no TLS, but all of its rules, as `user`. Answers are shared with the store: read only. */
export function createInProcessTransport(services: Services, user: User, userAgent = 'atelier'): Transport {
  async function run(request: ApiRequest): Promise<Reply> {
    const mark = request.path.indexOf('?');
    const headers: Record<string, string | undefined> = {
      'content-type': request.contentType ?? 'application/json',
      'user-agent': userAgent,
    };
    const incoming: Incoming = {
      method: request.method,
      path: mark < 0 ? request.path : request.path.slice(0, mark),
      query: new URLSearchParams(mark < 0 ? '' : request.path.slice(mark + 1)),
      header: (name) => headers[name],
      headerNames: () => Object.keys(headers),
      body: async () => ({ value: request.body }),
    };
    const [reply] = await handle(services, incoming, async () => user);
    return reply;
  }

  return {
    async request(request): Promise<ApiResponse> {
      const reply = await run(request);
      return { code: reply.code, body: reply.raw !== undefined ? String(reply.raw) : reply.content?.object };
    },

    async stream(request, onLine, signal): Promise<void> {
      const reply = await run(request);
      if (!reply.watch) throw new ApiError(reply.content?.object);
      if (signal.aborted) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const closing: (() => void)[] = [];
      let open = true;
      const end = (): void => {
        if (!open) return;
        open = false;
        signal.removeEventListener('abort', end);
        for (const close of closing) close();
        resolve();
      };
      signal.addEventListener('abort', end, { once: true });
      reply.watch({
        send(event) {
          if (open) onLine({ type: event.type as WatchEvent['type'], object: event.entry.object });
          return open;
        },
        end,
        onClose: (close) => closing.push(close),
      });
      return promise;
    },

    close() {},
  };
}

/** The groups that come with a user's name, as certificates and tokens would say. */
export function userNamed(name: string): User {
  const account = /^system:serviceaccount:([^:]+):[^:]+$/.exec(name);
  if (!account) return { name, groups: ['system:authenticated'] };
  return { name, groups: ['system:serviceaccounts', `system:serviceaccounts:${account[1]}`, 'system:authenticated'] };
}
