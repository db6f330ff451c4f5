import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { createNeighbours } from '../../../../../../sandbox/embedded/node/network/neighbours.ts';
import { connectPatience } from '../../../../../../sandbox/embedded/node/network/network.ts';
import { createRig, outcome, said } from './rig.ts';

test('a pod reaches the API of a cluster beside its own by name, on its port alone, as far as policies let it', async () => {
  const api = createServer((socket) => socket.end('b')).listen(0, '127.0.0.1');
  await once(api, 'listening');
  try {
    const neighbours = createNeighbours();
    neighbours.enter('b', `https://127.0.0.1:${(api.address() as AddressInfo).port}`);
    const rig = createRig({ neighbours });
    const pod = await rig.pod('client', '10.244.0.9');
    const { addresses } = await pod.resolve('b.clusters.internal');
    expect(await said(pod.connect('b.clusters.internal', 6443))).toBe('b');
    expect(await outcome(pod.connect('b.clusters.internal', 443))).toBe('ECONNREFUSED');
    expect(await outcome(pod.connect('c.clusters.internal', 6443))).toBe('ENOTFOUND');
    rig.policy({ podSelector: {}, egress: [{ to: [{ ipBlock: { cidr: '192.0.2.0/24' } }] }] });
    const denied = outcome(pod.connect(addresses[0]!, 6443));
    await new Promise(setImmediate);
    rig.clock.skip(connectPatience);
    expect(await denied).toBe('ETIMEDOUT');
    neighbours.leave('b');
    expect(neighbours.named('b.clusters.internal')).toBeUndefined();
  } finally {
    api.close();
  }
});

test('clusters keep their addresses while others come and go', () => {
  const neighbours = createNeighbours();
  for (const name of ['a', 'b', 'c']) neighbours.enter(name, 'https://127.0.0.1:1');
  const before = neighbours.named('c.clusters.internal')?.address;
  neighbours.leave('a');
  neighbours.enter('c', 'https://127.0.0.1:2');
  neighbours.enter('d', 'https://127.0.0.1:3');
  expect(neighbours.named('c.clusters.internal')).toMatchObject({ address: before, api: { port: 2 } });
  const addresses = ['b', 'c', 'd'].map((name) => neighbours.named(`${name}.clusters.internal`)?.address);
  expect(new Set(addresses).size).toBe(3);
});
