import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Tickets } from '../gateway/tickets.ts';
import type { LearnerSession } from '../sessions/session.ts';
import { streamEvents } from './events.ts';
import { readBody, sendJson, sendText } from './replies.ts';

const slug = z.string().regex(/^[a-z0-9-]{1,64}$/);
const lesson = z.object({ track: slug, lesson: slug });
const answer = lesson.extend({ step: slug, check: slug, value: z.string().max(4096) });

export interface ApiContext {
  session: LearnerSession;
  viewer: string;
  tickets: Tickets;
}

/** What pages ask of the server, for a viewer who is signed in. Answers false for a path that is none of these. */
export async function serveApi(
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  { session, viewer, tickets }: ApiContext,
): Promise<boolean> {
  switch (`${request.method} ${url.pathname}`) {
    case 'GET /api/events': {
      const { track, lesson: folder } = lesson.parse(Object.fromEntries(url.searchParams));
      await streamEvents(response, session, `${track}/${folder}`);
      return true;
    }
    case 'GET /api/kubeconfig':
      await session.ready;
      response.writeHead(200, {
        'content-type': 'application/yaml',
        'content-disposition': 'attachment; filename="kubeconfig.yaml"',
        'cache-control': 'no-store',
      });
      response.end(session.sandbox.download());
      return true;
    case 'GET /api/authority': {
      const authority = session.sandbox.authority();
      if (!authority) {
        sendText(response, 404, 'this cluster has no certificate authority of its own');
        return true;
      }
      response.writeHead(200, {
        'content-type': 'application/x-x509-ca-cert',
        'content-disposition': 'attachment; filename="atelier-workshop-ca.crt"',
        'cache-control': 'no-store',
      });
      response.end(authority.pem);
      return true;
    }
    case 'POST /api/ticket':
      sendJson(response, 200, { ticket: tickets.issue(viewer) });
      return true;
    case 'POST /api/answer': {
      const wanted = answer.parse(JSON.parse(await readBody(request)));
      const opened = await session.open(`${wanted.track}/${wanted.lesson}`);
      const result = await opened.run.answer(`${wanted.step}/${wanted.check}`, wanted.value).finally(opened.release);
      if (result.right) sendJson(response, 200, { verdict: 'passed' });
      else sendJson(response, 200, { verdict: 'failing', message: result.because, detail: result.detail });
      return true;
    }
    case 'POST /api/reset':
    case 'POST /api/catch-up': {
      const wanted = lesson.parse(JSON.parse(await readBody(request)));
      const key = `${wanted.track}/${wanted.lesson}`;
      const work = url.pathname === '/api/reset' ? session.reset(key) : session.catchUp(key);
      // How it goes is told by the event stream, failure included.
      work.catch(() => undefined);
      sendJson(response, 202, { started: true });
      return true;
    }
    default:
      if (!url.pathname.startsWith('/api/')) return false;
      sendText(response, 404, 'there is no such address');
      return true;
  }
}
