import type { Call } from './call.ts';
import { nobody, type Reply } from './reply.ts';

export type Probe = 'healthz' | 'livez' | 'readyz';

const start = ['ping', 'log', 'etcd'];
const readyOnly = ['etcd-readiness', 'informer-sync'];
const hooks = [
  'start-apiserver-admission-initializer',
  'generic-apiserver-start-informers',
  'priority-and-fairness-config-consumer',
  'priority-and-fairness-filter',
  'storage-object-count-tracker-hook',
  'start-apiextensions-informers',
  'start-apiextensions-controllers',
  'crd-informer-synced',
  'start-system-namespaces-controller',
  'start-cluster-authentication-info-controller',
  'start-kube-apiserver-identity-lease-controller',
  'start-kube-apiserver-identity-lease-garbage-collector',
  'start-legacy-token-tracking-controller',
  'start-service-ip-repair-controllers',
  'rbac/bootstrap-roles',
  'scheduling/bootstrap-system-priority-classes',
  'priority-and-fairness-config-producer',
  'bootstrap-controller',
  'start-kubernetes-service-cidr-controller',
  'aggregator-reload-proxy-client-cert',
  'start-kube-aggregator-informers',
  'apiservice-status-local-available-controller',
  'apiservice-status-remote-available-controller',
  'apiservice-registration-controller',
  'apiservice-discovery-controller',
  'kube-apiserver-autoregistration',
].map((name) => `poststarthook/${name}`);
const end = ['autoregister-completion', 'apiservice-openapi-controller', 'apiservice-openapiv3-controller'].map(
  (name, index) => (index === 0 ? name : `poststarthook/${name}`),
);

/** The names a real server lists: whoever reads them looks for one by name. They hold together here, once the server is ready. */
export function checksOf(probe: Probe): string[] {
  const ready = probe === 'readyz';
  return [...start, ...(ready ? readyOnly : []), ...hooks, ...end, ...(ready ? ['shutdown'] : [])];
}

/** https://kubernetes.io/docs/reference/using-api/health-checks/ */
export function health(call: Call, probe: Probe, one: string | undefined): Reply {
  const contentType = 'text/plain; charset=utf-8';
  const headers = { 'x-content-type-options': 'nosniff' };
  const checks = checksOf(probe);
  if (one !== undefined) return checks.includes(one) ? { code: 200, raw: 'ok', contentType } : nobody;
  const excluded = call.query.getAll('exclude');
  const lines = checks.map((check) => (excluded.includes(check) ? `[+]${check} excluded: ok` : `[+]${check} ok`));
  const unknown = excluded.filter((name) => !checks.includes(name));
  if (unknown.length > 0)
    lines.push(
      `warn: some health checks cannot be excluded: no matches for ${unknown.map((name) => JSON.stringify(name)).join(', ')}`,
    );
  if (!call.services.ready && probe !== 'livez') {
    const failed = lines.map((line) =>
      line.includes('rbac/bootstrap-roles') ? line.replace(/^\[\+\](\S+) ok$/, '[-]$1 failed: reason withheld') : line,
    );
    return { code: 500, raw: `${failed.join('\n')}\n${probe} check failed\n`, contentType, headers };
  }
  if (!call.query.has('verbose')) return { code: 200, raw: 'ok', contentType, headers };
  return { code: 200, raw: `${lines.join('\n')}\n${probe} check passed\n`, contentType, headers };
}
