import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { type DoorRig, openDoor } from './door-rig.ts';

let rig: DoorRig;
beforeEach(async () => {
  rig = await openDoor({ greeting: 400 });
});
afterEach(() => rig.close());

interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  body: string;
  message: IncomingMessage;
}

function ask(host: string | string[], options: Record<string, unknown> = {}): Promise<Answer> {
  const { headers = {}, body, ...rest } = options as { headers?: object; body?: string };
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port: rig.http, headers: { host, ...headers } as never, ...rest },
      (message) =>
        text(message).then(
          (body) => resolve({ status: message.statusCode ?? 0, headers: message.headers, body, message }),
          reject,
        ),
    );
    request.on('error', reject);
    request.end(body);
  });
}

test('the host’s record decides: a page before, the app after, by the client of this machine', async () => {
  const ada = await rig.cluster('ada', '127.64.0.1');
  const seen: { raw: string[]; peer: string | undefined }[] = [];
  await ada.serve((request, response) => {
    seen.push({ raw: request.rawHeaders, peer: request.socket.remoteAddress });
    response.writeHead(201, 'Made', { 'X-Case': 'Kept', 'Set-Cookie': ['a=1', 'b=2'] });
    response.end(`${request.method} ${request.url}`);
  });
  const before = await ask('app.ada.localhost');
  expect(before.status).toBe(502);
  expect(before.headers['proxy-status']).toBe('atelier-front-door; error=dns_error; rcode="NXDOMAIN"');
  expect(before.body).toContain('There is no app.ada.localhost');
  ada.record('*.ada.localhost', '127.64.0.1');
  const after = await ask(`App.ada.localhost.:${rig.http}`, { headers: { 'X-Own': 'Yes' }, path: '/x?y=1' });
  expect([after.status, after.message.statusMessage, after.body]).toEqual([201, 'Made', 'GET /x?y=1']);
  expect(after.message.rawHeaders).toEqual(expect.arrayContaining(['X-Case', 'Kept', 'Set-Cookie', 'b=2']));
  expect(seen[0]!.raw).toEqual(expect.arrayContaining([`App.ada.localhost.:${rig.http}`, 'X-Own']));
  // As a Service does without externalTrafficPolicy Local.
  expect(seen[0]!.peer).toBe('10.99.0.1');
});

test('every request of a connection counts by its own host, and each cluster sees one connection', async () => {
  const names = ['ada', 'bob'] as const;
  const connections: string[] = [];
  for (const [index, name] of names.entries()) {
    const cluster = await rig.cluster(name, `127.64.0.${index + 1}`);
    cluster.record(`*.${name}.localhost`, `127.64.0.${index + 1}`);
    const server = await cluster.serve((request, response) => response.end(`${name} ${request.headers.host}`));
    server.on('connection', () => connections.push(name));
  }
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const hosts = ['x.ada.localhost', 'x.bob.localhost', 'y.ada.localhost', 'x.eve.localhost', 'y.bob.localhost'];
  const answers: string[] = [];
  for (const host of hosts) answers.push((await ask(host, { agent })).body.split('\n')[0]!);
  agent.destroy();
  expect(answers).toEqual([
    'ada x.ada.localhost',
    'bob x.bob.localhost',
    'ada y.ada.localhost',
    'Nobody here answers for x.eve.localhost',
    'bob y.bob.localhost',
  ]);
  expect(connections).toEqual(['ada', 'bob']);
});

test('bodies stream both ways, with trailers and 100-continue', async () => {
  const ada = await rig.cluster('ada', '127.64.0.1');
  ada.record('app.ada.localhost', '127.64.0.1');
  await ada.serve((request, response) => {
    response.writeHead(200, { trailer: 'X-Sum' });
    // Each piece comes back before the next is sent.
    request.on('data', (data) => response.write(data));
    request.on('end', () => {
      response.addTrailers({ 'X-Sum': 'done' });
      response.end();
    });
  });
  const request = httpRequest({
    host: '127.0.0.1',
    port: rig.http,
    method: 'POST',
    headers: { host: 'app.ada.localhost', expect: '100-continue' },
  });
  request.flushHeaders();
  await once(request, 'continue');
  request.write('one');
  const [message] = (await once(request, 'response')) as [IncomingMessage];
  expect(String((await once(message, 'data'))[0])).toBe('one');
  request.write('two');
  expect(String((await once(message, 'data'))[0])).toBe('two');
  request.end();
  message.resume();
  await once(message, 'end');
  expect(message.trailers).toEqual({ 'x-sum': 'done' });
});

