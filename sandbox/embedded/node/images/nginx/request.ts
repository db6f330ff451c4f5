import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { formatDate } from '../applets/time.ts';
import { joinPath } from '../file-system/paths.ts';
import { FileError, type FileStat } from '../file-system.ts';
import type { ContainerProcess } from '../image.ts';
import { all, type Directive, inherited } from './configuration.ts';

const TYPES: Record<string, string> = {
  html: 'text/html',
  htm: 'text/html',
  css: 'text/css',
  xml: 'text/xml',
  gif: 'image/gif',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  js: 'application/javascript',
  txt: 'text/plain',
  png: 'image/png',
  svg: 'image/svg+xml',
  webp: 'image/webp',
  ico: 'image/x-icon',
  json: 'application/json',
  woff2: 'font/woff2',
  pdf: 'application/pdf',
  zip: 'application/zip',
  mjs: 'application/javascript',
};

const REASONS: Record<number, string> = {
  301: 'Moved Permanently',
  302: 'Found',
  303: 'See Other',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  401: 'Authorization Required',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Not Allowed',
  413: 'Request Entity Too Large',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Temporarily Unavailable',
  504: 'Gateway Time-out',
};

function errorPage(status: number, version: string): string {
  const title = `${status} ${REASONS[status] ?? ''}`.trim();
  return `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n<hr><center>${version}</center>\r\n</body>\r\n</html>\r\n`;
}

export interface Exchange {
  process: ContainerProcess;
  request: IncomingMessage;
  response: ServerResponse;
  /** http, server and, once chosen, location blocks, outermost first. */
  scopes: Directive[][];
  http: Directive[];
  version: string;
  path: string;
  query: string;
  variables: Map<string, string>;
  sent: number;
  complain(text: string): Promise<void>;
}

/** `$host` and its kin. */
export function interpolate(exchange: Exchange, text: string): string {
  return text.replace(/\$(?:\{(\w+)\}|(\w+))/g, (_, braced?: string, plain?: string) =>
    variable(exchange, braced ?? plain ?? ''),
  );
}

function variable(exchange: Exchange, name: string): string {
  const { request, process, path, query } = exchange;
  const known = exchange.variables.get(name);
  if (known !== undefined) return known;
  const header = /^http_(.*)$/.exec(name)?.[1];
  if (header) return String(request.headers[header.replaceAll('_', '-')] ?? '');
  const argument = /^arg_(.*)$/.exec(name)?.[1];
  if (argument) return new URLSearchParams(query).get(argument) ?? '';
  const address = (request.socket.remoteAddress ?? '127.0.0.1').replace(/^::ffff:/, '');
  const uri = query === '' ? path : `${path}?${query}`;
  const values: Record<string, string> = {
    host: (request.headers.host ?? '').replace(/:\d+$/, ''),
    hostname: process.container.pod.hostname,
    uri: path,
    document_uri: path,
    request_uri: request.url ?? uri,
    args: query,
    query_string: query,
    is_args: query === '' ? '' : '?',
    scheme: 'http',
    request_method: request.method ?? '',
    remote_addr: address,
    remote_port: String(request.socket.remotePort ?? ''),
    server_protocol: `HTTP/${request.httpVersion}`,
    server_addr: process.container.pod.ip,
    server_port: exchange.variables.get('server_port') ?? '80',
    proxy_add_x_forwarded_for: [request.headers['x-forwarded-for'], address].filter(Boolean).join(', '),
    nginx_version: exchange.version.slice(6),
    request: `${request.method} ${request.url} HTTP/${request.httpVersion}`,
    status: String(exchange.response.statusCode),
    body_bytes_sent: String(exchange.sent),
    remote_user: '-',
    pid: String(process.pid),
    proxy_host: exchange.variables.get('proxy_host') ?? '',
    time_local: formatDate('%d/%b/%Y:%H:%M:%S %z', process.container.clock.now()),
    time_iso8601: formatDate('%FT%T+00:00', process.container.clock.now()),
    msec: (process.container.clock.now().getTime() / 1000).toFixed(3),
    request_time: '0.000',
  };
  return values[name] ?? '';
}

export function reply(
  exchange: Exchange,
  status: number,
  body: string | Uint8Array,
  headers: Record<string, string | string[]> = {},
): void {
  const { response, request } = exchange;
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const added: Record<string, string> = {};
  const source = exchange.scopes
    .toReversed()
    .find((scope) => scope.some((directive) => directive.name === 'add_header'));
  for (const { args } of all(source ?? [], 'add_header'))
    if (args[2] === 'always' || [200, 201, 204, 206, 301, 302, 303, 304, 307, 308].includes(status))
      added[args[0] ?? ''] = interpolate(exchange, args[1] ?? '');
  const base = {
    Server: exchange.version,
    'Content-Length': String(bytes.length),
    Connection: request.headers.connection === 'close' ? 'close' : 'keep-alive',
  };
  response.writeHead(
    status,
    status === 304 || status === 204
      ? { Server: exchange.version, ...headers, ...added }
      : { ...base, ...headers, ...added },
  );
  const none = request.method === 'HEAD' || status === 304 || status === 204;
  exchange.sent = none ? 0 : bytes.length;
  response.end(none ? undefined : bytes);
}

