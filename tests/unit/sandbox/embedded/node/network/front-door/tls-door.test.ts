import { once } from 'node:events';
import { createServer as createHttps, request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { longestHello, readHello } from '../../../../../../../sandbox/embedded/node/network/front-door/server-name.ts';
import { issue } from '../../../../../../../sandbox/embedded/workshop-ca/issue.ts';
import { type ClusterRig, type DoorRig, openDoor } from './door-rig.ts';

let rig: DoorRig;
beforeEach(async () => {
  rig = await openDoor();
});
afterEach(() => rig.close());

/** What a cluster of its own answers, with a certificate nobody else has. */
async function serveTls(
  cluster: ClusterRig,
  name: string,
  place = cluster.pod('traefik', '10.244.0.9'),
): Promise<string> {
  const authority = await issue({ subject: `CN=${name}`, permitted: ['localhost'], now: new Date(), days: 1 });
  const { cert, key } = await issue({
    subject: 'CN=leaf',
    issuer: authority,
    names: [`*.${name}.localhost`],
    now: new Date(),
    days: 1,
  });
  const server = createHttps({ cert, key }, (request, response) => response.end(`${name} ${request.headers.host}`));
  await (await place).listen(443, (socket) => void server.emit('connection', socket));
  return authority.cert;
}

interface Answer {
  status: number | undefined;
  body: string;
  issuer: string;
}

function ask(host: string, ca: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      { host: '127.0.0.1', port: rig.https, servername: host, ca, headers: { host, ...headers }, agent: false },
      (message) => {
        const { issuer } = (message.socket as TLSSocket).getPeerCertificate();
        text(message).then((body) => resolve({ status: message.statusCode, body, issuer: String(issuer.CN) }), reject);
      },
    );
    request.on('error', reject);
    request.end();
  });
}

test('each name leads to its own cluster, whose certificate the client sees', async () => {
  const roots: string[] = [];
  for (const [index, name] of ['ada', 'bob'].entries()) {
    const cluster = await rig.cluster(name, `127.64.0.${index + 1}`);
    cluster.record(`*.${name}.localhost`, `127.64.0.${index + 1}`);
    roots.push(await serveTls(cluster, name));
  }
  expect(await ask('x.ada.localhost', roots[0]!)).toEqual({ status: 200, body: 'ada x.ada.localhost', issuer: 'ada' });
  expect(await ask('x.bob.localhost', roots[1]!)).toEqual({ status: 200, body: 'bob x.bob.localhost', issuer: 'bob' });
  await expect(ask('x.ada.localhost', roots[1]!)).rejects.toThrow(/unable to (get|verify)/);
});

test('a host without a record has a page, with a certificate that the workshop’s root vouches for', async () => {
  const ada = await rig.cluster('ada', '127.64.0.1');
  const page = await ask('app.ada.localhost', rig.root, { 'accept-language': 'fr' });
  expect(page).toMatchObject({ status: 502, issuer: 'Atelier Workshop E1 (simulated)' });
  expect(page.body).toContain('app.ada.localhost n’existe pas');
  const pod = ada.pod('traefik', '10.244.0.9', { listens: [80] });
  await pod;
  ada.record('app.ada.localhost', '127.64.0.1');
  expect((await ask('app.ada.localhost', rig.root)).body).toContain('port 443 refuses connections');
  const root = await serveTls(ada, 'ada', pod);
  expect((await ask('app.ada.localhost', root)).body).toBe('ada app.ada.localhost');
  expect((await ask('x.eve.localhost', rig.root)).status).toBe(421);
});

test('who names no host, or speaks no TLS, is told so; who says nothing is let go', async () => {
  await rig.cluster('ada', '127.64.0.1');
  const nameless = connectTls({
    host: '127.0.0.1',
    port: rig.https,
    ca: rig.root,
    checkServerIdentity: () => undefined,
  });
  await once(nameless, 'secureConnect');
  expect(nameless.getPeerCertificate().subjectaltname).toBe('DNS:localhost');
  nameless.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  expect(await text(nameless)).toMatch(/^HTTP\/1.1 400 [\s\S]*Which host\?/);
  expect(await rig.raw(rig.https, 'GET / HTTP/1.1\r\nHost: app.ada.localhost\r\n\r\n')).toMatch(
    /^HTTP\/1.1 400 [\s\S]*This port speaks HTTPS/,
  );
  const silent = connect(rig.https, '127.0.0.1').resume();
  const half = connect(rig.https, '127.0.0.1').resume();
  await Promise.all([once(silent, 'connect'), once(half, 'connect')]);
  half.write(Buffer.from([22, 3, 1, 2, 0, 1]));
  let open = 2;
  for (const socket of [silent, half]) socket.on('error', () => {}).on('close', () => open--);
  while (open > 0) {
    await new Promise((resolve) => setImmediate(resolve));
    rig.clock.skip(15_000);
  }
});

/** What a real client says first. */
async function helloOf(servername: string | undefined): Promise<Buffer> {
  const { createServer } = await import('node:net');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const client = connectTls({ host: '127.0.0.1', port, ...(servername && { servername }) });
  client.on('error', () => {});
  const [socket] = await once(server, 'connection');
  const [bytes] = await once(socket, 'data');
  socket.destroy();
  server.close();
  return bytes as Buffer;
}

test('a ClientHello is read in pieces, in several records, and never beyond its end', async () => {
  const hello = await helloOf('x.ada.localhost');
  expect(readHello(hello)).toEqual({ kind: 'hello', serverName: 'x.ada.localhost' });
  for (let length = 0; length < hello.length; length += 1)
    expect(readHello(hello.subarray(0, length))).toEqual({ kind: 'more' });
  const record = (part: Buffer) => Buffer.concat([Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part]);
  const message = hello.subarray(5);
  const pieces = [message.subarray(0, 3), message.subarray(3, 90), message.subarray(90)].map(record);
  expect(readHello(Buffer.concat(pieces))).toEqual({ kind: 'hello', serverName: 'x.ada.localhost' });
  expect(readHello(await helloOf(undefined))).toEqual({ kind: 'hello' });
  expect(readHello(Buffer.from('GET / HTTP/1.1\r\n'))).toEqual({ kind: 'other' });
  expect(readHello(Buffer.from([22, 3, 1, 0, 4, 1, 255, 255, 255]))).toEqual({ kind: 'other' });
  expect(hello.length).toBeLessThan(longestHello);
  // Any byte may be a lie: an answer, never a throw.
  for (let at = 5; at < hello.length; at += 1) {
    const bent = Buffer.from(hello);
    bent[at] = 255;
    expect(['hello', 'more', 'other']).toContain(readHello(bent).kind);
  }
});
