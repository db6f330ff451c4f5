import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { spawn } from 'node-pty';
import { WebSocketServer } from 'ws';
import { BENCH_SHELL } from './shell.ts';

// The least a terminal over WebSocket can be: bytes through, nothing kept, nothing held back.
const server = createServer();
new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (socket) => {
  const shell = spawn('bash', ['--noprofile', '--rcfile', '/dev/null', '-i'], {
    name: 'xterm-256color',
    cols: 96,
    rows: 24,
    env: BENCH_SHELL,
    encoding: null,
  });
  shell.onData((data) => socket.send(data));
  socket.on('message', (data: Buffer) => shell.write(data as unknown as string));
  socket.on('close', () => shell.kill('SIGKILL'));
  shell.onExit(() => socket.close());
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`port ${(server.address() as AddressInfo).port}\n`));