export async function fail(exchange: Exchange, status: number): Promise<void> {
  const page = inheritedAll(exchange, 'error_page').find(({ args }) => args.slice(0, -1).includes(String(status)));
  const target = page?.args.at(-1) ?? '';
  if (target.startsWith('/') && !exchange.variables.has('in_error')) {
    exchange.variables.set('in_error', '1');
    const root = inherited(exchange.scopes, 'root')?.args[0] ?? '/etc/nginx/html';
    const server = exchange.scopes[1] ?? [];
    const location = all(server, 'location').find(({ args }) => args[0] === '=' && args[1] === target);
    const folder = all(location?.block ?? [], 'root')[0]?.args[0] ?? root;
    try {
      const body = exchange.process.fs.read(joinPath(folder, target.slice(1)));
      reply(exchange, status, body, { 'Content-Type': 'text/html' });
      return;
    } catch {
      // The page itself is missing: the built-in one answers.
    }
  }
  reply(exchange, status, errorPage(status, exchange.version), { 'Content-Type': 'text/html' });
}

function inheritedAll(exchange: Exchange, name: string): Directive[] {
  return all(
    exchange.scopes.toReversed().find((scope) => scope.some((directive) => directive.name === name)) ?? [],
    name,
  );
}

/** Serves a file of the container, as it is now. */
export async function serveFile(exchange: Exchange, location: Directive | undefined): Promise<void> {
  const { process, request, scopes } = exchange;
  if (request.method !== 'GET' && request.method !== 'HEAD') return fail(exchange, 405);
  const alias = all(location?.block ?? [], 'alias')[0]?.args[0];
  const root = inherited(scopes, 'root')?.args[0] ?? '/etc/nginx/html';
  const prefix = location?.args.at(-1) ?? '';
  const at = (path: string) =>
    alias === undefined ? interpolate(exchange, root).replace(/\/$/, '') + path : alias + path.slice(prefix.length);
  const tries = inherited(scopes, 'try_files')?.args;
  if (tries && !exchange.variables.has('tried')) {
    for (const candidate of tries.slice(0, -1)) {
      const path = interpolate(exchange, candidate);
      const stat = statOf(process, at(path));
      if (stat && (stat.type === 'directory') === path.endsWith('/')) return sendPath(exchange, path, at);
    }
    const last = interpolate(exchange, tries.at(-1) ?? '');
    if (last.startsWith('=')) return fail(exchange, Number(last.slice(1)));
    exchange.variables.set('tried', '1');
    return sendPath(exchange, last.split('?')[0] ?? '/', at);
  }
  return sendPath(exchange, exchange.path, at);
}

async function sendPath(exchange: Exchange, path: string, at: (path: string) => string): Promise<void> {
  const { process, request } = exchange;
  const full = at(path);
  const stat = statOf(process, full);
  const about = `client: ${variable(exchange, 'remote_addr')}, server: ${exchange.variables.get('server_name') ?? '_'}, request: "${variable(exchange, 'request')}", host: "${request.headers.host ?? ''}"`;
  if (!stat) {
    await exchange.complain(`open() "${full}" failed (2: No such file or directory), ${about}`);
    return fail(exchange, 404);
  }
  if (stat.type === 'directory') {
    if (!path.endsWith('/')) return redirect(exchange, 301, `${path}/`);
    const names = inherited(exchange.scopes, 'index')?.args ?? ['index.html'];
    const index = names.find((name) => statOf(process, joinPath(full, name))?.type === 'file');
    if (index) return sendPath(exchange, path + index, at);
    if (inherited(exchange.scopes, 'autoindex')?.args[0] === 'on') return listing(exchange, path, full);
    if (names.length > 1 || names[0] !== 'index.html')
      await exchange.complain(`directory index of "${full}" is forbidden, ${about}`);
    else await exchange.complain(`directory index of "${full}" is forbidden, ${about}`);
    return fail(exchange, 403);
  }
  let body: Uint8Array;
  try {
    body = process.fs.read(full);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    await exchange.complain(`open() "${full}" failed (13: Permission denied), ${about}`);
    return fail(exchange, 403);
  }
  const etag = `"${Math.floor(stat.modified.getTime() / 1000).toString(16)}-${body.length.toString(16)}"`;
  const headers = {
    'Content-Type':
      TYPES[full.split('.').at(-1) ?? ''] ??
      inherited(exchange.scopes, 'default_type')?.args[0] ??
      'application/octet-stream',
    'Last-Modified': stat.modified.toUTCString(),
    ETag: etag,
    'Accept-Ranges': 'bytes',
  };
  reply(exchange, request.headers['if-none-match'] === etag ? 304 : 200, body, headers);
}

