import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { encodeClient, FROM_SERVER, PROTOCOL } from '../../src/gateway/frames.ts';

/** A browser's end of one terminal, on either server. */
export interface TerminalClient {
  type(text: string): void;
  /** Calls with each piece of output once it is read: at the reader's rate. */
  onOutput(listener: (data: Buffer) => void): void;
  /** Stops reading for good, as a laptop that sleeps. */
  stall(): void;
  /** Bytes a second at which output is taken in; without it, at once. */
  pace(bytesPerSecond: number): void;
  close(): void;
}

/** How often the page says what it has parsed: `src/browser/terminal` does the same. */
const ACKNOWLEDGE_EVERY = 32 * 1024;

/** A terminal on the server without a protocol. */
export async function connectBare(port: string): Promise<TerminalClient> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate: false });
  return client(socket, (text) => socket.send(Buffer.from(text)));
}

/** A terminal on our gateway, with acknowledgements as the page gives them. */
export async function connectOurs(port: string, viewer: string): Promise<TerminalClient> {
  const ticket = await (await fetch(`http://127.0.0.1:${port}/?viewer=${viewer}`)).text();
  const socket = new WebSocket(`ws://127.0.0.1:${port}/terminal/1?viewer=${viewer}`, [PROTOCOL, `ticket.${ticket}`], {
    perMessageDeflate: false,
  });
  let parsed = 0;
  let told = 0;
  return client(
    socket,
    (text) => socket.send(encodeClient({ kind: 'input', data: Buffer.from(text) })),
    (frame) => (frame[0] === FROM_SERVER.output ? frame.subarray(1) : undefined),
    (bytes) => {
      parsed += bytes;
      if (parsed - told < ACKNOWLEDGE_EVERY) return;
      told = parsed;
      socket.send(encodeClient({ kind: 'acknowledge', offset: parsed }));
    },
  );
}

async function client(
  socket: WebSocket,
  type: (text: string) => void,
  outputOf: (frame: Buffer) => Buffer | undefined = (frame) => frame,
  onRead: (bytes: number) => void = () => undefined,
): Promise<TerminalClient> {
  const listeners: ((data: Buffer) => void)[] = [];
  const waiting: Buffer[] = [];
  let rate = Number.POSITIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  const tcp = () => (socket as unknown as { _socket: Socket })._socket;

  function take(data: Buffer): void {
    for (const listener of listeners) listener(data);
    onRead(data.length);
  }

  /** One frame, then as long a rest as a reader of this rate needs for it; what waits here, waits in the network too. */
  function drain(): void {
    timer = undefined;
    const data = waiting.shift();
    if (!data) {
      tcp().resume();
      return;
    }
    tcp().pause();
    take(data);
    timer = setTimeout(drain, (data.length * 1000) / rate);
  }

  socket.on('message', (frame: Buffer) => {
    const data = outputOf(frame);
    if (!data) return;
    if (rate === Number.POSITIVE_INFINITY) return take(data);
    waiting.push(data);
    if (!timer) drain();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve());
    socket.once('error', reject);
  });
  return {
    type,
    onOutput: (listener) => void listeners.push(listener),
    stall: () => void tcp().pause(),
    pace(bytesPerSecond) {
      rate = bytesPerSecond;
    },
    close() {
      clearTimeout(timer);
      socket.terminate();
    },
  };
}

/** Milliseconds until the text has been read, from now; rejects when that takes longer than `patience`. */
export function reads(terminal: TerminalClient, text: string, patience: number): Promise<number> {
  const began = performance.now();
  let tail = '';
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${JSON.stringify(text)} within ${patience} ms`)), patience);
    terminal.onOutput((data) => {
      tail = (tail + data.toString('latin1')).slice(-(data.length + text.length));
      if (!tail.includes(text)) return;
      clearTimeout(timer);
      resolve(performance.now() - began);
    });
  });
}
