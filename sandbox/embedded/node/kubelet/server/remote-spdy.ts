import type { Duplex } from 'node:stream';
import type { Clock } from '../../../clock.ts';
import { SpdyConnection, type SpdyStream } from '../spdy/connection.ts';
import type { RemoteOptions, RemoteStreams } from './remote-streams.ts';
import { parseSize } from './remote-websocket.ts';

/** What we answer of `X-Stream-Protocol-Version`, best first; older ones have no exit code. */
export const spdyProtocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];

/** How long a client may take to open its streams. */
const patience = 30_000;

/** Waits for the streams the client announced. Rejects when they do not come. */
export function spdyStreams(socket: Duplex, options: RemoteOptions, clock: Clock): Promise<RemoteStreams> {
  const wanted = new Set(['error']);
  if (options.stdin) wanted.add('stdin');
  if (options.stdout) wanted.add('stdout');
  if (options.stderr) wanted.add('stderr');
  if (options.tty) wanted.add('resize');
  const streams: Record<string, SpdyStream> = {};

  return new Promise((resolve, reject) => {
    const connection = new SpdyConnection(socket, (stream) => {
      const kind = stream.headers.streamtype ?? '';
      if (!wanted.delete(kind)) return stream.refuse();
      stream.accept();
      streams[kind] = stream;
      if (wanted.size > 0) return;
      timer.cancel();
      resolve(assemble(connection, streams));
    });
    const giveUp = () => {
      connection.close();
      reject(new Error('timed out waiting for client to create streams'));
    };
    const timer = clock.after(patience, giveUp, patience);
    void connection.closed.then(() => {
      timer.cancel();
      reject(new Error('the client went away'));
    });
  });
}

function assemble(connection: SpdyConnection, streams: Record<string, SpdyStream>): RemoteStreams {
  const { stdin, stdout, stderr, error, resize } = streams;
  const resizes: ((columns: number, rows: number) => void)[] = [];
  let lastSize: [number, number] | undefined;
  resize?.on('data', (data: Buffer) => {
    for (const line of data.toString('utf8').split('\n')) {
      const size = line ? parseSize(Buffer.from(line)) : undefined;
      if (!size) continue;
      lastSize = size;
      for (const listener of resizes) listener(...size);
    }
  });
  error?.resume();
  stdout?.resume();
  stderr?.resume();
  const write = (stream: SpdyStream) => (data: Uint8Array) =>
    new Promise<void>((resolve) => {
      if (stream.destroyed || !stream.writable) return resolve();
      stream.write(data, () => resolve());
    });
  const end = (stream: SpdyStream | undefined) =>
    new Promise<void>((resolve) => {
      if (!stream || stream.destroyed || !stream.writable) return resolve();
      stream.end(() => resolve());
    });
  return {
    ...(stdin && { stdin: read(stdin) }),
    ...(stdout && { stdout: write(stdout) }),
    ...(stderr && { stderr: write(stderr) }),
    onResize(listener) {
      resizes.push(listener);
      if (lastSize) listener(...lastSize);
    },
    async finish(status) {
      await Promise.all([end(stdout), end(stderr)]);
      if (error) {
        await write(error)(Buffer.from(JSON.stringify(status)));
        await end(error);
      }
      connection.close();
    },
    closed: connection.closed,
  };
}

async function* read(stream: SpdyStream): AsyncGenerator<Uint8Array> {
  try {
    for await (const data of stream.iterator({ destroyOnReturn: false })) yield data as Uint8Array;
  } catch {
    // A client that goes away ends its input.
  }
}
