import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import sirv from 'sirv';
import { ZodError } from 'zod';
import { createGateway, type Gateway, refuse } from '../gateway/gateway.ts';
import { createTickets } from '../gateway/tickets.ts';
import type { PageContext } from '../layouts/page-context.ts';
import type { TrackFolder } from '../lessons/load.ts';
import type { LearnerSession } from '../sessions/session.ts';
import { serveApi } from './api.ts';
import type { Identity } from './identity.ts';
import { metricsText } from './metrics.ts';
import { pageContextOf } from './page-context.ts';
import { readBody, sendText } from './replies.ts';
import { isOwnHost, isOwnOrigin } from './same-origin.ts';
import { UserError } from './user-error.ts';

/** Astro's handler, as its Node adapter builds it in middleware mode. */
export type PageHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
  locals: { atelier?: PageContext; signedOut?: boolean },
) => void;

interface Site {
  pages: PageHandler;
  /** The folder of built scripts, styles and fonts. */
  assets: string;
  /** The folder of the Helm repository. */
  charts: string;
}

/** What the server serves once the rest is up. */
interface Workshop {
  identity: Identity;
  session: LearnerSession;
  tracks: TrackFolder[];
  cluster: PageContext['cluster'];
  /** Why the cluster cannot be used now, or undefined. */
  trouble(): string | undefined | Promise<string | undefined>;
}

export interface AtelierServer {
  readonly port: number;
  /** Opens the doors: until then every request is answered 503. */
  begin(site: Site, workshop: Workshop): void;
  close(): Promise<void>;
}

const POLICY = [
  "default-src 'self'",
  "script-src 'self'",
  // xterm writes its colours and sizes into style elements.
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "frame-ancestors 'none'",
  "form-action 'self'",
  "base-uri 'none'",
  "object-src 'none'",
].join('; ');

const SECURITY_HEADERS = {
  'content-security-policy': POLICY,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/** Listens at once, so that a busy port is known first. Rejects with {@link UserError} when it cannot. */
export async function listen(host: string, port: number, onTrouble: (error: Error) => void): Promise<AtelierServer> {
  const tickets = createTickets();
  let site: Site | undefined;
  let workshop: Workshop | undefined;
  let gateway: Gateway | undefined;
  let assets: ReturnType<typeof sirv> | undefined;
  let charts: ReturnType<typeof sirv> | undefined;

  const server: Server = createServer((request, response) => {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    answer(request, response).catch((error: Error) => fail(response, error));
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (!admitted(request, true) || !gateway?.upgrade(request, socket, head)) refuse(socket, 403);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, port)));
    server.listen(port, host, resolve);
  });
  const bound = (server.address() as AddressInfo).port;

  function admitted(request: IncomingMessage, originRequired: boolean): boolean {
    return isOwnHost(request.headers.host, bound) && isOwnOrigin(request, originRequired);
  }

  function fail(response: ServerResponse, error: Error): void {
    const wrong = error instanceof ZodError || error instanceof SyntaxError;
    if (!wrong) onTrouble(error);
    if (response.headersSent) response.destroy();
    else sendText(response, wrong ? 400 : 500, wrong ? 'the request is malformed' : error.message);
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!isOwnHost(request.headers.host, bound)) {
      return sendText(
        response,
        421,
        `Atelier answers as 127.0.0.1:${bound} and localhost:${bound} alone, not as this host.`,
      );
    }
    const url = new URL(request.url ?? '/', `http://127.0.0.1:${bound}`);
    if (url.pathname === '/healthz') return answerHealth(response);
    if (!site || !workshop) return sendText(response, 503, 'Atelier is starting');
    const changes = request.method !== 'GET' && request.method !== 'HEAD';
    if (changes && !isOwnOrigin(request, false)) return sendText(response, 403, 'this request comes from another site');
    if (url.pathname === '/metrics') return answerMetrics(response, workshop);
    if (request.method === 'POST' && url.pathname === '/session') return signIn(request, response, workshop);
    // The Helm repository holds nothing of anybody: helm carries no cookie.
    if (charts && url.pathname.startsWith('/charts/')) return serveCharts(request, response);
    return serveViewer(request, response, url, workshop);
  }

  function serveCharts(request: IncomingMessage, response: ServerResponse): void {
    request.url = request.url?.slice('/charts'.length) ?? '/';
    charts?.(request, response, () => sendText(response, 404, 'the Helm repository has no such file'));
  }

  async function serveViewer(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    open: Workshop,
  ): Promise<void> {
    const viewer = open.identity.viewerOf(request);
    const { session } = open;
    if (url.pathname.startsWith('/api/')) {
      if (viewer !== session.learner) return sendText(response, 401, 'sign in by the link that Atelier printed');
      await serveApi(request, response, url, { session, viewer, tickets });
      return;
    }
    assets?.(request, response, () => {
      const locals =
        viewer === session.learner
          ? { atelier: pageContextOf(session, open.tracks, open.cluster) }
          : { signedOut: true };
      response.setHeader('cache-control', 'no-store');
      site?.pages(
        request,
        response,
        (error) => {
          if (error instanceof Error) fail(response, error);
          else sendText(response, 404, 'there is no such page');
        },
        locals,
      );
    });
  }

  async function signIn(request: IncomingMessage, response: ServerResponse, open: Workshop): Promise<void> {
    const form = new URLSearchParams(await readBody(request));
    const cookie = open.identity.signIn(form.get('token') ?? '');
    const next = form.get('next') ?? '/';
    const headers = cookie
      ? { 'set-cookie': cookie, location: /^\/(?!\/)[\w/-]*$/.test(next) ? next : '/' }
      : { location: '/sign-in/?refused' };
    response.writeHead(303, headers);
    response.end();
  }

  async function answerHealth(response: ServerResponse): Promise<void> {
    const reason = workshop ? await workshop.trouble() : 'starting';
    sendText(response, reason ? 503 : 200, reason ?? 'ok');
  }

  async function answerMetrics(response: ServerResponse, open: Workshop): Promise<void> {
    const up = (await open.trouble()) === undefined;
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
    response.end(metricsText(up));
  }

  return {
    port: bound,
    begin(newSite, newWorkshop) {
      site = newSite;
      workshop = newWorkshop;
      // Looked up at each request: a file that was built anew meanwhile is missing then, and no stream breaks the server.
      assets = sirv(newSite.assets, { dev: true, etag: true, setHeaders: cacheLong });
      charts = sirv(newSite.charts, { dev: true });
      gateway = createGateway({
        tickets,
        viewerOf: (request) => newWorkshop.identity.viewerOf(request),
        roomOf: (viewer) => (viewer === newWorkshop.session.learner ? newWorkshop.session : undefined),
        onTrouble,
      });
    },
    async close() {
      gateway?.close();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Names of built files carry a digest of what is in them. */
function cacheLong(response: ServerResponse, pathname: string): void {
  if (pathname.startsWith('/_astro/')) response.setHeader('cache-control', 'public, max-age=31536000, immutable');
}

function listenError(error: NodeJS.ErrnoException, port: number): Error {
  if (error.code === 'EADDRINUSE') {
    return new UserError(
      `port ${port} is busy: stop what uses it, or choose another with --port (0 takes any free one).`,
    );
  }
  if (error.code === 'EACCES')
    return new UserError(`port ${port} needs rights you do not have: choose one above 1023 with --port.`);
  return error;
}
