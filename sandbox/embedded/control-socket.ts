import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { socketPath } from '../socket-path.ts';
import type { Clusters, OpenCluster } from './clusters.ts';
import { ingressWish } from './ingress-ports.ts';

/**
 * One JSON object a line, each way. A cluster lives as long as the connection that opened it.
 * `open` → `opened` with `kubeconfig`, `url` and, where its hosts do not answer, `trouble`; `close` → `closed`; `skip` → `skipped`; else `error` with `message`.
 */
export type ControlRequest =
  | { type: 'open'; name: string; port?: number; nodes?: number; domain?: string; ingressPorts?: string }
  | { type: 'close'; name: string }
  | { type: 'skip'; name: string; milliseconds: number };

export type ControlReply =
  | ({ type: 'opened' } & OpenCluster)
  | { type: 'closed' | 'skipped'; name: string }
  | { type: 'error'; name: string; message: string };

/** Where the processes of a home are asked. */
function controlPath(home: string): string {
  return socketPath(join(home, 'cluster'));
}

/** Lets other processes open and close clusters here. Rejects when the socket cannot be made. */
export async function serveControl(home: string, clusters: Clusters): Promise<Server> {
  const path = controlPath(home);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  rmSync(path, { force: true });
  const server = createServer((socket) => serve(socket, clusters));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  chmodSync(path, 0o600);
  return server;
}

function serve(socket: Socket, clusters: Clusters): void {
  const held = new Set<string>();
  const reply = (message: ControlReply): void => {
    if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
  };
  readLines(socket, async (line) => {
    let request: ControlRequest | undefined;
    try {
      request = JSON.parse(line) as ControlRequest;
      if (request.type === 'open') {
        const { name, port = 0, nodes, domain, ingressPorts } = request;
        const wish = ingressWish(ingressPorts);
        const opened = await clusters.open({ name, port, wish, ...(nodes && { nodes }), ...(domain && { domain }) });
        held.add(request.name);
        // Whoever asked may be gone by now.
        if (socket.destroyed) await clusters.close(request.name);
        reply({ type: 'opened', ...opened });
      } else if (request.type === 'close') {
        held.delete(request.name);
        await clusters.close(request.name);
        reply({ type: 'closed', name: request.name });
      } else if (request.type === 'skip') {
        await clusters.skip(request.name, request.milliseconds);
        reply({ type: 'skipped', name: request.name });
      } else throw new Error('unknown request');
    } catch (error) {
      reply({
        type: 'error',
        name: request?.name ?? '',
        message: error instanceof Error ? error.message : String(error),
      });
    }
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    for (const name of held) void clusters.close(name);
  });
}

/** Asks the processes that run a home already; undefined if there are none. */
export function dialControl(home: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(controlPath(home));
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}

/** Sends one request and waits for its answer. Rejects when the other side ends. */
export function askControl(socket: Socket, request: ControlRequest): Promise<ControlReply> {
  return new Promise((resolve, reject) => {
    readLines(socket, (line) => resolve(JSON.parse(line) as ControlReply));
    socket.once('close', () => reject(new Error('the cluster ended')));
    socket.write(`${JSON.stringify(request)}\n`);
  });
}

function readLines(socket: Socket, onLine: (line: string) => void): void {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') onLine(line);
  });
}
