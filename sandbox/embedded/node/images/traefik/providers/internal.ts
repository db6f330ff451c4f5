import type { Options } from '../configuration/options.ts';
import type { EntryPoint } from '../configuration/static.ts';
import { type Dynamic, emptyDynamic, normalize } from '../dynamic.ts';
import type { Log } from '../log.ts';

const highest = Number.MAX_SAFE_INTEGER;

/** What Traefik's own options make: redirections between entry points, ping, metrics, the API. */
export function internalConfiguration(options: Options, entryPoints: EntryPoint[], log: Log): Dynamic {
  const dynamic = emptyDynamic();
  const add = (name: string, entryPoint: string, rule: string, service: string): void => {
    dynamic.routers.set(name, { rule, priority: highest, entryPoints: [entryPoint], middlewares: [], service });
  };
  for (const { name, redirect } of entryPoints) {
    if (!redirect) continue;
    const about = { entryPointName: name, providerName: 'internal' };
    if (!redirect.to) {
      log.error('Unable to create redirection: the entry point or the port is missing', about);
      continue;
    }
    const port = /^:(\d+)$/.exec(redirect.to)?.[1] ?? entryPoints.find((other) => other.name === redirect.to)?.port;
    if (port === undefined) {
      log.error('', {
        ...about,
        error: `'to' entry point field references a non-existing entry point: ${redirect.to}`,
      });
      continue;
    }
    const router = normalize(`${name}-to-${redirect.to}`);
    dynamic.middlewares.set(`redirect-${router}`, {
      redirectScheme: { scheme: redirect.scheme, port: String(port), permanent: redirect.permanent },
    });
    dynamic.routers.set(router, {
      rule: 'HostRegexp(`^.+$`)',
      priority: redirect.priority,
      entryPoints: [name],
      middlewares: [`redirect-${router}`],
      service: 'noop@internal',
    });
  }
  if (options.has('ping') && !options.flag('ping.manualrouting'))
    add('ping', options.text('ping.entrypoint'), 'PathPrefix(`/ping`)', 'ping@internal');
  if (options.has('metrics.prometheus') && !options.flag('metrics.prometheus.manualrouting'))
    add('prometheus', options.text('metrics.prometheus.entrypoint'), 'PathPrefix(`/metrics`)', 'prometheus@internal');
  if (options.flag('api.insecure')) {
    const base = options.text('api.basepath').replace(/\/$/, '');
    add('api', 'traefik', `PathPrefix(\`${base}/api\`)`, 'api@internal');
    if (options.flag('api.dashboard')) add('dashboard', 'traefik', `PathPrefix(\`${base}/\`)`, 'dashboard@internal');
    const dashboard = dynamic.routers.get('dashboard');
    if (dashboard) dashboard.priority = highest - 1;
  }
  return dynamic;
}