test('a download of 64 MB keeps no more than a little in between, and one given up ends at its source', async () => {
  const ada = await rig.cluster('ada', '127.64.0.1');
  ada.record('app.ada.localhost', '127.64.0.1');
  const size = 64 * 2 ** 20;
  let sent = 0;
  let ended: () => void = () => {};
  const given = new Promise<void>((resolve) => {
    ended = resolve;
  });
  await ada.serve((request, response) => {
    response.writeHead(200, { 'content-length': size });
    const piece = Buffer.alloc(65_536);
    const more = (): void => {
      while (sent < size && !response.destroyed) {
        sent += piece.length;
        if (!response.write(piece)) return void response.once('drain', more);
      }
      response.end();
    };
    response.on('close', ended);
    if (request.url === '/') more();
  });
  const one = await new Promise<IncomingMessage>((resolve) =>
    httpRequest({ host: '127.0.0.1', port: rig.http, headers: { host: 'app.ada.localhost' } }, resolve).end(),
  );
  await once(one, 'readable');
  // Nobody reads on: what is under way fills the sockets' buffers, and no more.
  await new Promise((resolve) => setImmediate(resolve));
  expect(sent).toBeLessThan(size / 2);
  one.destroy();
  await given;
});

test('WebSockets pass, refused ones with their answer', async () => {
  const ada = await rig.cluster('ada', '127.64.0.1');
  ada.record('app.ada.localhost', '127.64.0.1');
  const server = await ada.serve((_, response) => response.end());
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    if (request.url === '/no') return void socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nno!\n');
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('message', (data) => webSocket.send(`echo ${data}`));
    });
  });
  const headers = { host: 'app.ada.localhost' };
  const client = new WebSocket(`ws://127.0.0.1:${rig.http}/`, { headers });
  await once(client, 'open');
  client.send('hello');
  expect(String((await once(client, 'message'))[0])).toBe('echo hello');
  client.close();
  await once(client, 'close');
  const refused = new WebSocket(`ws://127.0.0.1:${rig.http}/no`, { headers });
  refused.on('error', () => {});
  const [, answer] = (await once(refused, 'unexpected-response')) as [unknown, IncomingMessage];
  expect([answer.statusCode, await text(answer)]).toEqual([403, 'no!\n']);
  const lost = new WebSocket(`ws://127.0.0.1:${rig.http}/`, { headers: { host: 'other.ada.localhost' } });
  lost.on('error', () => {});
  const [, page] = (await once(lost, 'unexpected-response')) as [unknown, IncomingMessage];
  expect(page.statusCode).toBe(502);
});

test('an answer that breaks off breaks off, one that never began has a page', async () => {
  const ada = await rig.cluster('ada', '127.64.0.1');
  ada.record('app.ada.localhost', '127.64.0.1');
  await ada.serve((request, response) => {
    if (request.url === '/half') response.writeHead(200, { 'content-length': 10 }).write('12345');
    setImmediate(() => request.socket.destroy());
  });
  await expect(ask('app.ada.localhost', { path: '/half' })).rejects.toThrow(/aborted|hang up|ECONNRESET/);
  const page = await ask('app.ada.localhost');
  expect([page.status, page.headers['proxy-status']]).toEqual([502, 'atelier-front-door; error=connection_terminated']);
});

