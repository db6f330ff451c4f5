import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createClient } from '../../../../../../sandbox/embedded/client/client.ts';
import { createHttpsTransport } from '../../../../../../sandbox/embedded/client/https-transport.ts';
import { createCluster } from '../../../../../../sandbox/embedded/control-plane/main.ts';
import { socketPath } from '../../../../../../sandbox/socket-path.ts';

const reviews = { group: 'authentication.k8s.io', version: 'v1', resource: 'selfsubjectreviews' };
const configMaps = { group: '', version: 'v1', resource: 'configmaps' };

test('the door for the node lets in its owner alone, as a node with a node’s rights, and closes with the cluster', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'door-'));
  try {
    const cluster = await createCluster({ directory, name: 'main', controllers: false });
    const door = socketPath(directory);
    expect(statSync(door).mode & 0o777).toBe(0o600);
    const client = createClient(createHttpsTransport({ server: cluster.url }, { door }));
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview', metadata: {} };
    const { status } = await client.create(reviews, review);
    expect(status.userInfo).toMatchObject({
      username: 'system:node:node-1',
      groups: ['system:nodes', 'system:authenticated'],
    });
    expect((await client.list(configMaps)).kind).toBe('ConfigMapList');
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'default' } };
    await expect(client.create(configMaps, object)).rejects.toMatchObject({ code: 403 });
    client.close();
    await cluster.close();
    expect(() => statSync(door)).toThrow('ENOENT');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
