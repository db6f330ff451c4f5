import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from '../../../../sandbox/provision/connection.ts';
import { openWholeCluster, type WholeCluster } from '../embedded/whole-cluster.ts';

let whole: WholeCluster;
let chart: string;

/** Of everything that is not in a namespace, or in another's. */
const objects = (name: string) => [
  { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name }, rules: [] },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
  },
  { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name, namespace: 'kube-system' }, rules: [] },
  {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: { name },
    spec: { controller: 'example.org/none' },
  },
  {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: `v1.${name}.gone.example.org` },
    spec: {
      group: `${name}.gone.example.org`,
      version: 'v1',
      service: { name: 'gone', namespace: 'default' },
      groupPriorityMinimum: 1000,
      versionPriority: 15,
      insecureSkipTLSVerify: true,
    },
  },
  {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `things.${name}.example.org`, annotations: { 'helm.sh/resource-policy': 'keep' } },
    spec: {
      group: `${name}.example.org`,
      names: { kind: 'Thing', plural: 'things' },
      scope: 'Namespaced',
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  },
  ...['Validating', 'Mutating'].map((kind) => ({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: `${kind}WebhookConfiguration`,
    metadata: { name },
    webhooks: [
      {
        name: `${name}.example.org`,
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        // Nothing answers there: as long as it stands, nothing of this kind goes.
        clientConfig: { service: { name: 'gone', namespace: 'default' } },
        rules: [
          {
            apiGroups: [`${name}.example.org`],
            apiVersions: ['*'],
            operations: ['UPDATE', 'DELETE'],
            resources: ['things'],
          },
        ],
      },
    ],
  })),
];

async function install(namespace: string, name: string): Promise<void> {
  const templates = join(chart, name, 'templates');
  mkdirSync(templates, { recursive: true });
  writeFileSync(join(chart, name, 'Chart.yaml'), `apiVersion: v2\nname: ${name}\nversion: 1.0.0\n`);
  for (const [index, object] of objects(name).entries())
    writeFileSync(join(templates, `${index}.yaml`), JSON.stringify(object));
  const words = ['install', name, join(chart, name), '--kubeconfig', whole.kubeconfig, '-n', namespace];
  await promisify(execFile)(process.env.ATELIER_HELM ?? 'helm', [...words, '--create-namespace'], {
    env: { PATH: process.env.PATH, HOME: chart },
  });
}

const kinds = [
  'clusterroles',
  'clusterrolebindings',
  'ingressclasses',
  'apiservices',
  'customresourcedefinitions',
  'validatingwebhookconfigurations',
  'mutatingwebhookconfigurations',
  'roles',
].join(',');
const standing = async (name: string) =>
  (await whole.kubectl('get', kinds, '-n', 'kube-system', '-o', 'name'))
    .split('\n')
    .filter((line) => new RegExp(`[/.]${name}(\\.|$)`).test(line) && !/apiservice.*\/v1\.\w+\.example/.test(line));

beforeAll(async () => {
  whole = await openWholeCluster();
  chart = mkdtempSync(join(tmpdir(), 'atelier-chart-'));
  for (const [namespace, name] of [
    ['learner-ingress', 'mine'],
    ['learnerette', 'hers'],
  ])
    await install(namespace!, name!);
}, 60_000);
afterAll(async () => {
  await whole.close();
  rmSync(chart, { recursive: true, force: true });
});

test('what releases of the sandbox left in the cluster goes with it, and nobody else’s', async () => {
  expect(await standing('mine')).toHaveLength(8);
  // Nobody is there to let go of it.
  await whole.give(
    JSON.stringify({
      apiVersion: 'mine.example.org/v1',
      kind: 'Thing',
      metadata: { name: 'held', namespace: 'learner-ingress', finalizers: ['example.org/never'] },
    }),
  );
  const owner = await connect(whole.kubeconfig);
  const ours = await owner.namespaces('learner-');
  expect(ours).toEqual(['learner-ingress']);
  await owner.removeReleases(ours, (name) => name.startsWith('learner-'));
  expect(await standing('mine')).toEqual([]);
  expect(await whole.kubectl('get', 'namespace', 'learner-ingress')).toContain('not found');
  expect(await standing('hers')).toHaveLength(8);
  // The same chart can be installed again.
  await install('learner-ingress', 'mine');
  await owner.removeReleases(ours, (name) => name.startsWith('learner-'));
  expect(await standing('mine')).toEqual([]);
}, 60_000);
