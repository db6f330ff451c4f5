import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { openPki, type Pki } from '../../../../../../sandbox/embedded/control-plane/pki.ts';
import {
  type KubeletServer,
  startKubeletServer,
} from '../../../../../../sandbox/embedded/node/kubelet/server/server.ts';
import { type Rig, shell, startRig } from './rig.ts';
import { SpdyClient } from './spdy-client.ts';

let rig: Rig;
let pki: Pki;
let server: KubeletServer;
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'kubelet-server-'));
  pki = await openPki(directory);
  rig = await startRig();
  server = await startKubeletServer({
    certificate: pki.kubeletServer.cert,
    key: pki.kubeletServer.key,
    clientCa: pki.ca.cert,
    clock: rig.clock,
    newId: () => 'e'.repeat(64),
    log: (message) => void rig.log.push(message),
  });
  server.serve(rig);
  await rig.run('p', {
    containers: [shell('echo one; echo two >&2; printf three; trap "exit 0" TERM; sleep 1000 & wait')],
  });
  await rig.run('pull', { containers: [{ name: 'c', image: 'nginxx:1' }] });
  await rig.run('web', { containers: [{ name: 'c', image: 'nginx:1.27' }] });
  await rig.until(() => rig.state('p')?.running && rig.state('web')?.running);
});
afterAll(async () => {
  await server.close();
  rig.stop();
  rmSync(directory, { recursive: true, force: true });
});

const identity = () => ({ ca: pki.ca.cert, cert: pki.kubeletClient.cert, key: pki.kubeletClient.key });

function get(path: string, options: object = identity()): Promise<{ code: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { ...options, host: '127.0.0.1', port: server.port, path, rejectUnauthorized: false },
      async (answer) => resolve({ code: answer.statusCode ?? 0, body: await text(answer) }),
    );
    asked.on('error', reject);
    asked.end();
  });
}

function upgrade(
  path: string,
  headers: Record<string, string>,
): Promise<{ code: number; socket: Duplex; protocol?: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({
      ...identity(),
      host: '127.0.0.1',
      port: server.port,
      path,
      method: 'POST',
      headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1', ...headers },
    });
    asked.on('upgrade', (answer, socket) =>
      resolve({ code: 101, socket, protocol: String(answer.headers['x-stream-protocol-version']) }),
    );
    asked.on('response', (answer) => resolve({ code: answer.statusCode ?? 0, socket: answer as unknown as Duplex }));
    asked.on('error', reject);
    asked.end();
  });
}

function webSocket(path: string, protocol: string): Promise<WebSocket> {
  const socket = new WebSocket(`wss://127.0.0.1:${server.port}${path}`, protocol ? [protocol] : [], identity());
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** What an exec said, by channel, once it is over. */
function gather(socket: WebSocket): Promise<Record<number, string>> {
  const said: Record<number, string> = {};
  socket.on('message', (data: Buffer) => {
    said[data[0]!] = (said[data[0]!] ?? '') + data.subarray(1).toString();
  });
  return new Promise((resolve) => socket.once('close', () => resolve(said)));
}

test('nobody without a certificate of the cluster is answered', async () => {
  expect((await get('/containerLogs/default/p/c', {})).code).toBe(401);
});

test('logs: all, the tail, limited, with times', async () => {
  const path = '/containerLogs/default/p/c';
  const all = await get(path);
  expect(all.code).toBe(200);
  expect(all.body.split('\n').slice(0, 2).sort()).toEqual(['one', 'two']);
  expect((await get(`${path}?limitBytes=3`)).body).toBe('one');
  expect((await get(`${path}?tailLines=0`)).body).toBe('');
  expect((await get(`${path}?timestamps=true&tailLines=1`)).body).toMatch(
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z \w+\n$/,
  );
});

test('logs that cannot be had, in the words of the kubelet', async () => {
  expect(await get('/containerLogs/default/p/c?previous=true')).toEqual({
    code: 400,
    body: 'previous terminated container "c" in pod "p" not found',
  });
  expect((await get('/containerLogs/default/nope/c')).code).toBe(404);
  expect(await get('/containerLogs/default/p/x')).toEqual({ code: 404, body: 'container "x" not found in pod "p"' });
  await rig.until(() => rig.state('pull'));
  expect((await get('/containerLogs/default/pull/c')).body).toMatch(
    /^container "c" in pod "pull" is waiting to start: /,
  );
});

test('exec over WebSocket: output, input, exit code', async () => {
  const path = '/exec/default/p/c?command=sh&command=-c&command=read+x%3B+echo+got+%24x%3B+echo+err+%3E%262%3B+exit+3';
  const socket = await webSocket(`${path}&stdin=true&stdout=true&stderr=true`, 'v5.channel.k8s.io');
  expect(socket.protocol).toBe('v5.channel.k8s.io');
  const said = gather(socket);
  socket.send(Buffer.from('\0word\n'));
  const result = await said;
  expect(result[1]).toBe('got word\n');
  expect(result[2]).toBe('err\n');
  expect(JSON.parse(result[3]!)).toMatchObject({
    status: 'Failure',
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: '3' }] },
  });
});

test('v5 closes standard input by itself, so that cat ends', async () => {
  const socket = await webSocket('/exec/default/p/c?command=cat&stdin=true&stdout=true', 'v5.channel.k8s.io');
  const said = gather(socket);
  socket.send(Buffer.from('\0abc'));
  socket.send(Buffer.from([255, 0]));
  const result = await said;
  expect(result[1]).toBe('abc');
  expect(JSON.parse(result[3]!).status).toBe('Success');
});

