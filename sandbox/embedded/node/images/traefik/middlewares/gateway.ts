import { STATUS_CODES } from 'node:http';
import { posix } from 'node:path';
import type { Loose } from '../../../../../../kubernetes/object.ts';
import { type Exchange, reply } from '../server/exchange.ts';
import type { Build } from './build.ts';
import { rewrite } from './paths.ts';

type Headers = Record<string, string | string[] | undefined>;

/** Sets, then adds, then takes away. */
function modify(headers: Headers, { set = [], add = [], remove = [] }: Loose): void {
  const ways = { set: new Map<string, string>(), add: new Map<string, string>() };
  for (const { name, value } of set) ways.set.set(name.toLowerCase(), value);
  for (const { name, value } of add) ways.add.set(name.toLowerCase(), value);
  // In Go the host is no header.
  ways.set.delete('host');
  ways.add.delete('host');
  for (const [name, value] of ways.set) headers[name] = value;
  for (const [name, value] of ways.add) {
    const before = headers[name];
    headers[name] = before === undefined ? value : [before, value].flat();
  }
  for (const name of remove) if (name.toLowerCase() !== 'host') delete headers[name.toLowerCase()];
}

export const requestHeaderModifier: Build = (next, options) => (exchange) => {
  modify(exchange.req.headers as Headers, options);
  next(exchange);
};

export const responseHeaderModifier: Build = (next, options) => (exchange) => {
  exchange.heads.push(({ headers }) => modify(headers, options));
  next(exchange);
};

/** A path as a filter changes it: all of it, or what stood for the prefix. */
function changed(before: string, { path, pathPrefix }: { path?: string; pathPrefix?: string }): string {
  if (path === undefined) return before;
  if (pathPrefix === undefined) return path;
  const rest = before.startsWith(pathPrefix) ? before.slice(pathPrefix.length) : before;
  const parts = [path, rest].filter(Boolean);
  const joined = parts.length === 0 ? '' : posix.join(...parts).replace(/(.)\/$/, '$1');
  return before.endsWith('/') && !joined.endsWith('/') ? `${joined}/` : joined;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** As Go writes a path that it puts together anew. */
function encoded(path: string): string {
  return encodeURIComponent(path)
    .replaceAll(/%(?:24|26|2B|2C|2F|3A|3B|3D|40)/g, (code) => decodeURIComponent(code))
    .replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

function replaced(raw: string, options: Loose): string {
  const before = decoded(raw);
  const after = changed(before, options);
  return after === before ? raw : encoded(after);
}

export const requestRedirect: Build = (_, { scheme, hostname, port, statusCode = 302, ...options }) => {
  if (statusCode !== 301 && statusCode !== 302) throw new Error(`unsupported status code: ${statusCode}`);
  return (exchange: Exchange) => {
    const { authority, req } = exchange;
    const [, name = authority, asked = ''] = /^(.*?)(?::(\d*))?$/.exec(authority) ?? [];
    const shown = port ?? asked;
    const place = `${hostname ?? name}${shown && `:${shown}`}`;
    const [raw = '/', query] = (req.url ?? '/').split(/\?(.*)/s);
    const path = replaced(raw, options);
    const location = `${scheme ? `${scheme}:` : ''}//${place}${path && !path.startsWith('/') ? '/' : ''}${path}${query === undefined ? '' : `?${query}`}`;
    reply(exchange, statusCode, STATUS_CODES[statusCode] ?? '', { location });
  };
};

export const urlRewrite: Build =
  (next, { hostname, ...options }) =>
  (exchange) => {
    rewrite(exchange, (path) => replaced(path, options) || '/');
    if (hostname !== undefined) exchange.req.headers.host = hostname;
    next(exchange);
  };
