import { readFileSync } from 'node:fs';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { parseAllDocuments } from 'yaml';
import type { KubeObject, Loose } from '../../../../../../../kubernetes/object.ts';
import type { Client } from '../../../../../../../sandbox/embedded/client/client.ts';
import { createClock, type SkippableClock } from '../../../../../../../sandbox/embedded/clock.ts';
import { createContainer, type RunningContainer } from '../../../../../../../sandbox/embedded/node/images/container.ts';
import { resolveImage } from '../../../../../../../sandbox/embedded/node/images/registry.ts';
import { outward } from '../../../../../../../sandbox/embedded/node/network/network.ts';
import { openTestCluster, type TestCluster } from '../../../control-plane/test-cluster.ts';
import { TestNetwork } from '../harness.ts';

const mounted = '/run/secrets/kubernetes.io/serviceaccount';
const ip = '10.244.0.2';

const plurals: Record<string, [group: string, version: string, resource: string]> = {
  Ingress: ['networking.k8s.io', 'v1', 'ingresses'],
  IngressClass: ['networking.k8s.io', 'v1', 'ingressclasses'],
  EndpointSlice: ['discovery.k8s.io', 'v1', 'endpointslices'],
  ClusterRole: ['rbac.authorization.k8s.io', 'v1', 'clusterroles'],
  ClusterRoleBinding: ['rbac.authorization.k8s.io', 'v1', 'clusterrolebindings'],
  CustomResourceDefinition: ['apiextensions.k8s.io', 'v1', 'customresourcedefinitions'],
  GatewayClass: ['gateway.networking.k8s.io', 'v1', 'gatewayclasses'],
};

const clustered = /^(?:Cluster.*|IngressClass|GatewayClass|Namespace|CustomResourceDefinition)$/;

function gvrOf({ kind, apiVersion }: KubeObject) {
  const known = plurals[kind];
  if (known) return { group: known[0], version: known[1], resource: known[2] };
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  return { group: group!, version: version!, resource: `${kind.toLowerCase()}s` };
}

export interface Ask {
  host?: string;
  path?: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  /** Over TLS, with this name asked for. */
  tls?: string | true;
}

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  raw: string[];
  body: string;
  /** Of the server's certificate. */
  certificate: string | undefined;
}

/** One Traefik in a pod, in front of servers of the test; an API server without controllers. */
export interface Rig {
  cluster: TestCluster;
  client: Client;
  clock: SkippableClock;
  network: TestNetwork;
  container: RunningContainer;
  exit: Promise<number>;
  out(): string;
  err(): string;
  /** Resolves once Traefik has said it, on standard output. */
  says(text: string | RegExp): Promise<void>;
  complains(text: string | RegExp): Promise<void>;
  apply(text: string): Promise<void>;
  remove(kind: string, name: string): Promise<void>;
  /** A Service of that name with one pod, which answers with the listener. */
  backend(name: string, address: string, listener: RequestListener, port?: number): Promise<Server>;
  ask(ask: Ask): Promise<Answer>;
  /** Asks until the answer is as wanted. */
  until(ask: Ask, wanted: (answer: Answer) => boolean): Promise<Answer>;
  /** A connection of the machine to a port of the pod. */
  dial(port: number): Promise<Duplex>;
  /** The same, of which one need not wait until it is open. */
  dialNow(port: number): Duplex;
  close(): Promise<void>;
}

