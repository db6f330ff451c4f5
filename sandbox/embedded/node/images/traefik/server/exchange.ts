import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Log } from '../log.ts';

export type Handler = (exchange: Exchange) => void;

/** What goes out before a body: a status, and headers by their names in small letters. */
export interface Head {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  /** Traefik's own answer: its length comes last. */
  own?: boolean;
}

/** What the access log tells beside the request. */
interface Record_ {
  router?: string;
  service?: string;
  url?: string;
  user?: string;
  originStatus?: number;
  originStarted?: number;
  originEnded?: number;
  retries: number;
  size: number;
  status: number;
}

/** One request on its way through Traefik. */
export class Exchange {
  readonly req: IncomingMessage | Http2ServerRequest;
  readonly res: ServerResponse | Http2ServerResponse;
  readonly entryPoint: string;
  readonly secure: boolean;
  readonly started = performance.now();
  /** What was asked for, cleaned; middlewares change `req.url`. */
  readonly url: string;
  readonly method: string;
  /** The Host header, its port included. */
  readonly authority: string;
  /** The host that rules know: small letters, no port. */
  readonly host: string;
  readonly client: string;
  /** Where the connection becomes something else than HTTP. */
  upgrade: { socket: Duplex; head: Buffer } | undefined;
  readonly record: Record_ = { retries: 0, size: 0, status: 0 };
  /** Change what is answered, the last added first. */
  readonly heads: ((head: Head) => void)[] = [];
  /** Told once all of the answer is on its way. */
  done: () => void = () => {};
  /** We asked for gzip, not the client. */
  gzip = false;
  /** Set while a kept connection is used: sends the request once more, where the server had closed it meanwhile. */
  resend: (() => void) | undefined;
  /** Tries another server when one could not be reached; answers whether it does. */
  retry: (() => boolean) | undefined;
  log: Log;
  #path: string | undefined;
  #query: URLSearchParams | undefined;

  constructor(
    req: IncomingMessage | Http2ServerRequest,
    res: ServerResponse | Http2ServerResponse,
    entryPoint: string,
    secure: boolean,
    log: Log,
  ) {
    this.req = req;
    this.res = res;
    this.entryPoint = entryPoint;
    this.secure = secure;
    this.log = log;
    this.url = req.url ?? '/';
    this.method = req.method ?? 'GET';
    const { headers } = req;
    this.authority = (headers[':authority'] as string | undefined) ?? headers.host ?? '';
    this.host = this.authority
      .replace(/:\d*$/, '')
      .replace(/^\[|\]$/g, '')
      .toLowerCase();
    this.client = (req.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  }

  /** The path that rules know: decoded, but for characters that mean something there. */
  get path(): string {
    this.#path ??= routingPath(this.url);
    return this.#path;
  }

  get query(): URLSearchParams {
    const at = this.url.indexOf('?');
    this.#query ??= new URLSearchParams(at < 0 ? '' : this.url.slice(at + 1));
    return this.#query;
  }
}

const reserved = /%(?:3A|2F|3F|23|5B|5D|40|21|24|26|27|28|29|2A|2B|2C|3B|3D|25)/;

function routingPath(url: string): string {
  const at = url.indexOf('?');
  const path = at < 0 ? url : url.slice(0, at);
  if (!path.includes('%')) return path;
  return path.replaceAll(/(?:%[0-9A-Fa-f]{2})+/g, (run) => {
    try {
      return run
        .split(reserved)
        .map((part) => decodeURIComponent(part))
        .reduce(
          (sum, part, index) => sum + (index ? (run.match(new RegExp(reserved, 'g'))?.[index - 1] ?? '') : '') + part,
        );
    } catch {
      return run;
    }
  });
}

const canonicals = new Map<string, string>();

/** `content-type` as `Content-Type`, the way Go writes headers. */
export function canonical(name: string): string {
  const known = canonicals.get(name);
  if (known !== undefined) return known;
  const shown = name.replaceAll(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase());
  // Names that somebody invents for each request are not worth keeping.
  if (canonicals.size < 500) canonicals.set(name, shown);
  return shown;
}

const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Writes the head of an answer, headers sorted as Go does. */
export function writeHead(exchange: Exchange, head: Head): void {
  for (const change of exchange.heads.toReversed()) change(head);
  const { res, req, record } = exchange;
  const { headers } = head;
  record.status = head.status;
  if (req.httpVersionMajor > 1) {
    const sent: Record<string, string | string[]> = {};
    for (const name of Object.keys(headers).sort()) {
      const value = headers[name];
      if (value !== undefined && name !== 'content-length' && !hopByHop.has(name)) sent[name] = value;
    }
    if (headers['content-length'] !== undefined) sent['content-length'] = headers['content-length'];
    (res as Http2ServerResponse).writeHead(head.status, sent);
    return;
  }
  const flat: string[] = [];
  for (const name of Object.keys(headers).sort()) {
    const value = headers[name];
    if (value === undefined || hopByHop.has(name) || (head.own && name === 'content-length')) continue;
    const shown = canonical(name);
    if (typeof value === 'string') flat.push(shown, value);
    else for (const one of value) flat.push(shown, one);
  }
  if (headers.date === undefined) flat.push('Date', new Date().toUTCString());
  if (head.own && typeof headers['content-length'] === 'string') flat.push('Content-Length', headers['content-length']);
  const http = res as ServerResponse;
  // Go says nothing about the connection unless it ends.
  http.removeHeader('connection');
  if (!http.shouldKeepAlive) flat.push('Connection', 'close');
  http.writeHead(head.status, flat);
}

/** Answers by itself: a short text, and headers by their names in small letters. */
export function reply(exchange: Exchange, status: number, body: string, headers: Head['headers'] = {}): void {
  const { res, method, record } = exchange;
  if (res.headersSent) {
    res.end();
    return;
  }
  const size = Buffer.byteLength(body);
  const none = status === 204 || status === 304;
  writeHead(exchange, {
    status,
    own: headers['content-length'] === undefined,
    headers: { ...headers, ...(!none && { 'content-length': String(size) }) },
  });
  if (method === 'HEAD' || none) res.end();
  else {
    record.size = size;
    res.end(body);
  }
  exchange.done();
}

/** As Go's http.Error: a line of plain text. */
export function replyError(exchange: Exchange, status: number, text: string): void {
  reply(exchange, status, `${text}\n`, {
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
  });
}
