import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, connect, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import dns2 from 'dns2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { resolveAt } from '../../../../src/checks/resolve.ts';
import { probeFor } from '../../../../src/sessions/lesson-probe.ts';
import { certify, type Made } from './authorities.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'probe-'));
const bundle = path.join(folder, 'authorities.crt');
const ends: (() => unknown)[] = [];
let root: Made;
let between: Made;
let proxy = '';
/** Names that went through the proxy. */
const through: string[] = [];
/** Where the proxy leads, whatever it is asked for. */
let behind = 0;

beforeAll(async () => {
  root = await certify('CN=Workshop CA', { authority: true });
  between = await certify('CN=Workshop Intermediate', { authority: true, by: root });
  writeFileSync(bundle, root.cert);
  const door = createHttp();
  door.on('connect', (request, socket) => {
    through.push(request.url ?? '');
    const far = connect(behind, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      far.pipe(socket).pipe(far);
    });
    for (const end of [far, socket]) end.on('error', () => end.destroy());
  });
  proxy = `http://127.0.0.1:${await listening(door)}`;
});

afterAll(async () => {
  for (const end of ends) await end();
  rmSync(folder, { recursive: true });
});

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

/** Asks a server that has these certificates for `lab.ada.localhost`, as a check would. */
async function tlsOf(cert: string, key: string, host = 'lab.ada.localhost') {
  const server = createServer({ cert, key }, (request, response) => {
    response.end(JSON.stringify({ host: request.headers.host, asked: request.headers['x-asked'] }));
  });
  behind = await listening(server);
  const probe = probeFor({ place: () => ({ proxy }), domain: () => 'ada.localhost', authorities: bundle });
  return probe.http(
    `https://${host}:8443/`,
    { from: 'server', headers: { 'X-Asked': 'yes' } },
    AbortSignal.timeout(5_000),
  );
}

test('a whole chain is verified, by its name and through the cluster’s proxy; headers are sent along', async () => {
  const own = await certify('CN=lab', { by: between, names: ['lab.ada.localhost', '*.ada.localhost'] });
  const { tls, body, status } = await tlsOf(own.cert + between.cert, own.key);
  expect(through.at(-1)).toBe('lab.ada.localhost:8443');
  expect([status, JSON.parse(body)]).toEqual([200, { host: 'lab.ada.localhost:8443', asked: 'yes' }]);
  expect(tls).toMatchObject({
    verified: true,
    error: '',
    subject: 'CN=lab',
    issuer: 'CN=Workshop Intermediate',
    names: ['lab.ada.localhost', '*.ada.localhost'],
    chain: ['CN=lab', 'CN=Workshop Intermediate'],
  });
  expect(Date.parse(tls?.notAfter ?? '')).toBeGreaterThan(Date.now());
  expect(Date.parse(tls?.notBefore ?? '')).toBeLessThan(Date.now());
});

test('what is wrong with a certificate is said as curl says it', async () => {
  const names = ['lab.ada.localhost'];
  const [own, alone, ended, stranger] = await Promise.all([
    certify('CN=lab', { by: between, names }),
    certify('CN=TRAEFIK DEFAULT CERT', { names }),
    certify('CN=lab', { by: between, names, ended: true }),
    certify('CN=Stranger', { authority: true }),
  ]);
  const strange = await certify('CN=lab', { by: stranger, names });
  const error = async (cert: string, key: string, host?: string) => (await tlsOf(cert, key, host)).tls?.error;
  expect(await error(own.cert, own.key)).toBe('unable to get local issuer certificate');
  expect(await error(alone.cert, alone.key)).toBe('self-signed certificate');
  expect(await error(ended.cert + between.cert, ended.key)).toBe('certificate has expired');
  expect(await error(strange.cert + stranger.cert, strange.key)).toBe('self-signed certificate in certificate chain');
  expect(await error(own.cert + between.cert, own.key, 'other.ada.localhost')).toBe('hostname mismatch');
});

test('whom to trust is read again when it has changed', async () => {
  const other = path.join(folder, 'other.crt');
  const own = await certify('CN=lab', { by: between, names: ['127.0.0.1.test', 'localhost'] });
  const server = createServer({ cert: own.cert + between.cert, key: own.key }, (_, response) => response.end());
  const port = await listening(server);
  const probe = probeFor({ place: () => undefined, domain: () => 'ada.localhost', authorities: other });
  const ask = () => probe.http(`https://localhost:${port}/`, { from: 'server' }, AbortSignal.timeout(5_000));
  expect((await ask()).tls?.verified).toBe(false);
  writeFileSync(other, root.cert);
  expect((await ask()).tls).toMatchObject({ verified: true, error: '' });
});

test('a zone’s answers, its denials and its silence', async () => {
  const zone = dns2.createServer({
    udp: true,
    handle: (request, send) => {
      const response = dns2.Packet.createResponseFromRequest(request);
      const [{ name, type }] = request.questions as unknown as [{ name: string; type: number }];
      const answer = (fields: object) =>
        response.answers.push({ name, type, class: dns2.Packet.CLASS.IN, ttl: 60, ...fields } as never);
      if (name.startsWith('gone')) response.header.rcode = 3;
      else if (type === dns2.Packet.TYPE.A) answer({ address: '127.64.0.3' });
      else if (type === dns2.Packet.TYPE.TXT) answer({ data: ['heritage=external-dns,', 'x'] });
      send(response);
    },
  });
  await zone.listen({ udp: { port: 0, address: '127.0.0.1' } });
  ends.push(() => zone.close());
  const server = `127.0.0.1:${(zone.addresses().udp as AddressInfo).port}`;
  let place: { proxy: string; zone?: string } = { proxy, zone: server };
  const probe = probeFor({ place: () => place, domain: () => 'ada.localhost', authorities: undefined });
  const ask = async (name: string, type: 'A' | 'TXT' | 'CNAME') => {
    const { code, answers } = await probe.dns({ name, type }, AbortSignal.timeout(5_000));
    return [code, ...answers];
  };
  expect(await ask('lab.ada.localhost', 'A')).toEqual(['NOERROR', '127.64.0.3']);
  expect(await ask('a-lab.ada.localhost', 'TXT')).toEqual(['NOERROR', 'heritage=external-dns,x']);
  expect(await ask('lab.ada.localhost', 'CNAME')).toEqual(['NOERROR']);
  expect(await ask('gone.ada.localhost', 'A')).toEqual(['NXDOMAIN']);
  place = { proxy };
  await expect(ask('lab.ada.localhost', 'A')).rejects.toThrow('the zone does not answer yet');
  const ended = AbortSignal.abort();
  await expect(resolveAt({ name: 'lab.ada.localhost', type: 'A' }, '127.0.0.1:1', ended)).rejects.toThrow();
});

test('plain HTTP asks the proxy for an address, under whatever name `Host` says', async () => {
  const seen: unknown[] = [];
  const door = createHttp((request, response) => {
    seen.push([request.url, request.headers.host]);
    response.end();
  });
  const near = `http://127.0.0.1:${await listening(door)}`;
  const probe = probeFor({ place: () => ({ proxy: near }), domain: () => 'ada.localhost', authorities: undefined });
  const ask = (headers?: Record<string, string>) =>
    probe.http('http://127.64.0.3/api', { from: 'shell', headers }, AbortSignal.timeout(5_000));
  await ask({ Host: 'lab.ada.localhost' });
  await ask();
  expect(seen).toEqual([
    ['http://127.64.0.3/api', 'lab.ada.localhost'],
    ['http://127.64.0.3/api', '127.64.0.3'],
  ]);
});
