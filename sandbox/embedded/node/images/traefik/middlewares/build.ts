import type { Loose } from '../../../../../../kubernetes/object.ts';
import { type Middleware, qualified } from '../dynamic.ts';
import type { BuildContext } from '../routing/build.ts';
import { type Handler, reply } from '../server/exchange.ts';
import { basicAuth } from './basic-auth.ts';
import { requestHeaderModifier, requestRedirect, responseHeaderModifier, urlRewrite } from './gateway.ts';
import { headers } from './headers.ts';
import { ipAllowList, rateLimit, retry } from './limits.ts';
import { addPrefix, replacePath, replacePathRegex, stripPrefix, stripPrefixRegex } from './paths.ts';
import { redirectRegex, redirectScheme } from './redirects.ts';

interface Stage extends BuildContext {
  middlewares: Map<string, Middleware>;
}

/** Makes a middleware of its options. Throws what Traefik says of wrong ones. */
export type Build = (next: Handler, options: Loose, stage: BuildContext) => Handler;

const pass: Build = (next) => next;

/** By the names the options have in the configuration. */
const kinds: Record<string, Build> = {
  addPrefix,
  basicAuth,
  compress: pass,
  contentType: pass,
  headers,
  ipAllowList,
  ipWhiteList: ipAllowList,
  rateLimit,
  redirectRegex,
  redirectScheme,
  replacePath,
  replacePathRegex,
  requestHeaderModifier,
  requestRedirect,
  responseHeaderModifier,
  retry,
  stripPrefix,
  stripPrefixRegex,
  urlRewrite,
  /** The limit of the provider for ingress-nginx. */
  buffering:
    (next, { maxRequestBodyBytes = 0 }) =>
    (exchange) => {
      const length = Number(exchange.req.headers['content-length'] ?? 0);
      if (maxRequestBodyBytes > 0 && length > maxRequestBodyBytes)
        return reply(exchange, 413, 'Request Entity Too Large');
      next(exchange);
    },
};

/** Puts the middleware of that name before `next`. Throws what is wrong with it. */
export function buildMiddleware(name: string, next: Handler, stage: Stage, above: string[] = []): Handler {
  if (above.includes(name))
    throw new Error(`could not instantiate middleware ${name}: recursion detected in ${[...above, name].join('->')}`);
  const middleware = stage.middlewares.get(name);
  if (!middleware) throw new Error(`middleware ${JSON.stringify(name)} does not exist`);
  const given = Object.entries(middleware).filter(([, options]) => options !== undefined && options !== null);
  if (given.length > 1)
    throw new Error(
      'cannot create middleware: multi-types middleware not supported, consider declaring two different pieces of middleware instead',
    );
  const [kind, options] = given[0] ?? [''];
  if (kind === 'chain')
    return ((options as Loose).middlewares ?? []).reduceRight(
      (inner: Handler, one: string) =>
        buildMiddleware(qualified(one, name.split('@')[1] ?? ''), inner, stage, [...above, name]),
      next,
    );
  const build = kinds[kind];
  if (!build)
    throw new Error(
      `invalid middleware ${JSON.stringify(name)} configuration: invalid middleware type or middleware does not exist`,
    );
  return build(next, options as Loose, stage);
}
