import { beforeEach, expect, test } from 'vitest';
import { connectPatience, type PodNetwork } from '../../../../../../sandbox/embedded/node/network/network.ts';
import { createRig, type NetworkRig, outcome, ready } from './rig.ts';

/** The judge of these tests is https://kubernetes.io/docs/concepts/services-networking/network-policies/; its sentences are quoted. */

let rig: NetworkRig;
let web: PodNetwork;
let client: PodNetwork;
beforeEach(async () => {
  rig = createRig();
  const ports = [{ name: 'http', containerPort: 80 }];
  web = await rig.pod('web', '10.244.0.2', {
    labels: { app: 'web' },
    listens: [80, 8080, 8081, 9000],
    spec: { containers: [{ ports }] },
  });
  client = await rig.pod('client', '10.244.0.3', { labels: { app: 'client' }, listens: [80] });
});

/** What a connection comes to, once every timer has fired. */
async function reach(from: PodNetwork, host: string, port: number): Promise<string> {
  const result = outcome(from.connect(host, port));
  await new Promise(setImmediate);
  rig.clock.skip(connectPatience + 1);
  return result;
}
const toWeb = (port = 80) => reach(client, '10.244.0.2', port);
const everyone = { podSelector: {} };
const selectsWeb = { podSelector: { matchLabels: { app: 'web' } } };

test('without a policy everything passes', async () => {
  // "By default, a pod is non-isolated for ingress; all inbound connections are allowed."
  expect(await toWeb()).toBe('connected');
});

test('default deny: nothing comes in, and the client waits as long as TCP does', async () => {
  // "a NetworkPolicy which selects that pod for ingress but does not allow any ingress traffic to those pods"
  rig.policy({ ...everyone, policyTypes: ['Ingress'] });
  let settled = false;
  const result = outcome(client.connect('10.244.0.2', 80)).finally(() => {
    settled = true;
  });
  await new Promise(setImmediate);
  rig.clock.skip(connectPatience - 1000);
  await new Promise(setImmediate);
  expect(settled).toBe(false);
  rig.clock.skip(1001);
  expect(await result).toBe('ETIMEDOUT');
});

test('probes and port-forward pass, and a pod reaches itself and its node', async () => {
  // "A Pod cannot block access to itself"; "traffic to and from the node where a Pod is running is always allowed"
  rig.policy({ ...everyone, policyTypes: ['Ingress', 'Egress'] });
  expect(await outcome(web.fromNode(80))).toBe('connected');
  expect(await outcome(web.fromInside(80))).toBe('connected');
  expect(await outcome(rig.network.connect('10.244.0.2', 80))).toBe('connected');
  expect(await reach(web, '10.244.0.2', 80)).toBe('connected');
  expect(await toWeb()).toBe('ETIMEDOUT');
});

test('who comes from outside is told by ipBlock alone', async () => {
  rig.policy({ ...selectsWeb, ingress: [{ from: [{ podSelector: {} }] }] });
  const outside = () => {
    const result = outcome(rig.network.connect('10.244.0.2', 80, '127.0.0.1'));
    return new Promise(setImmediate).then(() => {
      rig.clock.skip(connectPatience);
      return result;
    });
  };
  expect(await outside()).toBe('ETIMEDOUT');
  rig.policy({ ...selectsWeb, ingress: [{ from: [{ ipBlock: { cidr: '127.0.0.0/8' } }] }] });
  expect(await outside()).toBe('connected');
});

test('podSelector means pods of the policy’s namespace, namespaceSelector all pods of others, both together those in both', async () => {
  // "This selects particular Pods in the same namespace as the NetworkPolicy"
  const far = await rig.pod('far', '10.244.0.4', { namespace: 'other', labels: { app: 'client' } });
  rig.policy({ ...selectsWeb, ingress: [{ from: [{ podSelector: { matchLabels: { app: 'client' } } }] }] });
  expect(await toWeb()).toBe('connected');
  expect(await reach(far, '10.244.0.2', 80)).toBe('ETIMEDOUT');
  const other = { matchLabels: { 'kubernetes.io/metadata.name': 'other' } };
  const both = { namespaceSelector: other, podSelector: { matchLabels: { app: 'nobody' } } };
  rig.policy({ ...selectsWeb, ingress: [{ from: [both] }] });
  expect(await reach(far, '10.244.0.2', 80)).toBe('ETIMEDOUT');
  rig.policy({ ...selectsWeb, ingress: [{ from: [{ namespaceSelector: other }] }] });
  expect(await reach(far, '10.244.0.2', 80)).toBe('connected');
});

