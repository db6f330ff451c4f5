import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openShell } from '../../sandbox/shell/pty.ts';
import { createGateway } from '../../src/gateway/gateway.ts';
import { createTerminal, type Terminal } from '../../src/gateway/terminal.ts';
import { createTickets } from '../../src/gateway/tickets.ts';
import { BENCH_SHELL } from './shell.ts';

// The gateway as the server has it, for viewers who need no sign-in: `?viewer=` says who asks.
const tickets = createTickets();
const viewerOf = (url = '') => new URL(url, 'http://localhost').searchParams.get('viewer') ?? 'nobody';
const gateway = createGateway({
  tickets,
  viewerOf: (request) => viewerOf(request.url),
  roomOf: () => ({ terminal: open }),
  onTrouble: (error) => void process.stderr.write(`${error.message}\n`),
});

async function open(_name: string, size: { columns: number; rows: number }): Promise<Terminal> {
  const shell = await openShell({ ...size, environment: BENCH_SHELL, directory: '/', startFile: '/dev/null' });
  return createTerminal(shell, size, { onCommand: () => undefined, onExit: () => undefined });
}

const server = createServer((request, response) => response.end(tickets.issue(viewerOf(request.url))));
server.on('upgrade', (request, socket, head) => gateway.upgrade(request, socket, head));
server.listen(0, '127.0.0.1', () => process.stdout.write(`port ${(server.address() as AddressInfo).port}\n`));
