import { Agent, createServer, get, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createSocketServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { createProxyServer } from 'httpxy';
import { createClock } from '../../sandbox/embedded/clock.ts';
import { createContainer } from '../../sandbox/embedded/node/images/container.ts';
import type { ContainerNetwork } from '../../sandbox/embedded/node/images/image.ts';
import { traefikImage } from '../../sandbox/embedded/node/images/traefik/image.ts';
import { makeDefaultCertificate } from '../../sandbox/embedded/node/images/traefik/server/default-certificate.ts';
import { Connection, failure } from '../../sandbox/embedded/node/network/connection.ts';
import { outward } from '../../sandbox/embedded/node/network/network.ts';
import { openTestCluster } from '../unit/sandbox/embedded/control-plane/test-cluster.ts';

// A server behind two proxies, all in one process and joined as pods are: the bare library, and Traefik as it is played.
const listeners = new Map<string, (socket: Duplex) => void>();
function connect(host: string, port: number): Promise<Duplex> {
  const listener = listeners.get(`${host}:${port}`);
  if (!listener) return Promise.reject(failure('ECONNREFUSED', `connect ECONNREFUSED ${host}:${port}`));
  const pair = Connection.pair({ address: '10.244.0.1', port: 40_000 }, { address: host, port });
  pair.server.on('error', () => {});
  pair.client.on('error', () => {});
  listener(pair.server);
  return Promise.resolve(pair.client);
}

const body = 'x'.repeat(512);
const answer: RequestListener = (request, response) => {
  request.resume();
  response.setHeader('content-type', 'text/plain').setHeader('content-length', body.length).end(body);
};
const backend = createServer({ keepAliveTimeout: 65_000 }, answer);
listeners.set('10.244.0.10:80', (socket) => backend.emit('connection', socket));

const agent = new Agent({ keepAlive: true, maxFreeSockets: 200, scheduling: 'lifo' });
agent.createConnection = ((_: unknown, opened: (error: unknown, socket?: Duplex) => void) => {
  connect('10.244.0.10', 80).then((socket) => opened(null, socket), opened);
}) as never;
const proxy = createProxyServer({ target: new URL('http://10.244.0.10'), agent } as never);
const pass: RequestListener = (request, response) => void proxy.web(request, response).catch(() => {});
const certificate = await makeDefaultCertificate(new Date());
const plain = createServer(pass);
const secure = createTlsServer(certificate, pass);
listeners.set('10.244.0.3:8000', (socket) => plain.emit('connection', socket));
listeners.set('10.244.0.3:8443', (socket) => secure.emit('connection', socket));

const { cluster, client } = await openTestCluster();
const network: ContainerNetwork = {
  listen: async (port, onConnection) => {
    listeners.set(`10.244.0.2:${port}`, onConnection);
    return { close: () => void listeners.delete(`10.244.0.2:${port}`) };
  },
  connect: (host, port) => (host === '10.96.0.1' ? outward('127.0.0.1', cluster.port) : connect(host, port)),
  query: () => Promise.reject(failure('ETIMEDOUT', 'no names here')),
  resolve: () => Promise.reject(failure('ENOTFOUND', 'no names here')),
};
const gvr = (group: string, resource: string) => ({ group, version: 'v1', resource });
const metadata = (name: string, more: object = {}) => ({ name, namespace: 'default', ...more });
await client.create(gvr('', 'serviceaccounts'), {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: metadata('traefik'),
});
const rbac = 'rbac.authorization.k8s.io';
await client.create(gvr(rbac, 'clusterrolebindings'), {
  apiVersion: `${rbac}/v1`,
  kind: 'ClusterRoleBinding',
  metadata: { name: 'traefik' },
  roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'cluster-admin' },
  subjects: [{ kind: 'ServiceAccount', name: 'traefik', namespace: 'default' }],
});
await client.create(gvr('networking.k8s.io', 'ingressclasses'), {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IngressClass',
  metadata: { name: 'traefik' },
  spec: { controller: 'traefik.io/ingress-controller' },
});
await client.create(gvr('', 'services'), {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: metadata('web'),
  spec: { ports: [{ name: 'http', port: 80 }] },
});
await client.create(gvr('discovery.k8s.io', 'endpointslices'), {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: metadata('web-1', { labels: { 'kubernetes.io/service-name': 'web' } }),
  addressType: 'IPv4',
  ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
  endpoints: [{ addresses: ['10.244.0.10'] }],
});
for (let index = 0; index < 20; index += 1)
  await client.create(gvr('networking.k8s.io', 'ingresses'), {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: metadata(`web-${index}`),
    spec: {
      ingressClassName: 'traefik',
      rules: [
        {
          host: `web-${index}.test`,
          http: {
            paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } }],
          },
        },
      ],
    },
  });
const asked = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 36_000 } };
const { status } = await client.createSubresource(gvr('', 'serviceaccounts'), 'traefik', 'default', 'token', asked);

const collect = (): void => (globalThis as { gc?: () => void }).gc?.();
collect();
const memoryBefore = process.memoryUsage();
const began = performance.now();
const mounted = '/run/secrets/kubernetes.io/serviceaccount';
const container = createContainer({
  pod: {
    name: 'traefik',
    namespace: 'default',
    uid: 'u',
    hostname: 'traefik',
    ip: '10.244.0.2',
    node: 'node-1',
    labels: {},
  },
  name: 'traefik',
  reference: 'traefik:v3.6.7',
  image: {
    ...traefikImage,
    config: { ...traefikImage.config, env: { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' } },
    files: { [`${mounted}/token`]: status.token, [`${mounted}/ca.crt`]: cluster.pki.ca.cert },
  },
  network,
  clock: createClock(),
});
const argv = [
  '/entrypoint.sh',
  '--entrypoints.web.address=:8000',
  '--entrypoints.websecure.address=:8443',
  '--entrypoints.websecure.http.tls',
  '--providers.kubernetesingress',
  '--accesslog',
];
container.start({ argv, stdout: () => {}, stderr: () => {} });

/** Ports of this machine, each led on as the machine's ports are. */
async function front(host: string, port: number): Promise<number> {
  const server = createSocketServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    connect(host, port).then(
      (there) => socket.pipe(there).pipe(socket),
      () => socket.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
const ports = {
  bare: await front('10.244.0.3', 8000),
  bareSecure: await front('10.244.0.3', 8443),
  traefik: await front('10.244.0.2', 8000),
  traefikSecure: await front('10.244.0.2', 8443),
};
const routed = (): Promise<boolean> =>
  new Promise((resolve) => {
    get({ host: '127.0.0.1', port: ports.traefik, headers: { host: 'web-0.test' } }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    }).on('error', () => resolve(false));
  });
while (!(await routed())) await new Promise((resolve) => setTimeout(resolve, 2));
const start = performance.now() - began;
collect();
const memory = process.memoryUsage();
const held = memory.heapUsed + memory.external - memoryBefore.heapUsed - memoryBefore.external;
process.stdout.write(`${JSON.stringify({ ports, start, held })}\n`);
