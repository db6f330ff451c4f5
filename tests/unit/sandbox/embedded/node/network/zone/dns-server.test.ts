import { createSocket } from 'node:dgram';
import { promises as dns } from 'node:dns';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Packet } from 'dns2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClock } from '../../../../../../../sandbox/embedded/clock.ts';
import { type DnsServer, serveDns } from '../../../../../../../sandbox/embedded/node/network/zone/dns-server.ts';
import type { ZoneRecord } from '../../../../../../../sandbox/embedded/node/network/zone/records.ts';
import { createZone } from '../../../../../../../sandbox/embedded/node/network/zone/zone.ts';

const folder = mkdtempSync(join(tmpdir(), 'atelier-dns-'));
const zone = createZone({ domain: 'learner.localhost', file: join(folder, 'zone.json'), clock: createClock() });
const set = (name: string, type: ZoneRecord['type'], ...targets: string[]): ZoneRecord => ({
  name: `${name}.learner.localhost`,
  type,
  targets,
});
let server: DnsServer;
let resolver: dns.Resolver;

beforeAll(async () => {
  server = await serveDns(zone.lookup);
  resolver = new dns.Resolver();
  resolver.setServers([`127.0.0.1:${server.port}`]);
  zone.change({
    create: [
      set('*', 'A', '127.64.0.1'),
      set('web', 'A', '10.0.0.1', '10.0.0.2'),
      set('web', 'AAAA', '2001:db8::1'),
      set('www', 'CNAME', 'web.learner.localhost'),
      set('txt', 'TXT', '"one" "two"', 'three'),
      set('mail', 'MX', '10 web.learner.localhost'),
      set('_http._tcp', 'SRV', '0 5 80 web.learner.localhost'),
      set('many', 'A', ...Array.from({ length: 120 }, (_, at) => `10.1.0.${at}`)),
    ],
  });
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** One packet by UDP, as bytes. */
function udp(message: Buffer): Promise<Packet & { size: number }> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.on('message', (data) => {
      socket.close();
      resolve(Object.assign(Packet.parse(data), { size: data.length }));
    });
    socket.send(message, server.port, '127.0.0.1');
  });
}

function question(name: string, type: number, more: { edns?: number; version?: number; opcode?: number } = {}): Packet {
  const packet = new Packet();
  Object.assign(packet.header, { id: 77, rd: 1, opcode: more.opcode ?? 0 });
  packet.questions.push({ name, type, class: 1 } as never);
  if (more.edns)
    packet.additionals.push(Packet.Resource.EDNS([], { udpPayloadSize: more.edns, version: more.version ?? 0 }));
  return packet;
}

describe('a resolver nobody here wrote', () => {
  test('finds every type', async () => {
    expect(await resolver.resolve4('jupyter.learner.localhost', { ttl: true })).toEqual([
      { address: '127.64.0.1', ttl: 300 },
    ]);
    expect(await resolver.resolve4('www.learner.localhost')).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(await resolver.resolve6('web.learner.localhost')).toEqual(['2001:db8::1']);
    expect(await resolver.resolveCname('www.learner.localhost')).toEqual(['web.learner.localhost']);
    expect(await resolver.resolveTxt('txt.learner.localhost')).toEqual([['one', 'two'], ['three']]);
    expect(await resolver.resolveMx('mail.learner.localhost')).toMatchObject([
      { priority: 10, exchange: 'web.learner.localhost' },
    ]);
    expect(await resolver.resolveSrv('_http._tcp.learner.localhost')).toMatchObject([
      { priority: 0, weight: 5, port: 80, name: 'web.learner.localhost' },
    ]);
    expect(await resolver.resolveNs('learner.localhost')).toEqual(['zone.atelier.internal']);
    expect((await resolver.resolveSoa('learner.localhost')).hostmaster).toBe('hostmaster.learner.localhost');
  });

  test('learns what is not', async () => {
    await expect(resolver.resolve4('x.web.learner.localhost')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    await expect(resolver.resolve4('learner.localhost')).rejects.toMatchObject({ code: 'ENODATA' });
    await expect(resolver.resolve4('example.org')).rejects.toMatchObject({ code: 'EREFUSED' });
  });

  test('comes back by TCP for what is too long', async () => {
    expect(await resolver.resolve4('many.learner.localhost')).toHaveLength(120);
  });
});

describe('packets', () => {
  test('too long for UDP: cut, and said so; with EDNS there is room', async () => {
    const short = await udp(question('many.learner.localhost', 1).toBuffer());
    expect(short.header).toMatchObject({ id: 77, tc: 1, aa: 1, qr: 1, rd: 1, ra: 0 });
    expect(short.answers).toEqual([]);
    expect(short.size).toBeLessThanOrEqual(512);
    const long = await udp(question('many.learner.localhost', 1, { edns: 4096 }).toBuffer());
    expect(long.answers).toHaveLength(120);
    expect(long.additionals).toMatchObject([{ type: 41, class: 1232 }]);
  });

  test('names come back as they were asked', async () => {
    const reply = await udp(question('WeB.LeArNeR.localhost', 1).toBuffer());
    expect(reply.questions[0]?.name).toBe('WeB.LeArNeR.localhost');
    expect(reply.answers.map(({ name }) => name)).toEqual(['WeB.LeArNeR.localhost', 'WeB.LeArNeR.localhost']);
  });

  test.each([
    ['an unknown EDNS version: BADVERS', question('web.learner.localhost', 1, { edns: 1232, version: 1 }), 16],
    ['another opcode: NOTIMP', question('web.learner.localhost', 1, { opcode: 2 }), 4],
    ['a transfer: REFUSED', question('learner.localhost', 252), 5],
    ['no question: FORMERR', new Packet(), 1],
  ])('%s', async (_, packet, code) => {
    expect((await udp(packet.toBuffer())).header.rcode).toBe(code);
  });

  test('rubbish and answers get none, and the next question one', async () => {
    const socket = createSocket('udp4');
    const answer = question('web.learner.localhost', 1);
    answer.header.qr = 1;
    socket.send(Buffer.from('rubbish'), server.port, '127.0.0.1');
    socket.send(answer.toBuffer(), server.port, '127.0.0.1');
    socket.send(question('web.learner.localhost', 28).toBuffer(), server.port, '127.0.0.1');
    const [data] = await new Promise<[Buffer]>((resolve) => socket.on('message', (bytes) => resolve([bytes])));
    socket.close();
    expect(Packet.parse(data).answers).toMatchObject([{ address: '2001:db8::1' }]);
  });

  test('several questions on one TCP connection', async () => {
    const socket = connect(server.port, '127.0.0.1');
    for (const type of [1, 28]) {
      const bytes = question('web.learner.localhost', type).toBuffer();
      socket.write(Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]));
    }
    const replies: Packet[] = [];
    let rest = Buffer.alloc(0);
    for await (const chunk of socket) {
      rest = Buffer.concat([rest, chunk as Buffer]);
      while (rest.length > 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
        replies.push(Packet.parse(rest.subarray(2, 2 + rest.readUInt16BE(0))));
        rest = rest.subarray(2 + rest.readUInt16BE(0));
      }
      if (replies.length === 2) break;
    }
    expect(replies.map(({ answers }) => answers.length)).toEqual([2, 1]);
  });
});
