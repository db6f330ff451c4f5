import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Connection, connect } from '../../../../sandbox/provision/connection.ts';
import { openWholeCluster, type WholeCluster } from '../embedded/whole-cluster.ts';

let whole: WholeCluster;
let owner: Connection;
const released = (apiVersion: string, kind: string, name: string, namespace?: string, more: object = {}) =>
  whole.give(
    JSON.stringify({
      apiVersion,
      kind,
      metadata: {
        name,
        ...(kind === 'Role' && { namespace: 'kube-system' }),
        ...(namespace && {
          labels: { 'app.kubernetes.io/managed-by': 'Helm' },
          annotations: { 'meta.helm.sh/release-name': 'traefik', 'meta.helm.sh/release-namespace': namespace },
        }),
      },
      ...more,
    }),
  );
const names = async (kind: string, ...more: string[]) =>
  (await whole.kubectl('get', kind, '-o', 'name', ...more)).split('\n').map((name) => name.split('/')[1]);

beforeAll(async () => {
  whole = await openWholeCluster();
  owner = await connect(whole.kubeconfig);
  const controller = { spec: { controller: 'example.com/door' } };
  await released('networking.k8s.io/v1', 'IngressClass', 'ours', 'ada-ingress', controller);
  await released('networking.k8s.io/v1', 'IngressClass', 'theirs', 'bob-ingress', controller);
  await released('networking.k8s.io/v1', 'IngressClass', 'nobodys', undefined, controller);
  await released('rbac.authorization.k8s.io/v1', 'Role', 'ours', 'ada-ingress', { rules: [] });
  await released('admissionregistration.k8s.io/v1', 'ValidatingWebhookConfiguration', 'ours', 'ada-ingress', {
    webhooks: [],
  });
}, 30_000);
afterAll(() => whole.close());

test('what a release made outside its namespace goes with it, and nothing of anybody else’s', async () => {
  const gone = ['ada', 'ada-ingress'];
  await owner.removeReleased(gone, 'webhooks');
  expect(await names('validatingwebhookconfigurations')).not.toContain('ours');
  expect(await names('ingressclasses')).toContain('ours');
  await owner.removeReleased(gone, 'rest');
  const classes = await names('ingressclasses');
  expect(classes).not.toContain('ours');
  expect(classes).toEqual(expect.arrayContaining(['theirs', 'nobodys']));
  expect(await names('roles', '--namespace=kube-system')).not.toContain('ours');
  await owner.removeReleased(gone, 'rest');
});
