/**
 * Serves the built site with a made-up learner, to look at pages without a cluster:
 * `node tests/site/serve.ts [--port N] [--state begun|trouble|done|none]`. Prints the address.
 */
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { parseArgs } from 'node:util';
import { contextOf, eventsOf, type SiteState } from './states.ts';

const { values } = parseArgs({ options: { port: { type: 'string', default: '0' }, state: { type: 'string' } } });
const root = join(import.meta.dirname, '../..');
const { handler } = await import(join(root, 'dist/server/entry.mjs'));
const TYPES: Record<string, string> = {
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://site');
  const from = URL.parse(request.headers.referer ?? '')?.searchParams.get('state');
  const state = (from ?? url.searchParams.get('state') ?? values.state ?? 'trouble') as SiteState;
  if (url.pathname === '/api/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    for (const { event, data } of eventsOf(state)) response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    return;
  }
  if (url.pathname === '/api/answer') {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"verdict":"failing"}');
    return;
  }
  const file = join(root, 'dist/client', normalize(url.pathname));
  if (existsSync(file) && statSync(file).isFile()) {
    response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' });
    createReadStream(file).pipe(response);
    return;
  }
  const context = contextOf(state);
  void handler(request, response, () => response.writeHead(404).end(), context ? { atelier: context } : {});
});
server.listen(Number(values.port), '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/en/\n`);
});
