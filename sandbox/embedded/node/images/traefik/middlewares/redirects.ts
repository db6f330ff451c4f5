import { STATUS_CODES } from 'node:http';
import { expression } from '../routing/match.ts';
import { type Exchange, type Handler, reply } from '../server/exchange.ts';
import type { Build } from './build.ts';

/** Go's way to name groups in a replacement: `$1`, `${1}`. */
export function replacementOf(text: string): string {
  return text.replaceAll(/\$\{(\w+)\}|\$(\w+)/g, (_, braced: string, plain: string) => {
    const name = braced ?? plain;
    return /^\d+$/.test(name) ? `$${name}` : `\${${name}}`;
  });
}

function redirect(
  next: Handler,
  pattern: string,
  replacement: string,
  { permanent = false, forcePermanentRedirect = false }: { permanent?: boolean; forcePermanentRedirect?: boolean },
  urlOf: (exchange: Exchange) => string,
): Handler {
  const regex = expression(pattern);
  const substitute = replacementOf(replacement);
  return (exchange) => {
    const before = urlOf(exchange);
    const matcher = regex.matcher(before);
    if (!matcher.find()) return next(exchange);
    const location = regex.matcher(before).replaceAll(substitute);
    if (location === before) return next(exchange);
    const get = exchange.method === 'GET';
    const status = forcePermanentRedirect ? 308 : permanent ? (get ? 301 : 308) : get ? 302 : 307;
    reply(exchange, status, STATUS_CODES[status] ?? '', { location });
  };
}

export const redirectScheme: Build = (next, { scheme = '', port = '', ...options }) => {
  if (!scheme) throw new Error('you must provide a target scheme');
  const shown =
    port && !(scheme === 'http' && port === '80') && !(scheme === 'https' && port === '443') ? `:${port}` : '';
  const pattern = String.raw`^(https?:\/\/)?(\[[\w:.]+\]|[\w\._-]+)?(:\d+)?(.*)$`;
  return redirect(next, pattern, `${scheme}://\${2}${shown}\${4}`, options, ({ req, secure, authority }) => {
    const forwarded = String(req.headers['x-forwarded-proto'] ?? '').toLowerCase();
    const asked = /^(?:https|wss)$/.test(forwarded)
      ? 'https'
      : /^(?:http|ws)$/.test(forwarded)
        ? 'http'
        : secure
          ? 'https'
          : 'http';
    const usual = asked === 'https' ? /:443$/ : /:80$/;
    return `${asked}://${authority.replace(usual, '')}${req.url}`;
  });
};

export const redirectRegex: Build = (next, { regex = '', replacement = '', ...options }) =>
  redirect(
    next,
    regex,
    replacement,
    options,
    ({ req, secure, authority }) => `${secure ? 'https' : 'http'}://${authority}${req.url}`,
  );
