import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import type { Manager } from './manager.ts';
import { certificates, challenges, clusterIssuers, conditionOf, issuerGroup, issuerKind, issuers } from './objects.ts';

/** What a scraper is told. https://cert-manager.io/docs/devops-tips/prometheus-metrics/ */
export interface Metrics {
  count(name: string, controller: string): void;
  /** A request to an ACME server. */
  request(labels: Record<string, string>): void;
  /** In Prometheus's text format. */
  text(): string;
}

const help: Record<string, [help: string, type: string]> = {
  certificate_challenge_status: ['The status of certificate challenges', 'gauge'],
  certificate_expiration_timestamp_seconds: [
    'The timestamp after which the certificate expires, expressed in Unix Epoch Time.',
    'gauge',
  ],
  certificate_not_after_timestamp_seconds: [
    'The timestamp after which the certificate is invalid, expressed as a Unix Epoch Time.',
    'gauge',
  ],
  certificate_not_before_timestamp_seconds: [
    'The timestamp before which the certificate is invalid, expressed as a Unix Epoch Time.',
    'gauge',
  ],
  certificate_ready_status: ['The ready status of the certificate.', 'gauge'],
  certificate_renewal_timestamp_seconds: [
    'The timestamp after which the certificate should be renewed, expressed in Unix Epoch Time.',
    'gauge',
  ],
  clock_time_seconds: [
    'DEPRECATED: use clock_time_seconds_gauge instead. The clock time given in seconds (from 1970/01/01 UTC).',
    'counter',
  ],
  clock_time_seconds_gauge: [
    'The clock time given in seconds (from 1970/01/01 UTC). Gauge form of the deprecated clock_time_seconds counter. No labels.',
    'gauge',
  ],
  clusterissuer_ready_status: ['The ready status of the ClusterIssuer.', 'gauge'],
  controller_sync_call_count: [
    'The number of sync() calls made by a controller. Label: controller (fixed small set of controller names).',
    'counter',
  ],
  controller_sync_error_count: [
    'The number of errors encountered during controller sync(). Label: controller. Use with controller_sync_call_count to derive error rates.',
    'counter',
  ],
  http_acme_client_request_count: ['Total number of outbound ACME HTTP requests.', 'counter'],
  issuer_ready_status: ['The ready status of the Issuer.', 'gauge'],
};

type Row = [name: string, labels: Record<string, string>, value: number];

const states = ['True', 'False', 'Unknown'];

function readyRows(name: string, object: KubeObject, labels: Record<string, string>): Row[] {
  const status = conditionOf(object, 'Ready')?.status ?? 'Unknown';
  return states.map((state) => [name, { ...labels, condition: state }, state === status ? 1 : 0]);
}

export function createMetrics(manager: Manager): Metrics {
  const counters = new Map<string, { name: string; labels: Record<string, string>; value: number }>();

  function add(name: string, labels: Record<string, string>): void {
    const id = name + JSON.stringify(labels);
    const counter = counters.get(id) ?? { name, labels, value: 0 };
    counter.value += 1;
    counters.set(id, counter);
  }

  function rowsOf(certificate: KubeObject): Row[] {
    const { issuerRef } = certificate.spec;
    const labels = {
      name: certificate.metadata.name ?? '',
      namespace: certificate.metadata.namespace ?? '',
      issuer_name: issuerRef.name,
      issuer_kind: issuerKind(issuerRef),
      issuer_group: issuerGroup(issuerRef),
    };
    const status: Loose = certificate.status ?? {};
    const seconds = (time: string | undefined) => (time ? Date.parse(time) / 1000 : 0);
    return [
      ...readyRows('certificate_ready_status', certificate, labels),
      ['certificate_not_after_timestamp_seconds', labels, seconds(status.notAfter)],
      ['certificate_not_before_timestamp_seconds', labels, seconds(status.notBefore)],
      ['certificate_expiration_timestamp_seconds', labels, seconds(status.notAfter)],
      ['certificate_renewal_timestamp_seconds', labels, seconds(status.renewalTime)],
    ];
  }

  function challengeRows({ metadata, spec, status = {} }: KubeObject): Row[] {
    const { state = '', reason = '', processing = false } = status;
    return ['pending', 'ready', 'valid', 'invalid', 'expired', 'errored', 'processing', ''].map((status) => [
      'certificate_challenge_status',
      {
        status,
        domain: spec.dnsName,
        reason,
        processing: String(processing),
        name: metadata.name ?? '',
        namespace: metadata.namespace ?? '',
        type: spec.type,
      },
      status === state ? 1 : 0,
    ]);
  }

  function rows(): Row[] {
    const now = Math.floor(manager.clock.now().getTime() / 1000);
    const ofIssuer = (name: string) => (one: KubeObject) =>
      readyRows(name, one, {
        name: one.metadata.name ?? '',
        ...(one.metadata.namespace && { namespace: one.metadata.namespace }),
      });
    return [
      ['clock_time_seconds', {}, now],
      ['clock_time_seconds_gauge', {}, now],
      ...[...counters.values()].map(({ name, labels, value }): Row => [name, labels, value]),
      ...manager.informer(certificates).list().flatMap(rowsOf),
      ...manager.informer(challenges).list().flatMap(challengeRows),
      ...manager.informer(issuers).list().flatMap(ofIssuer('issuer_ready_status')),
      ...manager.informer(clusterIssuers).list().flatMap(ofIssuer('clusterissuer_ready_status')),
    ];
  }

  return {
    count: (name, controller) => add(name, { controller }),
    request: (labels) => add('http_acme_client_request_count', labels),
    text() {
      const all = rows();
      return Object.entries(help)
        .map(([name, [says, type]]) => {
          const own = all.filter(([row]) => row === name);
          if (own.length === 0) return '';
          const lines = own.map(([, labels, value]) => `certmanager_${name}${braces(labels)} ${number(value)}\n`);
          return `# HELP certmanager_${name} ${says}\n# TYPE certmanager_${name} ${type}\n${lines.sort().join('')}`;
        })
        .join('');
    },
  };
}

function braces(labels: Record<string, string>): string {
  const pairs = Object.keys(labels)
    .sort()
    .map((name) => `${name}=${JSON.stringify(labels[name])}`);
  return pairs.length > 0 ? `{${pairs.join(',')}}` : '';
}

/** Large ones as Prometheus writes them: 1.763712e+09. */
function number(value: number): string {
  if (value < 1e6) return String(value);
  const [digits = '', exponent = ''] = value.toExponential().split('e+');
  return `${digits}e+${exponent.padStart(2, '0')}`;
}