test('a terminal echoes and has the size the client says', async () => {
  const socket = await webSocket('/exec/default/p/c?command=sh&stdin=true&stdout=true&tty=true', 'v5.channel.k8s.io');
  const said = gather(socket);
  socket.send(Buffer.concat([Buffer.from([4]), Buffer.from('{"Width":123,"Height":45}')]));
  socket.send(Buffer.from('\0exit 7\r'));
  const result = await said;
  expect(result[1]).toContain('exit 7\r\n');
  expect(JSON.parse(result[3]!).details.causes[0].message).toBe('7');
});

test('a command that is not there', async () => {
  const socket = await webSocket('/exec/default/p/c?command=nosuch&stdout=true', 'v5.channel.k8s.io');
  const { message } = JSON.parse((await gather(socket))[3]!);
  expect(message).toBe(
    `Internal error occurred: Internal error occurred: error executing command in container: failed to exec in container: failed to start exec "${'e'.repeat(64)}": OCI runtime exec failed: exec failed: unable to start container process: exec: "nosuch": executable file not found in $PATH: unknown`,
  );
});

test('exec over SPDY, streams accepted one after the other', async () => {
  const { code, socket, protocol } = await upgrade('/exec/default/p/c?command=cat&input=1&output=1', {
    'x-stream-protocol-version': 'v5.channel.k8s.io, v4.channel.k8s.io',
  });
  expect(code).toBe(101);
  expect(protocol).toBe('v5.channel.k8s.io');
  const client = new SpdyClient(socket);
  const ids: Record<string, number> = {};
  for (const streamtype of ['error', 'stdin', 'stdout']) {
    const id = await client.open({ streamtype });
    ids[streamtype] = id;
    await client.until(() => client.replied(id));
  }
  client.ping();
  await client.until(() => client.pinged === 1);
  client.send(ids.stdin!, 'hello ');
  client.send(ids.stdin!, 'there', true);
  await client.until(() => client.ended(ids.error!));
  expect(client.text(ids.stdout!)).toBe('hello there');
  expect(JSON.parse(client.text(ids.error!)).status).toBe('Success');
});

test('a container that is not running cannot be entered', async () => {
  const { code, socket } = await upgrade('/exec/default/pull/c?command=ls&output=1', {
    'x-stream-protocol-version': 'v4.channel.k8s.io',
  });
  expect(code).toBe(500);
  expect(await text(socket)).toBe('container not found ("c")');
});

test('port-forward over SPDY in a WebSocket: bytes of the pod, and why there are none', async () => {
  const tunnel = new WebSocket(`wss://127.0.0.1:${server.port}/portForward/default/web`, {
    ...identity(),
    headers: { 'sec-websocket-protocol': 'SPDY/3.1+portforward.k8s.io' },
    finishRequest: (asked) => asked.end(),
  });
  const upgraded = new Promise<string>((resolve) => {
    tunnel.on('upgrade', (answer) => resolve(String(answer.headers['sec-websocket-protocol'])));
  });
  tunnel.on('error', () => {});
  expect(await upgraded).toBe('SPDY/3.1+portforward.k8s.io');
  tunnel.terminate();

  const raw = await upgrade('/portForward/default/web', { 'x-stream-protocol-version': 'portforward.k8s.io' });
  const client = new SpdyClient(raw.socket);
  const pair = async (port: string, requestid: string) => ({
    error: await client.open({ streamtype: 'error', port, requestid }),
    data: await client.open({ streamtype: 'data', port, requestid }),
  });
  const good = await pair('80', '0');
  client.send(good.data, 'GET / HTTP/1.1\r\nHost: web\r\n\r\n');
  await client.until(() => client.text(good.data).includes('Welcome to nginx!'));
  const bad = await pair('9999', '1');
  await client.until(() => client.ended(bad.error));
  expect(client.text(bad.error)).toMatch(/^error forwarding port 9999 to pod .*connect: connection refused/);
  raw.socket.destroy();
});

test('port-forward over channels, as client-node does it', async () => {
  const socket = await webSocket('/portForward/default/web?ports=80', 'v4.channel.k8s.io');
  const chunks: Buffer[] = [];
  const said = new Promise<string>((resolve) => {
    socket.on('message', (data: Buffer) => {
      if (data[0] === 0) chunks.push(data.subarray(1));
      const all = Buffer.concat(chunks).toString('latin1');
      if (all.includes('</html>')) resolve(all);
    });
  });
  socket.send(Buffer.from('\0GET / HTTP/1.1\r\nHost: web\r\n\r\n'));
  expect(await said).toContain('Welcome to nginx!');
  socket.close();
});

test('proxy to a pod and to a Service that has none', async () => {
  expect((await get('/proxy/pods/default/web/80/')).body).toContain('Welcome to nginx!');
  expect((await get('/proxy/pods/default/web/81/')).body).toContain('connect: connection refused');
  expect((await get('/proxy/services/default/nope/80/')).code).toBe(503);
});

test('the summary counts what runs', async () => {
  const { pods, node } = JSON.parse((await get('/stats/summary')).body);
  expect(node.nodeName).toBe('node-1');
  expect(pods.map((pod: { podRef: { name: string } }) => pod.podRef.name).sort()).toEqual(['p', 'pull', 'web']);
});

test('/metrics/resource says the same to Prometheus', async () => {
  const { body } = await get('/metrics/resource');
  expect(body).toContain(
    '# HELP container_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the container in core-seconds\n# TYPE container_cpu_usage_seconds_total counter\n',
  );
  expect(body).toMatch(
    /\ncontainer_memory_working_set_bytes\{container="\w+",namespace="default",pod="web"\} 6.291456e\+06 \d{13}\n/,
  );
  expect(body).toMatch(/\nnode_cpu_usage_seconds_total [\d.]+ \d{13}\n/);
  expect(body).toMatch(/\nresource_scrape_error 0\n$/);
});
