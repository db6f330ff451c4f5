import type { Call } from './call.ts';
import { discover } from './discovery.ts';
import { nothingHere } from './errors.ts';
import { checksOf, health, type Probe } from './health.ts';
import { openApi } from './openapi.ts';
import { contentOf, nobody, type Reply } from './reply.ts';
import { issuer } from './service-account-tokens.ts';

/** Answers about the server itself: paths that are no resources. Throws 404. */
export function answerPath(call: Call): Reply {
  const path = call.info.path.length > 1 ? call.info.path.replace(/\/+$/, '') : call.info.path;
  const handler = handlers[path];
  if (handler) return handler(call);
  const [, first = '', check] = /^\/(healthz|livez|readyz)(?:\/(.+))?$/.exec(path) ?? [];
  if (first) return health(call, first as Probe, check);
  return discover(call) ?? openApi(call, path) ?? missing(call);
}

/** Where not even the group is known, no Status comes back. */
function missing({ info: { path }, services }: Call): Reply {
  const [root, group = '', version] = path.split('/').filter((part) => part !== '');
  if (root === 'api' && group !== '') throw nothingHere();
  const known = [...services.types.all(), ...services.remote.all()].some((one) => one.group === group);
  if (root === 'apis' && version !== undefined && group !== '' && known) throw nothingHere();
  return nobody;
}

const handlers: Record<string, (call: Call) => Reply> = {
  '/': (call) => ({
    code: 200,
    raw: JSON.stringify({ paths: pathsOf(call) }, undefined, 2),
    contentType: 'application/json',
  }),
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
  '/metrics': (call) => ({
    code: 200,
    raw: call.services.metrics.text(call.services),
    contentType: 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores',
    headers: { 'process-start-time-unix': String(Math.round(Date.now() / 1000 - process.uptime())) },
  }),
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

function pathsOf(call: Call): string[] {
  const paths = new Set(['/.well-known/openid-configuration', '/api', '/api/v1', '/apis', '/apis/', '/metrics']);
  for (const path of ['/openapi/v2', '/openapi/v3', '/openapi/v3/', '/openid/v1/jwks', '/version']) paths.add(path);
  for (const { group, apiVersion } of call.services.types.all()) {
    if (group === '') continue;
    paths.add(`/apis/${group}`);
    paths.add(`/apis/${apiVersion}`);
  }
  for (const probe of ['healthz', 'livez', 'readyz'] as const) {
    paths.add(`/${probe}`);
    for (const check of checksOf(probe)) paths.add(`/${probe}/${check}`);
  }
  return [...paths].sort();
}
