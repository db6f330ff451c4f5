import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Gvr, Loose } from '../../../../../../../kubernetes/object.ts';
import { readOptions } from '../../../../../../../sandbox/embedded/node/images/cert-manager-controller/options.ts';
import { certificates, type Installed, openInstalled, secrets } from './installed.ts';

const pods: Gvr = { group: '', version: 'v1', resource: 'pods' };
const leases: Gvr = { group: 'coordination.k8s.io', version: 'v1', resource: 'leases' };
const bindings: Gvr = { group: 'rbac.authorization.k8s.io', version: 'v1', resource: 'clusterrolebindings' };
let whole: Installed;
beforeAll(async () => {
  whole = await openInstalled();
  await whole.apply(
    {
      apiVersion: 'cert-manager.io/v1',
      kind: 'ClusterIssuer',
      metadata: { name: 'own' },
      spec: { selfSigned: {} },
    },
    certificate('first'),
  );
  await whole.ready(certificates, 'first');
});
afterAll(() => whole?.close());

function certificate(name: string): Loose {
  return {
    apiVersion: 'cert-manager.io/v1',
    kind: 'Certificate',
    metadata: { name, namespace: 'default' },
    spec: {
      secretName: name,
      dnsNames: [`${name}.test`],
      privateKey: { algorithm: 'ECDSA' },
      issuerRef: { name: 'own', kind: 'ClusterIssuer' },
    },
  };
}

const log = (): Promise<string> => whole.kubectl('logs', '-n', 'cert-manager', 'deploy/cert-manager');

describe('the controller', () => {
  it('is alive and has metrics', async () => {
    const { items } = await whole.client.list(pods, { namespace: 'cert-manager' });
    const ip = items[0]?.status.podIP;
    await whole.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'asks', namespace: 'default' },
      spec: { containers: [{ name: 'curl', image: 'curlimages/curl:8.10.1', command: ['sleep', '1000'] }] },
    });
    await whole.until(pods, 'asks', (pod) => pod.status?.phase === 'Running');
    const curl = (path: string): Promise<string> =>
      whole.kubectl('exec', 'asks', '--', 'curl', '-s', `http://${ip}:${path}`);
    expect(await curl('9403/livez')).toBe('ok');
    const metrics = await curl('9402/metrics');
    const labels =
      'issuer_group="cert-manager.io",issuer_kind="ClusterIssuer",issuer_name="own",name="first",namespace="default"';
    expect(metrics).toContain(`certmanager_certificate_ready_status{condition="True",${labels}} 1\n`);
    expect(metrics).toMatch(/certmanager_certificate_expiration_timestamp_seconds\{[^}]+\} 1\.\d+e\+09\n/);
    expect(metrics).toContain('certmanager_clusterissuer_ready_status{condition="True",name="own"} 1\n');
    expect(metrics).toMatch(/certmanager_controller_sync_call_count\{controller="certificates-trigger"\} \d+\n/);
  });

  it('leads by a Lease, which another takes over when it ends', async () => {
    const before = await whole.client.get(leases, 'cert-manager-controller', 'kube-system');
    expect(before.spec.holderIdentity).toMatch(/^cert-manager-[a-z0-9-]+-external-cert-manager-controller$/);
    await whole.kubectl('delete', 'pods', '-n', 'cert-manager', '--all');
    await whole.until(
      leases,
      'cert-manager-controller',
      ({ spec }) => spec.holderIdentity && spec.holderIdentity !== before.spec.holderIdentity,
    );
    await whole.apply(certificate('second'));
    await whole.ready(certificates, 'second');
  });

  it('without a right says which, and goes on once it has it', async () => {
    const name = 'cert-manager-controller-certificates';
    const binding = await whole.client.get(bindings, name);
    await whole.client.delete(bindings, name);
    await whole.apply(certificate('third'));
    await expect
      .poll(log)
      .toContain(
        'err="certificates.cert-manager.io \\"third\\" is forbidden: User \\"system:serviceaccount:cert-manager:cert-manager\\" cannot update resource \\"certificates/status\\" in API group \\"cert-manager.io\\" in the namespace \\"default\\"" logger="cert-manager.controller"',
      );
    const { apiVersion, kind, roleRef, subjects } = binding;
    await whole.apply({ apiVersion, kind, metadata: { name }, roleRef, subjects });
    await whole.ready(certificates, 'third');
    expect((await whole.client.get(secrets, 'third', 'default')).type).toBe('kubernetes.io/tls');
  });

  it('does without definitions until they are there again', async () => {
    await whole.kubectl('delete', 'crd', 'challenges.acme.cert-manager.io');
    await expect.poll(log).toContain('failed to list *v1.Challenge: the server could not find the requested resource');
    await whole.apply(certificate('fourth'));
    await whole.ready(certificates, 'fourth');
  });
});

describe('flags', () => {
  it('are read as the real ones are', () => {
    const options = readOptions([
      '--v=4',
      '--cluster-resource-namespace',
      'here',
      '--controllers=*,-ingress-shim',
      '--dns01-recursive-nameservers-only',
    ]);
    expect(options).toMatchObject({
      verbosity: 4,
      clusterResourceNamespace: 'here',
      controllers: ['*', '-ingress-shim'],
    });
  });

  it.each([
    [['--nonsense'], 'unknown flag: --nonsense'],
    [['--v=much'], 'invalid argument "much" for "-v, --v" flag: strconv.ParseInt: parsing "much": invalid syntax'],
    [['--default-issuer-name'], 'flag needs an argument: --default-issuer-name'],
  ])('that are wrong are told so: %s', (args, message) => {
    expect(readOptions(args)).toBe(message);
  });
});
