import { createHash } from 'node:crypto';
import { createServer } from 'node:net';

/** Whether a port of this machine can be opened: `missing` where it has no such address, as macOS has 127.0.0.1 alone. */
export type Opening = 'free' | 'busy' | 'forbidden' | 'missing';

/** Opens a port and closes it again. */
export function tryListen(address: string, port: number): Promise<Opening> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'EADDRNOTAVAIL') resolve('missing');
      else resolve(code === 'EACCES' ? 'forbidden' : 'busy');
    });
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve('free')));
  });
}

/** The first three numbers of a cluster's load balancers, of 127.64.0.0/10: so that clusters side by side seldom meet. */
export function balancerRange(directory: string): string {
  const [first = 0, second = 0] = createHash('sha256').update(directory).digest();
  return `127.${64 + (first & 63)}.${second}`;
}
