import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../../../../../sandbox/embedded/client/client.ts';
import { createHttpsTransport } from '../../../../../sandbox/embedded/client/https-transport.ts';
import { createInformer } from '../../../../../sandbox/embedded/client/informer.ts';
import { createClock } from '../../../../../sandbox/embedded/clock.ts';
import { type Cluster, createCluster } from '../../../../../sandbox/embedded/control-plane/main.ts';

const configMaps = { group: '', version: 'v1', resource: 'configmaps' };
const directory = mkdtempSync(join(tmpdir(), 'atelier-transport-'));
let cluster: Cluster;
beforeAll(async () => {
  cluster = await createCluster({ directory, name: 'transport', controllers: false });
});
afterAll(async () => {
  await cluster.close();
  rmSync(directory, { recursive: true, force: true });
});

const connect = (options = {}) => {
  const { cert, key } = cluster.pki.admin;
  return createHttpsTransport({ server: cluster.url, ca: cluster.pki.ca.cert, cert, key }, options);
};

describe('transport over TLS to our own server', () => {
  it('carries many requests at once, and a watch that tells of each', async () => {
    const transport = connect({ maxSockets: 4 });
    const client = createClient(transport);
    const abort = new AbortController();
    const informer = createInformer({ client, resource: configMaps, clock: createClock(), signal: abort.signal });
    await informer.synced;
    const all = new Promise<void>((resolve) => {
      informer.on(() => informer.list('default').length === 50 && resolve());
    });
    const make = (index: number) =>
      client.create(configMaps, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: `m-${index}`, namespace: 'default' },
        data: { text: 'naïve ☃' },
      });
    await Promise.all(Array.from({ length: 50 }, (_, index) => make(index)));
    await all;
    expect(informer.get('m-49', 'default')?.data).toEqual({ text: 'naïve ☃' });
    abort.abort();
    transport.close();
  });

  it('asks as another user when it may, and is told no as that user', async () => {
    const transport = connect({ impersonate: { user: 'nobody', groups: ['system:authenticated'] } });
    const refused = await createClient(transport)
      .list(configMaps, { namespace: 'default' })
      .catch((error) => error);
    expect([refused.code, refused.reason]).toEqual([403, 'Forbidden']);
    expect(refused.message).toContain('User "nobody" cannot list resource "configmaps"');
    const watched = createClient(transport).watch(
      configMaps,
      { namespace: 'default', signal: AbortSignal.timeout(5000) },
      () => {},
    );
    await expect(watched).rejects.toMatchObject({ code: 403 });
    transport.close();
  });
});
