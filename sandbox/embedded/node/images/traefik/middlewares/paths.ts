import { expression } from '../routing/match.ts';
import type { Exchange } from '../server/exchange.ts';
import type { Build } from './build.ts';
import { replacementOf } from './redirects.ts';

/** Changes the path of what is asked for; the query stays. */
export function rewrite({ req }: Exchange, change: (path: string) => string): void {
  const url = req.url ?? '/';
  const at = url.indexOf('?');
  const path = at < 0 ? url : url.slice(0, at);
  req.url = change(path) + (at < 0 ? '' : url.slice(at));
}

const withSlash = (path: string): string => (path === '' || path.startsWith('/') ? path : `/${path}`);

function prefixed({ req }: Exchange, prefix: string): void {
  const before = req.headers['x-forwarded-prefix'];
  req.headers['x-forwarded-prefix'] = before === undefined ? prefix : [before, prefix].flat();
}

export const stripPrefix: Build =
  (next, { prefixes = [] }) =>
  (exchange) => {
    rewrite(exchange, (path) => {
      const prefix = prefixes.find((one: string) => path.startsWith(one));
      if (prefix === undefined) return path;
      prefixed(exchange, prefix.trim());
      return withSlash(path.slice(prefix.length)) || '/';
    });
    next(exchange);
  };

export const stripPrefixRegex: Build = (next, { regex = [] }) => {
  const patterns = regex.map((one: string) => expression(one.trim()));
  return (exchange) => {
    rewrite(exchange, (path) => {
      for (const pattern of patterns) {
        const matcher = pattern.matcher(path);
        if (!matcher.find() || matcher.start() !== 0 || matcher.end() === 0) continue;
        prefixed(exchange, path.slice(0, matcher.end()));
        return withSlash(path.slice(matcher.end())) || '/';
      }
      return path;
    });
    next(exchange);
  };
};

export const addPrefix: Build = (next, { prefix = '' }) => {
  if (!prefix) throw new Error('prefix cannot be empty');
  return (exchange) => {
    rewrite(exchange, (path) => withSlash(prefix + path));
    next(exchange);
  };
};

export const replacePath: Build =
  (next, { path: replacement = '/' }) =>
  (exchange) => {
    rewrite(exchange, (path) => {
      exchange.req.headers['x-replaced-path'] = path;
      return replacement;
    });
    next(exchange);
  };

export const replacePathRegex: Build = (next, { regex = '', replacement = '' }) => {
  let pattern: ReturnType<typeof expression>;
  try {
    pattern = expression(regex.trim());
  } catch (error) {
    throw new Error(`error compiling regular expression ${regex}: ${(error as Error).message}`);
  }
  const substitute = replacementOf(replacement.trim());
  return (exchange) => {
    rewrite(exchange, (path) => {
      if (!pattern.matcher(path).find()) return path;
      exchange.req.headers['x-replaced-path'] = path;
      return pattern.matcher(path).replaceAll(substitute);
    });
    next(exchange);
  };
};
