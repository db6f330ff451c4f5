import { beforeEach, expect, test } from 'vitest';
import { connectPatience } from '../../../../../../sandbox/embedded/node/network/network.ts';
import { createRig, type NetworkRig, outcome, ready, said } from './rig.ts';

/** The judge of these tests is https://kubernetes.io/docs/reference/networking/virtual-ips/; its sentences are quoted. */

let rig: NetworkRig;
const ports = [{ port: 80, protocol: 'TCP' }];
beforeEach(async () => {
  rig = createRig();
  await rig.pod('one', '10.244.0.2', { listens: [80] });
  await rig.pod('two', '10.244.1.2', { listens: [80], node: 'node-2' });
});
const both = () =>
  rig.endpoints('web', ports, [
    ready('10.244.0.2', { nodeName: 'node-1' }),
    ready('10.244.1.2', { nodeName: 'node-2' }),
  ]);
const hear = async (host: string, port: number, times = 4, client?: string) => {
  const heard = new Set<string>();
  for (let time = 0; time < times; time++) heard.add(await said(rig.network.connect(host, port, client)));
  return [...heard].sort();
};
async function dropped(attempt: Promise<unknown>): Promise<string> {
  const result = outcome(attempt);
  await new Promise(setImmediate);
  rig.clock.skip(connectPatience);
  return result;
}

test('a node port answers at every node, and with externalTrafficPolicy Local where its endpoints are', async () => {
  // "When set to Local, … traffic is dropped when it reaches a node without endpoints"
  const nodePort = [{ port: 80, nodePort: 30_080, protocol: 'TCP' }];
  rig.service('web', { type: 'NodePort', clusterIP: '10.96.0.7', ports: nodePort, externalTrafficPolicy: 'Cluster' });
  both();
  expect(await hear('10.99.0.1', 30_080)).toEqual(['one', 'two']);
  expect(await hear('10.99.0.2', 30_080)).toEqual(['one', 'two']);
  rig.service('web', { type: 'NodePort', clusterIP: '10.96.0.7', ports: nodePort, externalTrafficPolicy: 'Local' });
  expect(await hear('10.99.0.1', 30_080)).toEqual(['one']);
  expect(await hear('10.99.0.2', 30_080)).toEqual(['two']);
  rig.endpoints('web', ports, [ready('10.244.0.2', { nodeName: 'node-1' })]);
  expect(await dropped(rig.network.connect('10.99.0.2', 30_080))).toBe('ETIMEDOUT');
  expect(await outcome(rig.network.connect('10.99.0.1', 30_081))).toBe('ECONNREFUSED');
});

test('internalTrafficPolicy Local keeps a pod’s connections on its node', async () => {
  rig.service('web', { clusterIP: '10.96.0.7', internalTrafficPolicy: 'Local' });
  both();
  const here = await rig.pod('here', '10.244.0.9');
  const there = await rig.pod('there', '10.244.1.9', { node: 'node-2' });
  for (let time = 0; time < 3; time++) {
    expect(await said(here.connect('10.96.0.7', 80))).toBe('one');
    expect(await said(there.connect('10.96.0.7', 80))).toBe('two');
  }
  rig.endpoints('web', ports, [ready('10.244.0.2', { nodeName: 'node-1' })]);
  expect(await dropped(there.connect('10.96.0.7', 80))).toBe('ETIMEDOUT');
});

test('a load balancer answers pods and outsiders at its address, and drops who is out of its source ranges', async () => {
  const balancer = { ingress: [{ ip: '127.90.1.1' }] };
  const spec = { type: 'LoadBalancer', clusterIP: '10.96.0.7', externalTrafficPolicy: 'Cluster' };
  rig.service('web', spec, 'default', { loadBalancer: balancer });
  both();
  const client = await rig.pod('client', '10.244.0.9');
  expect(await outcome(client.connect('127.90.1.1', 80))).toBe('connected');
  expect(await hear('127.90.1.1', 80, 4, '127.0.0.1')).toEqual(['one', 'two']);
  rig.service('web', { ...spec, loadBalancerSourceRanges: ['127.0.0.0/8'] }, 'default', { loadBalancer: balancer });
  expect(await hear('127.90.1.1', 80, 4, '127.0.0.1')).toEqual(['one', 'two']);
  expect(await dropped(client.connect('127.90.1.1', 80))).toBe('ETIMEDOUT');
  expect(await outcome(client.connect('127.0.0.1', 80))).toBe('ECONNREFUSED');
});

test('the endpoint sees the client’s own address with externalTrafficPolicy Local alone', async () => {
  // https://kubernetes.io/docs/tutorials/services/source-ip/: "the service does source network address translation … by default"
  const seen: string[] = [];
  const own = await rig.pod('three', '10.244.0.5');
  await own.listen(80, (socket) => {
    seen.push((socket as unknown as { remoteAddress: string }).remoteAddress);
    socket.end();
  });
  rig.endpoints('web', ports, [ready('10.244.0.5', { nodeName: 'node-1' })]);
  for (const externalTrafficPolicy of ['Cluster', 'Local']) {
    const status = { loadBalancer: { ingress: [{ ip: '127.90.1.1' }] } };
    rig.service('web', { type: 'LoadBalancer', clusterIP: '10.96.0.7', externalTrafficPolicy }, 'default', status);
    await said(rig.network.connect('127.90.1.1', 80, '127.0.0.1'));
  }
  expect(seen).toEqual(['10.99.0.1', '127.0.0.1']);
});

test('ClientIP affinity holds a client to one endpoint until its time is over', async () => {
  const affinity = { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } };
  rig.service('web', { clusterIP: '10.96.0.7', ...affinity });
  both();
  const client = await rig.pod('client', '10.244.0.9');
  const first = await said(client.connect('10.96.0.7', 80));
  for (let time = 0; time < 5; time++) expect(await said(client.connect('10.96.0.7', 80))).toBe(first);
  const heard = new Set([first]);
  for (let time = 0; time < 2; time++) {
    rig.clock.skip(61_000);
    heard.add(await said(client.connect('10.96.0.7', 80)));
  }
  expect(heard.size).toBe(2);
});
