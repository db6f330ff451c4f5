import { createServer, request as httpsRequest, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestCluster, pod, pods, type TestCluster } from '../test-cluster.ts';

let setup: TestCluster;
let kubelet: Server;
const asked: { url: string; authorized: boolean; impersonation: unknown }[] = [];

beforeAll(async () => {
  setup = await openTestCluster();
  const { ca, kubeletServer } = setup.cluster.pki;
  kubelet = createServer(
    { ...kubeletServer, ca: ca.cert, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      const { authorized } = request.socket as TLSSocket;
      asked.push({ url: request.url ?? '', authorized, impersonation: request.headers['impersonate-user'] });
      const waiting = request.url?.includes('/slow/');
      response.writeHead(waiting ? 400 : 200, { 'content-type': 'text/plain' });
      response.end(waiting ? 'container "main" in pod "slow" is waiting to start: ContainerCreating' : 'line 1\n');
    },
  );
  kubelet.on('upgrade', (_request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n');
    socket.on('data', (chunk: Buffer) => socket.end(`heard ${chunk}`));
  });
  await new Promise<void>((resolve) => kubelet.listen(0, '127.0.0.1', resolve));
  const { client } = setup;
  const address = `127.0.0.1:${(kubelet.address() as AddressInfo).port}`;
  await client.create(
    { ...pods, resource: 'nodes' },
    {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'node-1', annotations: { 'atelier.dev/kubelet': address } },
    },
  );
  for (const name of ['web', 'slow']) await client.create(pods, pod(name, { nodeName: 'node-1' }));
  await client.create(pods, pod('homeless'));
});
afterAll(async () => {
  kubelet.closeAllConnections();
  kubelet.close();
  await setup.close();
});

const path = (name: string, part: string) => `/api/v1/namespaces/default/pods/${name}/${part}`;
const get = (target: string) => setup.transport.request({ method: 'GET', path: target });

test('logs come from the kubelet, which sees the API server’s certificate', async () => {
  expect(await get(path('web', 'log?tailLines=3'))).toEqual({ code: 200, body: 'line 1\n' });
  expect(asked.at(-1)).toMatchObject({ url: '/containerLogs/default/web/main?tailLines=3', authorized: true });
});

test('what the kubelet refuses is a Status; a pod without a node has no log yet', async () => {
  expect((await get(path('slow', 'log'))).body).toMatchObject({
    code: 400,
    reason: 'BadRequest',
    message: 'container "main" in pod "slow" is waiting to start: ContainerCreating',
  });
  expect(await get(path('homeless', 'log'))).toEqual({ code: 204, body: '' });
  expect((await get(path('web', 'log?container=nope'))).body.message).toBe('container nope is not valid for pod web');
  expect((await get(path('nobody', 'log'))).body.message).toBe('pods "nobody" not found');
});

/** Asks for a stream; answers with what came back. */
function upgrade(target: string, headers: Record<string, string> = {}): Promise<{ code: number; text: string }> {
  const { pki, port } = setup.cluster;
  return new Promise((resolve, reject) => {
    const request = httpsRequest({
      host: '127.0.0.1',
      port,
      path: target,
      method: 'POST',
      ca: pki.ca.cert,
      ...pki.admin,
      agent: false,
      headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1', ...headers },
    });
    const read = (code: number, stream: NodeJS.ReadableStream): void => {
      let text = '';
      stream.on('data', (chunk) => {
        text += chunk;
      });
      stream.on('end', () => resolve({ code, text }));
    };
    request.on('upgrade', (answer, socket) => {
      read(answer.statusCode ?? 0, socket);
      socket.write('hello');
    });
    request.on('response', (answer) => read(answer.statusCode ?? 0, answer));
    request.on('error', reject);
    request.end();
  });
}

test('an upgraded connection carries bytes both ways, for those who may', async () => {
  const exec = path('web', 'exec?command=ls&stdout=true');
  expect(await upgrade(exec)).toEqual({ code: 101, text: 'heard hello' });
  const refused = await upgrade(exec, { 'impersonate-user': 'bob' });
  expect([refused.code, JSON.parse(refused.text).message]).toEqual([
    403,
    'pods "web" is forbidden: User "bob" cannot create resource "pods/exec" in API group "" in the namespace "default"',
  ]);
  const homeless = await upgrade(path('homeless', 'exec?command=ls&stdout=true'));
  expect(JSON.parse(homeless.text).message).toBe('pod homeless does not have a host assigned');
});
