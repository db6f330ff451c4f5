import { createServer as createHttpServer } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { Clock } from '../../../clock.ts';
import { type Fault, HostFault, type Hosts, plainHost } from './hosts.ts';
import { answer, join, type Limits, rawPage } from './http-door.ts';
import type { PageCertificates } from './page-certificates.ts';
import { faultPage } from './pages.ts';
import { longestHello, readHello } from './server-name.ts';

export interface TlsDoorOptions {
  hosts: Hosts;
  clock: Clock;
  certificates: PageCertificates;
  limits: Limits;
}

/** Fatal alert `unrecognized_name`. https://datatracker.ietf.org/doc/html/rfc6066#section-3 */
const unrecognizedName = Buffer.from([21, 3, 1, 0, 2, 2, 112]);
/** Milliseconds that a page about a fault may take to be read. */
const reading = 30_000;

/**
 * Leads each connection to the cluster of the name it begins with. What is encrypted stays so: certificates are the
 * cluster's own, and the front door's only where nobody else can answer.
 */
export function createTlsDoor(options: TlsDoorOptions): (socket: Socket) => void {
  const { hosts, clock, certificates, limits } = options;
  const faults = new WeakMap<Duplex, Fault>();
  const pages = createHttpServer((request, response) => {
    response.shouldKeepAlive = false;
    answer(response, faults.get(request.socket) ?? { reason: 'no-host' }, request);
  });
  pages.on('clientError', (_, socket) => socket.destroy());

  /** The first bytes of a connection; undefined when they are none of TLS, or do not come. */
  function greeting(socket: Socket): Promise<{ bytes: Buffer; serverName?: string; isTls: boolean } | undefined> {
    return new Promise((resolve) => {
      let bytes = Buffer.alloc(0);
      const done = (result?: { serverName?: string; isTls: boolean }) => {
        timer.cancel();
        socket.off('data', onData).off('end', onEnd).off('close', onEnd);
        socket.pause();
        resolve(result && { bytes, ...result });
      };
      const onEnd = () => done();
      const onData = (data: Buffer) => {
        bytes = Buffer.concat([bytes, data]);
        const hello = readHello(bytes);
        if (hello.kind === 'hello') done({ isTls: true, ...(hello.serverName && { serverName: hello.serverName }) });
        else if (hello.kind === 'other') done({ isTls: false });
        else if (bytes.length > longestHello) done();
      };
      const timer = clock.after(limits.greeting, onEnd);
      socket.on('data', onData).on('end', onEnd).on('close', onEnd);
    });
  }

  async function lead(socket: Socket): Promise<void> {
    socket.on('error', () => socket.destroy());
    const begun = await greeting(socket);
    if (!begun) return void socket.destroy();
    if (!begun.isTls) return void socket.end(rawPage(faultPage({ reason: 'wrong-scheme' }, headersOf(begun.bytes))));
    const host = plainHost(begun.serverName);
    try {
      const inner = await (await hosts.find(host, 443)).connect();
      if (socket.destroyed) return void inner.destroy();
      inner.write(begun.bytes);
      join(socket, inner);
    } catch (error) {
      const fault: Fault = error instanceof HostFault ? error.fault : { reason: 'no-host' };
      await tell(socket, begun.bytes, host ?? 'localhost', fault);
    }
  }

  /** Answers for a host, with a page. */
  async function tell(socket: Socket, bytes: Buffer, host: string, fault: Fault): Promise<void> {
    const secureContext = await certificates.for(host).catch(() => undefined);
    if (!secureContext) return void socket.end(unrecognizedName);
    if (socket.destroyed) return;
    const timer = clock.after(reading, () => socket.destroy());
    socket.once('close', () => timer.cancel());
    socket.unshift(bytes);
    const secure = new TLSSocket(socket, { isServer: true, secureContext, ALPNProtocols: ['http/1.1'] });
    secure.on('error', () => socket.destroy());
    faults.set(secure, fault);
    pages.emit('connection', secure);
  }

  return (socket) => void lead(socket);
}

/** What a client that speaks HTTP where TLS is due says of itself, as far as it has come. */
function headersOf(bytes: Buffer): Record<string, string> {
  const lines = bytes.toString('latin1').split('\r\n').slice(1);
  return Object.fromEntries(
    lines.map((line) => line.split(/:\s*/, 2)).map(([name = '', value = '']) => [name.toLowerCase(), value]),
  );
}
