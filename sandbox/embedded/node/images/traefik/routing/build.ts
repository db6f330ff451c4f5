import type { Clock } from '../../../../clock.ts';
import { type Dynamic, maxUserPriority, qualified, type Router, type Service } from '../dynamic.ts';
import type { Log } from '../log.ts';
import { buildMiddleware } from '../middlewares/build.ts';
import { type Exchange, type Handler, reply, replyError } from '../server/exchange.ts';
import type { Forwarder } from '../server/forward.ts';
import { balance, stickyName } from './balancer.ts';
import { compileRule, type Match } from './match.ts';
import { hostsOf, parseRule } from './rule.ts';

interface Route {
  name: string;
  priority: number;
  match: Match;
  handler: Handler;
}

/** What answers the requests of one entry point, with and without TLS. */
export interface Table {
  plain: Handler;
  secure: Handler;
  /** Names of TLS options by host, where a router asks for other than the default. */
  tlsOptions: Map<string, string>;
}

export interface BuildContext {
  log: Log;
  clock: Clock;
  forwarder: Forwarder;
  /** Handlers that are Traefik's own: `ping@internal`, `api@internal`. */
  internal: Map<string, Handler>;
  random: () => number;
}

const notFound: Handler = (exchange) => replyError(exchange, 404, '404 page not found');

/** Makes handlers of all that was told; what is wrong is logged and left out. Routers and services are known by their names with provider. */
export function buildTables(dynamic: Dynamic, entryPoints: string[], context: BuildContext): Map<string, Table> {
  const { log } = context;
  const services = new Map<string, Handler>();
  const tables = new Map<string, Table>();
  const handlers = new Map<string, Handler>();
  const known = new Set(entryPoints);

  function serviceOf(name: string): Handler {
    const made = services.get(name) ?? context.internal.get(name);
    if (made) return made;
    const service = dynamic.services.get(name);
    if (!service) throw new Error(`the service ${JSON.stringify(name)} does not exist`);
    const handler = build(name, service);
    services.set(name, handler);
    return handler;
  }

  function build(name: string, service: Service): Handler {
    const { sticky, weighted, servers } = service;
    const cookie = sticky ? stickyName(sticky, name) : '';
    const provider = name.split('@')[1] ?? '';
    if (weighted) {
      const members = weighted.map((one) => ({
        name: one.name,
        weight: one.weight,
        fenced: false,
        handler: one.status === undefined ? serviceOf(qualified(one.name, provider)) : statusOnly(one.status),
      }));
      return balance(members, sticky, cookie);
    }
    if (!servers) throw new Error(`the service ${JSON.stringify(name)} does not have any type defined`);
    const named = service.transport && qualified(service.transport, provider);
    const transport = named ? dynamic.transports.get(named) : undefined;
    if (named && !transport) throw new Error(`error building proxy for server URL: roundtripper not found ${named}`);
    const members = shuffled(servers, context.random).map(({ url, weight = 1, fenced = false }) => ({
      name: url,
      weight,
      fenced,
      handler: context.forwarder.to(url, { passHostHeader: service.passHostHeader ?? true, transport }),
    }));
    const inner = balance(members, sticky, cookie);
    return (exchange) => {
      exchange.record.service = name;
      inner(exchange);
    };
  }

  /** With what stands before its service. Throws what is wrong with it. */
  function routerHandler(name: string, router: Router): Handler {
    const provider = name.split('@')[1] ?? '';
    const options = router.tls?.options;
    if (options && options !== 'default' && !dynamic.tlsOptions.has(qualified(options, provider)))
      throw new Error(`building router handler: unknown TLS options: ${qualified(options, provider)}`);
    if (!router.service) throw new Error('router must have either a service or child routers');
    let handler = serviceOf(qualified(router.service, provider));
    for (const middleware of router.middlewares.map((one) => qualified(one, provider)).toReversed())
      handler = buildMiddleware(middleware, handler, { ...context, middlewares: dynamic.middlewares });
    return (exchange) => {
      exchange.record.router = name;
      handler(exchange);
    };
  }

  for (const entryPoint of entryPoints) {
    const routes: Record<'plain' | 'secure', Route[]> = { plain: [], secure: [] };
    const tlsOptions = new Map<string, string>();
    for (const [name, router] of dynamic.routers) {
      if (!router.entryPoints.includes(entryPoint)) continue;
      const told = { entryPointName: entryPoint, routerName: name };
      const failed = (error: unknown): void => log.error('', { error: (error as Error).message, ...told });
      const priority = router.priority || router.rule.length;
      if (priority > maxUserPriority && !name.endsWith('@internal')) {
        failed(new Error(`the router priority ${priority} exceeds the max user-defined priority 9223372036854774807`));
        continue;
      }
      let handler = handlers.get(name);
      const provider = name.split('@')[1] ?? '';
      const options = router.tls?.options;
      const wanted = options && options !== 'default' ? qualified(options, provider) : undefined;
      try {
        handler ??= routerHandler(name, router);
        handlers.set(name, handler);
        const match = compileRule(router.rule);
        routes[router.tls ? 'secure' : 'plain'].push({ name, priority, match, handler });
        const hosts = router.tls ? hostsOf(parseRule(router.rule)) : undefined;
        if (hosts?.length === 0 && provider !== 'internal')
          log.warn(
            `No domain found in rule ${router.rule}, the TLS options applied for this router will depend on the SNI of each request`,
            told,
          );
        if (wanted) for (const host of hosts ?? []) tlsOptions.set(host, wanted);
      } catch (error) {
        failed(error);
        // Who routes connections complains, too.
        if (wanted && !dynamic.tlsOptions.has(wanted)) failed(new Error(`unknown TLS options: ${wanted}`));
      }
    }
    tables.set(entryPoint, { plain: firstOf(routes.plain), secure: firstOf(routes.secure), tlsOptions });
  }
  for (const [name, router] of dynamic.routers) {
    const missing = router.entryPoints.filter((entryPoint) => !known.has(entryPoint));
    for (const entryPointName of missing) log.error("EntryPoint doesn't exist", { entryPointName, routerName: name });
    if (missing.length === router.entryPoints.length && missing.length > 0)
      log.error('No valid entryPoint for this router', { routerName: name });
  }
  return tables;
}

function firstOf(routes: Route[]): Handler {
  // Of equal priority the order is Go's of a map: none. Ours is that of names, so that answers do not change.
  const sorted = routes.toSorted((a, b) => b.priority - a.priority || (a.name < b.name ? -1 : 1));
  return (exchange: Exchange) => {
    for (const { match, handler } of sorted) if (match(exchange)) return handler(exchange);
    notFound(exchange);
  };
}

function statusOnly(status: number): Handler {
  return (exchange) => {
    exchange.req.resume();
    reply(exchange, status, '');
  };
}

function shuffled<T>(list: T[], random: () => number): T[] {
  const mixed = [...list];
  for (let index = mixed.length - 1; index > 0; index -= 1) {
    const other = Math.floor(random() * (index + 1));
    [mixed[index], mixed[other]] = [mixed[other]!, mixed[index]!];
  }
  return mixed;
}
