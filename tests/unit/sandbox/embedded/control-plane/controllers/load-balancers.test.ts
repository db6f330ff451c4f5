import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Loose } from '../../../../../../kubernetes/object.ts';
import { startLoadBalancers } from '../../../../../../sandbox/embedded/control-plane/controllers/load-balancers.ts';
import { services } from '../../../../../../sandbox/embedded/control-plane/controllers/resources.ts';
import type { Opening } from '../../../../../../sandbox/embedded/control-plane/loopback.ts';
import { addNode, type Loops, startLoops } from './loops.ts';

/**
 * The judges of these tests are https://kubernetes.io/docs/concepts/services-networking/service/#loadbalancer, the API's own
 * documentation of its fields (k8s.io/api, core/v1), whose sentences are quoted, and the service controller's source for
 * events.
 */

let loops: Loops;
let openings: Record<string, Opening>;
beforeEach(async () => {
  openings = {};
  loops = startLoops({ all: false });
  await addNode(loops.client);
  startLoadBalancers(loops.context, {
    range: '127.92.3',
    tryListen: async (address, port) => openings[`${address}:${port}`] ?? openings[address] ?? 'free',
  });
});
afterEach(() => loops.stop());

const make = (name: string, spec: Loose = {}) =>
  loops.client.create(services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: { type: 'LoadBalancer', ports: [{ port: 80, protocol: 'TCP' }], ...spec },
    status: { loadBalancer: {} },
  });
const ingress = (name: string) => loops.one('services', name)?.status?.loadBalancer?.ingress;
const until = (condition: () => unknown) => loops.api.until(condition);

test('each Service gets an address of its own, a finalizer, and the events of a cloud', async () => {
  // "LoadBalancerIngress represents the status of a load-balancer ingress point: traffic intended for the service should be
  // sent to an ingress point." "IP is set for load-balancer ingress points that are IP based"
  await make('a');
  await until(() => ingress('a'));
  await make('b');
  await until(() => ingress('b'));
  expect(ingress('a')).toEqual([{ ip: '127.92.3.1', ipMode: 'VIP' }]);
  expect(ingress('b')).toEqual([{ ip: '127.92.3.2', ipMode: 'VIP' }]);
  expect(loops.one('services', 'a').metadata.finalizers).toEqual(['service.kubernetes.io/load-balancer-cleanup']);
  await until(() => loops.events().length === 4);
  expect(loops.events().slice(0, 2)).toEqual([
    'EnsuringLoadBalancer: Ensuring load balancer',
    'EnsuredLoadBalancer: Ensured load balancer',
  ]);
  await loops.client.delete(services, 'a', 'default');
  await until(() => !loops.one('services', 'a'));
  await until(() => loops.events().includes('DeletedLoadBalancer: Deleted load balancer'));
});

test('an address whose port is busy is passed over; one that must not be opened counts as free', async () => {
  openings['127.92.3.1:80'] = 'busy';
  openings['127.92.3.2:80'] = 'forbidden';
  await make('a');
  await until(() => ingress('a'));
  expect(ingress('a')[0].ip).toBe('127.92.3.2');
});

test('loadBalancerClass means someone else’s; a change of type takes the balancer away', async () => {
  // "Any default load balancer implementation (e.g. cloud providers) should ignore Services that set this field."
  await make('theirs', { loadBalancerClass: 'example.com/lb' });
  await make('ours');
  await until(() => ingress('ours'));
  expect(ingress('theirs')).toBeUndefined();
  const patch = { spec: { type: 'ClusterIP' } };
  await loops.client.patch(services, 'ours', 'default', 'merge', patch);
  await until(() => !loops.one('services', 'ours').metadata.finalizers?.length);
  expect(ingress('ours')).toBeFalsy();
});

test('a machine with one loopback address shares it, port by port, and says whose port it is', async () => {
  openings['127.92.3.1'] = 'missing';
  await make('a');
  await until(() => ingress('a'));
  expect(ingress('a')[0].ip).toBe('127.0.0.1');
  await make('b');
  await until(() => loops.events().some((event) => event.startsWith('SyncLoadBalancerFailed')));
  expect(loops.events()).toContain(
    'SyncLoadBalancerFailed: Error syncing load balancer: failed to ensure load balancer: this machine has one loopback address, and another Service has port 80 of it: change spec.ports[].port of one of them',
  );
  await loops.client.delete(services, 'a', 'default');
  await until(() => !loops.one('services', 'a'));
  loops.clock.skip(60_000);
  await until(() => ingress('b'));
});

test('loadBalancerIP is given where it is of this machine', async () => {
  // "This feature depends on whether the underlying cloud-provider supports specifying the loadBalancerIP when a load
  // balancer is created."
  await make('a', { loadBalancerIP: '127.92.3.77' });
  await until(() => ingress('a'));
  expect(ingress('a')[0].ip).toBe('127.92.3.77');
  await make('b', { loadBalancerIP: '192.0.2.1' });
  await until(() => loops.events().some((event) => event.includes('spec.loadBalancerIP 192.0.2.1 is no address')));
});
