import { execFile } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fetchTools, type Tools } from '../../../sandbox/tools/tools.ts';
import { ROOT, TOOLS } from '../../../src/cli/project.ts';
import { clusterForClients } from './cluster.ts';

const CHART = path.join(ROOT, 'tests/parity/files/shapes/gate');
let cluster: Awaited<ReturnType<typeof clusterForClients>>;
let tools: Tools;

beforeAll(async () => {
  [cluster, tools] = await Promise.all([clusterForClients(), fetchTools(TOOLS, () => undefined)]);
});
afterAll(() => cluster?.stop());

/** What a tool says on both streams, and how it ended. */
function run(tool: 'kubectl' | 'helm', ...words: string[]): Promise<{ code: number; said: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, KUBECONFIG: cluster.kubeconfig };
    const child = execFile(tools[tool], words, { env }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? 1, said: stdout + stderr }),
    );
  });
}

test('a chart brings a webhook with a certificate of its own making, and takes it away again', async () => {
  expect(await run('helm', 'install', 'gate', CHART, '--wait', '--timeout', '60s')).toMatchObject({ code: 0 });
  expect(await run('kubectl', 'create', 'configmap', 'stranger')).toMatchObject({
    code: 1,
    said: expect.stringMatching(
      /^error: failed to create configmap: admission webhook "gate.atelier.dev" denied the request: .*team/,
    ),
  });
  // Another certificate with each upgrade: the API server trusts the new one at once.
  expect(
    await run('helm', 'upgrade', 'gate', CHART, '--wait', '--timeout', '60s', '--set', 'requireLabels='),
  ).toMatchObject({
    code: 0,
  });
  expect(await run('kubectl', 'create', 'configmap', 'stranger')).toMatchObject({ code: 0 });
  await run('kubectl', 'scale', 'deployment/gate', '--replicas=0');
  await run('kubectl', 'wait', '--for=delete', 'pod', '-l', 'app=gate', '--timeout=30s');
  const refused = await run('kubectl', 'create', 'configmap', 'late');
  expect(refused.said).toMatch(
    /Internal error occurred: failed calling webhook "gate.atelier.dev": failed to call webhook: Post "https:\/\/gate.default.svc:443\/judge\?timeout=10s": /,
  );
  expect(await run('helm', 'uninstall', 'gate')).toMatchObject({ code: 0 });
  expect(await run('kubectl', 'create', 'configmap', 'late')).toMatchObject({ code: 0 });
});
