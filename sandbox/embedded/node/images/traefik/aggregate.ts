import type { EntryPoint } from './configuration/static.ts';
import { type Dynamic, emptyDynamic, qualified, type Router } from './dynamic.ts';
import type { Log } from './log.ts';

/** Puts together what all providers tell, each name with its provider, each router on its entry points. */
export function aggregate(
  told: Map<string, Dynamic>,
  entryPoints: EntryPoint[],
  defaults: string[],
  log: Log,
): Dynamic {
  const whole = emptyDynamic();
  const stores: string[] = [];
  for (const [provider, dynamic] of [...told].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const name = (one: string): string => qualified(one, provider);
    for (const [key, router] of dynamic.routers) place(whole, name(key), router, provider, entryPoints, defaults);
    for (const [key, service] of dynamic.services) whole.services.set(name(key), service);
    for (const [key, middleware] of dynamic.middlewares) whole.middlewares.set(name(key), middleware);
    for (const [key, transport] of dynamic.transports) whole.transports.set(name(key), transport);
    for (const [key, options] of dynamic.tlsOptions) whole.tlsOptions.set(key === 'default' ? key : name(key), options);
    whole.certificates.push(...dynamic.certificates);
    if (dynamic.defaultCertificate) {
      stores.push(provider);
      whole.defaultCertificate = dynamic.defaultCertificate;
    }
  }
  if (stores.length > 1) {
    log.error(`Default TLS Store defined in multiple providers: [${stores.join(' ')}]`);
    delete whole.defaultCertificate;
  }
  return whole;
}

/** What an entry point says of its routers, TLS and middlewares, makes a router of its own there. */
function place(
  whole: Dynamic,
  name: string,
  router: Router,
  provider: string,
  entryPoints: EntryPoint[],
  defaults: string[],
): void {
  const wanted = router.entryPoints.length > 0 ? router.entryPoints : defaults;
  const plain: string[] = [];
  for (const one of wanted) {
    const entry = entryPoints.find((other) => other.name === one);
    const models = entry && (entry.tls || entry.middlewares.length > 0);
    if (!models) {
      plain.push(one);
      continue;
    }
    whole.routers.set(wanted.length > 1 ? `${one}-${name}` : name, {
      ...router,
      entryPoints: [one],
      middlewares: [...entry.middlewares, ...router.middlewares.map((middleware) => qualified(middleware, provider))],
      ...(!router.tls && entry.tls && { tls: entry.tls }),
    });
  }
  if (plain.length > 0) whole.routers.set(name, { ...router, entryPoints: plain });
}