test('labels count as they are now', async () => {
  rig.policy({ ...selectsWeb, ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: 'a' } } }] }] });
  expect(await toWeb()).toBe('ETIMEDOUT');
  rig.namespaces.put({ metadata: { name: 'default', labels: { team: 'a' } } });
  expect(await toWeb()).toBe('connected');
});

test('ipBlock leaves out what except names', async () => {
  const block = { cidr: '10.244.0.0/24', except: ['10.244.0.3/32'] };
  rig.policy({ ...selectsWeb, ingress: [{ from: [{ ipBlock: block }] }] });
  const near = await rig.pod('near', '10.244.0.7');
  expect(await reach(near, '10.244.0.2', 80)).toBe('connected');
  expect(await toWeb()).toBe('ETIMEDOUT');
});

test('ports: by number, by name, as a range up to endPort; an empty rule lets all in', async () => {
  rig.policy({ ...selectsWeb, ingress: [{ ports: [{ port: 'http' }, { port: 8080, endPort: 8081 }] }] });
  expect(await Promise.all([toWeb(80), toWeb(8080), toWeb(8081)])).toEqual(['connected', 'connected', 'connected']);
  expect(await toWeb(9000)).toBe('ETIMEDOUT');
  rig.policy({ ...selectsWeb, ingress: [{ ports: [{ port: 9000, protocol: 'UDP' }] }] });
  expect(await toWeb(9000)).toBe('ETIMEDOUT');
  rig.policy({ ...selectsWeb, ingress: [{}] });
  expect(await toWeb(9000)).toBe('connected');
});

test('both ends must agree, also behind a Service', async () => {
  // "both the egress policy on the source pod and the ingress policy on the destination pod need to allow the connection"
  rig.service('web', { clusterIP: '10.96.0.7' });
  rig.endpoints('web', [{ port: 80, protocol: 'TCP' }], [ready('10.244.0.2')]);
  const mine = { podSelector: { matchLabels: { app: 'client' } } };
  rig.policy({
    ...mine,
    policyTypes: ['Egress'],
    egress: [{ to: [{ podSelector: { matchLabels: { app: 'web' } } }] }],
  });
  expect(await reach(client, '10.96.0.7', 80)).toBe('connected');
  rig.policy({ ...selectsWeb, ingress: [] });
  expect(await reach(client, '10.96.0.7', 80)).toBe('ETIMEDOUT');
});

test('policyTypes left out: Ingress, and Egress where there are egress rules', async () => {
  // "If no policyTypes are specified on a NetworkPolicy then by default Ingress will always be set and Egress will be set if the NetworkPolicy has any egress rules."
  rig.policy({ podSelector: { matchLabels: { app: 'client' } } });
  expect(await reach(web, '10.244.0.3', 80)).toBe('ETIMEDOUT');
  expect(await toWeb()).toBe('connected');
  rig.policy({
    podSelector: { matchLabels: { app: 'client' } },
    egress: [{ to: [{ ipBlock: { cidr: '10.0.0.1/32' } }] }],
  });
  expect(await toWeb()).toBe('ETIMEDOUT');
});

test('no egress means no names either, until kube-dns is allowed on port 53 of UDP', async () => {
  rig.service('web', { clusterIP: '10.96.0.7' });
  rig.policy({ ...everyone, policyTypes: ['Egress'] });
  const ask = async () => {
    const result = outcome(client.resolve('web'));
    await new Promise(setImmediate);
    rig.clock.skip(10_001);
    return result;
  };
  expect(await ask()).toBe('EAI_AGAIN');
  const kubeDns = { namespaceSelector: {}, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } };
  rig.policy({
    ...everyone,
    policyTypes: ['Egress'],
    egress: [{ to: [kubeDns], ports: [{ port: 53, protocol: 'UDP' }] }],
  });
  expect(await ask()).toBe('connected');
  expect(await toWeb()).toBe('ETIMEDOUT');
});

test('a policy that goes leaves nothing behind', async () => {
  rig.policy({ ...everyone });
  expect(await toWeb()).toBe('ETIMEDOUT');
  rig.policies.remove('policy-1');
  expect(await toWeb()).toBe('connected');
});
