import { createSocket } from 'node:dgram';
import type DNS from 'dns2';
import { Packet } from 'dns2';

/** What a name server on 127.0.0.1 answers, in lines: its code and flags, then each record of each section. Rejects when it is silent for two seconds. */
export function ask(port: number, name: string, type: string): Promise<string> {
  const packet = new Packet();
  Object.assign(packet.header, { id: 7, rd: 1 });
  const code = (Packet.TYPE as Record<string, number>)[type] ?? Number(type.slice('TYPE'.length));
  packet.questions.push(new Packet.Question(name, code, Packet.CLASS.IN));
  packet.additionals.push(Packet.Resource.EDNS([], { udpPayloadSize: 4096 }));
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    const timer = setTimeout(() => {
      socket.close();
      reject(new Error(`no answer for ${name} ${type}`));
    }, 2000);
    socket.once('message', (data) => {
      clearTimeout(timer);
      socket.close();
      const { header, answers, authorities } = Packet.parse(data);
      const status = Object.entries(Packet.RCODE).find(([, value]) => value === header.rcode)?.[0];
      const lines = [
        `${status}${header.aa ? ' authoritative' : ''}`,
        ...answers.map((record) => `answer: ${shown(record)}`).sort(),
        ...authorities.map((record) => `authority: ${shown(record)}`),
      ];
      resolve(lines.map((line) => `${line}\n`).join(''));
    });
    socket.send(packet.toBuffer(), port, '127.0.0.1');
  });
}

function shown({ name, type, ttl, ...rest }: DNS.Packet.Resource): string {
  const { address, domain, ns, data, exchange, priority, weight, port, target, primary, admin, serial } = rest;
  const told = [
    address,
    domain,
    ns,
    data && JSON.stringify(data),
    priority,
    weight,
    port,
    exchange,
    target,
    primary,
    admin,
    serial,
  ];
  return [name, ttl, Packet.typeName(type), ...told.filter((one) => one !== undefined)].join(' ');
}