function statOf(process: ContainerProcess, path: string): FileStat | undefined {
  try {
    return process.fs.stat(path);
  } catch {
    return undefined;
  }
}

function listing(exchange: Exchange, path: string, full: string): void {
  const rows = exchange.process.fs.list(full).map((name) => {
    const stat = exchange.process.fs.stat(joinPath(full, name));
    const label = stat.type === 'directory' ? `${name}/` : name;
    const size = stat.type === 'directory' ? '-' : String(stat.size);
    return `<a href="${encodeURI(label)}">${label}</a>${' '.repeat(Math.max(1, 51 - label.length))}${formatDate('%d-%b-%Y %H:%M', stat.modified)} ${size.padStart(19)}\r\n`;
  });
  const body = `<html>\r\n<head><title>Index of ${path}</title></head>\r\n<body>\r\n<h1>Index of ${path}</h1><hr><pre><a href="../">../</a>\r\n${rows.join('')}</pre><hr></body>\r\n</html>\r\n`;
  reply(exchange, 200, body, { 'Content-Type': 'text/html' });
}

export function redirect(exchange: Exchange, status: number, target: string): void {
  const host = exchange.request.headers.host ?? '';
  const location = target.startsWith('/') ? `http://${host}${target}` : target;
  reply(exchange, status, errorPage(status, exchange.version), { 'Content-Type': 'text/html', Location: location });
}

/** `proxy_pass`: the request goes on over the pod's network. */
export async function proxy(exchange: Exchange, location: Directive | undefined, target: string): Promise<void> {
  const { process, request, response } = exchange;
  const url = /^https?:\/\/([^/:]+)(?::(\d+))?(\/.*)?$/.exec(interpolate(exchange, target));
  if (!url) return fail(exchange, 500);
  let [, host = '', port = '80', rest] = url;
  const upstream = all(exchange.http, 'upstream').find(({ args }) => args[0] === host);
  const authority = url[2] ? `${host}:${port}` : host;
  if (upstream) {
    const servers = all(upstream.block ?? [], 'server').map(({ args }) => args[0] ?? '');
    const chosen = servers[Math.floor(Math.random() * servers.length)] ?? '';
    [host, port] = [chosen.split(':')[0] ?? '', chosen.split(':')[1] ?? '80'];
  }
  const prefix = location?.args.length === 1 ? (location.args[0] as string) : '';
  const path =
    rest === undefined
      ? (request.url ?? '/')
      : rest + exchange.path.slice(prefix.length) + (exchange.query === '' ? '' : `?${exchange.query}`);
  const headers: Record<string, string | string[] | undefined> = {
    ...request.headers,
    host: authority,
    connection: 'close',
  };
  for (const { args } of inheritedAll(exchange, 'proxy_set_header'))
    headers[(args[0] ?? '').toLowerCase()] = interpolate(exchange, args[1] ?? '');
  try {
    const socket = await process.container.network.connect(host, Number(port));
    await new Promise<void>((resolve, reject) => {
      const onward = httpRequest({
        createConnection: () => socket as never,
        method: request.method ?? 'GET',
        path,
        headers: headers as Record<string, string>,
      });
      onward.on('error', reject);
      onward.on('response', (back) => {
        response.writeHead(back.statusCode ?? 502, {
          ...back.headers,
          server: exchange.version,
          connection: 'keep-alive',
        });
        back.on('data', (chunk: Buffer) => {
          exchange.sent += chunk.length;
        });
        back.on('error', reject);
        back.on('end', resolve);
        back.pipe(response);
      });
      request.pipe(onward);
    });
  } catch (error) {
    const { code } = error as { code?: string };
    const why =
      code === 'ECONNREFUSED'
        ? 'connect() failed (111: Connection refused) while connecting to upstream'
        : code === 'ETIMEDOUT'
          ? 'upstream timed out (110: Operation timed out) while connecting to upstream'
          : `${host} could not be resolved (3: Host not found)`;
    await exchange.complain(
      `${why}, client: ${variable(exchange, 'remote_addr')}, server: ${exchange.variables.get('server_name') ?? ''}, request: "${variable(exchange, 'request')}", upstream: "http://${host}:${port}${path}", host: "${request.headers.host ?? ''}"`,
    );
    if (!response.headersSent) await fail(exchange, code === 'ETIMEDOUT' ? 504 : 502);
  }
}
