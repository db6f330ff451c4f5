import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { ContainerProcess } from '../image.ts';
import type { Listening } from './server.ts';

/** The gRPC health protocol's answer: SERVING or NOT_SERVING, in a frame of gRPC's. https://github.com/grpc/grpc/blob/master/doc/health-checking.md */
const frame = (healthy: boolean): Buffer => Buffer.from([0, 0, 0, 0, 2, 8, healthy ? 1 : 2]);

const HEALTH = '/grpc.health.v1.Health/Check';

/** A server that knows the health protocol alone; give it connections by its event `connection`. */
function createGrpcHealth(process: ContainerProcess, healthy: () => boolean): Http2Server {
  const server = createServer();
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => undefined);
    const known = headers[':path'] === HEALTH;
    void process.compute(1).then(
      () => {
        if (stream.destroyed) return;
        const trailers = known ? { 'grpc-status': '0' } : { 'grpc-status': '12', 'grpc-message': 'unknown service' };
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers(trailers));
        if (known) stream.end(frame(healthy()));
        else stream.end();
      },
      () => undefined,
    );
  });
  server.on('sessionError', () => undefined);
  return server;
}

/** Speaks the health protocol on a port of the pod until the process ends. Rejects with EADDRINUSE. */
export async function listenGrpcHealth(
  process: ContainerProcess,
  port: number,
  healthy: () => boolean,
): Promise<Listening> {
  const server = createGrpcHealth(process, healthy);
  const sockets = new Set<Duplex>();
  const listening = await process.container.network.listen(port, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    server.emit('connection', socket);
  });
  const close = () => {
    listening.close();
    for (const socket of sockets) socket.destroy();
  };
  process.killed.addEventListener('abort', close, { once: true });
  return { close };
}