export const rules = [
  {
    apiGroups: [''],
    resources: ['services', 'secrets', 'nodes', 'configmaps', 'namespaces'],
    verbs: ['get', 'list', 'watch'],
  },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
  { apiGroups: ['networking.k8s.io'], resources: ['ingresses', 'ingressclasses'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: ['networking.k8s.io'], resources: ['ingresses/status'], verbs: ['update'] },
  { apiGroups: ['traefik.io'], resources: ['*'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: ['gateway.networking.k8s.io'], resources: ['*'], verbs: ['get', 'list', 'watch', 'update'] },
];

const crds: [kind: string, plural: string][] = [
  ['IngressRoute', 'ingressroutes'],
  ['IngressRouteTCP', 'ingressroutetcps'],
  ['IngressRouteUDP', 'ingressrouteudps'],
  ['Middleware', 'middlewares'],
  ['MiddlewareTCP', 'middlewaretcps'],
  ['ServersTransport', 'serverstransports'],
  ['ServersTransportTCP', 'serverstransporttcps'],
  ['TLSOption', 'tlsoptions'],
  ['TLSStore', 'tlsstores'],
  ['TraefikService', 'traefikservices'],
];

const usual = [
  '--entrypoints.web.address=:8000/tcp',
  '--entrypoints.websecure.address=:8443/tcp',
  '--entrypoints.websecure.http.tls=true',
  '--entrypoints.traefik.address=:8080/tcp',
  '--ping=true',
  '--global.checknewversion=false',
  '--log.level=INFO',
  '--log.nocolor=true',
  '--accesslog=true',
];

/** The definitions of the Gateway API, as our chart has them. */
export function gatewayDefinitions(): string {
  const directory = join(import.meta.dirname, '../../../../../../../manifests/charts/traefik/crds');
  const plurals = ['gatewayclasses', 'gateways', 'httproutes', 'grpcroutes', 'referencegrants', 'backendtlspolicies'];
  return plurals.map((plural) => readFileSync(join(directory, `${plural}.yaml`), 'utf8')).join('---\n');
}

/** @param before objects that are there when Traefik starts, as YAML */
export async function openTraefik(
  args: string[],
  granted: Loose[] = rules,
  withCrds = false,
  before = '',
): Promise<Rig> {
  const cluster = await openTestCluster();
  const { client } = cluster;
  const clock = createClock();
  const network = new TestNetwork();
  const create = async (object: Loose): Promise<void> => void (await client.create(gvrOf(object), object));
  await create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'traefik', namespace: 'default' } });
  const rbac = 'rbac.authorization.k8s.io';
  await create({ apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name: 'traefik' }, rules: granted });
  await create({
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name: 'traefik' },
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'traefik' },
    subjects: [{ kind: 'ServiceAccount', name: 'traefik', namespace: 'default' }],
  });
  await create({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: { name: 'traefik' },
    spec: { controller: 'traefik.io/ingress-controller' },
  });
  if (withCrds)
    for (const [kind, plural] of crds)
      await create({
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: `${plural}.traefik.io` },
        spec: {
          group: 'traefik.io',
          scope: 'Namespaced',
          names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
          versions: [
            {
              name: 'v1alpha1',
              served: true,
              storage: true,
              schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
            },
          ],
        },
      });
  for (const document of parseAllDocuments(before)) await create(document.toJS() as Loose);
  const asked = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } };
  const accounts = { group: '', version: 'v1', resource: 'serviceaccounts' };
  const { status } = await client.createSubresource(accounts, 'traefik', 'default', 'token', asked);
  const resolved = resolveImage('traefik:v3.6.7');
  if ('pullError' in resolved) throw new Error(resolved.pullError);
  const { image } = resolved;
  const own = network.pod(ip);
  const container = createContainer({
    pod: { name: 'traefik-0', namespace: 'default', uid: 'u', hostname: 'traefik-0', ip, node: 'node-1', labels: {} },
    name: 'traefik',
    reference: 'traefik:v3.6.7',
    image: {
      ...image,
      config: { ...image.config, env: { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' } },
      files: { ...image.files, [`${mounted}/token`]: status.token, [`${mounted}/ca.crt`]: cluster.cluster.pki.ca.cert },
    },
    network: {
      ...own,
      connect: (host, port) =>
        host === '10.96.0.1' ? outward('127.0.0.1', cluster.cluster.port) : own.connect(host, port),
    },
    clock,
  });
  const said = { out: '', err: '' };
  const waiting = new Set<() => void>();
  const take = (stream: 'out' | 'err') => (data: Uint8Array) => {
    said[stream] += Buffer.from(data).toString();
    for (const look of waiting) look();
  };
  const started = container.start({
    argv: ['/entrypoint.sh', ...usual, ...args],
    stdout: take('out'),
    stderr: take('err'),
  });
  const appears = (stream: 'out' | 'err', text: string | RegExp): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (typeof text === 'string' ? !said[stream].includes(text) : !text.test(said[stream])) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  const servers: Server[] = [];
  const rig: Rig = {
    cluster,
    client,
    clock,
    network,
    container,
    exit: started.exit,
    out: () => said.out,
    err: () => said.err,
    says: (text) => appears('out', text),
    complains: (text) => appears('err', text),
    async apply(text) {
      for (const document of parseAllDocuments(text)) {
        const object = document.toJS() as KubeObject | null;
        if (!object) continue;
        if (!clustered.test(object.kind)) object.metadata.namespace ??= 'default';
        const resource = gvrOf(object);
        await client.create(resource, object).catch(async (error) => {
          if (error.code !== 409) throw error;
          const before = await client.get(resource, object.metadata.name!, object.metadata.namespace);
          object.metadata.resourceVersion = before.metadata.resourceVersion!;
          await client.update(resource, { ...before, ...object, metadata: { ...before.metadata, ...object.metadata } });
        });
      }
    },
    async remove(kind, name) {
      await client.delete(
        gvrOf({ kind, apiVersion: 'v1', metadata: {} }),
        name,
        clustered.test(kind) ? undefined : 'default',
      );
    },
    async backend(name, address, listener, port = 80) {
      const server = createServer(listener);
      servers.push(server);
      await network.pod(address).listen(port, (socket) => server.emit('connection', socket));
      await rig.apply(`
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec: {ports: [{name: http, port: 80, targetPort: ${port}}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ${name}-1, labels: {kubernetes.io/service-name: ${name}}}
addressType: IPv4
ports: [{name: http, port: ${port}, protocol: TCP}]
endpoints: [{addresses: [${address}], conditions: {ready: true, serving: true}}]
`);
      return server;
    },
    ask: (ask) => send(network.port(ip, ask.tls ? 8443 : 8000), ask),
    async until(ask, wanted) {
      for (;;) {
        const answer = await rig
          .ask(ask)
          .catch((error): Answer => ({ status: 0, headers: {}, raw: [], body: String(error), certificate: undefined }));
        if (wanted(answer)) return answer;
        await new Promise((resolve) => setTimeout(resolve, 15));
      }
    },
    dialNow: (port) => connect(network.port(ip, port), '127.0.0.1'),
    dial: (port) => outward('127.0.0.1', network.port(ip, port)),
    async close() {
      container.kill();
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
      }
      for (const server of network.listeners.values()) server.close();
      await cluster.close();
    },
  };
  await appears('out', 'Starting provider *acme').catch(() => {});
  return rig;
}

function send(
  port: number,
  { host = 'web.test', path = '/', method = 'GET', headers = {}, body, tls }: Ask,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, method, headers: { host, ...headers }, agent: false as const };
    const took = (response: IncomingMessage): void => {
      const peer = (
        response.socket as { getPeerCertificate?: () => { subject?: { CN?: string } } }
      ).getPeerCertificate?.();
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          raw: response.rawHeaders,
          body: Buffer.concat(chunks).toString(),
          certificate: peer?.subject?.CN,
        }),
      );
      response.on('error', reject);
    };
    const request = tls
      ? httpsRequest({ ...options, servername: tls === true ? host : tls, rejectUnauthorized: false }, took)
      : httpRequest(options, took);
    request.on('error', reject);
    request.end(body);
  });
}

/** A back end that tells what it was asked. */
export const echo =
  (name: string): RequestListener =>
  (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method, url, headers } = request;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ name, method, url, headers, body: Buffer.concat(chunks).toString() }));
    });
  };

export const ingress = (name: string, host: string, service: string, more = ''): string => `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: ${name}}
spec:
  ingressClassName: traefik
${more}
  rules:
  - host: "${host}"
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: ${service}, port: {number: 80}}}}]}
`;