test('what is wrong on the way to a host is told apart', async () => {
  const ada = await rig.cluster('ada', '127.64.0.1');
  ada.service('web', { clusterIP: '10.96.0.30' });
  ada.service('plain', { type: 'LoadBalancer', clusterIP: '10.96.0.31' }, 'default', {
    loadBalancer: { ingress: [{ ip: '127.64.0.2' }] },
  });
  ada.service('other', { type: 'LoadBalancer', clusterIP: '10.96.0.32', ports: [{ port: 8000 }] }, 'default', {
    loadBalancer: { ingress: [{ ip: '127.64.0.3' }] },
  });
  const records = {
    inside: '10.96.0.30',
    pod: '10.244.0.77',
    nowhere: '127.64.0.77',
    beyond: '8.8.8.8',
    machine: '127.0.0.1',
    empty: '127.64.0.2',
    port: '127.64.0.3',
  };
  for (const [name, address] of Object.entries(records)) ada.record(`${name}.ada.localhost`, address);
  ada.zone.change({
    create: [
      { name: 'alias.ada.localhost', type: 'CNAME', targets: ['elsewhere.example.org'] },
      { name: 'txt.ada.localhost', type: 'TXT', targets: ['x'] },
    ],
  });
  const said = async (name: string) => {
    const { status, body } = await ask(name.includes('.') ? name : `${name}.ada.localhost`);
    return `${status} ${body.split('\n').slice(0, 2).join(': ')}`;
  };
  expect(await said('inside')).toMatch(/^502 inside.ada.localhost leads inside the cluster: .* 10.96.0.30, a pod’s/);
  expect(await said('pod')).toMatch(/leads inside the cluster: .* 10.244.0.77/);
  for (const [name, address] of [
    ['nowhere', '127.64.0.77'],
    ['beyond', '8.8.8.8'],
    ['machine', '127.0.0.1'],
  ])
    expect(await said(name!)).toMatch(
      `502 Nobody has the address of ${name}.ada.localhost: Its record says ${address}`,
    );
  expect(await said('empty')).toMatch(/^502 Nobody listens for .* port 80 .*Service default\/plain has no pod/);
  expect(await said('port')).toMatch(
    /does not answer at port 80: .*Service default\/other, which publishes 8000, not 80/,
  );
  expect(await said('alias')).toMatch(/has no address: .* alias of elsewhere.example.org/);
  expect(await said('txt')).toMatch(/has no address: .* has no A record/);
  expect(await said('x.eve.localhost')).toMatch(/^421 Nobody here answers for x.eve.localhost: .*: ada.localhost\.$/);
  expect(await ask('localhost')).toMatchObject({ status: 421 });
  expect(await rig.raw(rig.http, 'GET / HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1.1 400 [\s\S]*Which host\?/);
  const twice = 'GET / HTTP/1.1\r\nHost: a.ada.localhost\r\nHost: b.ada.localhost\r\nConnection: close\r\n\r\n';
  expect(await rig.raw(rig.http, twice)).toMatch(/^HTTP\/1.1 400 /);
  const absolute = 'GET http://x.eve.localhost/ HTTP/1.1\r\nHost: inside.ada.localhost\r\nConnection: close\r\n\r\n';
  expect(await rig.raw(rig.http, absolute)).toMatch(/^HTTP\/1.1 421 /);
});

test('a silent address has a page after 20 seconds, a cluster that starts is waited for', async () => {
  rig.door.expect('late', 'late.localhost');
  const early = ask('x.late.localhost');
  const late = await rig.cluster('late', '127.64.0.1');
  rig.door.expect('slow', 'slow.localhost');
  late.record('x.late.localhost', '127.64.0.1');
  late.policies.put({
    metadata: { name: 'none', namespace: 'default' },
    spec: { podSelector: {}, policyTypes: ['Ingress'] },
  });
  await late.serve((_, response) => response.end());
  const never = ask('x.slow.localhost');
  const silent = ask('x.late.localhost');
  await skipUntil(never);
  expect(await never).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
  expect([504, 502]).toContain((await silent).status);
  await early;
});

/** Lets 20 seconds pass as soon as the request has come in. */
async function skipUntil(answer: Promise<unknown>): Promise<void> {
  let over = false;
  answer.then(() => {
    over = true;
  });
  while (!over) {
    await new Promise((resolve) => setImmediate(resolve));
    rig.clock.skip(20_000);
  }
}

test('headers that are too long, or that never end, end the connection', async () => {
  await rig.cluster('ada', '127.64.0.1');
  const long = `GET / HTTP/1.1\r\nHost: x.ada.localhost\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`;
  expect(await rig.raw(rig.http, long)).toMatch(/^HTTP\/1.1 431 /);
  expect(await rig.raw(rig.http, 'GET / HTTP/1.1\r\nHost: x.ada.localhost\r\n')).toMatch(/^HTTP\/1.1 408 /);
  const silent = connect(rig.http, '127.0.0.1').resume();
  await once(silent, 'close');
});

test('one connection too many is closed, and as soon as another ends there is room', async () => {
  const small = await openDoor({ connections: 2 });
  const open = async () => {
    const socket = connect(small.http, '127.0.0.1').resume();
    await once(socket, 'connect');
    return socket;
  };
  const [first] = [await open(), await open()];
  await once(await open(), 'close');
  first.destroy();
  const head = 'GET / HTTP/1.1\r\nHost: x.ada.localhost\r\nConnection: close\r\n\r\n';
  // The door hears of the end a moment later.
  let answer = '';
  while (answer === '') answer = await small.raw(small.http, head).catch(() => '');
  expect(answer).toMatch(/^HTTP\/1.1 421 /);
  await small.close();
});

test('pages speak the reader’s language, as HTML where that is wanted, and escape what they were asked', async () => {
  await rig.cluster('ada', '127.64.0.1');
  const french = await ask('app.ada.localhost', {
    headers: { accept: 'text/html,*/*', 'accept-language': 'de, fr-CA;q=0.8, en;q=0.5' },
  });
  expect(french.headers).toMatchObject({ 'content-language': 'fr', 'content-type': 'text/html; charset=utf-8' });
  expect(french.body).toContain('<html lang="fr">');
  expect(french.body).toContain('<h1>app.ada.localhost n’existe pas</h1>');
  expect(french.body).toContain('(simulé)');
  const english = await ask('app.ada.localhost', { headers: { 'accept-language': 'en;q=0.9, fr;q=0.1' } });
  expect(english.headers['content-language']).toBe('en');
  const odd = await ask('<b>.ada.localhost', { headers: { accept: 'text/html' } });
  expect(odd.status).toBe(400);
  const head = await ask('app.ada.localhost', { method: 'HEAD' });
  expect([head.status, head.body]).toEqual([502, '']);
});
