import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { PodNetwork } from '../../network/network.ts';
import { SpdyConnection, type SpdyStream } from '../spdy/connection.ts';

export interface ForwardTarget {
  network: PodNetwork;
  /** As the error names the pod: the sandbox's id. */
  id: string;
}

/** Why nothing was reached, in the runtime's words. */
function refusal(target: ForwardTarget, port: number): string {
  const space = `cni-${target.id.slice(0, 8)}-${target.id.slice(8, 12)}-${target.id.slice(12, 16)}-${target.id.slice(16, 20)}-${target.id.slice(20, 32)}`;
  return `error forwarding port ${port} to pod ${target.id}, uid : failed to execute portforward in network namespace "/var/run/netns/${space}": failed to connect to localhost:${port} inside namespace "${target.id}", IPv4: dial tcp4 127.0.0.1:${port}: connect: connection refused IPv6 dial tcp6 [::1]:${port}: connect: connection refused `;
}

/** Port-forward over SPDY/3.1: two streams a connection, an error and a data one. */
export function forwardSpdy(transport: Duplex, target: ForwardTarget): SpdyConnection {
  const waiting = new Map<string, { error?: SpdyStream; data?: SpdyStream }>();
  return new SpdyConnection(transport, (stream) => {
    const { streamtype, port, requestid = `${Math.floor((stream.id - 1) / 4)}` } = stream.headers;
    const number = Number(port);
    if ((streamtype !== 'error' && streamtype !== 'data') || !(number > 0 && number < 65_536)) return stream.refuse();
    stream.accept();
    const pair = waiting.get(requestid) ?? {};
    waiting.set(requestid, pair);
    pair[streamtype] = stream;
    if (!pair.data || !pair.error) return;
    waiting.delete(requestid);
    void join(pair.data, pair.error, number, target);
  });
}

async function join(data: SpdyStream, error: SpdyStream, port: number, target: ForwardTarget): Promise<void> {
  error.resume();
  let socket: Duplex;
  try {
    socket = await target.network.fromInside(port);
  } catch {
    error.end(refusal(target, port));
    data.end();
    data.resume();
    return;
  }
  relay(data, socket, () => error.end());
}

/** Carries bytes both ways, half-closes included; `done` when both are over. */
function relay(near: Duplex, far: Duplex, done: () => void): void {
  let open = 2;
  const over = () => {
    open -= 1;
    if (open === 0) done();
  };
  near.pipe(far);
  far.pipe(near);
  near.on('error', () => far.destroy());
  far.on('error', () => near.destroy());
  near.once('close', () => {
    far.destroy();
    over();
  });
  far.once('close', () => {
    if (!near.writableFinished) near.end();
    over();
  });
}

/** Port-forward over WebSocket channels, as `v4.channel.k8s.io` has it: two channels a port, each opened by its number. */
export function forwardChannels(socket: WebSocket, ports: number[], target: ForwardTarget): void {
  const send = (channel: number, data: Uint8Array) =>
    new Promise<void>((resolve) => {
      if (socket.readyState !== socket.OPEN) return resolve();
      socket.send(Buffer.concat([Buffer.from([channel]), data]), () => resolve());
    });
  const open = new Map<number, Promise<Duplex | undefined>>();
  for (const [index, port] of ports.entries()) {
    const number = Buffer.from([port & 255, port >> 8]);
    void send(index * 2, number);
    void send(index * 2 + 1, number);
    open.set(
      index * 2,
      target.network.fromInside(port).then(
        (connection) => {
          connection.on('data', (data: Buffer) => {
            connection.pause();
            void send(index * 2, data).then(() => connection.resume());
          });
          connection.on('error', () => connection.destroy());
          connection.on('end', () => socket.close(1000));
          return connection;
        },
        async () => {
          await send(index * 2 + 1, Buffer.from(refusal(target, port)));
          return undefined;
        },
      ),
    );
  }
  socket.on('message', (message: Buffer) => {
    const connection = open.get(message[0] ?? 255);
    void connection?.then((to) => {
      if (to && message.length > 1 && to.writable && !to.write(message.subarray(1))) {
        socket.pause();
        to.once('drain', () => socket.resume());
      }
    });
  });
  socket.on('error', () => socket.terminate());
  socket.on('close', () => {
    for (const connection of open.values()) void connection.then((to) => to?.destroy());
  });
}
