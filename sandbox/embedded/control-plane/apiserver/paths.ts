import type { Call } from './call.ts';
import { discover } from './discovery.ts';
import { nothingHere } from './errors.ts';
import { openApi } from './openapi.ts';
import { contentOf, type Reply } from './reply.ts';
import { issuer } from './service-account-tokens.ts';

/** Answers about the server itself: paths that are no resources. Throws 404. */
export function answerPath(call: Call): Reply {
  const path = call.info.path.length > 1 ? call.info.path.replace(/\/+$/, '') : call.info.path;
  const handler = handlers[path];
  if (handler) return handler(call);
  const [, first = '', check] = /^\/(healthz|livez|readyz)(?:\/(.+))?$/.exec(path) ?? [];
  if (first) return health(call, first, check);
  return discover(call) ?? openApi(call, path) ?? missing();
}

function missing(): never {
  throw nothingHere();
}

const handlers: Record<string, (call: Call) => Reply> = {
  '/': (call) => ({ code: 200, content: contentOf({ paths: pathsOf(call) }) }),
  // Laid out for the eye, unlike other answers.
  '/version': (call) => ({
    code: 200,
    raw: JSON.stringify(version(call.services.serverVersion), undefined, 2),
    contentType: 'application/json',
  }),
  '/.well-known/openid-configuration': () => ({ code: 200, content: contentOf(openIdConfiguration) }),
  '/openid/v1/jwks': (call) => ({
    code: 200,
    content: contentOf(call.services.tokens.jwks()),
    contentType: 'application/jwk-set+json',
  }),
  '/metrics': (call) => ({ code: 200, raw: metrics(call), contentType: 'text/plain; version=0.0.4; charset=utf-8' }),
};

const openIdConfiguration = {
  issuer,
  jwks_uri: `${issuer}/openid/v1/jwks`,
  response_types_supported: ['id_token'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['ES256'],
};

function version(text: string): object {
  const [, major = '1', minor = '35'] = /^v(\d+)\.(\d+)/.exec(text) ?? [];
  return {
    major,
    minor,
    emulationMajor: major,
    emulationMinor: minor,
    minCompatibilityMajor: major,
    minCompatibilityMinor: String(Number(minor) - 1),
    gitVersion: text,
    gitCommit: '0000000000000000000000000000000000000000',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: 'go1.25.6',
    compiler: 'gc',
    platform: `linux/${process.arch === 'arm64' ? 'arm64' : 'amd64'}`,
  };
}

const checks = ['ping', 'log', 'etcd', 'poststarthook/rbac/bootstrap-roles', 'poststarthook/bootstrap-controller'];

function health(call: Call, name: string, one: string | undefined): Reply {
  const contentType = 'text/plain; charset=utf-8';
  if (one !== undefined && !checks.includes(one)) return { code: 404, raw: '404 page not found\n', contentType };
  const healthy = call.services.ready || name === 'livez';
  if (!healthy) return { code: 500, raw: `[-]bootstrap failed\n${name} check failed\n`, contentType };
  if (one === undefined && call.query.has('verbose'))
    return {
      code: 200,
      raw: `${checks.map((check) => `[+]${check} ok\n`).join('')}${name} check passed\n`,
      contentType,
    };
  return { code: 200, raw: 'ok', contentType };
}

function pathsOf(call: Call): string[] {
  const paths = new Set(['/api', '/api/v1', '/apis', '/healthz', '/livez', '/metrics', '/openapi/v2', '/openapi/v3']);
  for (const { group, apiVersion } of call.services.types.all()) {
    if (group === '') continue;
    paths.add(`/apis/${group}`);
    paths.add(`/apis/${apiVersion}`);
  }
  paths.add('/readyz').add('/version');
  return [...paths].sort();
}

function metrics(call: Call): string {
  const { store } = call.services;
  const lines = ['# TYPE apiserver_storage_objects gauge'];
  for (const [name, collection] of store.collections()) {
    const [group = '', resource = ''] = name.split('/', 2);
    lines.push(`apiserver_storage_objects{group="${group}",resource="${resource}"} ${collection.size()}`);
  }
  lines.push('# TYPE apiserver_longrunning_requests gauge');
  for (const [name, collection] of store.collections()) {
    const [group = '', resource = ''] = name.split('/', 2);
    const labels = `group="${group}",resource="${resource}",verb="WATCH"`;
    if (collection.watchers.size > 0)
      lines.push(`apiserver_longrunning_requests{${labels}} ${collection.watchers.size}`);
  }
  const { rss, heapUsed } = process.memoryUsage();
  lines.push('# TYPE process_resident_memory_bytes gauge', `process_resident_memory_bytes ${rss}`);
  lines.push('# TYPE process_heap_bytes gauge', `process_heap_bytes ${heapUsed}`);
  return `${lines.join('\n')}\n`;
}
