import { createServer, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { createClock, type SkippableClock } from '../../../../../../sandbox/embedded/clock.ts';
import {
  createForwardProxy,
  type ForwardProxy,
} from '../../../../../../sandbox/embedded/node/network/forward-proxy.ts';
import {
  createNetwork,
  type Network,
  type PodNetwork,
} from '../../../../../../sandbox/embedded/node/network/network.ts';
import {
  createServiceTable,
  type ServiceTable,
  type Source,
} from '../../../../../../sandbox/embedded/node/network/services.ts';

/** A collection that tests fill by hand. */
function collection(): Source & { put(object: KubeObject): void } {
  const held = new Map<string, KubeObject>();
  const handlers: ((now: KubeObject | undefined, before: KubeObject | undefined) => void)[] = [];
  return {
    list: (namespace) => [...held.values()].filter((object) => !namespace || object.metadata.namespace === namespace),
    get: (name, namespace) => held.get(`${namespace}/${name}`),
    on(handler) {
      handlers.push(handler);
      return () => {};
    },
    put(object) {
      const key = `${object.metadata.namespace}/${object.metadata.name}`;
      const before = held.get(key);
      held.set(key, object);
      for (const handler of handlers) handler(object, before);
    },
  };
}

let clock: SkippableClock;
let network: Network;
let table: ServiceTable;
let services: ReturnType<typeof collection>;
let slices: ReturnType<typeof collection>;

beforeEach(() => {
  clock = createClock();
  services = collection();
  slices = collection();
  table = createServiceTable({
    services,
    slices,
    nodeAt: (address) => (address === '10.99.0.1' ? 'node-1' : undefined),
    clock,
  });
  network = createNetwork({
    services: table,
    clusterDomain: 'cluster.local',
    clock,
    nodeAddress: () => '10.99.0.1',
    apiServer: { host: '127.0.0.1', port: 1 },
  });
});
afterEach(() => table.close());

function pod(ip: string, hostname = 'p'): PodNetwork {
  return network.addPod({
    namespace: 'default',
    hostname,
    ip: network.allocate('10.244.0.0/24', ip),
    search: ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local'],
    dots: 5,
  });
}

/** A pod that says its name to whoever connects. */
async function speaker(ip: string, name: string): Promise<PodNetwork> {
  const own = pod(ip, name);
  await own.listen(80, (socket) => socket.end(name));
  return own;
}

function service(name: string, clusterIP: string, spec: Loose = {}): void {
  services.put({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: { clusterIP, ports: [{ port: 8080, targetPort: 80, protocol: 'TCP' }], ...spec },
  });
}

function endpoints(name: string, list: Loose[]): void {
  slices.put({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-x`, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
    ports: [{ port: 80, protocol: 'TCP' }],
    endpoints: list,
  });
}

const ready = (address: string, more: Loose = {}) => ({ addresses: [address], conditions: { ready: true }, ...more });
const said = async (socket: Promise<Duplex>) => text(await socket);
const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'connected',
    (error) => error.code,
  );

test('a Service spreads connections over its ready endpoints, by address and by every form of its name', async () => {
  await speaker('10.244.0.2', 'one');
  await speaker('10.244.0.3', 'two');
  const client = pod('10.244.0.9');
  service('web', '10.96.0.7');
  endpoints('web', [
    ready('10.244.0.2'),
    ready('10.244.0.3'),
    { addresses: ['10.244.0.4'], conditions: { ready: false } },
  ]);
  const heard = new Set<string>();
  for (const host of [
    '10.96.0.7',
    'web',
    'web.default',
    'web.default.svc',
    'web.default.svc.cluster.local',
    'web.default.svc.cluster.local.',
  ]) {
    heard.add(await said(client.connect(host, 8080)));
  }
  expect([...heard].sort()).toEqual(['one', 'two']);
});

test('session affinity keeps a client with its endpoint until its time is over', async () => {
  await speaker('10.244.0.2', 'one');
  await speaker('10.244.0.3', 'two');
  const client = pod('10.244.0.9');
  service('web', '10.96.0.7', {
    sessionAffinity: 'ClientIP',
    sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
  });
  endpoints('web', [ready('10.244.0.2'), ready('10.244.0.3')]);
  const first = await said(client.connect('web', 8080));
  for (let time = 0; time < 3; time += 1) expect(await said(client.connect('web', 8080))).toBe(first);
  clock.skip(61_000);
  expect(await said(client.connect('web', 8080))).not.toBe(first);
});

test('no endpoint is refused at once; an address without a pod only after a while; a name nobody has is not found', async () => {
  const client = pod('10.244.0.9');
  service('empty', '10.96.0.8');
  expect(await code(client.connect('empty', 8080))).toBe('ECONNREFUSED');
  const nowhere = code(client.connect('10.244.7.7', 80));
  clock.skip(3000);
  expect(await nowhere).toBe('EHOSTUNREACH');
  expect(await code(client.connect('nope', 80))).toBe('ENOTFOUND');
  expect(await code(client.connect('empty.other', 80))).toBe('ENOTFOUND');
});

test('headless Services have their pods as addresses, each by its hostname', async () => {
  service('db', 'None');
  endpoints('db', [ready('10.244.0.2', { hostname: 'db-0' }), ready('10.244.0.3', { hostname: 'db-1' })]);
  const client = pod('10.244.0.9');
  expect((await client.resolve('db')).addresses).toEqual(['10.244.0.2', '10.244.0.3']);
  expect(await client.resolve('db-1.db')).toEqual({
    name: 'db-1.db.default.svc.cluster.local',
    addresses: ['10.244.0.3'],
  });
  services.put({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'alias', namespace: 'default' },
    spec: { type: 'ExternalName', externalName: 'db.default.svc.cluster.local' },
  });
  expect((await client.resolve('alias')).addresses).toEqual(['10.244.0.2', '10.244.0.3']);
});

test('what listens on 127.0.0.1 is reached from inside the pod and by port-forward alone', async () => {
  const own = pod('10.244.0.2');
  await own.listen(9000, (socket) => socket.end('inside'), '127.0.0.1');
  expect(await said(own.connect('localhost', 9000))).toBe('inside');
  expect(await said(own.fromInside(9000))).toBe('inside');
  expect(await code(own.fromNode(9000))).toBe('ECONNREFUSED');
  expect(await code(pod('10.244.0.3').connect('10.244.0.2', 9000))).toBe('ECONNREFUSED');
  await expect(own.listen(9000, () => {})).rejects.toMatchObject({ code: 'EADDRINUSE' });
  own.close();
  const gone = code(pod('10.244.0.4').connect('10.244.0.2', 9000));
  clock.skip(3000);
  expect(await gone).toBe('EHOSTUNREACH');
});

test('a node port leads to the Service', async () => {
  await speaker('10.244.0.2', 'one');
  service('np', '10.96.0.9', { type: 'NodePort', ports: [{ port: 8080, nodePort: 30_001, protocol: 'TCP' }] });
  endpoints('np', [ready('10.244.0.2')]);
  expect(await said(network.connect('10.99.0.1', 30_001))).toBe('one');
  expect(await code(network.connect('10.99.0.1', 30_002))).toBe('ECONNREFUSED');
});

test('a reader that does not read holds the writer back, and half-closes arrive', async () => {
  const server = pod('10.244.0.2');
  let accepted: Duplex | undefined;
  await server.listen(80, (socket) => {
    accepted = socket;
  });
  const client = await pod('10.244.0.3').connect('10.244.0.2', 80);
  const chunk = Buffer.alloc(1 << 16);
  let taken = 0;
  while (client.write(chunk) && taken < 100) taken += 1;
  expect(taken).toBeLessThan(10);
  client.end('last');
  let all = '';
  accepted!.on('data', (data: Buffer) => {
    all += data;
  });
  await new Promise((resolve) => accepted!.once('end', resolve));
  expect(all.endsWith('last')).toBe(true);
  accepted!.end('answer');
  expect(await text(client)).toBe('answer');
});

let proxy: ForwardProxy;
let local: Server | undefined;
afterEach(async () => {
  await proxy?.close();
  local?.close();
});

async function through(url: string): Promise<{ code: number; body: string }> {
  const { request } = await import('node:http');
  const via = new URL(proxy.url);
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: via.hostname, port: via.port, path: url, headers: { host: new URL(url).host } },
      async (answer) => resolve({ code: answer.statusCode ?? 0, body: await text(answer) }),
    );
    asked.on('error', reject);
    asked.end();
  });
}

test('the proxy leads to Services and pods, never to this machine, and nowhere else unless told', async () => {
  const server = createServer((request, response) => response.end(`hello ${request.headers.host}${request.url}`));
  const own = pod('10.244.0.2');
  await own.listen(80, (socket) => server.emit('connection', socket));
  service('web', '10.96.0.7');
  endpoints('web', [ready('10.244.0.2')]);
  local = createServer((_, response) => response.end('secret')).listen(0, '127.0.0.1');
  await new Promise((resolve) => local!.once('listening', resolve));
  const { port } = local.address() as { port: number };
  proxy = await createForwardProxy({ network, clusterDomain: 'cluster.local' });

  expect(await through('http://web.default:8080/x?y=1')).toEqual({ code: 200, body: 'hello web.default:8080/x?y=1' });
  expect((await through('http://10.244.0.2/')).body).toBe('hello 10.244.0.2/');
  for (const host of ['127.0.0.1', 'localhost', '[::1]', '0.0.0.0', '127.1', '[::ffff:127.0.0.1]']) {
    expect((await through(`http://${host}:${port}/`)).code).toBe(403);
  }
  expect(await through('http://example.com/')).toEqual({ code: 502, body: 'proxy: example.com: no such host\n' });
  service('empty', '10.96.0.8');
  expect((await through('http://empty.default:8080/')).body).toBe('proxy: 10.96.0.8:8080: connection refused\n');
});

test('on the own machine a forwarded port answers as localhost, by its name alone', async () => {
  local = createServer((_, response) => response.end('forwarded')).listen(0, '127.0.0.1');
  await new Promise((resolve) => local!.once('listening', resolve));
  const { port } = local.address() as { port: number };
  proxy = await createForwardProxy({ network, clusterDomain: 'cluster.local', passThrough: true });
  expect((await through(`http://localhost:${port}/`)).body).toBe('forwarded');
  expect((await through(`http://127.0.0.1:${port}/`)).code).toBe(403);
});

test('CONNECT gives the bytes of a pod', async () => {
  await speaker('10.244.0.2', 'raw');
  proxy = await createForwardProxy({ network, clusterDomain: 'cluster.local' });
  const { request } = await import('node:http');
  const via = new URL(proxy.url);
  const connect = (path: string) =>
    new Promise<{ code: number; socket: Duplex }>((resolve) => {
      const asked = request({ host: via.hostname, port: via.port, method: 'CONNECT', path });
      asked.on('connect', (answer, socket, head) => {
        socket.unshift(head);
        resolve({ code: answer.statusCode ?? 0, socket });
      });
      asked.end();
    });
  const good = await connect('10.244.0.2:80');
  expect(good.code).toBe(200);
  expect(await text(good.socket)).toBe('raw');
  expect((await connect('127.0.0.1:22')).code).toBe(403);
});
