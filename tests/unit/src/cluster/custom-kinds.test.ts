import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ClusterProcess, startCluster } from '../../../../src/cli/cluster-process.ts';
import { type WatchedCluster, watchCluster } from '../../../../src/cluster/cluster.ts';
import { connect } from '../../../../src/cluster/connection.ts';
import { findCustomKinds, readCustomKind } from '../../../../src/cluster/custom-kinds.ts';

const home = mkdtempSync(path.join(tmpdir(), 'custom-kinds-'));
let embedded: ClusterProcess | undefined;
let cluster: WatchedCluster | undefined;

beforeAll(async () => {
  embedded = await startCluster({ home, name: 'main', nodes: 1, onTrouble: () => undefined });
  // A pause that nobody would wait for: what is seen in time is seen because it was told.
  const timing = { pause: 600_000, longestPause: 600_000 };
  cluster = watchCluster({ connection: connect(embedded.kubeconfig), timing });
});

afterAll(async () => {
  cluster?.close();
  await embedded?.stop();
  rmSync(home, { recursive: true });
});

const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'issuers.example.org' },
  spec: {
    group: 'example.org',
    scope: 'Cluster',
    names: { plural: 'issuers', singular: 'issuer', kind: 'Issuer', listKind: 'IssuerList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

test('objects of a custom kind are seen as soon as it is defined, are gone with it, and come back', async () => {
  const k8s = await import('@kubernetes/client-node');
  const config = new k8s.KubeConfig();
  config.loadFromFile(embedded?.kubeconfig ?? '');
  const objects = k8s.KubernetesObjectApi.makeApiClient(config);
  const release = cluster?.want(['issuers.example.org']);
  const seen = () => cluster?.view('issuers.example.org', 'anywhere');
  const until = (condition: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!condition()) return;
        stop?.();
        resolve();
      };
      const stop = cluster?.subscribe(['anywhere'], look);
      look();
    });
  await until(() => seen()?.state === 'absent');
  for (const round of ['first', 'second']) {
    await objects.create(structuredClone(definition));
    await until(() => seen()?.state === 'synced');
    expect(seen()?.items).toEqual([]);
    const issuer = { apiVersion: 'example.org/v1', kind: 'Issuer', metadata: { name: round } };
    await objects.create(issuer);
    await until(() => seen()?.items[0]?.metadata.name === round);
    await objects.delete(definition);
    await until(() => seen()?.state === 'absent');
    expect(seen()?.items).toEqual([]);
  }
  release?.();
}, 20_000);

test('definitions of our charts are found, whatever Helm has written between their lines', () => {
  const root = path.join(home, 'project');
  const write = (file: string, text: string) => {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), text);
  };
  write(
    'manifests/charts/certs/templates/crds.yaml',
    `{{- if .Values.crds.enabled }}
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: certificates.example.org
  labels:
    {{- include "labels" . | nindent 4 }}
spec:
  group: example.org
  names: { plural: certificates, kind: Certificate }
  scope: Namespaced
  versions:
    - name: v1
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: { type: object, properties: { secretName: { type: string } } }
{{- end }}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: orders.acme.example.org
spec: 7
`,
  );
  write('manifests/charts/certs/templates/deployment.yaml', 'kind: Deployment\n');
  const kinds = findCustomKinds(root);
  expect([...kinds.keys()]).toEqual(['certificates.example.org', 'orders.acme.example.org']);
  expect(readCustomKind(kinds, 'certificates.example.org')).toMatchObject({
    group: 'example.org',
    version: 'v1',
    kind: 'Certificate',
    schema: { properties: { spec: { properties: { secretName: { type: 'string' } } } } },
  });
  expect(readCustomKind(kinds, 'orders.acme.example.org')).toBeUndefined();
  expect(readCustomKind(kinds, 'issuers.example.org')).toBeUndefined();
});
