import { chmodSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import type { User } from './call.ts';
import { serve } from './server.ts';
import type { Services } from './services.ts';

/** Whoever comes in here is the cluster's own node: the socket lies where nobody else may look. */
const node: User = { name: 'system:node:node-1', groups: ['system:nodes', 'system:authenticated'] };

/**
 * The API on a socket of the file system, for process 2: a connection without TLS costs a quarter of the memory, and with
 * fifty clusters that is most of it. Rejects when the socket cannot be made.
 */
export async function openNodeDoor(services: Services, path: string): Promise<{ close(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    serve(services, request, response).catch((error) => {
      services.log(`${request.method} ${request.url}: ${error instanceof Error ? error.stack : error}`);
      response.destroy();
    });
  });
  server.keepAliveTimeout = 120_000;
  server.requestTimeout = 0;
  server.on('connection', (socket) => {
    services.authenticator.trust(socket, node);
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('clientError', (_error, socket) => socket.destroy());
  rmSync(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  chmodSync(path, 0o600);
  return {
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
