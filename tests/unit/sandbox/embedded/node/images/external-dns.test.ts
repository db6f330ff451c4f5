import { spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Gvr, KubeObject } from '../../../../../../kubernetes/object.ts';
import { connect } from '../../../../../../sandbox/provision/connection.ts';
import { openWholeCluster, running, type WholeCluster } from '../../whole-cluster.ts';

const pods: Gvr = { group: '', version: 'v1', resource: 'pods' };
let whole: WholeCluster;

beforeAll(async () => {
  whole = await openWholeCluster();
  await (await connect(whole.kubeconfig)).apply('external-dns', { namespace: 'learner' });
  await whole.kubectl('scale', '-n', 'external-dns', 'deployment/external-dns', '--replicas=0');
}, 30_000);
afterAll(() => whole.close());

/** A pod of the image, with these words after its source and provider. */
async function start(name: string, args: string[], more: { mounted?: boolean } = {}): Promise<void> {
  const { mounted = true } = more;
  const image = 'registry.k8s.io/external-dns/external-dns:v0.20.0';
  await whole.client.create(pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'external-dns' },
    spec: {
      serviceAccountName: 'external-dns',
      automountServiceAccountToken: mounted,
      restartPolicy: 'Never',
      containers: [{ name: 'external-dns', image, args: ['--source=crd', '--provider=webhook', ...args] }],
    },
  });
}

const logs = (name: string) => whole.kubectl('logs', '-n', 'external-dns', name);
const ended = (name: string) =>
  whole.until(pods, name, (pod: KubeObject) => pod.status?.containerStatuses?.[0]?.state?.terminated);
/** The pod's log as it grows: resolves with the next line that has a text. */
function follow(name: string): { next(text: string): Promise<string>; close(): void } {
  const env = { PATH: process.env.PATH, HOME: dirname(whole.kubeconfig), KUBECONFIG: whole.kubeconfig };
  const child = spawn(process.env.ATELIER_KUBECTL ?? 'kubectl', ['logs', '-f', '-n', 'external-dns', name], { env });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async next(text) {
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error(`the log ended before it said ${text}`);
        if (value.includes(text)) return value;
      }
    },
    close: () => void child.kill(),
  };
}

test.each([
  [
    'no-token',
    [],
    { mounted: false },
    'open /var/run/secrets/kubernetes.io/serviceaccount/token: no such file or directory',
  ],
  [
    'no-scheme',
    ['--webhook-provider-url=zone'],
    {},
    'failed to connect to webhook: Get \\"zone\\": unsupported protocol scheme \\"\\"',
  ],
  [
    'no-host',
    ['--webhook-provider-url=http://nowhere.invalid'],
    {},
    'failed to connect to webhook: Get \\"http://nowhere.invalid\\": dial tcp: lookup nowhere.invalid on 10.96.0.10:53: no such host',
  ],
  [
    'not-found',
    ['--webhook-provider-url=http://zone.atelier.internal/nope'],
    {},
    'failed to connect to webhook: status code < 500',
  ],
  [
    'no-filter',
    ['--webhook-provider-url=http://zone.atelier.internal/records'],
    {},
    'failed to unmarshal response body of DomainFilter: json: cannot unmarshal array into Go value of type endpoint.domainFilterSerde',
  ],
])('ends as the real one does: %s', async (name, args, more, text) => {
  await start(name, args, more);
  const over = ended(name);
  // A provider that does not answer is tried five times.
  let waiting = true;
  void over.then(() => {
    waiting = false;
  });
  while (waiting) await whole.skip(5);
  expect(await logs(name)).toContain(`level=fatal msg="${text}"`);
});

test('looks again by interval, tries what the zone refuses again, and ends when asked', async () => {
  const url = '--webhook-provider-url=http://zone.atelier.internal';
  await start('loop', [url, '--interval=1m', '--log-format=json', '--metrics-address=:9090']);
  await whole.until(pods, 'loop', running);
  const log = follow('loop');
  expect(await log.next('config: ')).toContain('level=info msg="config: {APIServerURL: KubeConfig: ');
  expect(JSON.parse(await log.next('All records are already up to date'))).toMatchObject({ level: 'info' });
  const endpoint = (target: string) =>
    whole.give(
      `{apiVersion: externaldns.k8s.io/v1alpha1, kind: DNSEndpoint, metadata: {name: web, namespace: default}, spec: {endpoints: [{dnsName: web.learner.localhost, recordType: A, targets: ["${target}"]}]}}`,
    );
  await endpoint('nowhere');
  await whole.skip(60);
  await log.next('soft error\\nfailed to apply changes with code 500 (consecutive soft errors: 1)');
  expect(whole.machines.zone.list()).toEqual([]);
  await endpoint('10.0.0.1');
  await whole.skip(60);
  await log.next('Reconciliation succeeded after 1 consecutive soft errors');
  expect(whole.machines.zone.lookup('web.learner.localhost', 'A').answers[0]?.data).toBe('10.0.0.1');
  const metrics = await whole.kubectl('get', '--raw', '/api/v1/namespaces/external-dns/pods/loop:9090/proxy/metrics');
  expect(metrics).toContain('external_dns_source_endpoints_total 1\n');
  await whole.kubectl('delete', 'pod', '-n', 'external-dns', 'loop', '--wait=false');
  await log.next('Received SIGTERM. Terminating...');
  log.close();
});
