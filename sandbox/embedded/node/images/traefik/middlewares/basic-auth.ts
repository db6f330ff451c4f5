import { createHash, timingSafeEqual } from 'node:crypto';
import { reply } from '../server/exchange.ts';
import { apr1 } from './apr1.ts';
import type { Build } from './build.ts';

function same(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Whether a password fits an entry of htpasswd(1): `$apr1$`, `{SHA}`, or plain text. */
function matches(password: string, secret: string): boolean {
  if (secret.startsWith('{SHA}')) return same(createHash('sha1').update(password).digest('base64'), secret.slice(5));
  if (/^\$(?:apr1|1)\$/.test(secret)) return same(apr1(password, secret), secret);
  return same(password, secret);
}

/** https://doc.traefik.io/traefik/middlewares/http/basicauth/ */
export const basicAuth: Build = (next, { users = [], realm = 'traefik', headerField = '', removeHeader = false }) => {
  const secrets = new Map<string, string>();
  for (const user of users as string[]) {
    const parts = user.split(':');
    if (parts.length !== 2) throw new Error(`error parsing BasicUser: ${user}`);
    secrets.set(parts[0]!, parts[1]!);
  }
  return (exchange) => {
    const { headers } = exchange.req;
    const given = /^Basic\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1];
    const [, user = '', password = ''] = /^([^:]*):(.*)$/s.exec(Buffer.from(given ?? '', 'base64').toString()) ?? [];
    if (given) exchange.record.user = user;
    const secret = secrets.get(user);
    if (secret === undefined || !matches(password, secret))
      return reply(exchange, 401, '401 Unauthorized\n', {
        'content-type': 'text/plain',
        'www-authenticate': `Basic realm="${realm}"`,
      });
    if (headerField) headers[headerField.toLowerCase()] = user;
    if (removeHeader) delete headers.authorization;
    next(exchange);
  };
};
