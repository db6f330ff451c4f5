import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunningContainer } from '../../../../../../sandbox/embedded/node/images/container.ts';
import { outward } from '../../../../../../sandbox/embedded/node/network/network.ts';
import { openTestCluster, type TestCluster } from '../../control-plane/test-cluster.ts';
import { idle, sh, TestNetwork } from './harness.ts';

let cluster: TestCluster;
let pod: RunningContainer;
beforeAll(async () => {
  cluster = await openTestCluster();
  const { port } = cluster.cluster;
  const network = { ...new TestNetwork().pod('10.244.0.7'), connect: () => outward('127.0.0.1', port) };
  pod = idle('bitnami/kubectl', { network });
  const server = `https://other.clusters.internal:6443\n    tls-server-name: kubernetes`;
  const config = readFileSync(cluster.kubeconfig, 'utf8').replace(/https:\S+/, server);
  await sh(pod, `printf '%s' '${config}' > /tmp/config`);
});
afterAll(async () => {
  pod.kill();
  await cluster.close();
});
const run = (line: string) => sh(pod, `export KUBECONFIG=/tmp/config; ${line}`);

test('kubectl in a pod applies, gets, patches and deletes by a kubeconfig that is mounted', async () => {
  const apply = 'kubectl apply -f - <<X\n{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: one}}\nX';
  expect((await run(apply)).stdout).toBe('configmap/a created\n');
  expect((await run(apply)).stdout).toBe('configmap/a unchanged\n');
  expect((await run(apply.replace('one', 'two'))).stdout).toBe('configmap/a configured\n');
  expect((await run('kubectl get cm a')).stdout).toMatch(/^NAME {3}DATA {3}AGE\na {6}1 {6}\d+s\n$/);
  expect((await run('kubectl get configmaps,ns -o name -A')).stdout).toContain('configmap/a\n');
  expect(JSON.parse((await run('kubectl get cm/a -ojson')).stdout)).toMatchObject({
    kind: 'ConfigMap',
    data: { k: 'two' },
  });
  expect((await run(`kubectl patch cm a --type=merge -p '{"data":{"k":null}}'`)).stdout).toBe('configmap/a patched\n');
  expect((await run('kubectl delete cm a')).stdout).toBe('configmap "a" deleted from default namespace\n');
  expect(await run('kubectl get cm a')).toMatchObject({
    stderr: 'Error from server (NotFound): configmaps "a" not found\n',
    code: 1,
  });
  expect((await run('kubectl get cm')).stderr).toBe('No resources found in default namespace.\n');
});

test('it says what it does not know, and what it does not play', async () => {
  expect((await run('kubectl get things')).stderr).toBe('error: the server doesn\'t have a resource type "things"\n');
  expect((await run('kubectl get pods --context other')).stderr).toBe('error: context "other" does not exist\n');
  expect(await run('kubectl drain node-1')).toMatchObject({
    stderr: expect.stringContaining('kubectl drain is not part of this simulated image'),
    code: 1,
  });
});

test('curl checks a server by the certificates it is given', async () => {
  const ca = "awk '/certificate-authority-data/{print $2}' /tmp/config | base64 -d > /tmp/ca.crt";
  expect(
    (await run(`${ca}; curl -s --cacert /tmp/ca.crt https://kubernetes/version | grep gitVersion`)).stdout,
  ).toContain('v1.35');
  expect(await run('curl -sS https://kubernetes/version')).toMatchObject({
    code: 60,
    stderr: expect.stringContaining('SSL certificate problem'),
  });
  expect((await run('curl -s --cacert /nowhere https://kubernetes/version')).code).toBe(77);
});
