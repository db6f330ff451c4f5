import type { Socket } from 'node:net';
import type DNS from 'dns2';
import { createTCPServer, createUDPServer, Packet } from 'dns2';
import type { DnsRecord, DnsReply } from '../dns-records.ts';
import { textStrings } from './records.ts';

export interface DnsServer {
  /** The same number for UDP and TCP, on 127.0.0.1. */
  port: number;
  close(): Promise<void>;
}

export type Answer = (name: string, type: string) => DnsReply;

/** What fits into a packet on every way. https://www.dnsflagday.net/2020/ */
const payload = 1232;
const host = '127.0.0.1';

/** Answers questions on loopback, by UDP and TCP. Rejects when no port can be had. */
export async function serveDns(answer: Answer, log: (message: string) => void = () => {}): Promise<DnsServer> {
  const handle = (request: Packet, send: (response: Packet) => unknown) => {
    // Answers are not questions: two servers would talk for ever.
    if (request.header.qr === 1) return;
    try {
      Promise.resolve(send(respond(request, answer))).catch((error: Error) => log(`dns: ${error.message}`));
    } catch (error) {
      log(`dns: ${(error as Error).message}`);
      send(failed(request, Packet.RCODE.SERVFAIL));
    }
  };
  for (let tries = 0; ; tries += 1) {
    const udp = createUDPServer();
    const tcp = createTCPServer();
    const sockets = new Set<Socket>();
    udp.on('request', handle);
    tcp.on('request', handle);
    // What is no DNS message gets no answer.
    udp.on('requestError', () => {});
    tcp.on('requestError', () => {});
    tcp.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
    try {
      await started(udp, () => udp.bind(0, host));
      const { port } = udp.address();
      await started(tcp, () => tcp.listen(port, host));
      udp.on('error', (error: Error) => log(`dns: ${error.message}`));
      tcp.on('error', (error: Error) => log(`dns: ${error.message}`));
      return {
        port,
        async close() {
          for (const socket of sockets) socket.destroy();
          await Promise.all([
            new Promise<void>((resolve) => udp.close(() => resolve())),
            new Promise<void>((resolve) => tcp.close(() => resolve())),
          ]);
        },
      };
    } catch (error) {
      udp.close();
      // A port that is free for UDP and taken for TCP: another one.
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || tries > 20) throw error;
    }
  }
}

function started(server: NodeJS.EventEmitter, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve();
    });
    start();
  });
}

/** https://datatracker.ietf.org/doc/html/rfc1035#section-4.1, https://datatracker.ietf.org/doc/html/rfc6891#section-6 */
function respond(request: Packet, answer: Answer): Packet {
  const { RCODE, CLASS } = Packet;
  const asks = request.additionals.find(({ type }) => type === Packet.TYPE.EDNS);
  if (request.header.opcode !== 0) return failed(request, RCODE.NOTIMP);
  const [question] = request.questions;
  if (request.errors.length > 0 || !question || request.questions.length > 1) return failed(request, RCODE.FORMERR);
  if ((asks?.version ?? 0) > 0) return failed(request, RCODE.BADVERS);
  const type = Packet.typeName(question.type);
  if ((question.class !== CLASS.IN && question.class !== CLASS.ANY) || type === 'AXFR' || type === 'EDNS')
    return failed(request, RCODE.REFUSED);
  const response = filled(Packet.createResponseFromRequest(request), answer(question.name, type));
  if (asks) response.additionals.push(Packet.Resource.EDNS([], { udpPayloadSize: payload }));
  return response;
}

/** Bytes of a reply to a question with EDNS. */
export function messageSize(name: string, type: string, reply: DnsReply): number {
  const code = (Packet.TYPE as Record<string, number>)[type] ?? 0;
  const response = filled(new Packet(), reply);
  response.questions.push(new Packet.Question(name, code || Packet.TYPE.NULL, Packet.CLASS.IN));
  response.additionals.push(Packet.Resource.EDNS([]));
  return response.toBuffer().length;
}

function filled(response: Packet, reply: DnsReply): Packet {
  if (reply.answers.some((record) => record.type === 'SRV')) response.toBuffer = uncompressed;
  response.header.aa = reply.authoritative ? 1 : 0;
  response.header.rcode = Packet.RCODE[reply.status];
  response.answers = reply.answers.map(resourceOf);
  response.authorities = reply.authority.map(resourceOf);
  response.additionals = reply.additional.map(resourceOf);
  return response;
}

/** The library shortens the host of an SRV record, which clients refuse. https://datatracker.ietf.org/doc/html/rfc2782 */
function uncompressed(this: Packet): Buffer {
  const writer = Object.assign(new Packet.Writer(), { names: 'none' });
  const write = Packet.prototype.toBuffer as (this: Packet, to: typeof writer) => Buffer;
  return write.call(this, writer);
}

function failed(request: Packet, code: number): Packet {
  const response = Packet.createErrorResponseFromRequest(request, code);
  for (const record of response.additionals) if (record.type === Packet.TYPE.EDNS) record.class = payload;
  return response;
}

/** A record as the library writes it. */
function resourceOf({ name, type, ttl, data }: DnsRecord): DNS.Packet.Resource {
  const words = data.split(' ');
  const [first = 0, second = 0, third = 0] = words.map(Number);
  const rest: Partial<DNS.Packet.Resource> = (() => {
    switch (type) {
      case 'A':
      case 'AAAA':
        return { address: data };
      case 'CNAME':
      case 'PTR':
        return { domain: data };
      case 'NS':
        return { ns: data };
      case 'MX':
        return { priority: first, exchange: words[1] ?? '' };
      case 'SRV':
        return { priority: first, weight: second, port: third, target: words[3] ?? '' };
      case 'TXT':
        return { data: textStrings(data) };
      case 'SOA': {
        const [primary = '', admin = '', ...numbers] = words;
        const [serial = 0, refresh = 0, retry = 0, expiration = 0, minimum = 0] = numbers.map(Number);
        return { primary, admin, serial, refresh, retry, expiration, minimum };
      }
    }
  })();
  return new Packet.Resource({ name, type: Packet.TYPE[type], class: Packet.CLASS.IN, ttl, ...rest });
}
