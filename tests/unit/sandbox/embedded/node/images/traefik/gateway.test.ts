import { afterEach, expect, test } from 'vitest';
import type { Loose } from '../../../../../../../kubernetes/object.ts';
import { echo, gatewayDefinitions, openTraefik, type Rig, rules } from './rig.ts';

let rig: Rig | undefined;
afterEach(() => rig?.close());

const group = 'gateway.networking.k8s.io';
const service = '--providers.kubernetesgateway.statusaddress.service';
const flags = ['--providers.kubernetesgateway', `${service}.name=door`, `${service}.namespace=default`];

const gateway = (listener: string): string => `
apiVersion: ${group}/v1
kind: GatewayClass
metadata: {name: traefik}
spec: {controllerName: traefik.io/gateway-controller}
---
apiVersion: ${group}/v1
kind: Gateway
metadata: {name: door}
spec: {gatewayClassName: traefik, listeners: [{name: web, port: 8000, protocol: HTTP${listener}}]}
---
apiVersion: v1
kind: Service
metadata: {name: door}
spec: {type: LoadBalancer, ports: [{port: 80}]}
`;

const route = (name: string, backends: string): string => `
apiVersion: ${group}/v1
kind: HTTPRoute
metadata: {name: ${name}}
spec: {parentRefs: [{name: door}], hostnames: [${name}.test], rules: [{backendRefs: [${backends}]}]}
`;

const gvr = (resource: string) => ({ group, version: 'v1', resource });

/** The status once it is as wanted. */
async function status(resource: string, name: string, wanted: (status: Loose) => boolean): Promise<Loose> {
  const signal = new AbortController();
  return new Promise((resolve, reject) => {
    const look = ({ object }: { object: Loose }): void => {
      if (object.metadata?.name !== name || !object.status || !wanted(object.status)) return;
      signal.abort();
      resolve(object.status);
    };
    const namespace = resource === 'gatewayclasses' ? {} : { namespace: 'default' };
    rig!.client.watch(gvr(resource), { ...namespace, signal: signal.signal } as never, look).catch(reject);
  });
}

test('a Gateway tells where it is reached, and how many routes hang there; what it had is not written again', async () => {
  rig = await openTraefik(flags, rules, false, gatewayDefinitions());
  await rig.backend('web', '10.244.0.9', echo('web'));
  await rig.apply(gateway(''));
  await rig.apply(route('web', '{name: web, port: 80}'));
  const services = { group: '', version: 'v1', resource: 'services' };
  const door = await rig.client.get(services, 'door', 'default');
  await rig.client.update(
    services,
    { ...door, status: { loadBalancer: { ingress: [{ ip: '192.0.2.7' }] } } },
    'status',
  );
  const told = await status(
    'gateways',
    'door',
    (one) => one.addresses?.length > 0 && one.listeners[0].attachedRoutes > 0,
  );
  expect(told.addresses).toEqual([{ type: 'IPAddress', value: '192.0.2.7' }]);
  const answer = await rig.until({ host: 'web.test', path: '/x' }, ({ status: code }) => code === 200);
  expect(JSON.parse(answer.body)).toMatchObject({ name: 'web', url: '/x' });

  const before = await rig.client.get(gvr('gateways'), 'door', 'default');
  await rig.apply(route('gone', '{name: nosuch, port: 80}'));
  const { listeners } = await status('gateways', 'door', (one) => one.listeners[0].attachedRoutes === 2);
  expect(listeners[0].conditions).toMatchObject([
    { type: 'Accepted' },
    { type: 'ResolvedRefs' },
    { type: 'Programmed' },
  ]);
  const after = await rig.client.get(gvr('gateways'), 'door', 'default');
  expect(Number(after.metadata.resourceVersion)).toBeGreaterThan(Number(before.metadata.resourceVersion));
  await rig.until({ host: 'gone.test' }, ({ status: code }) => code === 500);
  await rig.apply(route('gone', '{name: web, port: 80}'));
  await rig.until({ host: 'gone.test' }, ({ status: code }) => code === 200);
  const settled = await rig.client.get(gvr('gateways'), 'door', 'default');
  expect(settled.metadata.resourceVersion).toBe(after.metadata.resourceVersion);
  expect(rig.out()).not.toContain('WRN Unable to update');
});

test('what another controller said of a route stays', async () => {
  rig = await openTraefik(['--providers.kubernetesgateway'], rules, false, gatewayDefinitions());
  await rig.backend('web', '10.244.0.9', echo('web'));
  const parent = { parentRef: { name: 'theirs' }, controllerName: 'example.test/other' };
  const condition = {
    type: 'Accepted',
    status: 'True',
    reason: 'Accepted',
    message: '',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  };
  await rig.apply(route('web', '{name: web, port: 80}'));
  const made = await rig.client.get(gvr('httproutes'), 'web', 'default');
  await rig.client.update(
    gvr('httproutes'),
    { ...made, status: { parents: [{ ...parent, conditions: [condition] }] } },
    'status',
  );
  await rig.apply(gateway(''));
  const { parents } = await status('httproutes', 'web', (one) => one.parents?.length === 2);
  expect(parents.map((one: Loose) => one.controllerName)).toEqual([
    'traefik.io/gateway-controller',
    'example.test/other',
  ]);
});

test('without the definitions it says so', async () => {
  rig = await openTraefik(flags, rules);
  await rig.complains(/failed to list \*v1\.HTTPRoute: the server could not find the requested resource/);
  expect(rig.out()).toContain('INF Label selector is: ""');
});

test('without the right to write statuses it serves, and warns', async () => {
  const granted = rules.map((rule) =>
    rule.apiGroups[0] === group ? { ...rule, verbs: ['get', 'list', 'watch'] } : rule,
  );
  rig = await openTraefik(['--providers.kubernetesgateway'], granted, false, gatewayDefinitions());
  await rig.backend('web', '10.244.0.9', echo('web'));
  await rig.apply(gateway(', hostname: "*.test"'));
  await rig.apply(route('web', '{name: web, port: 80}'));
  await rig.until({ host: 'web.test' }, ({ status: code }) => code === 200);
  await rig.says(
    'WRN Unable to update HTTPRoute status error="failed to update HTTPRoute default/web status: httproutes.gateway.networking.k8s.io \\"web\\" is forbidden: User \\"system:serviceaccount:default:traefik\\" cannot update resource \\"httproutes/status\\"',
  );
});
