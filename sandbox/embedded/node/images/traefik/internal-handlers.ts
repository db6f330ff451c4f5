import type { Options } from './configuration/options.ts';
import type { Dynamic } from './dynamic.ts';
import { type Exchange, type Handler, reply, replyError } from './server/exchange.ts';
import { version } from './version.ts';

export interface State {
  ending: boolean;
  dynamic: Dynamic | undefined;
}

const json = { 'content-type': 'application/json' };

/** What Traefik answers by itself. */
export function internalHandlers(options: Options, state: State): Map<string, Handler> {
  const ending = Number(options.text('ping.terminatingstatuscode'));
  return new Map<string, Handler>([
    ['noop@internal', (exchange) => replyError(exchange, 418, "I'm a teapot")],
    [
      'ping@internal',
      (exchange) =>
        reply(exchange, state.ending ? ending : 200, state.ending ? 'Service Unavailable' : 'OK', {
          'content-type': 'text/plain; charset=utf-8',
        }),
    ],
    [
      'prometheus@internal',
      (exchange) =>
        reply(exchange, 200, metrics(state), { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }),
    ],
    [
      'api@internal',
      (exchange) => (exchange.path.startsWith('/dashboard') ? dashboard(exchange) : api(exchange, state)),
    ],
    ['dashboard@internal', dashboard],
  ]);
}

const page =
  '<!doctype html><title>Traefik</title><p>The dashboard is not part of this simulated Traefik; <a href="/api/rawdata">/api/rawdata</a> tells what it would show.\n';

function dashboard(exchange: Exchange) {
  if (exchange.path === '/') return reply(exchange, 302, '', { location: '/dashboard/' });
  reply(exchange, 200, page, { 'content-type': 'text/html; charset=utf-8' });
}

function api(exchange: Exchange, { dynamic }: State) {
  const entries = (map: Map<string, object> | undefined) =>
    Object.fromEntries([...(map ?? [])].sort(([a], [b]) => (a < b ? -1 : 1)));
  const listed = (map: Map<string, object> | undefined) =>
    [...(map ?? [])]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, one]) => ({ ...one, status: 'enabled', name, provider: name.split('@')[1] }));
  const told: Record<string, () => unknown> = {
    version: () => ({ Version: version, Codename: 'simulated', startDate: '' }),
    rawdata: () => ({
      routers: entries(dynamic?.routers),
      middlewares: entries(dynamic?.middlewares),
      services: entries(dynamic?.services),
    }),
    'http/routers': () => listed(dynamic?.routers),
    'http/services': () => listed(dynamic?.services),
    'http/middlewares': () => listed(dynamic?.middlewares),
  };
  const asked = told[exchange.path.replace(/^.*\/api\//, '')];
  if (!asked) return replyError(exchange, 404, '404 page not found');
  reply(exchange, 200, `${JSON.stringify(asked())}\n`, json);
}

function metrics({ dynamic }: State): string {
  return [
    '# HELP traefik_config_reloads_total Config reloads',
    '# TYPE traefik_config_reloads_total counter',
    'traefik_config_reloads_total 1',
    '# HELP traefik_config_last_reload_success Last config reload success',
    '# TYPE traefik_config_last_reload_success gauge',
    `traefik_config_last_reload_success ${dynamic ? 1 : 0}`,
    '',
  ].join('\n');
}
