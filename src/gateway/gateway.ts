import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { decodeClient, PROTOCOL } from './frames.ts';
import type { AttachOptions, Terminal } from './terminal.ts';
import type { Tickets } from './tickets.ts';

/** The terminals of one learner, opened when first looked at. */
interface TerminalRoom {
  /** Rejects when the shell cannot be opened. */
  terminal(name: string, size: { columns: number; rows: number }): Promise<Terminal>;
}

export interface GatewayOptions {
  tickets: Tickets;
  /** Who sits behind a request, by its cookie, if Host and Origin are ours: the same rule as for every other request. */
  viewerOf(request: IncomingMessage): string | undefined;
  roomOf(viewer: string): TerminalRoom | undefined;
  onTrouble(error: Error): void;
}

export interface Gateway {
  /** Handles `upgrade` of `/terminal/NAME`; answers false for any other path. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
  close(): void;
}

const PATH = /^\/terminal\/([1-9])$/;
const PAYLOAD_LIMIT = 1024 * 1024;
/** Connections of one learner at a time. */
const CONNECTION_LIMIT = 24;
/** Milliseconds between pings; a peer that misses one is gone. */
const PING_INTERVAL = 20_000;
/** Milliseconds a peer has to answer when the server ends. */
const GOODBYE = 500;
/** Why a connection was closed, for the client to choose what to say. */
const CLOSE = { lagging: 4008, shell: 4011 } as const;

export function createGateway(options: GatewayOptions): Gateway {
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: PAYLOAD_LIMIT,
    handleProtocols: () => PROTOCOL,
  });
  const counts = new Map<string, number>();
  const answering = new WeakSet<WebSocket>();
  const pinging = setInterval(() => {
    for (const socket of sockets.clients) {
      if (!answering.has(socket)) socket.terminate();
      answering.delete(socket);
      socket.ping();
    }
  }, PING_INTERVAL);
  pinging.unref();

  function admit(request: IncomingMessage, name: string | undefined): { viewer: string; name: string } | number {
    const viewer = options.viewerOf(request);
    if (!viewer || !name) return 403;
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim());
    const ticket = offered.find((each) => each.startsWith('ticket.'))?.slice('ticket.'.length);
    if (!offered.includes(PROTOCOL) || !ticket || options.tickets.redeem(ticket) !== viewer) return 403;
    if ((counts.get(viewer) ?? 0) >= CONNECTION_LIMIT) return 429;
    return { viewer, name };
  }

  async function serve(socket: WebSocket, viewer: string, name: string, query: AttachOptions): Promise<void> {
    counts.set(viewer, (counts.get(viewer) ?? 0) + 1);
    answering.add(socket);
    socket.on('pong', () => answering.add(socket));
    socket.on('error', options.onTrouble);
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    closed.then(() => counts.set(viewer, (counts.get(viewer) ?? 1) - 1));
    const early: Uint8Array[] = [];
    const gather = (data: Buffer) => void early.push(data);
    socket.on('message', gather);
    const room = options.roomOf(viewer);
    const terminal = await room?.terminal(name, query);
    if (!terminal) return socket.close(CLOSE.shell);
    const attachment = await terminal.attach(
      {
        send: (frame) => socket.send(frame),
        get buffered() {
          return socket.bufferedAmount;
        },
        close: (reason) => socket.close(CLOSE[reason]),
      },
      query,
    );
    const receive = (data: Uint8Array) => {
      const frame = decodeClient(data);
      if (frame) attachment.receive(frame);
    };
    socket.off('message', gather);
    for (const data of early) receive(data);
    socket.on('message', receive);
    closed.then(() => attachment.detach());
  }

  return {
    upgrade(request, socket, head) {
      const url = new URL(request.url ?? '/', 'http://localhost');
      const match = PATH.exec(url.pathname);
      if (!match) return false;
      const admitted = admit(request, match[1]);
      if (typeof admitted === 'number') {
        refuse(socket, admitted);
        return true;
      }
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        serve(webSocket, admitted.viewer, admitted.name, attachOptions(url)).catch((error: Error) => {
          options.onTrouble(error);
          webSocket.close(CLOSE.shell, error.message.slice(0, 100));
        });
      });
      return true;
    },
    close() {
      clearInterval(pinging);
      for (const socket of sockets.clients) socket.close(1001);
      sockets.close();
      // A tab that sleeps does not answer; the server must end all the same.
      setTimeout(() => {
        for (const socket of sockets.clients) socket.terminate();
      }, GOODBYE).unref();
    },
  };
}

function attachOptions(url: URL): AttachOptions {
  const number = (name: string, lowest: number, highest: number, otherwise: number) => {
    const value = Number(url.searchParams.get(name) ?? Number.NaN);
    return Number.isSafeInteger(value) ? Math.min(highest, Math.max(lowest, value)) : otherwise;
  };
  const shell = url.searchParams.get('shell');
  return {
    columns: number('columns', 2, 500, 96),
    rows: number('rows', 1, 300, 24),
    ...(shell && { shell, offset: number('offset', 0, Number.MAX_SAFE_INTEGER, 0) }),
  };
}

export function refuse(socket: Duplex, code: number): void {
  const words: Record<number, string> = { 403: 'Forbidden', 404: 'Not Found', 429: 'Too Many Requests' };
  socket.on('error', () => undefined);
  socket.end(`HTTP/1.1 ${code} ${words[code] ?? 'Refused'}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
