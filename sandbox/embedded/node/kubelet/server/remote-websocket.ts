import type { WebSocket } from 'ws';
import { ByteQueue, internalError, type RemoteOptions, type RemoteStreams } from './remote-streams.ts';

/** Subprotocols of exec and attach we speak, best first. */
export const channelProtocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];

const readAhead = 1 << 20;
const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 };

/** Channels in the first byte of each binary frame. https://kubernetes.io/docs/reference/using-api/api-concepts/ names none; see KEP-4006. */
export function webSocketStreams(socket: WebSocket, options: RemoteOptions): RemoteStreams {
  const stdin = new ByteQueue();
  const resizes: ((columns: number, rows: number) => void)[] = [];
  let waiting = 0;
  let lastSize: [number, number] | undefined;
  const send = (number: number, data: Uint8Array) =>
    new Promise<void>((resolve) => {
      if (socket.readyState !== socket.OPEN) return resolve();
      socket.send(Buffer.concat([Buffer.from([number]), data]), () => resolve());
    });

  socket.on('message', (message: Buffer) => {
    const data = Buffer.isBuffer(message) ? message : Buffer.from(message as ArrayBuffer);
    const rest = data.subarray(1);
    if (data[0] === channel.stdin && options.stdin && rest.length) {
      // A program that does not read must not fill the memory.
      waiting += rest.length;
      if (waiting > readAhead) socket.pause();
      void stdin.push(rest).then(() => {
        waiting -= rest.length;
        if (waiting <= readAhead && socket.isPaused) socket.resume();
      });
    } else if (data[0] === channel.close && rest[0] === channel.stdin) stdin.end();
    else if (data[0] === channel.resize) {
      const size = parseSize(rest);
      if (!size) return;
      lastSize = size;
      for (const listener of resizes) listener(...size);
    }
  });
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => {
      stdin.end();
      resolve();
    });
  });
  socket.on('error', () => socket.terminate());
  // Tells the client that the connection stands.
  const lowest = options.stdout ? channel.stdout : options.stderr ? channel.stderr : channel.error;
  void send(lowest, new Uint8Array());

  return {
    ...(options.stdin && { stdin }),
    ...(options.stdout && { stdout: (data: Uint8Array) => send(channel.stdout, data) }),
    ...(options.stderr && { stderr: (data: Uint8Array) => send(channel.stderr, data) }),
    onResize(listener) {
      resizes.push(listener);
      if (lastSize) listener(...lastSize);
    },
    async finish(status) {
      // The real API server translates a WebSocket to SPDY and wraps what goes wrong behind it once more.
      const said = status.reason === 'InternalError' ? internalError(status.message) : status;
      await send(channel.error, Buffer.from(JSON.stringify(said)));
      socket.close(1000);
    },
    closed,
  };
}

/** `{"Width":80,"Height":24}` */
export function parseSize(data: Uint8Array): [number, number] | undefined {
  try {
    const { Width, Height } = JSON.parse(Buffer.from(data).toString('utf8'));
    return Width > 0 && Height > 0 ? [Width, Height] : undefined;
  } catch {
    return undefined;
  }
}
