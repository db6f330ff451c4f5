import type { Loose } from '../../../../../../kubernetes/object.ts';
import { expression } from '../routing/match.ts';
import type { Exchange, Head } from '../server/exchange.ts';
import { reply } from '../server/exchange.ts';
import type { Build } from './build.ts';

/** Fixed headers by option: what browsers are told. */
function securityHeaders(options: Loose, secure: boolean): Record<string, string> {
  const told: Record<string, string> = {};
  if (options.customFrameOptionsValue) told['x-frame-options'] = options.customFrameOptionsValue;
  else if (options.frameDeny) told['x-frame-options'] = 'DENY';
  if (options.contentTypeNosniff) told['x-content-type-options'] = 'nosniff';
  if (options.customBrowserXSSValue) told['x-xss-protection'] = options.customBrowserXSSValue;
  else if (options.browserXssFilter) told['x-xss-protection'] = '1; mode=block';
  if (options.contentSecurityPolicy) told['content-security-policy'] = options.contentSecurityPolicy;
  if (options.referrerPolicy) told['referrer-policy'] = options.referrerPolicy;
  if (options.permissionsPolicy) told['permissions-policy'] = options.permissionsPolicy;
  if (options.stsSeconds && (secure || options.forceSTSHeader))
    told['strict-transport-security'] =
      `max-age=${options.stsSeconds}${options.stsIncludeSubdomains ? '; includeSubDomains' : ''}${options.stsPreload ? '; preload' : ''}`;
  return told;
}

/** https://doc.traefik.io/traefik/middlewares/http/headers/ */
export const headers: Build = (next, options) => {
  const origins: string[] = options.accessControlAllowOriginList ?? [];
  const patterns = (options.accessControlAllowOriginListRegex ?? []).map((one: string) => expression(one));
  const cors = Object.keys(options).some((name) => name.startsWith('accessControl') || name === 'addVaryHeader');

  const allowed = (origin: string): string | undefined => {
    if (origins.includes('*')) return '*';
    if (origins.includes(origin)) return origin;
    return patterns.some((one: ReturnType<typeof expression>) => one.matcher(origin).find()) ? origin : undefined;
  };

  function preflight({ req }: Exchange): Head['headers'] {
    const told: Head['headers'] = {};
    if (options.accessControlAllowCredentials) told['access-control-allow-credentials'] = 'true';
    if (options.accessControlAllowHeaders)
      told['access-control-allow-headers'] = options.accessControlAllowHeaders.join(',');
    if (options.accessControlAllowMethods)
      told['access-control-allow-methods'] = options.accessControlAllowMethods.join(',');
    const origin = allowed(String(req.headers.origin));
    if (origin) told['access-control-allow-origin'] = origin;
    told['access-control-max-age'] = String(options.accessControlMaxAge ?? 0);
    told['content-length'] = '0';
    return told;
  }

  return (exchange) => {
    const { req, secure } = exchange;
    const asked = req.headers['access-control-request-method'];
    if (cors && req.method === 'OPTIONS' && asked && req.headers.origin)
      return reply(exchange, 200, '', preflight(exchange));
    for (const [name, value] of Object.entries<string>(options.customRequestHeaders ?? {})) {
      if (value === '') delete req.headers[name.toLowerCase()];
      else req.headers[name.toLowerCase()] = value;
    }
    const fixed = securityHeaders(options, secure);
    const { origin } = req.headers;
    exchange.heads.push(({ headers: told }) => {
      Object.assign(told, fixed);
      for (const [name, value] of Object.entries<string>(options.customResponseHeaders ?? {}))
        told[name.toLowerCase()] = value === '' ? undefined : value;
      const match = origin === undefined ? undefined : allowed(origin);
      if (match) told['access-control-allow-origin'] = match;
      if (options.accessControlAllowCredentials) told['access-control-allow-credentials'] = 'true';
      if (options.accessControlExposeHeaders)
        told['access-control-expose-headers'] = options.accessControlExposeHeaders.join(',');
      if (options.addVaryHeader && told.vary !== 'Origin') told.vary = told.vary ? `${told.vary},Origin` : 'Origin';
    });
    next(exchange);
  };
};
