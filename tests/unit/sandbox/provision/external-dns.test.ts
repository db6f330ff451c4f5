import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Gvr } from '../../../../kubernetes/object.ts';
import { connect } from '../../../../sandbox/provision/connection.ts';
import { openWholeCluster, running, type WholeCluster } from '../embedded/whole-cluster.ts';

const core = (resource: string): Gvr => ({ group: '', version: 'v1', resource });
const deployments: Gvr = { group: 'apps', version: 'v1', resource: 'deployments' };

let whole: WholeCluster;
const exec = (...words: string[]) => whole.kubectl('exec', 'client', '--', ...words);
const endpoint = (name: string, ...sets: object[]) =>
  whole.give(
    JSON.stringify({
      apiVersion: 'externaldns.k8s.io/v1alpha1',
      kind: 'DNSEndpoint',
      metadata: { name, namespace: 'default' },
      spec: { endpoints: sets },
    }),
  );
/** Resolves when the zone says so. */
const zone = (said: () => boolean) =>
  new Promise<void>((resolve) => {
    if (said()) return resolve();
    const stop = whole.machines.zone.on(() => {
      if (!said()) return;
      stop();
      resolve();
    });
  });
const has = (name: string, type: string, data: string) =>
  whole.machines.zone.lookup(name, type).answers.some((answer) => answer.data === data);

beforeAll(async () => {
  whole = await openWholeCluster();
  await (await connect(whole.kubeconfig)).apply('external-dns', { namespace: 'learner' });
  await whole.kubectl('run', 'client', '--image=atelier.dev/utilities:1', '--', 'sleep', 'infinity');
  await whole.until(core('pods'), 'client', running);
  await whole.until(deployments, 'external-dns', ({ status }) => status?.availableReplicas === 1);
}, 30_000);
afterAll(() => whole.close());

test('a wildcard that is applied is a name in the cluster at once, and no more when it is deleted', async () => {
  const begun = performance.now();
  await endpoint('wildcard', { dnsName: '*.learner.localhost', recordType: 'A', targets: ['127.64.0.1'] });
  await zone(() => has('jupyter.learner.localhost', 'A', '127.64.0.1'));
  expect(performance.now() - begun).toBeLessThan(1500);
  expect(await exec('dig', '+short', 'jupyter.learner.localhost')).toBe('127.64.0.1\n');
  expect(await exec('dig', '+short', 'learner.localhost')).toBe('');
  expect(await exec('dig', '+short', 'TXT', 'a-*.learner.localhost')).toBe(
    '"heritage=external-dns,external-dns/owner=learner,external-dns/resource=crd/default/wildcard"\n',
  );
  expect(await exec('nslookup', 'jupyter.learner.localhost')).toContain('Address: 127.64.0.1\n');
  await whole.kubectl('delete', 'dnsendpoint', 'wildcard');
  await zone(() => whole.machines.zone.list().length === 0);
  expect(await exec('nslookup', 'jupyter.learner.localhost')).toContain('NXDOMAIN');
});

test('texts can be set, changed and taken back, as a challenge is', async () => {
  const challenge = (text: string) => ({
    dnsName: '_acme-challenge.learner.localhost',
    recordType: 'TXT',
    targets: [text],
  });
  await endpoint('challenge', challenge('first'));
  await zone(() => has('_acme-challenge.learner.localhost', 'TXT', '"first"'));
  await endpoint('challenge', challenge('second'));
  await zone(() => has('_acme-challenge.learner.localhost', 'TXT', '"second"'));
  await whole.kubectl('delete', 'dnsendpoint', 'challenge');
  await zone(() => whole.machines.zone.list().length === 0);
});

test('its rights taken away, it ends with the line of the real one; given back, it goes on', async () => {
  await whole.kubectl('delete', 'clusterrolebinding', 'external-dns');
  await endpoint('late', { dnsName: 'late.learner.localhost', recordType: 'A', targets: ['10.0.0.9'] });
  const pods = core('pods');
  const crashed = (pod: { status?: { containerStatuses?: { restartCount: number }[] } }) =>
    (pod.status?.containerStatuses?.[0]?.restartCount ?? 0) > 0;
  const name = (
    await whole.kubectl('get', 'pods', '-n', 'external-dns', '-o', 'jsonpath={.items[0].metadata.name}')
  ).trim();
  await whole.until(pods, name, crashed);
  expect(await whole.kubectl('logs', '-n', 'external-dns', name, '--previous')).toContain(
    'level=fatal msg="Failed to do run once: dnsendpoints.externaldns.k8s.io is forbidden: User \\"system:serviceaccount:external-dns:external-dns\\" cannot list resource \\"dnsendpoints\\" in API group \\"externaldns.k8s.io\\" at the cluster scope"',
  );
  await (await connect(whole.kubeconfig)).apply('external-dns', { namespace: 'learner' });
  const found = zone(() => has('late.learner.localhost', 'A', '10.0.0.9'));
  await whole.skip(60);
  await found;
});
