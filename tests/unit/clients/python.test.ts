import { execFile, execFileSync } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clusterForClients } from './cluster.ts';

const run = promisify(execFile);

/** Whether this machine has Python with the `kubernetes` package: no learner's machine needs it. */
function hasClient(): boolean {
  try {
    execFileSync('python3', ['-c', 'import kubernetes'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const SAID = `\
watch: ADDED map-0, ADDED map-1, ADDED map-2, DELETED map-0
pages: 1 True
merge: {'more': 'x'}
json: {'more': 'x', 'y': 'z'}
refused: 422 Unprocessable Entity
refused: 409 Conflict
exec: hello
shell: typed wrong 7
log: ['one', 'two']
tail: two
forward: HTTP/1.1 200 OK True None
proxy: True
job: 1
scale: 3
apply: python True
conflict: 409
may: True | version: True
token: 2
nodes: True
`;

let cluster: Awaited<ReturnType<typeof clusterForClients>> | undefined;
const present = hasClient();

beforeAll(async () => {
  if (present) cluster = await clusterForClients();
});
afterAll(() => cluster?.stop());

test.skipIf(!present)('the Python client: watches, pages, patches, exec, logs, ports, jobs, apply', async () => {
  const script = path.join(import.meta.dirname, 'client.py');
  const { stdout, stderr } = await run('python3', [script, cluster!.kubeconfig]);
  expect({ stdout, stderr }).toEqual({ stdout: SAID, stderr: '' });
});
