import type { Loose } from '../../../../../../kubernetes/object.ts';
import { type Dynamic, type Middleware, normalize } from '../dynamic.ts';

export interface FilterSettings {
  /** Whether, and in which namespaces (none: all), kinds of traefik.io are served. */
  extensions: { namespaces: string[] } | undefined;
}

/** The middlewares that a rule's filters are, in their order, by name. Throws what is wrong with one; then there is none of them. */
export function loadFilters(
  dynamic: Dynamic,
  namespace: string,
  routerName: string,
  filters: Loose[],
  path: Loose | undefined,
  settings: FilterSettings,
): string[] {
  const prefix = path ? path.value : '/';
  const made = filters.map((filter, index): [name: string, middleware: Middleware | undefined] => {
    const { type } = filter;
    const name = `${routerName}-${type.toLowerCase()}-${index}`;
    switch (type) {
      case 'RequestRedirect':
        return [name, { requestRedirect: requestRedirect(filter.requestRedirect ?? {}, prefix) }];
      case 'RequestHeaderModifier':
        return [name, { requestHeaderModifier: filter.requestHeaderModifier ?? {} }];
      case 'ResponseHeaderModifier':
        return [name, { responseHeaderModifier: filter.responseHeaderModifier ?? {} }];
      case 'URLRewrite': {
        const { hostname, path: replaced } = filter.urlRewrite ?? {};
        if (!hostname && !replaced) throw new Error(`invalid filter ${type}: empty configuration`);
        return [name, { urlRewrite: { hostname, ...pathChange(replaced, prefix) } }];
      }
      case 'ExtensionRef':
        try {
          return [extension(namespace, filter.extensionRef, 'Middleware', 'filter extension ref', settings), undefined];
        } catch (error) {
          throw new Error(`loading ExtensionRef filter ${type}: ${(error as Error).message}`);
        }
      default:
        throw new Error(`unsupported filter ${type}`);
    }
  });
  for (const [name, middleware] of made) if (middleware) dynamic.middlewares.set(name, middleware);
  return made.map(([name]) => name);
}

/** The name of an object of traefik.io, as the provider of those calls it. Throws where that kind has no place here. */
export function extension(
  namespace: string,
  { group, kind, name }: Loose,
  wanted: string,
  what: string,
  { extensions }: FilterSettings,
): string {
  if (!extensions || group !== 'traefik.io' || kind !== wanted)
    throw new Error(`unsupported ${what} ${group}/${kind}/${name}`);
  const { namespaces } = extensions;
  if (namespaces.length > 0 && !namespaces.includes(namespace))
    throw new Error(`namespace ${JSON.stringify(namespace)} is not allowed`);
  return `${normalize(`${namespace}-${name}`)}@kubernetescrd`;
}

function requestRedirect({ scheme, hostname, port, path, statusCode = 302 }: Loose, prefix: string): Loose {
  // A scheme of its own goes without the port that was asked for.
  const shown = port === undefined ? (scheme ? '' : undefined) : String(port);
  return { scheme, hostname, port: shown, ...pathChange(path, prefix), statusCode };
}

function pathChange({ type, replaceFullPath, replacePrefixMatch }: Loose = {}, pathPrefix: string): Loose {
  if (type === 'ReplaceFullPath') return { path: replaceFullPath };
  return type === 'ReplacePrefixMatch' ? { path: replacePrefixMatch, pathPrefix } : {};
}
