import { createServer, type Server } from 'node:net';
import type { Clock } from '../../../clock.ts';
import { createHosts, type Hosts } from './hosts.ts';
import { createHttpDoor, type Limits, usualLimits } from './http-door.ts';
import { createPageCertificates } from './page-certificates.ts';
import { createTlsDoor } from './tls-door.ts';

export interface FrontDoorOptions {
  clock: Clock;
  /** Folder of the workshop's authority, which signs for pages about faults. */
  authority?: string | undefined;
  limits?: Partial<Limits>;
}

/** Where browsers on this machine reach the hosts of all clusters of this process. */
export interface FrontDoor extends Omit<Hosts, 'find'> {
  /** Serves what comes in at a listener, as long as the door is open. */
  serve(scheme: 'http' | 'https', listener: Server): void;
  close(): Promise<void>;
}

export function createFrontDoor({ clock, authority, ...options }: FrontDoorOptions): FrontDoor {
  const limits = { ...usualLimits, ...options.limits };
  const { find, ...hosts } = createHosts(clock);
  const every: Hosts = { find, ...hosts };
  const certificates = createPageCertificates(authority, clock);
  const tls = createTlsDoor({ hosts: every, clock, certificates, limits });
  const ends: (() => Promise<void>)[] = [];

  return {
    ...hosts,
    serve(scheme, listener) {
      if (scheme === 'http') {
        const server = createHttpDoor({ hosts: every, limits });
        server.listen(listener);
        ends.push(() => {
          const ended = new Promise<void>((resolve) => server.close(() => resolve()));
          server.closeAllConnections();
          return ended;
        });
        return;
      }
      const sockets = new Set<{ destroy(): void }>();
      const server = createServer({ noDelay: true }, (socket) => {
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket));
        tls(socket);
      });
      server.maxConnections = limits.connections;
      server.listen(listener);
      ends.push(() => {
        const ended = new Promise<void>((resolve) => server.close(() => resolve()));
        for (const socket of sockets) socket.destroy();
        return ended;
      });
    },
    async close() {
      await Promise.all(ends.splice(0).map((end) => end()));
    },
  };
}
